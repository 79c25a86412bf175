"""Putting files at a printer: ours beside OpenSSH's `sftp` and `lftp`, to a real sshd, on loopback and over a long line.

`python -m ops.bench.sftp`: every file is written under another name and renamed when whole, connecting included. Runs are
interleaved, so that a noisy machine is noisy for all; the ratio of medians is what says something. `--rtt-ms 40` puts a long
line in between; who sends files one by one takes most of a minute there, and is run once.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.bench.figures import Figure, print_figures
from ops.bench.sftp_peers import LFTP_8, ONE_BY_ONE, OPENSSH, OURS, OURS_1, Account, Put, ways
from ops.services.sshd import SshServer

TITLE = "SFTP, put and renamed"
_FAR_MS = 40.0
_NO_LFTP = "lftp is not installed (apt-get install lftp)"


@dataclass(frozen=True)
class Load:
    """So many files of so many bytes."""

    files: int
    size: int

    @classmethod
    def parse(cls, text: str) -> "Load":
        """From `200x1000000`."""
        files, _, size = text.partition("x")
        return cls(int(files), int(size))

    def __str__(self) -> str:
        size = f"{self.size / 1e6:g} MB" if self.size >= 1_000_000 else f"{self.size / 1e3:g} KB"
        return f"{self.files} x {size}"

    def rate(self, seconds: float) -> float:
        """Megabytes a second."""
        return self.files * self.size / 1e6 / seconds


LARGE, SMALL = Load(200, 1_000_000), Load(200, 50_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "loads", nargs="*", type=Load.parse, metavar="FILESxBYTES", help="instead of the figures, a table"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rtt-ms", type=float, default=0, help="round trip of a line in between")
    parser.add_argument("--folder", type=Path, default=_fast_folder(), help="where the files lie (default: in memory)")
    asked = parser.parse_args()
    if not asked.loads:
        print_figures(TITLE, measure(asked.rounds))
    for load in asked.loads:
        _print(load, asked.rtt_ms, compare(load, asked.rounds, asked.folder, rtt_ms=asked.rtt_ms))


def measure(rounds: int = 3) -> list[Figure]:
    """On loopback and over a long line, and what memory it takes there."""
    folder = _fast_folder()
    near = compare(LARGE, 3 * rounds, folder, names=[OPENSSH, OURS_1, OURS])
    far = compare(LARGE, rounds, folder, rtt_ms=_FAR_MS, names=[OPENSSH, LFTP_8, OURS])
    far_small = compare(SMALL, rounds, folder, rtt_ms=_FAR_MS, names=[OPENSSH, LFTP_8, OURS])
    return [
        _figure(LARGE, "loopback", near, ">= 1.3 x OpenSSH"),
        _figure(LARGE, f"{_FAR_MS:g} ms round trip", far, ">= 20 x OpenSSH, >= 1.5 x lftp -P8"),
        _figure(SMALL, f"{_FAR_MS:g} ms round trip", far_small, ">= 3 x lftp -P8"),
        *(_memory(channels, folder) for channels in (4, 8)),
    ]


def _figure(load: Load, where: str, times: Mapping[str, Sequence[float]], goal: str) -> Figure:
    """Medians. Where `lftp` is wanted and not there, that is said in its place."""
    took = {name: statistics.median(of) for name, of in times.items()}
    ratios = [f"{took[name] / took[OURS]:.1f} x {name}" for name in took if name not in (OURS, OURS_1)]
    beside = [f"{name} {took[name]:.2f} s" for name in took if name != OURS]
    if "lftp" in goal and LFTP_8 not in took:
        beside.append(_NO_LFTP)
    measured = f"{took[OURS]:.2f} s ({load.rate(took[OURS]):.0f} MB/s), {', '.join(ratios)}"
    return Figure(f"{load}, {where}", measured, ", ".join(beside), goal)


def _memory(channels: int, folder: Path | None) -> Figure:
    """Of a process of its own, which puts the larger load over the long line."""
    with _printer(LARGE, folder, _FAR_MS) as (account, files):
        settings = account.settings(channels=channels).model_dump_json()
        argv = [sys.executable, "-m", "ops.bench.sftp_memory", settings, str(account.server.key_file)]
        done = subprocess.run([*argv, str(files[0].parent)], check=True, stdout=subprocess.PIPE, text=True)
    before, most = done.stdout.split()
    what = f"most memory, {channels} channels, {LARGE}, {_FAR_MS:g} ms"
    return Figure(what, f"{most} MB", f"{before} MB before it connects", "<= 64 MB")


def compare(
    load: Load, rounds: int, folder: Path | None = None, *, rtt_ms: float = 0, names: Sequence[str] = ()
) -> dict[str, list[float]]:
    """The seconds of each round, of the ways that are named and can be gone; of every way if none is."""
    known = ways()
    took: dict[str, list[float]] = {name: [] for name in names or known if name in known}
    with _printer(load, folder, rtt_ms) as (account, files):
        for number in range(rounds):
            for name, times in took.items():
                if not (rtt_ms and number and name in ONE_BY_ONE):
                    times.append(_time(known[name], account, files))
    return took


def _print(load: Load, rtt_ms: float, took: Mapping[str, Sequence[float]]) -> None:
    """Medians and their ratio; the best runs too, which a busy machine harms least."""
    print(f"{load}, put and renamed, {f'{rtt_ms:g} ms round trip' if rtt_ms else 'loopback'}")  # noqa: T201
    columns = f"{'median s':>9} {'MB/s':>6} {'ratio':>6} {'best s':>8} {'MB/s':>6} {'ratio':>6}"
    print(f"{'':>24} {columns}")  # noqa: T201
    for name, times in took.items():
        cells = [_cells(load, of(times), of(took[OPENSSH])) for of in (statistics.median, min)]
        print(f"{name:>24}  {'  '.join(cells)}")  # noqa: T201
    if LFTP_8 not in took:
        print(f"{'':>24}  {_NO_LFTP}")  # noqa: T201


def _cells(load: Load, seconds: float, peer: float) -> str:
    return f"{seconds:8.3f} {load.rate(seconds):6.0f} {peer / seconds:6.2f}"


@contextmanager
def _printer(load: Load, folder: Path | None, rtt_ms: float) -> Iterator[tuple[Account, list[Path]]]:
    """A printer at the end of the line, and the files to put there."""
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-", dir=folder) as base:
        files = _make_files(Path(base) / "files", load)
        with SshServer(Path(base) / "sshd") as server, _line(server.port, rtt_ms) as port:
            yield Account(server, port), files


@contextmanager
def _line(port: int, rtt_ms: float) -> Iterator[int]:
    """The port to use: the server's own, or that of a proxy that makes the line long."""
    if not rtt_ms:
        yield port
        return
    argv = [sys.executable, "-m", "ops.bench.delay_proxy", str(port), str(rtt_ms / 2)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            yield int((proxy.stdout or sys.stdin).readline())
        finally:
            proxy.kill()


def _time(put: Put, account: Account, files: Sequence[Path]) -> float:
    inbox = account.server.root / "in"
    start = time.perf_counter()
    put(account, files)
    took = time.perf_counter() - start
    there = {path.name: path.stat().st_size for path in inbox.iterdir()}
    if there != {path.name: path.stat().st_size for path in files}:
        raise RuntimeError("not all files arrived")
    for path in inbox.iterdir():
        path.unlink()
    return took


def _make_files(folder: Path, load: Load) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"bt_bench{number:04}_r00.pdf" for number in range(load.files)]
    for path in paths:
        path.write_bytes(os.urandom(load.size))
    return paths


def _fast_folder() -> Path | None:
    """Memory where there is some, so that a disk's moods do not count."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else None


if __name__ == "__main__":
    main()

"""Putting files at a printer: ours beside OpenSSH's `sftp` (and `lftp` where installed), on loopback, to a real sshd.

`python -m ops.bench.sftp`: every file is written under another name and renamed when whole, connecting included. Runs are
interleaved, so that a noisy machine is noisy for all; the ratio of medians is what says something. `--rtt-ms 40` puts a long
line in between, where OpenSSH takes most of a minute for one round.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.printers.sftp import SftpPrinter
from ops.bench.figures import Figure
from ops.services.sshd import SshServer
from pipeline.models.profile import Sftp

TITLE = "SFTP, put and renamed"
_PEER, _OURS = "OpenSSH sftp", "MailStream, 4 channels"
_CIPHER = "aes128-gcm@openssh.com"


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


@dataclass(frozen=True)
class Account:
    """The printer, and the port by which it is reached."""

    server: SshServer
    port: int


Put = Callable[[Account, Sequence[Path]], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loads", nargs="*", type=Load.parse, metavar="FILESxBYTES")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rtt-ms", type=float, default=0, help="round trip of a line in between")
    parser.add_argument("--folder", type=Path, default=_fast_folder(), help="where the files lie (default: in memory)")
    asked = parser.parse_args()
    for load in asked.loads or [Load(200, 1_000_000), Load(200, 50_000)]:
        compare(load, asked.rounds, asked.folder, rtt_ms=asked.rtt_ms)


def measure(rounds: int = 3) -> list[Figure]:
    """On loopback, and over a long line: there OpenSSH is given a tenth of the files, since each takes it a third of a second."""
    folder, load, fewer = _fast_folder(), Load(200, 1_000_000), Load(20, 1_000_000)
    near = compare(load, rounds, folder, ways=[_PEER, "MailStream, 1 channel", _OURS])
    far = compare(load, rounds, folder, rtt_ms=40, ways=[_OURS])
    peer = compare(fewer, 1, folder, rtt_ms=40, ways=[_PEER])
    loopback = {name: load.rate(took) for name, took in near.items()}
    return [
        _figure(f"{load}, loopback", loopback, ">= 1.3 x OpenSSH"),
        _figure(
            f"{load}, 40 ms round trip",
            {_OURS: load.rate(far[_OURS]), _PEER: fewer.rate(peer[_PEER])},
            ">= 20 x OpenSSH",
        ),
    ]


def _figure(what: str, rates: Mapping[str, float], goal: str) -> Figure:
    beside = ", ".join(f"{name} {rate:.1f} MB/s" for name, rate in rates.items() if name != _OURS)
    return Figure(what, f"{rates[_OURS]:.0f} MB/s, {rates[_OURS] / rates[_PEER]:.1f} x OpenSSH", beside, goal)


def compare(
    load: Load, rounds: int, folder: Path | None = None, *, rtt_ms: float = 0, ways: Sequence[str] = ()
) -> dict[str, float]:
    """The median seconds of the ways that are named; of every way, and printed as a table with the best of each, if none is."""
    known = _ways()
    took: dict[str, list[float]] = {name: [] for name in ways or known}
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-", dir=folder) as base:
        files = _make_files(Path(base) / "files", load)
        with SshServer(Path(base) / "sshd") as server, _line(server.port, rtt_ms) as port:
            account = Account(server, port)
            for _ in range(rounds):
                for name, times in took.items():
                    times.append(_time(known[name], account, files))
    medians = {name: statistics.median(times) for name, times in took.items()}
    if not ways:
        _print(load, rtt_ms, medians, {name: min(times) for name, times in took.items()})
    return medians


def _print(load: Load, rtt_ms: float, medians: dict[str, float], best: dict[str, float]) -> None:
    """Medians and their ratio; the best runs too, which a busy machine harms least."""
    print(f"{load}, put and renamed, {f'{rtt_ms:g} ms round trip' if rtt_ms else 'loopback'}")  # noqa: T201
    columns = f"{'median s':>9} {'MB/s':>6} {'ratio':>6} {'best s':>8} {'MB/s':>6} {'ratio':>6}"
    print(f"{'':>24} {columns}")  # noqa: T201
    for name in medians:
        cells = [_cells(load, times[name], times[_PEER]) for times in (medians, best)]
        print(f"{name:>24}  {'  '.join(cells)}")  # noqa: T201


def _cells(load: Load, seconds: float, peer: float) -> str:
    return f"{seconds:8.3f} {load.rate(seconds):6.0f} {peer / seconds:6.2f}"


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


def _ways() -> dict[str, Put]:
    ways: dict[str, Put] = {
        _PEER: lambda account, files: _openssh(account, files, ()),
        "OpenSSH sftp -f (fsync)": lambda account, files: _openssh(account, files, ("-f",)),
        "MailStream, 1 channel": lambda account, files: _ours(account, files, channels=1),
        _OURS: lambda account, files: _ours(account, files, channels=4),
    }
    if shutil.which("lftp"):
        ways["lftp"] = _lftp
    return ways


def _ours(account: Account, files: Sequence[Path], *, channels: int) -> None:
    folder = account.server.folder
    described = {**account.server.profile_transport(folder, channels=channels), "port": account.port}
    settings = Sftp.model_validate(described)
    printer = SftpPrinter(settings, folder / settings.key_file)
    try:
        printer.put("bench", files)
    finally:
        printer.close()


def _openssh(account: Account, files: Sequence[Path], flags: Sequence[str]) -> None:
    lines = [f"put {path} in/{path.name}.part\nrename in/{path.name}.part in/{path.name}\n" for path in files]
    to = ["-P", str(account.port), f"{account.server.username}@{account.server.host}"]
    argv = ["sftp", "-q", *flags, "-b", "-", *_ssh_options(account), *to]
    subprocess.run(argv, input="".join(lines), text=True, check=True, stdout=subprocess.DEVNULL)


def _lftp(account: Account, files: Sequence[Path]) -> None:
    connect = " ".join(["ssh", "-a", "-x", *_ssh_options(account)])
    where = f"sftp://{account.server.username}:@{account.server.host}:{account.port}"
    lines = [f"set sftp:connect-program '{connect}'", f"open {where}"]
    lines += [f"put {path} -o in/{path.name}.part\nmv in/{path.name}.part in/{path.name}" for path in files]
    subprocess.run(["lftp", "-f", "/dev/stdin"], input="\n".join(lines), text=True, check=True, capture_output=True)


def _ssh_options(account: Account) -> list[str]:
    server = account.server
    known_hosts = server.folder / "known_hosts"
    key = (server.folder / "host_ed25519.pub").read_text()
    known_hosts.write_text(f"[{server.host}]:{account.port} {key}")
    options = {"UserKnownHostsFile": known_hosts, "IdentitiesOnly": "yes", "Ciphers": _CIPHER}
    return ["-i", str(server.key_file), *(f"-o{name}={value}" for name, value in options.items())]


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

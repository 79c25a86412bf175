"""Putting files at a printer: ours beside OpenSSH's `sftp` (and `lftp` where installed), on loopback, to a real sshd.

`python -m ops.bench.sftp`: every file is written under another name and renamed when whole, connecting included. Runs are
interleaved, so that a noisy machine is noisy for all; the ratio of medians is what says something.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.printers.sftp import SftpPrinter
from ops.services.sshd import SshServer
from pipeline.models.profile import Sftp

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


Put = Callable[[SshServer, Sequence[Path]], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loads", nargs="*", type=Load.parse, metavar="FILESxBYTES")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=_fast_folder(), help="where the files lie (default: in memory)")
    asked = parser.parse_args()
    for load in asked.loads or [Load(200, 1_000_000), Load(200, 50_000)]:
        measure(load, asked.rounds, asked.folder)


def measure(load: Load, rounds: int, folder: Path | None) -> dict[str, float]:
    """The median seconds of each way to put, printed as a table with its ratio to OpenSSH."""
    ways = _ways()
    took: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-", dir=folder) as base:
        files = _make_files(Path(base) / "files", load)
        with SshServer(Path(base) / "sshd") as server:
            for _ in range(rounds):
                for name, put in ways.items():
                    took[name].append(_time(put, server, files))
    medians = {name: statistics.median(times) for name, times in took.items()}
    _print(load, medians)
    return medians


def _print(load: Load, medians: dict[str, float]) -> None:
    print(f"{load}, put and renamed, loopback\n{'':>28} {'s':>7} {'MB/s':>7} {'ratio':>6}")  # noqa: T201
    peer = medians["OpenSSH sftp"]
    for name, seconds in medians.items():
        speed = load.files * load.size / 1e6 / seconds
        print(f"{name:>28} {seconds:7.3f} {speed:7.0f} {peer / seconds:6.2f}")  # noqa: T201


def _time(put: Put, server: SshServer, files: Sequence[Path]) -> float:
    inbox = server.root / "in"
    start = time.perf_counter()
    put(server, files)
    took = time.perf_counter() - start
    there = {path.name: path.stat().st_size for path in inbox.iterdir()}
    if there != {path.name: path.stat().st_size for path in files}:
        raise RuntimeError("not all files arrived")
    for path in inbox.iterdir():
        path.unlink()
    return took


def _ways() -> dict[str, Put]:
    ways: dict[str, Put] = {
        "OpenSSH sftp": lambda server, files: _openssh(server, files, ()),
        "OpenSSH sftp -f (fsync)": lambda server, files: _openssh(server, files, ("-f",)),
        "MailStream, 1 channel": lambda server, files: _ours(server, files, channels=1),
        "MailStream, 4 channels": lambda server, files: _ours(server, files, channels=4),
    }
    if shutil.which("lftp"):
        ways["lftp"] = _lftp
    return ways


def _ours(server: SshServer, files: Sequence[Path], *, channels: int) -> None:
    settings = Sftp.model_validate(server.profile_transport(server.folder, channels=channels))
    printer = SftpPrinter(settings, server.folder / settings.key_file)
    try:
        printer.put("bench", files)
    finally:
        printer.close()


def _openssh(server: SshServer, files: Sequence[Path], flags: Sequence[str]) -> None:
    lines = [f"put {path} in/{path.name}.part\nrename in/{path.name}.part in/{path.name}\n" for path in files]
    argv = [
        "sftp",
        "-q",
        *flags,
        "-b",
        "-",
        *_ssh_options(server),
        "-P",
        str(server.port),
        f"{server.username}@{server.host}",
    ]
    subprocess.run(argv, input="".join(lines), text=True, check=True, stdout=subprocess.DEVNULL)


def _lftp(server: SshServer, files: Sequence[Path]) -> None:
    connect = " ".join(["ssh", "-a", "-x", *_ssh_options(server)])
    lines = [f"set sftp:connect-program '{connect}'", f"open sftp://{server.username}:@{server.host}:{server.port}"]
    lines += [f"put {path} -o in/{path.name}.part\nmv in/{path.name}.part in/{path.name}" for path in files]
    subprocess.run(["lftp", "-f", "/dev/stdin"], input="\n".join(lines), text=True, check=True, capture_output=True)


def _ssh_options(server: SshServer) -> list[str]:
    known_hosts = server.folder / "known_hosts"
    key = (server.folder / "host_ed25519.pub").read_text()
    known_hosts.write_text(f"[{server.host}]:{server.port} {key}")
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

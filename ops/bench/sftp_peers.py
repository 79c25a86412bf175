"""The ways to put files at a printer that `ops.bench.sftp` sets side by side. Each writes under another name and renames."""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.printers.sftp import SftpPrinter
from ops.services.sshd import SshServer
from pipeline.models.profile import Sftp

OPENSSH, OPENSSH_SYNCED = "OpenSSH sftp", "OpenSSH sftp -f (fsync)"
LFTP, LFTP_8 = "lftp", "lftp -P8"
OURS, OURS_1, OURS_8 = "MailStream, 4 channels", "MailStream, 1 channel", "MailStream, 8 channels"
ONE_BY_ONE = frozenset({OPENSSH, OPENSSH_SYNCED, LFTP})
"""Over a long line, a file costs them several round trips, one after the other."""
_CIPHER = "aes128-gcm@openssh.com"


@dataclass(frozen=True)
class Account:
    """The printer, and the port by which it is reached."""

    server: SshServer
    port: int

    def settings(self, *, channels: int) -> Sftp:
        """As a profile has them."""
        described = self.server.profile_transport(channels=channels)
        return Sftp.model_validate({**described, "port": self.port})


Put = Callable[[Account, Sequence[Path]], None]


def ways() -> Mapping[str, Put]:
    """By name. `lftp` only where it is installed."""
    known: dict[str, Put] = {
        OPENSSH: lambda account, files: _openssh(account, files, ()),
        OPENSSH_SYNCED: lambda account, files: _openssh(account, files, ("-f",)),
        OURS_1: lambda account, files: _ours(account, files, channels=1),
        OURS: lambda account, files: _ours(account, files, channels=4),
        OURS_8: lambda account, files: _ours(account, files, channels=8),
    }
    if shutil.which("lftp"):
        known |= {LFTP: lambda account, files: _lftp(account, files, 1), LFTP_8: lambda a, files: _lftp(a, files, 8)}
    return known


def _ours(account: Account, files: Sequence[Path], *, channels: int) -> None:
    printer = SftpPrinter(account.settings(channels=channels), account.server.key_file)
    try:
        printer.put("bench", files)
    finally:
        printer.close()


def _openssh(account: Account, files: Sequence[Path], flags: Sequence[str]) -> None:
    lines = [f"put {path} in/{path.name}.part\nrename in/{path.name}.part in/{path.name}\n" for path in files]
    to = ["-P", str(account.port), f"{account.server.username}@{account.server.host}"]
    argv = ["sftp", "-q", *flags, "-b", "-", *_ssh_options(account), *to]
    subprocess.run(argv, input="".join(lines), text=True, check=True, stdout=subprocess.DEVNULL)


def _lftp(account: Account, files: Sequence[Path], at_once: int) -> None:
    """With as many connections as files at once. It puts a file under the temporary name and renames it by itself."""
    connect = " ".join(["ssh", "-a", "-x", *_ssh_options(account)])
    lines = [
        f"set sftp:connect-program '{connect}'",
        "set xfer:use-temp-file yes",
        "set xfer:temp-file-name *.part",
        f"open sftp://{account.server.username}:@{account.server.host}:{account.port}",
        f"mput -P {at_once} -O in {' '.join(map(str, files))}",
    ]
    subprocess.run(["lftp", "-f", "/dev/stdin"], input="\n".join(lines), text=True, check=True, capture_output=True)


def _ssh_options(account: Account) -> list[str]:
    server = account.server
    known_hosts = server.folder / "known_hosts"
    key = (server.folder / "host_ed25519.pub").read_text()
    known_hosts.write_text(f"[{server.host}]:{account.port} {key}")
    options = {"UserKnownHostsFile": known_hosts, "IdentitiesOnly": "yes", "Ciphers": _CIPHER}
    return ["-i", str(server.key_file), *(f"-o{name}={value}" for name, value in options.items())]

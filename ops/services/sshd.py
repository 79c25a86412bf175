"""A real OpenSSH server on loopback: one printer's SFTP account, for the demo, the tests and measurements.

Clients log in with a key as the very user who starts the server, so that it works alike for root in a bare container and for
anybody else. Root's sessions are shut into the account's folder where its parents allow that, as OpenSSH demands of a chroot.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.services.process import POLL_S, Command, ServerProcess, ServiceError, free_port

START_WITHIN_S = 60.0
STOP_WITHIN_S = 5.0
_GONE_WITHIN_S = 60.0
HOST = "127.0.0.1"
REMEDY = "install the openssh-server package (ops/deploy/system-packages demo)"
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_SBIN = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/sbin"))


class SshServer:
    """One SFTP account: its keys, settings and log lie in `folder`, what clients see in `root`, with an `in/` and an `out/`.

    `read_only` denies every change. `lacks` are the requests and extensions that it does not know, such as `fsync`.
    `heeds_rights` has root's sessions bound by permissions as anybody else's are. `options` are further lines of sshd_config.
    """

    def __init__(
        self,
        folder: Path,
        *,
        root: Path | None = None,
        port: int = 0,
        read_only: bool = False,
        lacks: Sequence[str] = (),
        heeds_rights: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.root = (root or folder / "account").absolute()
        self.port = port or free_port()
        self.host = HOST
        self.read_only = read_only
        self.lacks = lacks
        self.heeds_rights = heeds_rights
        self.options = dict(options or {})
        self._sshd = _find("sshd")
        self._link_folder: Path | None = None
        self._process: ServerProcess | None = None

    @property
    def username(self) -> str:
        """The account that clients log in to. Raises `ServiceError` for a uid that has no name."""
        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError as error:
            raise ServiceError(f"sshd: uid {os.geteuid()} has no name in /etc/passwd; run as a user who has") from error

    @property
    def key_file(self) -> Path:
        """The private key that opens the account."""
        return self.folder / "client_ed25519"

    @property
    def fingerprint(self) -> str:
        """The host key's, as profiles pin it: `SHA256:…`."""
        said = _run(["ssh-keygen", "-l", "-E", "sha256", "-f", f"{self._host_key}.pub"])
        return said.split()[1]

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def command(self) -> Command:
        """For a supervisor; `is_ready` tells when it answers. `prepare` first."""
        argv = [self._sshd, "-D", "-e", "-f", str(self._config)]
        if self.heeds_rights and os.geteuid() == 0:
            argv = [_find("setpriv"), "--bounding-set", "-dac_override,-dac_read_search", *argv]
        return Command("sshd", argv, log_path=self.folder / "sshd.log", cwd=Path("/"))

    def profile_transport(self, *, timeout_s: float = 30.0, channels: int = 4) -> dict[str, object]:
        """The `transport` of a printer profile that reaches this account."""
        return {
            "kind": "sftp",
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "fingerprints": [self.fingerprint],
            "key_file": str(self.key_file),
            "timeout_s": timeout_s,
            "channels": channels,
        }

    def prepare(self) -> None:
        """Makes folders, keys and settings. Raises `ServiceError` when another server answers there already."""
        if self.is_ready():
            raise ServiceError(f"sshd: another server answers at {self.host}:{self.port}; stop it, or use another port")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in (self.root / "in", self.root / "out"):
            place.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            # The package makes it at boot, which a container does not have.
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, parents=True, exist_ok=True)
        for key in (self._host_key, self.key_file):
            if not key.exists():
                _make_key(key)
        shutil.copyfile(f"{self.key_file}.pub", self.folder / "authorized_keys")
        self._config.write_text("".join(f"{name} {value}\n" for name, value in self._settings().items()))

    def start(self) -> Self:
        """Returns when it greets. Raises `ServiceError` with the end of the log."""
        self.prepare()
        self._process = ServerProcess.start_ready(self.command, self.is_ready, within_s=START_WITHIN_S)
        return self

    def is_ready(self) -> bool:
        """True once it says its protocol version."""
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 2.0) as connection:
            return connection.recv(64).startswith(b"SSH-2.0-")
        return False

    def sessions(self) -> list[int]:
        """The processes that serve clients now."""
        return _descendants(self.pid)

    def cut(self) -> None:
        """Kills every session and leaves the server, as a network that fails for a moment."""
        _kill(self.sessions())

    def pause(self) -> None:
        """SIGSTOP, sessions included: connections stay open and answer nothing, until `resume`."""
        _signal([self.pid, *self.sessions()], signal.SIGSTOP)

    def resume(self) -> None:
        _signal([self.pid, *self.sessions()], signal.SIGCONT)

    def stop(self) -> None:
        """Ends it and its sessions, which OpenSSH by itself would let run on."""
        if self._process is not None:
            sessions = self.sessions()
            self._process.stop(within_s=STOP_WITHIN_S)
            _kill(sessions)
            self._process = None
        if self._link_folder is not None:
            shutil.rmtree(self._link_folder, ignore_errors=True)
            self._link_folder = None

    def kill(self) -> None:
        """SIGKILL for all of it, as a crash."""
        sessions = self.sessions()
        self._running().kill()
        _kill(sessions)
        self._process = None

    def restart(self, *, new_host_key: bool = False) -> None:
        """A crash and a new start at the same address, with the same host key unless told otherwise."""
        self.kill()
        if new_host_key:
            self._host_key.unlink()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _host_key(self) -> Path:
        return self.folder / "host_ed25519"

    @property
    def _config(self) -> Path:
        return self.folder / "sshd_config"

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServiceError("sshd is not running; call start() first")
        return self._process

    def _settings(self) -> dict[str, str]:
        shut_in = os.geteuid() == 0 and _may_be_chroot(self.root)
        start = "/" if shut_in else _as_token(self._plain_root())
        lacks = f" -P {','.join(self.lacks)}" if self.lacks else ""
        session = f"internal-sftp{' -R' if self.read_only else ''}{lacks} -d {start}"
        return {
            "ListenAddress": f"{self.host}:{self.port}",
            "HostKey": _quoted(self._host_key),
            "PidFile": "none",
            "AuthorizedKeysFile": _as_token(_quoted(self.folder / "authorized_keys")),
            "AuthenticationMethods": "publickey",
            "PermitRootLogin": "prohibit-password",
            "AllowUsers": self.username,
            "StrictModes": "no",
            # Without PAM only root may see whether an account is locked, and others are taken for locked.
            "UsePAM": "no" if os.geteuid() == 0 and not _is_locked(self.username) else "yes",
            "UseDNS": "no",
            "PrintMotd": "no",
            "AllowTcpForwarding": "no",
            "X11Forwarding": "no",
            "Subsystem": "sftp internal-sftp",
            "ForceCommand": session,
            "ChrootDirectory": _as_token(_quoted(self.root)) if shut_in else "none",
            # Since 9.8 a client that fails to log in is shut out for a while; here every client has the same address.
            **({"PerSourcePenalties": "no"} if self._knows("PerSourcePenalties=no") else {}),
            **self.options,
        }

    def _plain_root(self) -> str:
        """The account's folder without a space in its name, at which internal-sftp would cut it: a link where need be."""
        if " " not in str(self.root):
            return str(self.root)
        if self._link_folder is None:
            self._link_folder = Path(tempfile.mkdtemp(prefix="mailstream-"))
            (self._link_folder / "account").symlink_to(self.root)
        return str(self._link_folder / "account")

    def _knows(self, option: str) -> bool:
        """Whether this version of sshd has an option; it refuses to start with one that it has not."""
        test = [self._sshd, "-t", "-f", "/dev/null", "-h", str(self._host_key), "-o", option]
        return not subprocess.run(test, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode


def _find(program: str) -> str:
    found = shutil.which(program, path=_SBIN)
    if found is None:
        raise ServiceError(f"{program} was not found: {REMEDY}")
    return str(Path(found).absolute())  # sshd refuses to run by a relative name


def _make_key(path: Path) -> None:
    Path(f"{path}.pub").unlink(missing_ok=True)
    _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mailstream", "-f", str(path)])


def _run(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ServiceError(f"{argv[0]} was not found: {REMEDY}") from error
    if done.returncode:
        raise ServiceError(f"{argv[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _quoted(path: Path) -> str:
    """A path as one word of sshd_config."""
    return f'"{path}"'


def _as_token(word: str) -> str:
    """A word of those settings in which `%` begins a token."""
    return word.replace("%", "%%")


def _may_be_chroot(folder: Path) -> bool:
    """OpenSSH demands that every part of the path is root's and that nobody else can write to it."""
    stats = [part.stat() for part in (folder, *folder.parents)]
    return all(one.st_uid == 0 and not one.st_mode & 0o022 for one in stats)


def _is_locked(username: str) -> bool:
    """Whether the password field bars the account, which sshd without PAM heeds (`!` in front, on Linux)."""
    shadow = Path("/etc/shadow")
    if not shadow.exists():
        return False
    fields = [line.split(":") for line in shadow.read_text().splitlines()]
    return any(field[0] == username and field[1].startswith("!") for field in fields)


def _descendants(pid: int) -> list[int]:
    """Children, their children and so on. Sessions lead process groups of their own, so that the group does not tell."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, front = [], {pid}
    while front:
        front = {child for child, parent in parents.items() if parent in front}
        found += sorted(front)
    return found


def _kill(pids: list[int]) -> None:
    """Returns when they are gone, so that nothing holds their files open."""
    _signal(pids, signal.SIGKILL)
    end = time.monotonic() + _GONE_WITHIN_S
    while any(_is_running(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(POLL_S)


def _is_running(pid: int) -> bool:
    """False for one that has ended and waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

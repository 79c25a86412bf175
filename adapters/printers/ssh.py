"""The SSH side: a connection to a printer whose host key is pinned, logged in with one key. It and `packets` alone know paramiko.

Whatever the network or the other side does wrong comes out as `Transient` or `Permanent`. A host whose key is not the pinned one
is left before anything is said to it.
"""

import base64
import contextlib
import hashlib
import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko  # type: ignore[import-untyped]

from adapters.printers.bursts import BurstSocket
from adapters.printers.engine import LostError
from adapters.printers.packets import GcmPacketizer
from adapters.printers.watchdog import Watchdog
from pipeline.errors import Permanent, PortError, Transient

if TYPE_CHECKING:  # with it comes pydantic, which the transport has no use for
    from pipeline.models.profile import Sftp

# GCM first: with it no separate HMAC is reckoned, which is most of what a transfer costs us. CBC and SHA-1 are never offered.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
_DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
_PACKET_BYTES = 32_768 - 64
"""What OpenSSH takes in one packet, less what paramiko sets aside for its head."""
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
_DAMAGED = (ValueError, AssertionError, LookupError)
"""What paramiko raises for a key of which some bytes are others, or missing."""

# What it logs as errors, tracebacks included, comes to us as exceptions.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class SshConnection:
    """One connection, open and logged in once made. Raises `Transient` and `Permanent`, as its methods do."""

    def __init__(self, settings: "Sftp", key_file: Path) -> None:
        self.settings = settings
        self._where = f"{settings.host}:{settings.port}"
        key = _read_key(key_file)
        self._socket = self._connect()
        self.watchdog = Watchdog(settings.timeout_s, self.interrupt)
        self._turn = threading.Lock()
        self._transport: Any = None
        try:
            with self.watchdog.watching():
                self._shake_hands()
                self._check_host_key()
                self.watchdog.moved()
                self._log_in(key)
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        return bool(self._transport.is_active())

    @property
    def terms(self) -> str:
        """The server's version, its kind of key and the cipher, for people."""
        transport = self._transport
        return f"{transport.remote_version}, {transport.get_remote_server_key().get_name()}, {transport.remote_cipher}"

    def open_channel(self) -> "SshChannel":
        """A channel that speaks SFTP. Raises `Transient("printer_no_session")` when the server allows no more of them."""
        with self.watchdog.watching(), self._translated("opening a session"):
            try:
                channel = self._transport.open_session(timeout=2 * self.settings.timeout_s)
            except paramiko.SSHException as error:
                if not self.is_open:
                    raise
                raise Transient("printer_no_session", f"{self._where} opens no further session: {error}") from error
            try:
                channel.invoke_subsystem("sftp")
            except paramiko.SSHException as error:
                if not self.is_open:
                    raise
                raise Permanent("printer_no_sftp", f"{self._where} does not offer SFTP to this account") from error
        return SshChannel(channel, self._socket, self._turn, self.watchdog.moved)

    def loss(self, doing: str) -> Transient:
        """Why the connection ended, as an error to raise."""
        if self.watchdog.barked:
            return Transient(
                "printer_timeout", f"{self._where}: nothing moved for {self.settings.timeout_s:g} s while {doing}"
            )
        return Transient("printer_connection_lost", f"{self._where}: the connection ended while {doing}")

    def interrupt(self) -> None:
        """Wakes every thread that waits for the socket: they see its end. Closing it would not wake them."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends it at once. Repeating it changes nothing."""
        self.watchdog.end()
        self.interrupt()
        if self._transport is not None:
            self._transport.close()
        self._socket.close()

    def _connect(self) -> BurstSocket:
        address = (self.settings.host, self.settings.port)
        try:
            connected = socket.create_connection(address, self.settings.timeout_s)
        except TimeoutError as error:
            raise Transient("printer_timeout", f"{self._where} does not answer") from error
        except OSError as error:
            raise Transient("printer_unreachable", f"{self._where} cannot be reached: {error.strerror}") from error
        # Without it, a small packet waits for the acknowledgement of the one before it: 40 ms a file.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        user_timeout_ms = int(self.settings.timeout_s * 1000)
        for name, value in {**_KEEPALIVE, "TCP_USER_TIMEOUT": user_timeout_ms}.items():
            if hasattr(socket, name):  # not all of them exist outside Linux
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return BurstSocket(connected)

    def _shake_hands(self) -> None:
        self._transport = transport = paramiko.Transport(self._socket, packetizer_class=GcmPacketizer)
        options = transport.get_security_options()
        options.ciphers, options.digests = _CIPHERS, _DIGESTS
        # The watchdog is to be first, so that one timeout rules.
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = 2 * self.settings.timeout_s
        with self._translated("greeting"):
            transport.start_client()

    def _check_host_key(self) -> None:
        seen = _fingerprint(self._transport.get_remote_server_key().asbytes())
        if seen not in self.settings.fingerprints:
            raise Permanent(
                "host_key_changed",
                f"{self._where} shows the host key {seen}, which is not pinned for this printer; "
                "ask the printer whether it is theirs, then add it to the profile's fingerprints",
            )

    def _log_in(self, key: Any) -> None:
        with self._translated("logging in"):
            try:
                further = self._transport.auth_publickey(self.settings.username, key)
            except paramiko.AuthenticationException as error:
                if not self.is_open:
                    raise
                raise self._refused_login() from error
        if further:
            raise self._refused_login()

    def _refused_login(self) -> Permanent:
        return Permanent(
            "printer_auth_failed", f"{self._where} refuses our key; give the printer its public half again"
        )

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except PortError:
            raise
        except paramiko.IncompatiblePeer as error:
            raise Permanent("printer_incompatible", f"{self._where} offers no secure way to talk: {error}") from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if "protocol banner" in str(error) and not self.watchdog.barked:
                raise Transient("printer_busy", f"{self._where} hangs up on us without a greeting") from error
            raise self.loss(doing) from error


class SshChannel:
    """One channel, as `engine.Channel`. Every packet that is taken or comes is a movement for the watchdog.

    `turn` is held while several packets are sent in a row: threads that alternate at every packet spend a tenth of their time
    on that.
    """

    def __init__(self, channel: Any, connected: BurstSocket, turn: threading.Lock, moved: Callable[[], None]) -> None:
        self._channel = channel
        self._socket = connected
        self._turn = turn
        self._moved = moved

    def send(self, data: memoryview) -> int:
        """Takes some of it, at least a byte; how much. Raises `LostError`."""
        if not self._channel.send_ready():
            # It has to wait for the printer to make room, which no other channel should wait for.
            return self._send_packet(data)
        sent = 0
        try:
            with self._turn, self._socket.burst():
                while sent < len(data) and self._channel.send_ready():
                    sent += self._send_packet(data[sent:])
        except OSError as error:
            raise LostError from error
        return sent

    def recv(self, size: int) -> bytes:
        """What has come, at least a byte. Raises `LostError`."""
        try:
            received: bytes = self._channel.recv(size)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise LostError from error
        if not received:
            raise LostError
        self._moved()
        return received

    def recv_ready(self) -> bool:
        return bool(self._channel.recv_ready())

    def close(self) -> None:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.close()

    def _send_packet(self, data: memoryview) -> int:
        try:
            sent: int = self._channel.send(data[:_PACKET_BYTES])
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise LostError from error
        if not sent:
            raise LostError
        self._moved()
        return sent


def parse_key(text: bytes, name: str) -> Any:
    """The private key in the file of that name, as its text has it. Raises `Permanent("printer_key_unreadable")`."""
    try:
        return paramiko.Ed25519Key.from_private_key(io.StringIO(text.decode()))
    except (paramiko.SSHException, *_DAMAGED) as error:
        raise _unreadable(name) from error


def _read_key(path: Path) -> Any:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _unreadable(path.name) from error
    return parse_key(text, path.name)


def _unreadable(name: str) -> Permanent:
    return Permanent("printer_key_unreadable", f"{name} cannot be read as an ed25519 private key without a passphrase")


def _fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")

"""SSH packets under AES-GCM with as few copies as can be: a third of what a transfer costs us otherwise goes into copying.

The SSH library builds a packet by putting 32 KB together four times over; here it is once, and what is encrypted goes to the socket
as it is (RFC 4253, 6; RFC 5647, 7). Under any other cipher, and for all that comes in, the library's own way is kept.
"""

import os
import struct
import threading
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from paramiko import SSHException  # type: ignore[import-untyped]
from paramiko.packet import Packetizer  # type: ignore[import-untyped]

from adapters.printers.bursts import BurstSocket

_LEAST_PADDING = 4


class GcmPacketizer(Packetizer):  # type: ignore[misc]
    """What a `paramiko.Transport` sends with. For several threads."""

    def __init__(self, connected: BurstSocket) -> None:
        super().__init__(connected)
        self._connected = connected
        self._gcm: AESGCM | None = None
        self._nonce = b""
        self._block_bytes = 0
        self._sent_bytes = 0
        self._sending = threading.RLock()

    def set_outbound_cipher(self, block_engine: Any, block_size: int, *args: Any, **kwargs: Any) -> None:
        """Called with each exchange of keys. Raises `SSHException` when it leaves GCM: the library has not counted our packets."""
        aead = kwargs.get("aead", False)
        with self._sending:
            if self._gcm and not aead:
                raise SSHException("the server agreed on AES-GCM and now on another cipher")
            super().set_outbound_cipher(block_engine, block_size, *args, **kwargs)
            if aead:
                self._gcm, self._nonce, self._block_bytes = block_engine, kwargs["iv_out"], block_size
                self._sent_bytes = 0

    def send_message(self, data: Any) -> None:
        """Encrypt and send one message. Raises `OSError`, `EOFError`."""
        with self._sending:
            if self._gcm is None:
                super().send_message(data)
            else:
                self._send(self._gcm, data.asbytes())

    def _send(self, gcm: AESGCM, payload: bytes) -> None:
        # The length is sent in the clear and only authenticated, so it is no part of what has to fill whole blocks.
        padding = _LEAST_PADDING + -(1 + len(payload) + _LEAST_PADDING) % self._block_bytes
        length = struct.pack(">I", 1 + len(payload) + padding)
        body = b"".join((padding.to_bytes(1, "big"), payload, os.urandom(padding)))
        sealed = gcm.encrypt(self._nonce, body, length)
        self._nonce = self._nonce[:4] + ((int.from_bytes(self._nonce[4:], "big") + 1) % 2**64).to_bytes(8, "big")
        self._connected.send_parts(length, sealed)
        self._sent_bytes += len(sealed)
        if self._sent_bytes >= self.REKEY_BYTES and not self.need_rekey():
            self._trigger_rekey()

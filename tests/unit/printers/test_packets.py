"""What goes out under AES-GCM is read by a decoder of its own (RFC 5647, 7), and keys are renewed in time."""

import os
import socket
import struct
from collections.abc import Iterator

import paramiko  # type: ignore[import-untyped]
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.printers.bursts import BurstSocket
from adapters.printers.packets import GcmPacketizer

KEY = bytes(range(16))
BLOCK_BYTES = 16
FIXED = b"four"


@pytest.fixture
def ends() -> Iterator[tuple[GcmPacketizer, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    with BurstSocket(ours) as burst_socket, theirs:
        yield GcmPacketizer(burst_socket), theirs


Ends = tuple[GcmPacketizer, socket.socket]


def agree_on_gcm(packetizer: GcmPacketizer, *, count: int = 0) -> None:
    nonce = FIXED + count.to_bytes(8, "big")
    packetizer.set_outbound_cipher(AESGCM(KEY), BLOCK_BYTES, None, 16, None, aead=True, iv_out=nonce)


def message(payload: bytes) -> paramiko.Message:
    return paramiko.Message(payload)


def read(theirs: socket.socket, size: int) -> bytes:
    return theirs.recv(size, socket.MSG_WAITALL)


def next_payload(theirs: socket.socket, count: int) -> bytes:
    """As the RFC has it: the length authenticated, whole blocks, padding of at least four bytes."""
    length = read(theirs, 4)
    size = int.from_bytes(length, "big")
    assert size % BLOCK_BYTES == 0
    body = AESGCM(KEY).decrypt(FIXED + count.to_bytes(8, "big"), read(theirs, size + 16), length)
    assert 4 <= body[0] <= 255
    return body[1 : size - body[0]]


def test_every_length_is_padded_to_whole_blocks(ends: Ends) -> None:
    packetizer, theirs = ends
    agree_on_gcm(packetizer)
    for count, size in enumerate([*range(1, 70), 32_768]):
        payload = os.urandom(size)
        packetizer.send_message(message(payload))
        assert next_payload(theirs, count) == payload


def test_no_packet_has_the_nonce_of_another(ends: Ends) -> None:
    packetizer, theirs = ends
    agree_on_gcm(packetizer, count=2**64 - 1)
    for payload in (b"the last of the counter", b"goes on at its beginning"):
        packetizer.send_message(message(payload))
    assert next_payload(theirs, 2**64 - 1) == b"the last of the counter"
    with pytest.raises(InvalidTag):
        next_payload(theirs, 2**64 - 1)


def test_before_and_under_other_ciphers_the_library_sends(ends: Ends) -> None:
    packetizer, theirs = ends
    packetizer.send_message(message(b"in the clear"))
    size, padding = struct.unpack(">IB", read(theirs, 5))
    assert read(theirs, size - 1)[:-padding] == b"in the clear"


def test_new_keys_are_asked_for_after_so_many_bytes(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    packetizer, _ = ends
    monkeypatch.setattr(GcmPacketizer, "REKEY_BYTES", 1_000)
    agree_on_gcm(packetizer)
    packetizer.send_message(message(bytes(900)))
    assert not packetizer.need_rekey()
    packetizer.send_message(message(bytes(100)))
    assert packetizer.need_rekey()


def test_a_server_that_leaves_gcm_is_left(ends: Ends) -> None:
    packetizer, _ = ends
    agree_on_gcm(packetizer)
    with pytest.raises(paramiko.SSHException, match="another cipher"):
        packetizer.set_outbound_cipher(None, 16, None, 32, b"", sdctr=True)

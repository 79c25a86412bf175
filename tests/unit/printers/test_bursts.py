"""The socket under an SSH connection keeps everybody's bytes in order, whether they go out alone or in a burst."""

import socket
import threading
from collections.abc import Iterator

import pytest

from adapters.printers.bursts import BurstSocket


@pytest.fixture
def ends() -> Iterator[tuple[BurstSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    with BurstSocket(ours) as burst_socket, theirs:
        yield burst_socket, theirs


Ends = tuple[BurstSocket, socket.socket]


def read(there: socket.socket, size: int) -> bytes:
    body = b""
    while len(body) < size:
        body += there.recv(size - len(body))
    return body


def test_a_burst_goes_out_at_its_end(ends: Ends) -> None:
    ours, theirs = ends
    theirs.settimeout(0)
    with ours.burst():
        assert [ours.send(word) for word in (b"one ", b"two ", b"three")] == [4, 4, 5]
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
    assert theirs.recv(100) == b"one two three"


def test_alone_it_goes_out_at_once(ends: Ends) -> None:
    ours, theirs = ends
    ours.send(b"now")
    assert theirs.recv(100) == b"now"


def test_what_another_thread_sends_follows_what_was_said_before_it(ends: Ends) -> None:
    """A new key exchange begins so: nobody who is in a burst then may be waited for."""
    ours, theirs = ends
    with ours.burst():
        ours.send(b"first ")
        other = threading.Thread(target=ours.send, args=(b"second ",))
        other.start()
        other.join()
        assert theirs.recv(100) == b"first second "
        ours.send(b"third")
    assert theirs.recv(100) == b"third"


def test_more_than_the_line_holds_goes_out_bit_by_bit(ends: Ends) -> None:
    """Also where it wakes in between, as the SSH library has it do."""
    ours, theirs = ends
    ours.settimeout(0.01)
    body = bytes(range(256)) * 8_000
    got: list[bytes] = []
    reading = threading.Thread(target=lambda: got.append(read(theirs, len(body))))

    def speak() -> None:
        with ours.burst():
            for at in range(0, len(body), 32_000):
                ours.send(body[at : at + 32_000])

    speaking = threading.Thread(target=speak)
    speaking.start()
    speaking.join(0.05)
    assert speaking.is_alive()
    reading.start()
    speaking.join()
    reading.join()
    assert got == [body]


def test_the_end_of_the_line_is_an_error_at_the_end_of_a_burst(ends: Ends) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(OSError, match="Broken pipe"), ours.burst():
        ours.send(b"to nobody")


def test_what_has_come_is_given_piece_by_piece(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"abcdefgh")
    assert [ours.recv(size) for size in (1, 3, 100)] == [b"a", b"bcd", b"efgh"]
    theirs.close()
    assert ours.recv(1) == b""

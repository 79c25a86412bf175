"""A network that fails under us: every failure is an error in bounded time, and nothing is handed over twice for it."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from adapters.printers.sftp import SftpPrinter
from ops.services.sshd import SshServer
from pipeline.errors import InDoubt, PortError, Transient
from pipeline.ports import Lies
from tests.contract.printer_cases import PART, STEM, hand_over, make_file
from tests.contract.sftp_account import empty, printer_at, until_nobody_is_connected
from tests.contract.tcp_proxy import TcpProxy
from tests.waiting import until

TIMEOUT_S = 1.0
LATEST_S = TIMEOUT_S + 29.0
"""A machine that stands still for a while is no fault."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


@pytest.fixture
def account(server: SshServer) -> Path:
    return empty(server)


@pytest.fixture
def proxy(server: SshServer) -> Iterator[TcpProxy]:
    with TcpProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def printer(server: SshServer, account: Path, proxy: TcpProxy) -> Iterator[SftpPrinter]:
    """Reached through the proxy."""
    printer = printer_at(server, port=proxy.port)
    yield printer
    printer.close()


@pytest.fixture
def hasty(server: SshServer, account: Path, proxy: TcpProxy) -> Iterator[SftpPrinter]:
    """The same, gives up soon: nothing but the connection that it has is sure."""
    printer = printer_at(server, port=proxy.port, timeout_s=TIMEOUT_S)
    until_connected(printer, server)
    yield printer
    printer.close()


def until_connected(printer: SftpPrinter, server: SshServer) -> None:
    """With the one session that the server has."""
    while True:
        with suppress(Transient):
            until_nobody_is_connected(server)
            printer.look(STEM, PART)
            return


def failure(act: Callable[[], object]) -> PortError:
    with pytest.raises(PortError) as caught:
        act()
    return caught.value


def failure_in_time(act: Callable[[], object]) -> PortError:
    """Of a peer that stands still: nothing here computes."""
    start = time.monotonic()
    error = failure(act)
    assert time.monotonic() - start < LATEST_S
    return error


def some_files(tmp_path: Path, count: int = 20, size: int = 300_000) -> list[Path]:
    return [make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", os.urandom(size)) for number in range(count)]


@pytest.mark.parametrize("passed", [0, 10, 1_000, 3_000, 50_000, 1_000_000, 5_000_000])
def test_a_connection_cut_in_the_middle_is_taken_up_again(
    printer: SftpPrinter, account: Path, proxy: TcpProxy, tmp_path: Path, passed: int
) -> None:
    files = some_files(tmp_path)
    proxy.requests.cut_after = passed
    error = failure(lambda: printer.put(STEM, files))
    assert isinstance(error, Transient)
    assert error.code in ("printer_connection_lost", "printer_busy")
    assert all(
        path.read_bytes() == (tmp_path / "ours" / path.name).read_bytes() for path in (account / "in").glob("*.pdf")
    )
    proxy.requests.cut_after = None
    printer.put(STEM, files)
    assert {path.name for path in (account / "in").iterdir()} == {path.name for path in files}
    assert all((account / "in" / path.name).read_bytes() == path.read_bytes() for path in files)


def test_sessions_killed_at_the_printer_are_taken_up_again(
    server: SshServer, printer: SftpPrinter, account: Path, tmp_path: Path
) -> None:
    printer.look(STEM, PART)
    server.cut()
    files = some_files(tmp_path)
    while True:
        try:
            printer.put(STEM, files)
        except Transient:
            continue
        break
    assert len(list((account / "in").iterdir())) == len(files)


def test_a_frozen_server_is_an_error_in_time(
    server: SshServer, hasty: SftpPrinter, printer: SftpPrinter, account: Path, tmp_path: Path
) -> None:
    files = some_files(tmp_path, size=3_000_000)
    server.pause()
    try:
        error = failure_in_time(lambda: hasty.put(STEM, files))
        assert (type(error), error.code) == (Transient, "printer_timeout")
        assert (type(again := failure_in_time(lambda: hasty.look(STEM, PART))), again.code) == (
            Transient,
            "printer_timeout",
        )
    finally:
        server.resume()
    printer.put(STEM, files)


def test_a_session_that_freezes_while_the_server_lives_is_an_error_in_time(
    server: SshServer, hasty: SftpPrinter, account: Path
) -> None:
    """The server answers on the connection, but nobody does on the channel."""
    sessions = server.sessions()
    os.kill(sessions[-1], signal.SIGSTOP)
    try:
        error = failure_in_time(lambda: hasty.look(STEM, PART))
    finally:
        os.kill(sessions[-1], signal.SIGCONT)
    assert (type(error), error.code) == (Transient, "printer_timeout")


@pytest.mark.parametrize("gate", ["requests", "answers"])
def test_a_network_that_swallows_bytes_is_an_error_in_time(
    hasty: SftpPrinter, account: Path, proxy: TcpProxy, tmp_path: Path, gate: str
) -> None:
    """More than any buffer on the way holds, so that our write to the socket stands still."""
    files = some_files(tmp_path, size=3_000_000)
    getattr(proxy, gate).clear()
    error = failure_in_time(lambda: hasty.put(STEM, files))
    assert (type(error), error.code) == (Transient, "printer_timeout")


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"hello\r\n"])
def test_a_peer_that_falls_silent_while_connecting_is_an_error_in_time(
    server: SshServer, account: Path, greeting: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        printer = printer_at(server, port=listener.getsockname()[1], timeout_s=TIMEOUT_S)
        accepted: list[socket.socket] = []

        def accept() -> None:
            accepted.append(listener.accept()[0])
            accepted[0].sendall(greeting)

        waiting = threading.Thread(target=accept)
        waiting.start()
        error = failure_in_time(lambda: printer.look(STEM, PART))
        waiting.join()
        accepted[0].close()
    assert (type(error), error.code) == (Transient, "printer_timeout")


def test_a_server_too_busy_for_us_is_told(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", options={"MaxStartups": "1"}) as server, greeted(server):
        printer = printer_at(server)
        error = failure(lambda: printer.look(STEM, PART))
        assert (type(error), error.code) == (Transient, "printer_busy")


@contextmanager
def greeted(server: SshServer) -> Iterator[None]:
    """Holds a connection that has not logged in, as soon as the server lets one in."""
    while True:
        with socket.create_connection((server.host, server.port)) as connection:
            if connection.recv(64).startswith(b"SSH-2.0-"):
                yield
                return


def test_a_hand_over_whose_answer_is_lost_is_in_doubt_and_made(
    server: SshServer, hasty: SftpPrinter, account: Path, proxy: TcpProxy
) -> None:
    with closing(printer_at(server)) as other:
        other.stage_ready(PART, b"{}")
        proxy.answers.clear()
        assert isinstance(failure(lambda: hasty.hand_over(STEM, PART)), InDoubt)
        proxy.answers.set()
        until(lambda: other.look(STEM, PART) is Lies.READY)


def test_a_hand_over_that_never_arrived_is_in_doubt_and_can_be_made(
    printer: SftpPrinter, account: Path, proxy: TcpProxy
) -> None:
    printer.stage_ready(PART, b"{}")
    proxy.requests.cut_after = 10
    assert isinstance(failure(lambda: printer.hand_over(STEM, PART)), InDoubt)
    proxy.requests.cut_after = None
    assert printer.look(STEM, PART) is Lies.PART
    printer.hand_over(STEM, PART)
    assert printer.look(STEM, PART) is Lies.READY


def test_a_hand_over_that_cannot_connect_was_not_made(printer: SftpPrinter, account: Path, proxy: TcpProxy) -> None:
    printer.stage_ready(PART, b"{}")
    printer.close()
    proxy.requests.cut_after = 0
    assert isinstance(failure(lambda: printer.hand_over(STEM, PART)), Transient)
    assert (account / "in" / PART).exists()


def test_of_a_recall_and_a_taking_one_wins(printer: SftpPrinter, account: Path) -> None:
    """The printer renames on its own side while we recall, again and again."""
    for _ in range(60):
        empty_inbox(account)
        hand_over(printer)
        took: list[bool] = []
        taking = threading.Thread(target=lambda took=took: took.append(take(account)))  # type: ignore[misc]
        taking.start()
        won = printer.recall(STEM, PART)
        taking.join()
        assert won is not took[0]
        assert printer.look(STEM, PART) is (Lies.RECALLED if won else Lies.TAKEN)


def take(account: Path) -> bool:
    ready = account / "in" / f"{STEM}.ready"
    try:
        ready.rename(ready.with_suffix(".taken"))
    except FileNotFoundError:
        return False
    return True


def empty_inbox(account: Path) -> None:
    for path in (account / "in").iterdir():
        path.unlink()

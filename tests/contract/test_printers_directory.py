"""Live printers by their rows: one connection is kept and used again, others are refused, several workers may ask."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.printers.directory import LivePrinters
from ops.services.sshd import SshServer
from pipeline.errors import Permanent, PortError, Transient
from pipeline.models.profile import Sftp
from pipeline.ports import Lies
from tests.contract.printer_cases import PART, STEM
from tests.contract.sftp_account import empty, until_nobody_is_connected, until_there_are
from tests.contract.test_printers_account import some_files
from tests.waiting import PLENTY_S

SANDBOX = {"kind": "sandbox"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


@pytest.fixture
def row(server: SshServer) -> Any:
    empty(server)
    return row_of({**server.profile_transport(timeout_s=PLENTY_S), "connections": 3})


@pytest.fixture
def printers(server: SshServer) -> Iterator[LivePrinters]:
    printers = LivePrinters(server.folder)
    yield printers
    printers.close()


def row_of(transport: dict[str, Any], *, mode: str = "live", name: str = "north") -> Any:
    """What we read of a row of `printers`."""
    return SimpleNamespace(id=f"pr_{name}", name=name, mode=mode, profile={"transport": transport})


def look(printers: LivePrinters, row: Any) -> Lies:
    with printers.open(row) as printer:
        return printer.look(STEM, PART)


def test_one_connection_is_kept_between_uses(server: SshServer, printers: LivePrinters, row: Any) -> None:
    until_nobody_is_connected(server)
    assert look(printers, row) is Lies.NOTHING
    before = server.sessions()
    assert look(printers, row) is Lies.NOTHING
    assert server.sessions() == before != []


def test_a_kept_connection_is_closed_after_a_while(server: SshServer, row: Any) -> None:
    printers = LivePrinters(server.folder, idle_s=0.05)
    look(printers, row)
    until_nobody_is_connected(server)
    look(printers, row)
    printers.close()


def test_closing_lets_go_of_what_is_kept(server: SshServer, printers: LivePrinters, row: Any) -> None:
    look(printers, row)
    printers.close()
    until_nobody_is_connected(server)
    assert look(printers, row) is Lies.NOTHING


def test_a_connection_that_broke_is_not_used_again(server: SshServer, printers: LivePrinters, row: Any) -> None:
    look(printers, row)
    server.restart()
    try:
        look(printers, row)
    except Transient:
        assert look(printers, row) is Lies.NOTHING


def test_an_error_leaves_the_printer_to_the_next(server: SshServer) -> None:
    row = row_of({**server.profile_transport(timeout_s=PLENTY_S), "connections": 1})
    printers = LivePrinters(server.folder)
    for _ in range(3):
        with pytest.raises(PortError), printers.open(row) as printer:
            printer.hand_over(STEM, PART)
    printers.close()


def test_several_workers_are_served_at_once(server: SshServer, printers: LivePrinters, row: Any) -> None:
    together = threading.Barrier(3)

    def work(_number: int) -> Lies:
        with printers.open(row) as printer:
            together.wait(PLENTY_S)
            return printer.look(STEM, PART)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, range(3))) == [Lies.NOTHING] * 3
    before = len(server.sessions())
    assert look(printers, row) is Lies.NOTHING
    assert len(server.sessions()) <= before


def test_more_workers_than_a_printer_bears_wait_and_are_told(server: SshServer) -> None:
    row = row_of({**server.profile_transport(timeout_s=0.2), "connections": 1})
    printers = LivePrinters(server.folder)
    with printers.open(row), pytest.raises(Transient) as caught, printers.open(row):
        pass
    assert caught.value.code == "printer_engaged"


def test_printers_of_one_account_share_its_turns(server: SshServer) -> None:
    transport = {**server.profile_transport(timeout_s=0.2), "connections": 1}
    letters = row_of({**transport, "outbox": "out-letters"})
    printers = LivePrinters(server.folder)
    with printers.open(row_of(transport)), pytest.raises(Transient) as caught, printers.open(letters):
        pass
    assert caught.value.code == "printer_engaged"
    with printers.open(letters):
        pass


def test_the_smallest_limits_that_printers_of_an_account_have_hold_for_all(server: SshServer, tmp_path: Path) -> None:
    """Whichever of them is opened here first, or at all."""
    empty(server)
    until_nobody_is_connected(server)
    transport = server.profile_transport(timeout_s=0.2)
    one = row_of({**transport, "connections": 2, "channels": 1}, name="cards")
    other = row_of({**transport, "connections": 1, "channels": 3, "outbox": "out-letters"}, name="letters")
    stranger = row_of({**transport, "connections": 1, "username": "stranger"}, name="stranger")
    rows = [one, other, stranger]
    printers = LivePrinters(server.folder, lambda: [Sftp.model_validate(row.profile["transport"]) for row in rows])
    for first, second in ((one, one), (one, other), (other, one)):
        with printers.open(first), pytest.raises(Transient) as caught, printers.open(second):
            pass
        assert caught.value.code == "printer_engaged"
    rows[1] = row_of({**other.profile["transport"], "timeout_s": PLENTY_S}, name="letters")
    with printers.open(rows[1]) as printer:
        printer.look(STEM, PART)
        before = server.sessions()  # one for a connection, and one for each of its channels
        printer.put(STEM, some_files(tmp_path, 6, 1_000))
        assert server.sessions() == before
    rows[1] = row_of({**transport, "connections": 3, "outbox": "out-letters"}, name="letters")
    with printers.open(one), printers.open(one):  # the smallest now is its own
        pass
    printers.close()


@pytest.mark.parametrize(("connections", "others"), [(1, 2), (2, 3)])
def test_what_printers_of_one_account_keep_counts_too(server: SshServer, connections: int, others: int) -> None:
    empty(server)
    until_nobody_is_connected(server)
    transport = {**server.profile_transport(timeout_s=PLENTY_S), "connections": connections}
    rows = [row_of({**transport, "outbox": f"out-{n}"}, name=f"press-{n}") for n in range(1 + others)]
    printers = LivePrinters(server.folder)
    look(printers, rows[0])
    most = connections * len(server.sessions())
    for row in [*rows, *rows]:
        assert look(printers, row) is Lies.NOTHING
        until_there_are(server, most)
    with printers.open(rows[0]) as first:
        first.look(STEM, PART)
        until_there_are(server, most)
    printers.close()
    until_nobody_is_connected(server)


def test_printers_of_one_account_rest_together_whatever_their_limits(server: SshServer) -> None:
    wrong = {**server.profile_transport(timeout_s=PLENTY_S), "fingerprints": ["SHA256:" + "A" * 43]}
    printers = LivePrinters(server.folder)
    with pytest.raises(PortError, match="key"):
        look(printers, row_of(wrong))
    with pytest.raises(Transient) as caught:
        look(printers, row_of({**wrong, "connections": 1, "timeout_s": 5.0, "outbox": "out-letters"}, name="letters"))
    assert caught.value.code == "printer_resting"


def test_printers_of_one_account_rest_together_until_their_profile_is_corrected(server: SshServer) -> None:
    transport = server.profile_transport(timeout_s=PLENTY_S)
    wrong = {**transport, "fingerprints": ["SHA256:" + "A" * 43]}
    printers = LivePrinters(server.folder)
    with pytest.raises(PortError, match="key"):
        look(printers, row_of(wrong))
    with pytest.raises(Transient) as caught:
        look(printers, row_of({**wrong, "inbox": "in-letters"}))
    assert caught.value.code == "printer_resting"
    assert look(printers, row_of(transport)) is Lies.NOTHING
    printers.close()


def test_a_changed_profile_is_used_at_once(server: SshServer, printers: LivePrinters, row: Any) -> None:
    look(printers, row)
    changed = row_of({**row.profile["transport"], "inbox": "moved"})
    with pytest.raises(Permanent, match="moved"):
        look(printers, changed)


@pytest.mark.parametrize(("transport", "mode"), [(SANDBOX, "live"), (SANDBOX, "test"), (None, "test")])
def test_what_is_not_a_live_printer_is_refused(
    server: SshServer, printers: LivePrinters, row: Any, transport: dict[str, Any] | None, mode: str
) -> None:
    until_nobody_is_connected(server)
    with pytest.raises(Permanent) as caught:
        look(printers, row_of(transport or row.profile["transport"], mode=mode))
    assert caught.value.code == "not_a_live_printer"
    assert server.sessions() == []


def test_a_refused_key_is_not_shown_again_until_the_rest_is_over(server: SshServer, row: Any) -> None:
    now = [0.0]
    printers = LivePrinters(server.folder, clock=lambda: now[0], chance=lambda: 0.0)
    stranger = row_of({**row.profile["transport"], "fingerprints": ["SHA256:" + "A" * 43]})
    with pytest.raises(Permanent) as caught:
        look(printers, stranger)
    assert caught.value.code == "host_key_changed"
    for passed, code in ((1.0, "printer_resting"), (598.0, "printer_resting"), (2.0, "host_key_changed")):
        now[0] += passed
        with pytest.raises(PortError) as again:
            look(printers, stranger)
        assert again.value.code == code
    assert look(printers, row) is Lies.NOTHING  # the corrected profile is tried at once
    printers.close()

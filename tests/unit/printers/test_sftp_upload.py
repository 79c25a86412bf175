"""An upload that is met by another, or by what an earlier one left: the file under its name is whole, whoever ends where."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.printers import upload
from adapters.printers.engine import LARGE_REQUEST_BYTES, Engine, LostError
from adapters.printers.wire import FSYNC, LIMITS, Code, Kind, RefusedError
from pipeline.errors import Permanent, Transient
from tests.unit.printers.fake_server import FakeServer

TARGET = b"in/sheets.pdf"
PART = TARGET + b".part"
BODY = bytes(range(256)) * 4_000
LONG = bytes(range(256)) * (upload.RESUMED_FROM // 256 + 20_000)
REQUESTS_OF_AN_UPLOAD = 11
"""What a server that stays up is asked for `BODY`, greeting included; tested below."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sheets.pdf"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    path = tmp_path / "long.pdf"
    path.write_bytes(LONG)
    return path


class Session(FakeServer):
    """One worker's session at an account that others use too: `at` is run before the nth request is served, and may end it."""

    def __init__(self, account: dict[bytes, bytearray], nth: int = 0, at: Callable[[], None] = lambda: None) -> None:
        self.served = 0

        def count(_kind: Kind, _nth: int) -> None:
            self.served += 1
            if self.served == nth:
                at()

        super().__init__(refuse=count)
        self.files = account


def put(session: FakeServer, file: Path) -> None:
    engine = Engine(session)
    engine.greet()
    engine.run([upload.put(file, TARGET, engine.offer)])


def lose() -> None:
    raise LostError


def test_so_much_is_asked_for_an_upload(file: Path) -> None:
    session = Session({})
    put(session, file)
    assert session.served == REQUESTS_OF_AN_UPLOAD


@pytest.mark.parametrize("met_at", range(1, REQUESTS_OF_AN_UPLOAD + 1))
@pytest.mark.parametrize("lost_at", range(1, REQUESTS_OF_AN_UPLOAD + 2))
def test_two_at_one_file_end_with_it_whole_and_single(file: Path, met_at: int, lost_at: int) -> None:
    """Just before a request of the first is served, the second comes, and is lost at a request of its own or not at all."""
    account: dict[bytes, bytearray] = {}

    def second() -> None:
        try:
            put(Session(account, lost_at, lose), file)
        except LostError:
            return
        assert account[TARGET] == BODY

    put(Session(account, met_at, second), file)
    assert account[TARGET] == BODY
    put(Session(account), file)
    assert account == {TARGET: BODY}


def test_what_another_still_writes_into_a_file_that_is_renamed_does_it_no_harm(file: Path) -> None:
    account: dict[bytes, bytearray] = {}
    first = Session(account, 5, lambda: put(Session(account), file))
    put(first, file)
    assert account == {TARGET: BODY}
    assert first.counts[Kind.RENAME] == 1


# Made when they are needed: what a test is parametrized with stays in memory, and its name with it.
LEFT: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "begun": lambda: BODY[:1000],
    "another": lambda: bytes(len(BODY)),
    "whole": lambda: BODY,
}
LONGER: dict[str, Callable[[], bytes]] = {
    "a byte more": lambda: BODY + b"?",
    "another, twice as long": lambda: bytes(2 * len(BODY)),
}


@pytest.mark.parametrize("left", [*LEFT, *LONGER])
def test_whatever_lies_there_as_a_part_the_file_is_ours(file: Path, left: str) -> None:
    account = {PART: bytearray((LEFT | LONGER)[left]())}
    put(Session(account), file)
    assert account == {TARGET: BODY}


def test_a_part_that_stays_longer_than_the_file_is_no_success(file: Path) -> None:
    account = {PART: bytearray(2 * len(BODY))}
    with pytest.raises(RefusedError, match="removing"):
        put(_refusing(account, Kind.REMOVE), file)
    assert TARGET not in account


def put_in_place(session: FakeServer, file: Path) -> None:
    engine = Engine(session)
    engine.greet()
    engine.run([upload.put_in_place(file, TARGET, engine.offer)])


@pytest.mark.parametrize("left", ["nothing", *LEFT])
def test_without_names_for_parts_whatever_was_cut_off_is_written_on(file: Path, left: str) -> None:
    session = Session({TARGET: bytearray(LEFT[left]())} if left in LEFT else {})
    put_in_place(session, file)
    assert session.files == {TARGET: BODY}
    assert (session.counts[Kind.RENAME], session.counts[Kind.WRITE] > 0) == (0, left != "whole")


@pytest.mark.parametrize("lost_at", range(1, REQUESTS_OF_AN_UPLOAD))
def test_without_names_for_parts_two_at_one_file_end_with_it_whole(file: Path, lost_at: int) -> None:
    account: dict[bytes, bytearray] = {}
    try:
        put_in_place(Session(account, lost_at, lambda: put_in_place(Session(account), file)), file)
        put_in_place(Session(account, lost_at, lose), file)
    except LostError:
        put_in_place(Session(account), file)
    assert account == {TARGET: BODY}


def test_without_names_for_parts_a_longer_file_is_another(file: Path) -> None:
    account = {TARGET: bytearray(BODY + b"?")}
    with pytest.raises(Permanent, match="longer than ours"):
        put_in_place(Session(account), file)
    assert account == {TARGET: BODY + b"?"}


def written(session: FakeServer) -> int:
    return sum(session.sizes_written)


def test_a_long_file_goes_on_where_it_broke_off(long_file: Path) -> None:
    account: dict[bytes, bytearray] = {}
    with pytest.raises(LostError):
        put(Session(account, 80, lose), long_file)
    there = len(account[PART])
    assert upload.CHECKED_BYTES < there < len(LONG)
    again = Session(account)
    put(again, long_file)
    assert account == {TARGET: LONG}
    assert written(again) == len(LONG) - there


def test_a_long_part_that_is_whole_is_only_renamed(long_file: Path) -> None:
    account = {PART: bytearray(LONG)}
    session = Session(account)
    put(session, long_file)
    assert account == {TARGET: LONG}
    assert written(session) == 0


def _with_a_gap(at: int) -> bytearray:
    body = bytearray(LONG[:20_000_000])
    body[at : at + LARGE_REQUEST_BYTES] = bytes(len(body[at : at + LARGE_REQUEST_BYTES]))
    return body


LONG_LEFT: dict[str, Callable[[], bytearray]] = {
    "last byte": lambda: _with_a_gap(20_000_000 - 1),
    "last request": lambda: _with_a_gap(20_000_000 - LARGE_REQUEST_BYTES),
    "oldest request under way": lambda: _with_a_gap(20_000_000 - upload.CHECKED_BYTES),
    "middle": lambda: _with_a_gap(10_000_000),
    "first bytes": lambda: _with_a_gap(0),
    "too short to tell": lambda: bytearray(LONG[: upload.CHECKED_BYTES]),
    "too long": lambda: bytearray(LONG + b"longer"),
}


@pytest.mark.parametrize("left", LONG_LEFT)
def test_a_long_part_with_a_gap_is_written_anew(long_file: Path, left: str) -> None:
    account = {PART: LONG_LEFT[left]()}
    session = Session(account)
    put(session, long_file)
    assert account == {TARGET: LONG}
    assert written(session) >= len(LONG)


SYNCED = 8 * 1024 * 1024


def test_nothing_is_written_beyond_a_sync_that_is_not_answered(
    long_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "SYNCED_BYTES", SYNCED)
    account: dict[bytes, bytearray] = {}
    lengths: list[int] = []

    def note(kind: Kind, nth: int) -> None:
        if kind is Kind.EXTENDED and nth > 1:  # the first asks for limits
            lengths.append(len(account[PART]))

    server = FakeServer(refuse=note)
    server.files = account
    put(server, long_file)
    assert account == {TARGET: LONG}
    *before, end = lengths
    assert end == len(LONG)
    assert len(before) == len(LONG) // SYNCED
    for number, length in enumerate(before, 1):
        assert number * SYNCED - LARGE_REQUEST_BYTES < length <= number * SYNCED


@pytest.mark.parametrize("at", [5_000_000, 16_000_000])
@pytest.mark.parametrize("syncs", [True, False])
def test_what_was_synced_is_believed_and_what_was_not_is_read_back(
    long_file: Path, monkeypatch: pytest.MonkeyPatch, at: int, syncs: bool
) -> None:
    monkeypatch.setattr(upload, "SYNCED_BYTES", SYNCED)
    account = {PART: _with_a_gap(at)}  # 20,000,000 bytes, of which two times SYNCED were synced
    server = FakeServer(extensions=frozenset({FSYNC, LIMITS} if syncs else {LIMITS}))
    server.files = account
    put(server, long_file)
    believed = syncs and at < 2 * SYNCED - 2 * LARGE_REQUEST_BYTES
    assert written(server) == len(LONG) - 20_000_000 if believed else written(server) >= len(LONG)
    assert (account == {TARGET: LONG}) is not believed


def test_a_long_part_that_cannot_be_read_is_written_anew(long_file: Path) -> None:
    account = {PART: bytearray(LONG[:20_000_000])}
    session = _refusing(account, Kind.OPEN, 2)
    put(session, long_file)
    assert account == {TARGET: LONG}
    assert written(session) == len(LONG)


def test_writes_that_fail_for_a_while_leave_no_gap_in_the_file(long_file: Path) -> None:
    """A disk that is full and has room again: what was under way behind the failure is written, with a gap before it."""
    account: dict[bytes, bytearray] = {}
    with pytest.raises(RefusedError, match="writing"):
        put(_refusing(account, Kind.WRITE, 100), long_file)
    assert TARGET not in account
    assert account[PART] != LONG[: len(account[PART])]
    put(Session(account), long_file)
    assert account == {TARGET: LONG}


def test_a_file_that_grows_short_at_the_printer_is_no_success(file: Path) -> None:
    account: dict[bytes, bytearray] = {}
    session = Session(account, REQUESTS_OF_AN_UPLOAD - 2, lambda: account[PART].__delitem__(-1))
    with pytest.raises(Transient, match="bytes there, not"):
        put(session, file)
    assert TARGET not in account


def _refusing(account: dict[bytes, bytearray], kind: Kind, nth: int = 1) -> FakeServer:
    session = FakeServer(refuse=lambda this, number: Code.PERMISSION_DENIED if (this, number) == (kind, nth) else None)
    session.files = account
    return session


def test_a_part_beside_a_file_that_is_there_is_cleared_away(file: Path) -> None:
    account = {TARGET: bytearray(BODY), PART: bytearray(b"of one who came second and was cut off")}
    put(Session(account), file)
    assert account == {TARGET: BODY}


def test_a_part_that_may_not_be_cleared_away_does_no_harm(file: Path) -> None:
    account = {TARGET: bytearray(BODY), PART: bytearray(b"left")}
    put(_refusing(account, Kind.REMOVE), file)
    assert account[TARGET] == BODY

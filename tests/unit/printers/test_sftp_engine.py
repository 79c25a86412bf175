"""The engine checks every answer, keeps many requests under way but not too many, and never mistakes one answer for another."""

import struct
from pathlib import Path

import pytest

from adapters.printers import jobs, wire
from adapters.printers import upload as uploads
from adapters.printers.engine import (
    BYTES_UNDER_WAY,
    JOBS_UNDER_WAY,
    LARGE_REQUEST_BYTES,
    SMALL_REQUEST_BYTES,
    Engine,
    Job,
    LostError,
    ask,
)
from adapters.printers.sftp import _read_ack
from adapters.printers.wire import FSYNC, LIMITS, Attributes, Code, Entry, Kind, ProtocolError, RefusedError
from pipeline.errors import Permanent, Transient
from pipeline.ports import AckFile
from tests.unit.printers.fake_server import FakeServer

TARGET = b"in/sheets.pdf"
BODY = bytes(range(256)) * 8_000


def greeted(server: FakeServer) -> Engine:
    engine = Engine(server)
    engine.greet()
    return engine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sheets.pdf"
    path.write_bytes(BODY)
    return path


def refuse_nth(kind: Kind, nth: int, code: int = Code.FAILURE) -> FakeServer:
    return FakeServer(refuse=lambda this, number: code if (this, number) == (kind, nth) else None)


def upload(server: FakeServer, file: Path) -> Engine:
    engine = greeted(server)
    engine.run([uploads.put(file, TARGET, engine.offer)])
    return engine


def test_a_file_is_written_measured_closed_and_renamed(file: Path) -> None:
    server = FakeServer()
    engine = upload(server, file)
    assert server.files == {TARGET: BODY}
    assert not engine.broken
    assert server.counts == {
        Kind.LSTAT: 1,
        Kind.OPEN: 1,
        Kind.WRITE: -(-len(BODY) // LARGE_REQUEST_BYTES),
        Kind.FSTAT: 1,
        Kind.CLOSE: 1,
        Kind.RENAME: 1,
        Kind.EXTENDED: 2,
    }


@pytest.mark.parametrize(
    ("kind", "nth"),
    [*((Kind.WRITE, nth) for nth in (1, 5, 8)), (Kind.OPEN, 1), (Kind.EXTENDED, 2), (Kind.FSTAT, 1), (Kind.CLOSE, 1)],
)
def test_any_answer_but_ok_keeps_the_file_from_its_name(file: Path, kind: Kind, nth: int) -> None:
    server = refuse_nth(kind, nth)
    engine = greeted(server)
    with pytest.raises(RefusedError, match=r"in/sheets\.pdf\.part") as caught:
        engine.run([uploads.put(file, TARGET, engine.offer)])
    assert caught.value.kind is kind
    assert server.counts[Kind.RENAME] == 0
    assert TARGET not in server.files


def test_a_size_other_than_written_keeps_the_file_from_its_name(file: Path) -> None:
    server = FakeServer()
    server.says = lambda answer: answer.replace(struct.pack(">Q", len(BODY)), struct.pack(">Q", len(BODY) - 1))
    engine = greeted(server)
    with pytest.raises(Transient, match="2047999 bytes there, not 2048000") as caught:
        engine.run([uploads.put(file, TARGET, engine.offer)])
    assert caught.value.code == "printer_size_wrong"
    assert TARGET not in server.files


def test_a_refused_rename_is_told_where_the_name_is_free(file: Path) -> None:
    server = refuse_nth(Kind.RENAME, 1)
    with pytest.raises(RefusedError, match="renaming"):
        upload(server, file)


def test_who_comes_second_finds_the_same_file_there(file: Path) -> None:
    server = FakeServer()
    server.files[TARGET] = bytearray(BODY)
    upload(server, file)
    assert server.files == {TARGET: BODY}


def test_other_bytes_of_the_same_size_are_not_the_same_file(file: Path) -> None:
    server = FakeServer()
    server.files[TARGET] = bytearray(BODY[:-1] + b"?")
    with pytest.raises(Permanent) as caught:
        upload(server, file)
    assert caught.value.code == "file_exists"


def test_short_reads_are_put_together(file: Path) -> None:
    server = FakeServer(most_read=100_000)
    server.files[TARGET] = bytearray(BODY)
    engine = greeted(server)
    assert engine.run([jobs.read_whole(TARGET, 10_000_000, engine.offer)]) == [BODY]
    engine.run([uploads.put(file, TARGET, engine.offer)])


@pytest.mark.parametrize(
    ("extensions", "limits", "size"),
    [
        (frozenset(), (0, 0), SMALL_REQUEST_BYTES),
        (frozenset({LIMITS}), (0, 0), SMALL_REQUEST_BYTES),
        (frozenset({LIMITS}), (1 << 20, 50_000), 50_000),
        (frozenset({LIMITS}), (1 << 20, 1 << 40), LARGE_REQUEST_BYTES),
    ],
)
def test_writes_are_as_large_as_the_server_says(
    file: Path, extensions: frozenset[bytes], limits: tuple[int, int], size: int
) -> None:
    server = FakeServer(extensions=extensions, limits=limits)
    upload(server, file)
    assert max(server.sizes_written) == size
    assert sum(server.sizes_written) == len(BODY)


@pytest.mark.parametrize(("extensions", "synced"), [(frozenset({FSYNC}), 1), (frozenset(), 0)])
def test_files_are_synced_where_that_is_offered(file: Path, extensions: frozenset[bytes], synced: int) -> None:
    server = FakeServer(extensions=extensions)
    upload(server, file)
    assert server.counts[Kind.EXTENDED] == synced


def test_no_more_is_under_way_than_the_budget(tmp_path: Path) -> None:
    files = []
    for number in range(JOBS_UNDER_WAY + 10):
        files.append(tmp_path / f"{number}.pdf")
        files[-1].write_bytes(bytes([number]) * 1_000_000)
    server = FakeServer()
    engine = greeted(server)
    engine.run([uploads.put(file, file.name.encode(), engine.offer) for file in files])
    assert server.files == {file.name.encode(): file.read_bytes() for file in files}
    assert server.most_waiting <= BYTES_UNDER_WAY + LARGE_REQUEST_BYTES + 1_000


def test_answers_may_come_in_any_order_and_packets_in_pieces(file: Path) -> None:
    server = FakeServer()
    server.reorders = True
    server.takes_at_once = 1_000
    engine = greeted(server)
    targets = [b"a", b"b", b"c"]
    engine.run([uploads.put(file, target, engine.offer) for target in targets])
    assert server.files == dict.fromkeys(targets, BODY)
    assert engine.run([jobs.size_of(name) for name in (b"c", b"missing", b"a")]) == [len(BODY), None, len(BODY)]


def test_a_refusal_leaves_the_engine_fit_for_more() -> None:
    engine = greeted(FakeServer())
    with pytest.raises(RefusedError):
        engine.run([ask(wire.lstat(b"missing"))])
    assert not engine.broken
    assert engine.run([jobs.exists(b"missing")]) == [False]


def test_a_refusal_with_others_under_way_breaks_the_engine(file: Path) -> None:
    server = refuse_nth(Kind.OPEN, 1)
    engine = greeted(server)
    with pytest.raises(RefusedError):
        engine.run([uploads.put(file, name, engine.offer) for name in (b"a", b"b")])
    assert engine.broken


def test_a_lost_connection_is_told_and_breaks_the_engine(file: Path) -> None:
    server = FakeServer()
    engine = greeted(server)
    server.close()
    with pytest.raises(LostError):
        engine.run([uploads.put(file, TARGET, engine.offer)])
    assert engine.broken


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x00\x00\x00",
        b"\x7f\xff\xff\xff",
        b"\x00\x00\x00\x01\x65",
        b"\x00\x00\x00\x09\x65\x00\x00\xff\xff\x00\x00\x00\x00",
        b"\x00\x00\x00\x09\x65\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x00\x00\x00\x09\x66\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x00\x00\x00\x09\x69\x00\x00\x00\x01\x00\x00\x00\x01",
    ],
    ids=["empty", "huge", "no id", "unknown id", "OK alone", "a handle", "cut short"],
)
def test_nonsense_is_not_taken_for_an_answer(answer: bytes) -> None:
    server = FakeServer()
    engine = greeted(server)
    server.says = lambda _answer: answer
    with pytest.raises(ProtocolError):
        engine.run([ask(wire.lstat(TARGET))])
    assert engine.broken


def test_another_version_is_refused() -> None:
    with pytest.raises(ProtocolError, match="version 2"):
        greeted(FakeServer(version=2))


def test_names_are_bytes() -> None:
    server = FakeServer()
    server.folders[b"out"] = [b".", b"..", b"caf\xe9", b"plain"]
    [entries] = greeted(server).run([jobs.list_folder(b"out")])
    assert [entry.name for entry in entries] == [b"caf\xe9", b"plain"]
    assert [entry.attributes.size for entry in entries] == [7, 7]


def test_an_acknowledgement_that_we_may_not_read_says_so_and_keeps_no_other() -> None:
    server = refuse_nth(Kind.OPEN, 1, Code.PERMISSION_DENIED)
    server.files = {b"out/a": bytearray(b"{}"), b"out/b": bytearray(b"{}")}
    engine = greeted(server)
    assert _read_acks(engine, b"a", b"b", b"gone") == [
        AckFile("a", b"a may not be read by us"), AckFile("b", b"{}"), None,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.READ])
def test_an_acknowledgement_that_cannot_be_read_says_so_and_keeps_no_other(kind: Kind) -> None:
    server = refuse_nth(kind, 1, Code.FAILURE)
    server.files = {b"out/a": bytearray(b"{}"), b"out/b": bytearray(b"{}")}
    found = _read_acks(greeted(server), b"a", b"b")
    assert found == [AckFile("a", b"a cannot be read: the server answers with status 4"), AckFile("b", b"{}")]
    assert server.counts[Kind.CLOSE] == (2 if kind is Kind.READ else 1)


def test_what_is_no_plain_file_is_not_opened() -> None:
    server = FakeServer()
    server.files = {b"out/pipe": bytearray(b"{}")}
    assert _read_acks(greeted(server), b"pipe", is_file=False) == [AckFile("pipe", b"pipe is no plain file")]
    assert server.counts[Kind.OPEN] == 0


def _read_acks(engine: Engine, *names: bytes, is_file: bool | None = None) -> list[AckFile | None]:
    """As a server lists them that says nothing of their kinds, unless told otherwise."""
    entries = [Entry(name, Attributes(2, is_folder=False, is_file=is_file)) for name in names]
    return engine.run([_read_ack(b"out/" + one.name, one, engine.offer) for one in entries])


def test_an_error_of_one_job_closes_the_others(tmp_path: Path) -> None:
    closed: list[str] = []

    def waits() -> Job[None]:
        try:
            yield from ask(wire.lstat(b"missing"))
        except RefusedError:
            yield from ask(wire.lstat(b"still missing"))
        finally:
            closed.append("closed")

    def fails() -> Job[None]:
        raise ValueError("a bug")
        yield

    with pytest.raises(ValueError, match="a bug"):
        greeted(FakeServer()).run([waits(), fails()])
    assert closed == ["closed"]

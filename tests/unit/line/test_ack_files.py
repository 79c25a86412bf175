"""Acknowledgement files as printers write them: what is meant of one piece is never read of the whole drop."""

import json
import time

import pytest

from pipeline.models.ack_files import apart, read_acks
from pipeline.models.ack_format import Reading

AT = "2026-11-02T14:05:12Z"
HEADER = "drop,state,at,piece,reason,digest"


def csv_of(*lines: str, header: str = HEADER) -> Reading:
    return read_acks("a_r00.1.ack.csv", "\r\n".join([header, *lines, ""]).encode())


def said(reading: Reading) -> list[tuple[str, tuple[str, ...] | None]]:
    return [(ack.state, ack.pieces) for ack in reading.acks]


def places(reading: Reading) -> list[tuple[str, str]]:
    return [(fault.code, fault.pointer) for fault in reading.faults]


@pytest.mark.parametrize("column", ["piece_id", "pieces", "piece_ids", "Piece_ID", "PIECE", "PieceId", "piece-id"])
def test_a_column_that_means_pieces_by_another_name_is_refused(column: str) -> None:
    reading = csv_of(f"a_r00,mailed,{AT},ml_1", header=f"drop,state,at,{column}")
    assert (said(reading), places(reading), reading.drop) == ([], [("ack_field", "/lines/1")], "a_r00")


@pytest.mark.parametrize("key", ["piece", "piece_id", "piece_ids", "Pieces", "PIECE_ID", "pieceIds"])
def test_a_key_that_means_pieces_by_another_name_is_refused(key: str) -> None:
    body = {"drop": "a_r00", "state": "mailed", "at": AT, key: ["ml_1"]}
    reading = read_acks("x.ack.json", json.dumps(body).encode())
    assert (said(reading), places(reading), reading.drop) == ([], [("ack_field", f"/{key}")], "a_r00")


def test_other_columns_and_keys_are_nobodys_business() -> None:
    assert said(csv_of(f"a_r00,mailed,{AT},B", header="drop,state,at,shift")) == [("mailed", None)]
    body = {"drop": "a_r00", "state": "mailed", "at": AT, "shift": "B"}
    assert said(read_acks("x.ack.json", json.dumps(body).encode())) == [("mailed", None)]


@pytest.mark.parametrize("state", ["printed", "inserted", "mailed"])
def test_what_became_of_a_whole_drop_names_no_piece_beside_it(state: str) -> None:
    """One column of another name, or a sentence for people: it may be of that piece alone, or of all but that."""
    reading = csv_of(f"a_r00,{state},{AT},ml_1", f"b_r00,{state},{AT},", header="drop,state,at,item")
    assert (said(reading), places(reading)) == ([(state, None)], [("ack_field", "/lines/2")])
    assert "ml_1" in reading.unclear
    for more in ({"ids": ["ml_1"]}, {"items": [{"ref": "ml_1"}]}, {"reason": "all but ML_1, which jammed"}):
        body = {"drop": "a_r00", "state": state, "at": AT, **more}
        reading = read_acks("x.ack.json", json.dumps(body).encode())
        assert (said(reading), places(reading), reading.drop) == ([], [("ack_field", "")], "a_r00")
        assert {"ml_1", "ML_1"} & reading.unclear


def test_json_in_utf_16_is_read_like_any_other() -> None:
    body = {"drop": "a_r00", "state": "mailed", "at": AT}
    beside = read_acks("x.ack.json", json.dumps({**body, "ids": ["ml_1"]}).encode("utf-16"))
    assert (said(beside), places(beside)) == ([], [("ack_field", "")])
    cut = read_acks("x.ack.json", json.dumps({**body, "pieces": ["ml_1"]})[:-1].encode("utf-16"))
    assert {"a_r00", "ml_1"} <= cut.unclear
    assert said(read_acks("x.ack.json", json.dumps(body).encode("utf-16"))) == [("mailed", None)]


def test_a_digest_may_be_written_in_capitals() -> None:
    digest = "0123456789ABCDEF" * 4
    [ack] = csv_of(f"a_r00,mailed,{AT},,,{digest}").acks
    assert ack.digest == digest.lower()
    assert places(csv_of(f"a_r00,mailed,{AT},,,{digest[1:]}")) == [("ack_field", "/lines/2/digest")]


@pytest.mark.parametrize("state", ["accepted", "rejected"])
def test_why_a_drop_is_rejected_may_name_a_piece(state: str) -> None:
    body = {"drop": "a_r00", "state": state, "at": AT, "reason": "ml_1 has no bleed"}
    assert said(read_acks("x.ack.json", json.dumps(body).encode())) == [(state, None)]


def test_a_field_that_is_given_twice_is_not_believed_once() -> None:
    body = f'{{"drop": "a_r00", "state": "spoiled", "at": "{AT}", "pieces": ["ml_1"], "pieces": ["ml_2"]}}'
    reading = read_acks("x.ack.json", body.encode())
    assert (said(reading), places(reading), reading.drop) == ([], [("ack_unreadable", "")], "a_r00")
    assert {"ml_1", "ml_2"} <= reading.unclear
    assert "pieces twice" in reading.faults[0].detail


def test_the_one_that_is_given_twice_is_found_among_very_many() -> None:
    many = ", ".join(f'"{number}": 1' for number in range(60_000))
    begun = time.process_time()
    reading = read_acks("x.ack.json", f'{{{many}, "59999": 2}}'.encode())
    assert "59999 twice" in reading.faults[0].detail
    assert time.process_time() - begun < 10  # a fifth of a second; a minute where each is looked for among all


@pytest.mark.parametrize("name", ["pi\0eces", "\ud800piece", "pieces" + " " * 1_000_000])
def test_what_a_fault_says_of_names_is_short_and_can_be_stored(name: str) -> None:
    said_of = {"drop": "a_r00", "state": "mailed", "at": AT}
    key = json.dumps(name)
    twice = f"{json.dumps(said_of)[:-1]}, {key}: 1, {key}: 2}}"
    beside = json.dumps({**said_of, "reason": f"all but ml_{name.strip() * 80}"[:500]})
    for body in (json.dumps({**said_of, name: []}), twice, beside):
        for fault in read_acks("x.ack.json", body.encode()).faults:
            assert (fault.detail + fault.pointer).isprintable()
            assert len(fault.detail + fault.pointer) < 400


def test_our_columns_may_have_spaces_around_them_and_stand_there_once() -> None:
    assert said(csv_of(f"a_r00, mailed, {AT}, ml_1", header="drop, state, at, piece")) == [("mailed", ("ml_1",))]
    twice = csv_of(f"a_r00,mailed,{AT},ml_1,", header="drop,state,at,piece,piece")
    assert (said(twice), places(twice)) == ([], [("ack_unreadable", "/lines/1")])


def test_a_whole_drop_that_is_told_line_by_line_is_not_believed() -> None:
    reading = csv_of(f"a_r00,accepted,{AT},,,", f"a_r00,mailed,{AT},,,", f"a_r00,mailed,{AT},,ok,")
    assert said(reading) == [("accepted", None)]
    assert places(reading) == [("ack_repeated", "/lines/3"), ("ack_repeated", "/lines/4")]


def test_a_quote_that_stays_open_costs_its_own_line() -> None:
    reading = csv_of(f'a_r00,spoiled,{AT},ml_1,"smeared,', f"a_r00,spoiled,{AT},ml_2,torn,", f"a_r00,mailed,{AT},,,")
    assert said(reading) == [("spoiled", ("ml_2",)), ("mailed", None)]
    assert places(reading) == [("ack_unreadable", "/lines/2")]
    assert "ml_1" in reading.unclear
    assert "ml_2" not in reading.unclear


@pytest.mark.parametrize("reason", [b"d\xe9chir\xe9", b"x" * 140_000, b'"wet"torn', b"x" * 501], ids=len)
def test_a_reason_that_cannot_be_kept_costs_its_own_line(reason: bytes) -> None:
    lines = [
        HEADER.encode(),
        f"a_r00,spoiled,{AT},ml_1,".encode() + reason + b",",
        f"a_r00,mailed,{AT},ml_2,,".encode(),
    ]
    reading = read_acks("a_r00.1.ack.csv", b"\n".join([*lines, b""]))
    assert said(reading) == [("mailed", ("ml_2",))]
    assert len(reading.faults) == 1
    assert "ml_1" in reading.unclear


def test_a_comma_too_many_does_not_move_a_piece_out_of_its_column() -> None:
    reading = csv_of(f"a_r00,mailed,{AT},wet, torn,,ml_1", header="drop,state,at,reason,note,piece")
    assert (said(reading), places(reading)) == ([], [("ack_unreadable", "/lines/2")])


def test_lines_in_which_nothing_stands_say_nothing() -> None:
    assert places(csv_of(f"a_r00,mailed,{AT},,,", ",,,,,", "", "  ")) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_ends_of_lines_behind_a_byte_order_mark(end: str) -> None:
    body = b"\xef\xbb\xbf" + end.join([HEADER, f"a_r00,printed,{AT},ml_1,,", ""]).encode()
    assert said(read_acks("a_r00.1.ack.csv", body)) == [("printed", ("ml_1",))]


def test_a_bad_line_stays_with_its_drop_where_a_file_speaks_of_two() -> None:
    lines = [f'a_r00,spoiled,{AT},ml_1,"smeared,', f"b_r00,mailed,{AT},,,", f"a_r00,mailed,{AT},,,"]
    first, second = (read_acks("x.ack.csv", part) for part in apart("x.ack.csv", "\n".join([HEADER, *lines]).encode()))
    assert (first.drop, said(first), len(first.faults)) == ("a_r00", [("mailed", None)], 1)
    assert (second.drop, said(second), second.faults) == ("b_r00", [("mailed", None)], ())


def test_what_cannot_be_read_at_all_is_of_the_drop_in_its_files_name() -> None:
    assert read_acks("a_r00.20261102T140512Z.ack.json", b"<ack/>").drop == "a_r00"
    assert read_acks("a_r00.20261102T140512Z.ack.csv", b"\xff\xfe").drop == "a_r00"

"""The judge of a rehearsal: what it believes of an acknowledgement is what the line would."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ops.cli.rehearsal import Rehearsal
from ops.cli.rehearse import _listen
from pipeline.ports import AckFile, Lies

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
NOW = START + timedelta(minutes=5)
STEM, DIGEST = "rehearsal_a_r00", "a" * 64
PIECES = ("practice_1", "practice_2", "practice_3")


def rehearsal(*, form: str = "json", takes: bool = True, broken: bool = False) -> Rehearsal:
    return Rehearsal(STEM, DIGEST, PIECES, START, form=form, takes=takes, broken=broken)


def say(heard: Rehearsal, state: str, **more: Any) -> bool:
    body = {"drop": STEM, "state": state, "at": NOW.isoformat(), **more}
    return heard.hear(AckFile(f"{STEM}.{state}.ack.json", json.dumps(body).encode()), NOW)


def wrong(heard: Rehearsal) -> dict[str, str]:
    return {one.name: one.detail for one in heard.checks() if not one.ok}


def test_nothing_said_is_wrong_at_every_step() -> None:
    assert list(wrong(rehearsal())) == ["taken", "accepted", "printed", "single pieces", "mailed"]


def test_a_shop_that_never_names_a_single_piece_has_not_shown_that_it_can() -> None:
    heard = rehearsal(takes=False)
    for state in ("accepted", "printed", "mailed"):
        assert say(heard, state)
    assert list(wrong(heard)) == ["single pieces"]
    assert say(heard, "mailed", pieces=["practice_1"])
    assert wrong(heard) == {}


def saying(state: str, **more: Any) -> bytes:
    return json.dumps({"drop": STEM, "state": state, "at": NOW.isoformat(), **more}).encode()


def listened(heard: Rehearsal, out: dict[str, bytes], written: dict[str, bytes], patch: pytest.MonkeyPatch) -> Any:
    """What was moved away of what lies in `out`, and after a while of what is `written` there then."""
    moved: dict[str, tuple[bytes, bool]] = {}

    def settle_ack(name: str, *, good: bool) -> None:
        moved[name] = (out.pop(name), good)

    shop = SimpleNamespace(
        acks=lambda _limit, *, of: [AckFile(one, body) for one, body in out.items() if one.startswith(of)],
        look=lambda _stem, _part: Lies.TAKEN,
        settle_ack=settle_ack,
    )
    patch.setattr("ops.cli.rehearse.machine_clock", lambda: NOW)
    patch.setattr("ops.cli.rehearse.time.sleep", lambda _s: out.update(written))
    listen: Any = _listen
    assert listen(shop, heard, STEM, f"{STEM}.part", Quiet(), NOW + timedelta(minutes=1)) == len(moved)
    return moved


def test_a_file_that_is_still_written_is_left_until_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    name, whole, heard = f"{STEM}.1.ack.json", saying("rejected", reason="torn"), rehearsal(broken=True)
    moved = listened(heard, {name: whole[:-9]}, {name: whole}, monkeypatch)
    assert (moved, wrong(heard)) == ({name: (whole, True)}, {})


def test_nor_is_it_left_there_when_all_was_said_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    name, last, heard = f"{STEM}.1.ack.json", f"{STEM}.2.ack.json", rehearsal(broken=True)
    rejected, more = saying("rejected", reason="torn"), saying("printed", pieces=["practice_1"])
    moved = listened(heard, {name: more[:-9], last: rejected}, {name: more}, monkeypatch)
    assert moved == {last: (rejected, True), name: (more, True)}


class Quiet:
    def say(self, step: str) -> None:
        """Nobody listens."""


def test_a_piece_under_another_name_is_not_the_whole_drop() -> None:
    heard = rehearsal(takes=False)
    assert not say(heard, "mailed", piece="practice_1")
    assert not say(heard, "mailed", reference="practice_1")
    assert "single pieces" in wrong(heard)["written"]
    assert not heard.is_over


def test_spoiled_pieces_and_the_whole_drop_are_told_together() -> None:
    heard = rehearsal(takes=False)
    assert say(heard, "accepted", digest=DIGEST)
    lines = f"{STEM},printed,{NOW.isoformat()},\r\n{STEM},spoiled,{NOW.isoformat()},practice_2\r\n"
    body = f"drop,state,at,piece\r\n{lines}".encode()
    assert heard.hear(AckFile(f"{STEM}.2.ack.csv", body), NOW)
    assert not heard.is_over
    assert say(heard, "mailed")
    assert heard.is_over
    assert wrong(heard) == {"form": f"not as agreed, in JSON: {STEM}.2.ack.csv"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"state": "printed", "pieces": ["ml_1"]}, "ml_1 is no piece of the manifest"),
        ({"state": "spoiled"}, "spoiled needs the list of pieces"),
        ({"state": "accepted", "digest": "b" * 64}, "its digest is not that of the ready file"),
        ({"state": "accepted", "drop": "bt_1_r00"}, "it speaks of bt_1_r00"),
        ({"state": "accepted", "at": (NOW + timedelta(hours=1)).isoformat()}, "the clock or the zone is wrong"),
        ({"state": "accepted", "at": "2026-11-02T12:00:00"}, "/at"),
    ],
)
def test_what_the_line_would_not_believe_is_a_fault(said: dict[str, Any], why: str) -> None:
    heard = rehearsal()
    assert not say(heard, **said)
    assert why.lstrip("/") in wrong(heard)["written"]
    assert "accepted" in wrong(heard)


@pytest.mark.parametrize("bad", [{"state": "spoilt"}, {"state": "destroyed", "digest": "b" * 64}])
def test_a_piece_in_a_refused_line_waits_for_a_word_of_its_own(bad: dict[str, str]) -> None:
    heard = rehearsal(takes=False)
    say(heard, "accepted")
    assert not say(heard, **bad, pieces=["practice_1"])
    for state in ("printed", "mailed"):
        assert say(heard, state)
    assert "practice_1" in wrong(heard)["mailed"]
    say(heard, "printed", pieces=["practice_1"])
    assert say(heard, "mailed")
    assert "mailed" not in wrong(heard)


def test_a_piece_that_is_listed_as_both_is_a_fault() -> None:
    heard = rehearsal()
    say(heard, "spoiled", pieces=["practice_1"])
    say(heard, "mailed", pieces=list(PIECES))
    assert "practice_1 is mailed after it was spoiled" in wrong(heard)["written"]


def test_a_broken_drop_is_over_once_it_is_rejected_and_wants_a_reason() -> None:
    heard = rehearsal(broken=True, takes=False)
    say(heard, "rejected")
    assert heard.is_over
    assert "gives no reason" in wrong(heard)["rejected"]
    heard = rehearsal(broken=True, takes=False)
    say(heard, "rejected", reason="the sheets differ from their digest")
    assert wrong(heard) == {}
    heard = rehearsal(broken=True, takes=False)
    say(heard, "accepted")
    assert "says accepted first" in wrong(heard)["rejected"]

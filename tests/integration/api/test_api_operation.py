"""What operators do over HTTP: the board, batches, holds, excuses, suspensions, and the audit of it all; and senders' holds."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.clock import machine_clock
from pipeline.lifecycle import EXCUSED
from pipeline.repository import tables
from tests.integration.api.world import World
from tests.integration.line.marks import ack
from tests.integration.line.world import ACK_POLL_S
from tests.integration.line.world import World as Line

WHY = {"reason": "the truck is full"}
ROUTES = (
    ("GET", "/v1/ops/sla/board", None),
    ("POST", "/v1/ops/sla/excuses", {"mail": ["ml_x"], **WHY}),
    ("GET", "/v1/ops/sla/suspensions", None),
    ("POST", "/v1/ops/sla/suspensions", {"first": "2026-03-04", "last": "2026-03-04", **WHY}),
    ("POST", "/v1/ops/sla/suspensions/su_x/end", WHY),
    ("GET", "/v1/ops/audit", None),
    ("GET", "/v1/ops/holds", None),
    ("POST", "/v1/ops/holds", {"mail": "ml_x", **WHY}),
    ("POST", "/v1/ops/holds/ml_x/release", WHY),
    ("GET", "/v1/ops/printers/north/acks", None),
    ("GET", "/v1/ops/batches", None),
    ("GET", "/v1/ops/batches/bt_x", None),
    ("POST", "/v1/ops/mail/ml_x/fail", WHY),
    ("POST", "/v1/ops/batches/bt_x/recall", WHY),
    ("POST", "/v1/ops/batches/bt_x/settle", {"taken": True, **WHY}),
    ("POST", "/v1/ops/batches/bt_x/reroute", {"printer": "south", **WHY}),
    ("POST", "/v1/ops/batches/bt_x/split", {"keep": 1, **WHY}),
)


@pytest.fixture
def line(api: World, tmp_path: Path) -> Line:
    """A line on the same database, whose printers the API's recall reaches. Its clock stands at this moment."""
    made = Line(api.db, tmp_path / "line", seed=2, account="lovelace")
    made.folder.mkdir()
    made.printers = api.printers
    made.lines = {mode: made.make_line(mode) for mode in ("live", "test")}
    made.schedulers = {mode: made.scheduler(mode) for mode in ("live", "test")}
    made.clock.advance(machine_clock() - made.clock())
    return made


def ready(line: Line, count: int = 1) -> list[str]:
    """Due when a truck has left in any case, whatever weekend or holiday there is."""
    now = line.clock()
    times = {"accepted_at": now, "freeze_from": now, "ready_at": now}
    return line.add_ready(count, **times, due_at=now + timedelta(days=7), alarm_at=now + timedelta(days=6))


def frozen(line: Line, count: int = 10) -> str:
    """A batch at `north` that is not handed over, beside a printer `south`."""
    line.add_printer(cost_cents_per_sheet=1)
    line.add_printer(name="south", cost_cents_per_sheet=9)
    ready(line, count)
    line.tick()
    batch_id: str = line.batch().id
    return batch_id


def post(api: World, path: str, body: Any, status: int = 200) -> Any:
    answer = api.post(path, body, "op")
    assert answer.status_code == status, answer.text
    return answer.json()


def audited(api: World, **params: str) -> list[tuple[str, str, str]]:
    listed = api.get("/v1/ops/audit", "op", **params).json()["data"]
    return [(one["action"], one["subject"], one["reason"]) for one in listed]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[path for _, path, _ in ROUTES])
def test_no_sender_comes_near_an_operators_route(api: World, method: str, path: str, body: Any) -> None:
    for who in ("ada-live", "ada-test"):
        answer = api.client.request(method, path, json=body, headers=api.headers(who))
        assert (answer.status_code, answer.json()["code"]) == (403, "operator_key_required")
    assert api.client.request(method, path, json=body).status_code == 401


def test_every_deed_needs_a_reason(api: World) -> None:
    for method, path, body in ROUTES:
        if method == "POST":
            for reason in (None, "", "  "):
                answer = api.post(path, {**body, "reason": reason}, "op")
                assert answer.status_code == 422, (path, reason)
                assert "/reason" in {fault["pointer"] for fault in answer.json()["errors"]}, path


def test_the_board_has_a_row_for_each_truck(api: World, line: Line) -> None:
    batch_id = frozen(line)
    board = api.get("/v1/ops/sla/board", "op").json()
    [truck] = board["trucks"]
    assert (truck["printer"], truck["batches"], truck["steps"]["unsent"]) == ("north", [batch_id], 10)
    assert (board["object"], board["waiting"], board["stuck"]) == ("sla_board", 0, [])
    assert [one["name"] for one in board["printers"]] == ["north", "south"]


def test_batches_are_listed_newest_first_by_pages_and_narrowed(api: World, line: Line) -> None:
    first = frozen(line)
    line.clock.advance(timedelta(minutes=1))
    ready(line, 3)
    line.tick()
    listed = api.get("/v1/ops/batches", "op").json()
    newer, older = listed["data"]
    assert (older["id"], older["printer"], older["status"], older["pieces"], older["class"]) == (
        first, "north", "frozen", 10, "first_class",
    )  # fmt: skip
    assert newer["pieces"] == 3
    page = api.get("/v1/ops/batches", "op", limit="1").json()
    assert [one["id"] for one in page["data"]] == [newer["id"]]
    rest = api.get("/v1/ops/batches", "op", limit="1", cursor=page["next_cursor"]).json()
    assert [one["id"] for one in rest["data"]] == [first]
    for narrowed, ids in (
        ({"printer": "north"}, [first]),
        ({"printer": "south"}, [newer["id"]]),
        ({"printer": "nobody"}, []),
        ({"status": "sent"}, []),
        ({"mode": "test"}, []),
    ):
        assert [one["id"] for one in api.get("/v1/ops/batches", "op", **narrowed).json()["data"]] == ids
    assert api.get("/v1/ops/batches", "op", status="lost").status_code == 422


def test_a_batch_is_shown_with_its_drops_and_what_its_printer_said(api: World, line: Line) -> None:
    batch_id = frozen(line)
    line.run("impose")
    line.run("dispatch")
    [drop] = line.rows(tables.drops)
    ack(line, drop.stem, "accepted", printer=line.printers[drop.printer_id])
    line.run("acknowledge")
    shown = api.get(f"/v1/ops/batches/{batch_id}", "op").json()
    assert (shown["object"], shown["status"], shown["by_status"]) == ("batch", "accepted", {"sent": 10})
    [told] = shown["drops"]
    assert (told["stem"], told["digest"], told["silent_at"]) == (drop.stem, drop.digest, None)
    assert {file["name"] for file in told["files"]} == {f"{drop.stem}.pdf", f"{drop.stem}.csv"}
    assert "key" not in told["files"][0]
    assert [(one["state"], one["faults"]) for one in shown["acks"]] == [("accepted", [])]
    assert shown["placements"][0]["placed"] == 10
    ack(line, drop.stem, "printed", printer=line.printers[drop.printer_id], piece="ml_1")
    line.clock.advance(timedelta(seconds=ACK_POLL_S))
    line.run("acknowledge")
    listed = api.get("/v1/ops/printers/north/acks", "op").json()["data"]
    assert [(one["state"], one["named_stem"], one["fault_count"]) for one in listed] == [
        (None, drop.stem, 1), ("accepted", drop.stem, 0),
    ]  # fmt: skip
    assert listed[0]["faults"][0]["pointer"] == "/piece"
    assert api.get(f"/v1/ops/printers/{drop.printer_id}/acks", "op", faulty="true").json()["data"] == listed[:1]
    assert api.get(f"/v1/ops/batches/{batch_id}", "op").json()["acks"] == listed[::-1]
    assert api.get("/v1/ops/printers/nobody/acks", "op").status_code == 404
    assert api.get("/v1/ops/printers/north/acks", "op", faulty="yes").status_code == 422
    assert api.get("/v1/ops/batches/bt_" + "0" * 26, "op").status_code == 404


def test_a_batch_is_sent_elsewhere_and_split(api: World, line: Line) -> None:
    batch_id = frozen(line)
    moved = post(api, f"/v1/ops/batches/{batch_id}/reroute", {"printer": "south", **WHY})
    [new] = moved["batches"]
    assert (new["printer"], new["pieces"], moved["left"]) == ("south", 10, 0)
    split = post(api, f"/v1/ops/batches/{new['batch']}/split", {"keep": 4, "printer": "north", **WHY})
    assert [(one["printer"], one["pieces"]) for one in split["batches"]] == [("south", 4), ("north", 6)]
    assert audited(api, action="batch.split") == [("batch.split", new["batch"], "the truck is full")]
    assert [action for action, *_ in audited(api)] == ["batch.split", "batch.recall", "batch.reroute", "batch.recall"]
    assert {note.stage for note in api.bell.notes} == {"impose"}


def test_a_batch_that_cannot_go_there_stays(api: World, line: Line) -> None:
    batch_id = frozen(line)
    refused = post(api, f"/v1/ops/batches/{batch_id}/reroute", {"printer": "west", **WHY}, 409)
    assert (refused["code"], refused["cause"]) == ("cannot_reroute", "no_such_printer")
    assert post(api, f"/v1/ops/batches/{batch_id}/split", {"keep": 10, **WHY}, 409)["cause"] == "nothing_to_split"
    none = "bt_" + "0" * 26
    for path in ("recall", "reroute", "split", "settle"):
        body = {"recall": WHY, "reroute": {"printer": "south", **WHY}, "split": {"keep": 1, **WHY}}.get(path)
        assert post(api, f"/v1/ops/batches/{none}/{path}", body or {"taken": True, **WHY}, 404)["code"] == "not_found"
    assert audited(api) == []


def test_a_batch_is_recalled_once(api: World, line: Line) -> None:
    batch_id = frozen(line)
    [drop] = post(api, f"/v1/ops/batches/{batch_id}/recall", WHY)["drops"]
    assert (drop["state"], drop["pieces"]) == ("void", 10)
    assert post(api, f"/v1/ops/batches/{batch_id}/recall", WHY, 409)["code"] == "nothing_to_do"
    assert post(api, f"/v1/ops/batches/{batch_id}/settle", {"taken": True, **WHY}, 409)["code"] == "nothing_to_do"


def test_what_a_printer_has_is_given_up_by_an_explicit_word_alone(api: World, line: Line) -> None:
    batch_id = frozen(line)
    line.run_until_quiet()
    path, no = f"/v1/ops/batches/{batch_id}/settle", {"taken": False, **WHY}
    [drop] = line.rows(tables.drops)
    line.printers[drop.printer_id].take(drop.stem)
    assert post(api, path, no, 409)["code"] == "nothing_to_do"
    [outcome] = post(api, path, {**no, "even_if_taken": True})["drops"]
    assert (outcome["state"], outcome["pieces"]) == ("void", 10)
    assert audited(api, action="batch.settle") == [("batch.settle", batch_id, "the truck is full")]


def test_an_operator_fails_a_piece_and_its_sender_reads_why(api: World) -> None:
    piece = api.order("ada-live")
    path = f"/v1/ops/mail/{piece['id']}/fail"
    assert post(api, path, WHY) == {"object": "failure", "mail": piece["id"], "status": "failed", "batch": None}
    assert post(api, path, WHY, 409)["code"] == "too_late_to_fail"
    assert post(api, "/v1/ops/mail/ml_" + "0" * 26 + "/fail", WHY, 404)["code"] == "not_found"
    read = api.get(f"/v1/mail/{piece['id']}", "ada-live").json()
    assert (read["status"], read["sla"]["state"]) == ("failed", "void")
    last = api.get(f"/v1/mail/{piece['id']}/events", "ada-live").json()["data"][-1]
    assert (last["type"], last["evidence"]["reason"]) == ("mail.failed", "the truck is full")
    assert audited(api, action="mail.fail") == [("mail.fail", piece["id"], "the truck is full")]


# Holds


def test_a_sender_holds_and_releases_its_own_piece(api: World, line: Line) -> None:
    with api.db.write() as tx:
        tx.execute(tables.accounts.update().values(promise="clock"))  # on other terms a weekend costs nothing
    piece = api.order("ada-live")
    path = f"/v1/mail/{piece['id']}"
    line.clock.advance(timedelta(hours=1))
    for _ in range(2):
        assert api.post(f"{path}/hold", None, "ada-live").status_code == 200
    due, stopped_at = datetime.fromisoformat(piece["sla"]["due_at"]), machine_clock() - timedelta(hours=20)
    with api.db.write() as tx:
        tx.execute(tables.holds.update().values(since=stopped_at))
    stopped = api.get(path, "ada-live").json()["sla"]
    assert (stopped["due_at"], stopped["slack_s"]) == (None, (due - stopped_at) // timedelta(seconds=1))
    assert datetime.fromisoformat(stopped["stopped_at"]) == stopped_at.replace(
        microsecond=stopped_at.microsecond // 1000 * 1000
    )
    [held] = api.get("/v1/ops/holds", "op").json()["data"]
    assert (held["mail"], held["account"], held["stops_count"], held["status"]) == (piece["id"], "ada", True, "created")
    assert api.get("/v1/ops/holds", "op", mode="test").json()["data"] == []
    released = api.post(f"{path}/release", None, "ada-live").json()
    assert released["sla"]["due_at"] > piece["sla"]["due_at"]
    assert released["sla"]["stopped_at"] is None
    assert [e["type"] for e in api.get(f"{path}/events", "ada-live").json()["data"]] == [
        "mail.created",
        "mail.sla_rescheduled",
    ]
    again = api.post(f"{path}/release", None, "ada-live")
    assert (again.status_code, again.json()["code"]) == (409, "not_held")
    for who in ("bob-live", "ada-test"):
        for verb in ("hold", "release"):
            assert api.post(f"{path}/{verb}", None, who).json()["code"] == "not_found"


def test_what_an_operator_holds_only_an_operator_releases(api: World, line: Line) -> None:
    piece = api.order("ada-live")["id"]
    assert post(api, "/v1/ops/holds", {"mail": piece, "code": "duplicate", **WHY})["held"] is True
    assert post(api, "/v1/ops/holds", {"mail": piece, **WHY}, 409)["code"] == "held_already"
    refused = api.post(f"/v1/mail/{piece}/release", None, "ada-live")
    assert (refused.status_code, refused.json()["code"]) == (409, "held_by_operator")
    assert post(api, f"/v1/ops/holds/{piece}/release", WHY)["held"] is False
    assert post(api, f"/v1/ops/holds/{piece}/release", WHY, 409)["code"] == "not_held"
    assert [action for action, *_ in audited(api, subject=piece)] == ["mail.release", "mail.hold"]
    assert post(api, "/v1/ops/holds", {"mail": "ml_" + "0" * 26, **WHY}, 404)["code"] == "not_found"


def test_a_piece_in_a_batch_can_no_longer_be_held(api: World, line: Line) -> None:
    frozen(line, 1)
    [piece] = line.rows(tables.pieces)
    assert post(api, "/v1/ops/holds", {"mail": piece.id, **WHY}, 409)["code"] == "too_late_to_hold"


# Excuses, suspensions, audit


def test_misses_are_excused_by_piece_and_by_batch(api: World, line: Line) -> None:
    batch_id = frozen(line, 2)
    [one, _] = [row.id for row in line.rows(tables.pieces)]
    assert post(api, "/v1/ops/sla/excuses", {"mail": [one], **WHY})["mail"] == [one]
    assert len(post(api, "/v1/ops/sla/excuses", {"batch": batch_id, **WHY})["mail"]) == 2
    assert line.count(tables.events, tables.events.c.type == EXCUSED) == 3
    for body in ({**WHY}, {"mail": [one], "batch": batch_id, **WHY}, {"mail": [], **WHY}):
        assert api.post("/v1/ops/sla/excuses", body, "op").status_code == 422
    assert post(api, "/v1/ops/sla/excuses", {"batch": "bt_" + "0" * 26, **WHY}, 404)["code"] == "not_found"


def test_a_suspension_is_set_seen_and_called_off(api: World, line: Line) -> None:
    line.add_printer()
    [piece] = ready(line)
    due = line.piece(piece).due_at
    days = {"first": due.date().isoformat(), "last": due.date().isoformat()}
    made = post(api, "/v1/ops/sla/suspensions", {**days, "zip3": "837", **WHY}, 201)
    assert (made["zip3"], made["printer"], made["reason"]) == ("837", None, "the truck is full")
    assert made["put_off"] == int(line.piece(piece).due_at > due)
    printers = post(api, "/v1/ops/sla/suspensions", {**days, "printer": "north", **WHY}, 201)
    assert (printers["printer"], printers["put_off"]) == ("north", 0)
    listed = api.get("/v1/ops/sla/suspensions", "op").json()["data"]
    assert {one["id"] for one in listed} == {made["id"], printers["id"]}
    assert post(api, f"/v1/ops/sla/suspensions/{made['id']}/end", WHY)["ended"] is True
    assert post(api, f"/v1/ops/sla/suspensions/{made['id']}/end", WHY, 404)["code"] == "not_found"
    assert [action for action, *_ in audited(api)] == ["suspension.end", "suspension.add", "suspension.add"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"last": "2026-03-03"}, "/last"),
        ({"last": "2026-09-03"}, "/last"),
        ({"zip3": "83"}, "/zip3"),
        ({"zip3": "837", "printer": "north"}, "/zip3"),
        ({"printer": "nobody"}, "/printer"),
        ({"first": "soon"}, "/first"),
    ],
)
def test_a_suspension_that_makes_no_sense(api: World, change: dict[str, str], pointer: str) -> None:
    body = {"first": "2026-03-04", "last": "2026-03-04", **WHY, **change}
    answer = api.post("/v1/ops/sla/suspensions", body, "op")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_intake_leaves_suspended_days_out_of_the_count(api: World) -> None:
    before = api.order("ada-live")
    today = machine_clock().date()
    days = {"first": (today - timedelta(days=1)).isoformat(), "last": (today + timedelta(days=9)).isoformat()}
    post(api, "/v1/ops/sla/suspensions", {**days, "zip3": "941", **WHY}, 201)
    after = api.order("ada-live")
    elsewhere = api.order("ada-live", to={**api.mail()["to"], "city": "Boise", "state": "ID", "zip": "83702"})
    assert after["sla"]["due_at"][:10] > (today + timedelta(days=9)).isoformat()
    due = [datetime.fromisoformat(one["sla"]["due_at"]) for one in (before, elsewhere)]
    assert due[1] - due[0] < timedelta(minutes=1)


def test_the_audit_has_pages_that_belong_to_a_key(api: World, line: Line) -> None:
    pieces = [api.order("ada-live")["id"] for _ in range(3)]
    for piece in pieces:
        post(api, "/v1/ops/holds", {"mail": piece, **WHY})
    first = api.get("/v1/ops/audit", "op", limit="2").json()
    rest = api.get("/v1/ops/audit", "op", limit="2", cursor=first["next_cursor"]).json()
    assert [one["subject"] for one in [*first["data"], *rest["data"]]] == pieces[::-1]
    assert first["data"][0]["who"].startswith("key:ky_")
    assert api.client.get("/v1/ops/audit?who=nobody", headers=api.headers("op")).json()["data"] == []
    assert api.get("/v1/ops/audit", "op", what="x").json()["code"] == "unknown_parameter"


def test_a_list_cursor_of_another_list_is_refused(api: World, line: Line) -> None:
    for _ in range(2):
        post(api, "/v1/ops/holds", {"mail": api.order("ada-live")["id"], **WHY})
    cursor = api.get("/v1/ops/audit", "op", limit="1").json()["next_cursor"]
    assert api.get("/v1/ops/holds", "op", limit="1", cursor=cursor).json()["code"] == "cursor_mismatch"

"""Ordering a piece, reading it back, listing, canceling: what a sender does on an ordinary day."""

import base64
import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from pipeline.ports import Note
from pipeline.products import PRODUCTS
from pipeline.repository import tables
from tests.integration.api.world import ADDRESS, World, png


def test_a_piece_is_accepted_and_read_back_the_same(api: World) -> None:
    creative = api.creative()
    body = api.mail(front={"creative": creative}, metadata={"order": "1001"}, external_id="order-1001")
    answer = api.post("/v1/mail", {**body, "from": ADDRESS})
    assert answer.status_code == 201
    piece = answer.json()
    assert answer.headers["location"] == f"/v1/mail/{piece['id']}"
    assert answer.headers["request-id"].startswith("req_")
    assert piece["status"] == "created"
    assert piece["livemode"] is False
    assert piece["front"]["creative"] == creative
    assert piece["back"] is None
    assert piece["price"] == {"cents": 79, "currency": "usd"}
    assert piece["to"]["line1"] == ADDRESS["line1"]
    assert piece["standardized"] is None
    assert piece["errors"] == []
    assert api.get(answer.headers["location"]).json() == piece


def test_the_rows_of_a_piece_are_all_there_and_the_line_is_told(api: World) -> None:
    piece = api.order(external_id="x")
    with api.db.read() as tx:
        row = tx.execute(select(tables.pieces).where(tables.pieces.c.id == piece["id"])).one()
        recipient = tx.execute(select(tables.recipients)).one()
        event = tx.execute(select(tables.events)).one()
        line_now = tx.execute(
            select(tables.sandbox_clocks.c.line_now).where(tables.sandbox_clocks.c.account_id == api.accounts["ada"])
        ).scalar_one()
    assert (row.mode, row.account_id, row.address_state) == ("test", api.accounts["ada"], "pending")
    assert row.accepted_at == line_now
    assert row.freeze_from == line_now + timedelta(seconds=300)
    assert row.alarm_at == row.due_at - (row.due_at - line_now) / 4
    assert recipient.given["zip"] == "94107"
    assert len(recipient.keyed_hash) == 64
    assert (event.type, event.sequence, event.position, event.piece_id) == ("mail.created", 1, None, piece["id"])
    assert Note("standardize", "test") in api.bell.notes
    assert Note("prepare", "test") in api.bell.notes


def test_live_pieces_go_by_real_time_and_stay_apart(api: World) -> None:
    before = datetime.now(UTC)
    piece = api.order("ada-live")
    assert piece["livemode"] is True
    assert datetime.fromisoformat(piece["created_at"]) >= before - timedelta(milliseconds=1)
    assert api.get(f"/v1/mail/{piece['id']}").status_code == 404
    assert api.get("/v1/mail").json()["data"] == []
    assert api.get("/v1/mail", "ada-live").json()["data"][0]["id"] == piece["id"]


def test_artwork_comes_as_base64_or_as_files(api: World) -> None:
    text = base64.b64encode(png(5)).decode()
    piece = api.order(front={"base64": text}, back={"base64": base64.b64encode(png(6)).decode()})
    mail = json.dumps({"product": "postcard_4x6", "to": ADDRESS})
    files = {"mail": (None, mail, "application/json"), "front": ("a.png", png(5)), "back": ("b.png", png(7))}
    answer = api.client.post("/v1/mail", files=files, headers=api.headers())
    assert answer.status_code == 201, answer.text
    other = answer.json()
    assert other["front"] == piece["front"], "the same bytes are the same creative"
    assert other["back"]["creative"] != piece["back"]["creative"]
    assert len(api.inspected) == 3, "artwork seen before is not inspected again"
    assert api.rows()["creatives"] == api.rows()["files"] == 3


def test_both_sides_may_be_one_artwork(api: World) -> None:
    text = base64.b64encode(png(5)).decode()
    piece = api.order(front={"base64": text}, back={"base64": text})
    assert piece["front"] == piece["back"]


def test_a_creative_uploaded_twice_is_one(api: World) -> None:
    files = {"file": ("art.png", png(3))}
    answers = [
        api.client.post("/v1/creatives", data={"product": "postcard_4x6"}, files=files, headers=api.headers())
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].content == answers[1].content
    creative = answers[0].json()
    assert api.get(creative["report"]).json()["ok"] is True
    assert api.get(f"/v1/creatives/{creative['id']}/proof").status_code == 404
    assert [one["id"] for one in api.get("/v1/creatives").json()["data"]] == [creative["id"]]


def test_send_on_moves_the_promise_to_the_start_of_its_day(api: World) -> None:
    day = (datetime.now(UTC) + timedelta(days=20)).date()
    while day.weekday() != 1:
        day += timedelta(days=1)
    with api.db.write() as tx:
        tx.execute(update(tables.accounts).values(zone="Pacific/Honolulu"))
    piece = api.order(send_on=day.isoformat())
    assert piece["cancelable_until"] == f"{day}T10:00:00.000Z"
    assert datetime.fromisoformat(piece["sla"]["due_at"]) >= datetime.fromisoformat(
        f"{day}T10:00:00+00:00"
    ) + timedelta(days=1)


def test_a_piece_says_what_it_waits_in_and_how_much_of_its_promise_is_left(api: World) -> None:
    piece = api.order()
    whole = datetime.fromisoformat(piece["sla"]["due_at"]) - datetime.fromisoformat(piece["created_at"])
    assert (piece["sla"]["stage"], piece["sla"]["slack_s"]) == ("created", int(whole.total_seconds()))
    due = datetime.fromisoformat(piece["sla"]["due_at"])

    def later(at: datetime, **columns: object) -> tuple[str | None, int | None]:
        with api.db.write() as tx:
            tx.execute(update(tables.sandbox_clocks).values(line_now=at))
            tx.execute(update(tables.pieces).where(tables.pieces.c.id == piece["id"]).values(**columns))
        sla = api.get(f"/v1/mail/{piece['id']}").json()["sla"]
        assert api.get("/v1/mail").json()["data"][0]["sla"] == sla
        return sla["stage"], sla["slack_s"]

    assert piece["sla"]["mail_by"] is None  # no batch has it yet
    assert later(due - timedelta(hours=3), status="sent") == ("sent", 3 * 3600)
    assert later(due + timedelta(minutes=1), status="printed") == ("printed", -60)
    assert later(due, status="mailed", mailed_at=due - timedelta(hours=1)) == (None, 3600)
    assert later(due, status="canceled", mailed_at=None) == (None, None)


def test_a_piece_is_canceled_until_it_is_frozen(api: World) -> None:
    piece = api.order()
    answer = api.post(f"/v1/mail/{piece['id']}/cancel", None)
    assert (answer.status_code, answer.json()["status"], answer.json()["sla"]["state"]) == (200, "canceled", "void")
    again = api.post(f"/v1/mail/{piece['id']}/cancel", None)
    assert again.content == answer.content
    frozen = api.order()
    with api.db.write() as tx:
        tx.execute(update(tables.pieces).where(tables.pieces.c.id == frozen["id"]).values(status="batched"))
    late = api.post(f"/v1/mail/{frozen['id']}/cancel", None)
    assert (late.status_code, late.json()["code"], late.json()["mail_status"]) == (409, "too_late_to_cancel", "batched")
    events = api.get(f"/v1/mail/{piece['id']}/events").json()["data"]
    assert [(one["type"], one["sequence"]) for one in events] == [("mail.created", 1), ("mail.canceled", 2)]
    assert events[1]["evidence"] == {"request_id": answer.headers["request-id"]}


def test_the_list_is_filtered(api: World) -> None:
    first = api.order(metadata={"order": "1", "shop": "a b"}, external_id="e1")
    second = api.order(metadata={"order": "2"})
    api.post(f"/v1/mail/{second['id']}/cancel", None)

    def ids(**params: str) -> list[str]:
        answer = api.get("/v1/mail", **params)
        assert answer.status_code == 200, answer.text
        return [piece["id"] for piece in answer.json()["data"]]

    assert ids() == [second["id"], first["id"]]
    assert ids(status="canceled") == [second["id"]]
    assert ids(status="canceled,created") == [second["id"], first["id"]]
    assert ids(external_id="e1") == [first["id"]]
    assert ids(product="postcard_4x6", **{"metadata[order]": "2"}) == [second["id"]]
    assert ids(**{"metadata[shop]": "a b", "metadata[order]": "1"}) == [first["id"]]
    assert ids(**{"metadata[none]": "1"}) == []
    assert ids(**{"created[gt]": first["created_at"][:10] + "T00:00:00Z"}) == [second["id"], first["id"]]
    assert ids(**{"created[lt]": "2020-01-01T00:00:00Z"}) == []
    too_wrong = (
        {"state": "x"},
        {"status": "lost"},
        {"limit": "0"},
        {"limit": "1x"},
        {"created[gte]": "2026-01-01"},
        {"created[near]": "2026-01-01T00:00:00Z"},
        {"metadata": "1"},
        {"cursor": "abc"},
        {"external_id": "\x00"},
    )
    for wrong in too_wrong:
        assert api.get("/v1/mail", **wrong).status_code == 422, wrong


def test_products_say_what_can_be_ordered_and_at_what_price(api: World) -> None:
    listed = {product["name"]: product for product in api.get("/v1/products").json()["data"]}
    assert list(listed) == list(PRODUCTS)
    for name, product in PRODUCTS.items():
        shown = listed[name]
        assert shown["artwork_in"] == [product.bleed_width_in, product.bleed_height_in]
        assert shown[product.address_side]["ink_free"] == vars(product.ink_free)
        assert {price: cents["cents"] for price, cents in shown["prices"].items()} == dict(product.first_prices_cents)
    assert listed["postcard_4x6"]["prices"]["marketing"] == {
        "cents": 65, "further_sheet_cents": 0, "currency": "usd",
    }  # fmt: skip


def test_the_sandbox_clock_is_sent_forward_by_its_owner(api: World) -> None:
    start = datetime.fromisoformat(api.get("/v1/sandbox/clock").json()["line_now"])
    moved = api.post("/v1/sandbox/clock", {"advance_s": 3600}).json()
    assert abs((datetime.fromisoformat(moved["advance_to"]) - start).total_seconds() - 3600) < 0.01
    further = api.post("/v1/sandbox/clock", {"advance_s": 60, "rate": 0}).json()
    assert abs((datetime.fromisoformat(further["advance_to"]) - start).total_seconds() - 3660) < 0.01
    assert further["rate"] == 0
    back = api.post("/v1/sandbox/clock", {"advance_to": "2020-01-01T00:00:00Z", "rate": 5})
    assert (back.status_code, back.json()["code"]) == (422, "clock_backwards")
    assert api.get("/v1/sandbox/clock").json()["rate"] == 0, "a refused change changes nothing"
    assert api.get("/v1/sandbox/clock", "bob-test").json()["advance_to"] is None
    assert api.get("/v1/sandbox/clock", "ada-live").status_code == 403


def test_the_service_says_how_it_is(api: World) -> None:
    assert api.client.get("/healthz").json() == {"status": "ok"}
    assert api.client.get("/readyz").json() == {"status": "ready"}

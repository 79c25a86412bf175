"""Paging, the event log, webhook endpoints, and the description of it all."""

from typing import Any

import pytest
from sqlalchemy import delete, insert

from pipeline.clock import machine_clock
from pipeline.repository import tables
from pipeline.repository.outbox import publish
from tests.integration.api.world import World


def walk(api: World, **params: str) -> list[str]:
    """All ids, from the first page to the last."""
    ids: list[str] = []
    while True:
        page = api.get("/v1/mail", **params).json()
        ids += [piece["id"] for piece in page["data"]]
        if not page["has_more"]:
            assert page["next_cursor"] is None
            return ids
        params["cursor"] = page["next_cursor"]


def test_pages_join_without_gap_or_repeat(api: World) -> None:
    made = [api.order()["id"] for _ in range(11)]
    for limit in ("1", "3", "10", "11", "100"):
        assert walk(api, limit=limit) == made[::-1]
    assert len(api.get("/v1/mail").json()["data"]) == 10


def test_pages_hold_still_while_pieces_come_and_go(api: World) -> None:
    made = [api.order()["id"] for _ in range(8)]
    first = api.get("/v1/mail", limit="4").json()
    assert [piece["id"] for piece in first["data"]] == made[:3:-1]
    newest = api.order()["id"]
    remove(api, made[4])  # the row that the cursor names
    remove(api, made[2])
    second = api.get("/v1/mail", limit="4", cursor=first["next_cursor"]).json()
    assert [piece["id"] for piece in second["data"]] == [made[3], made[1], made[0]]
    assert second["has_more"] is False
    back = api.get("/v1/mail", limit="4", cursor=second["previous_cursor"]).json()
    assert [piece["id"] for piece in back["data"]] == [newest, *made[7:4:-1]]
    assert back["previous_cursor"] is None


def test_a_cursor_keeps_to_its_list_and_filters(api: World) -> None:
    for n in range(3):
        api.order(metadata={"n": str(n)})
    cursor = api.get("/v1/mail", limit="1", status="created").json()["next_cursor"]
    assert api.get("/v1/mail", limit="2", status="created", cursor=cursor).status_code == 200
    for path, params in (("/v1/mail", {}), ("/v1/mail", {"status": "ready"}), ("/v1/creatives", {})):
        answer = api.get(path, cursor=cursor, **params)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_mismatch")
    forged = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for wrong in (forged, cursor[:-4], "", "é", "====", "a"):
        assert api.get("/v1/mail", cursor=wrong).json()["code"] == "invalid_cursor", wrong


def test_the_event_log_is_read_by_position(api: World) -> None:
    pieces = [api.order()["id"] for _ in range(5)]
    assert api.get("/v1/events").json()["data"] == [], "nothing is in the log before it is published"
    with api.db.write() as tx:
        publish(tx, "test", now=machine_clock(), ids=api.services.ids)
    first = api.get("/v1/events", limit="3").json()
    rest = api.get("/v1/events", limit="3", cursor=first["next_cursor"]).json()
    assert [one["mail"] for one in first["data"] + rest["data"]] == pieces
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert api.get("/v1/events", cursor=rest["next_cursor"]).json()["data"] == []
    api.post(f"/v1/mail/{pieces[0]}/cancel", None)
    with api.db.write() as tx:
        publish(tx, "test", now=machine_clock(), ids=api.services.ids)
    (news,) = api.get("/v1/events", cursor=rest["next_cursor"]).json()["data"]
    assert (news["type"], news["mail"]) == ("mail.canceled", pieces[0])
    assert len(api.get("/v1/events", types="mail.canceled,mail.sent").json()["data"]) == 1


def test_an_endpoint_lives_and_goes(api: World) -> None:
    made = api.post("/v1/webhook_endpoints", {"url": "https://example.com/a", "events": ["mail.*"], "description": "a"})
    assert made.status_code == 201
    endpoint = made.json()
    assert endpoint["secret"].startswith("whsec_")
    url = made.headers["location"]
    shown = api.get(url).json()
    assert shown == {name: value for name, value in endpoint.items() if name != "secret"}
    assert "secret" not in str(shown)
    paused = patch(api, url, {"disabled": True, "ordered": False})
    assert (paused["ordered"], paused["description"], paused["disabled_reason"]) == (
        False,
        "a",
        "disabled by its owner",
    )
    assert patch(api, url, {"disabled": False})["disabled_at"] is None
    assert api.client.delete(url, headers=api.headers()).status_code == 204
    for answer in (api.get(url), api.client.delete(url, headers=api.headers()), api.get(f"{url}/deliveries")):
        assert answer.status_code == 404
    assert api.get("/v1/webhook_endpoints").json()["data"] == []


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"url": "http://127.0.0.1/"}, "/url", "invalid_url"),
        ({"url": "https://example.com/", "events": ["mail.lost"]}, "/events/0", "invalid_value"),
        ({"url": "https://example.com/", "events": []}, "/events", "too_short"),
        ({"url": "https://example.com/", "secrets": ["x"]}, "/secrets", "unknown_field"),
        ({}, "/url", "missing_field"),
    ],
)
def test_a_wrong_endpoint_is_refused(api: World, body: dict[str, Any], pointer: str, code: str) -> None:
    before = api.rows()
    answer = api.post("/v1/webhook_endpoints", body, Idempotency_Key="k")
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
    assert api.rows() == before


def test_deliveries_are_listed_with_their_attempts(api: World) -> None:
    endpoint = api.post("/v1/webhook_endpoints", {"url": "https://example.com/a"}).json()["id"]
    api.order()
    now = machine_clock()
    with api.db.write() as tx:
        publish(tx, "test", now=now, ids=api.services.ids)
        delivery = tx.execute(tables.deliveries.select()).one()
        tried = {
            "id": "at_1",
            "delivery_id": delivery.id,
            "number": 1,
            "at": now,
            "delivered": False,
            "status_code": 503,
        }
        tx.execute(insert(tables.attempts).values(**tried))
    (shown,) = api.get(f"/v1/webhook_endpoints/{endpoint}/deliveries").json()["data"]
    assert (shown["type"], shown["status"], shown["attempts"][0]["status_code"]) == ("mail.created", "pending", 503)
    api.client.delete(f"/v1/webhook_endpoints/{endpoint}", headers=api.headers())
    with api.db.read() as tx:
        assert tx.execute(tables.deliveries.select()).one().status == "canceled"


def test_the_description_is_of_the_routes_that_are_there(api: World) -> None:
    described = api.client.get("/openapi.json").json()
    operations = {(method.upper(), path) for path, ways in described["paths"].items() for method in ways}
    for method, path in operations:
        allowed = api.client.request(
            "OPTIONS", path.format(id="ml_" + "0" * 26, code="not_found"), headers=api.headers()
        )
        assert method in allowed.headers["allow"], (method, path)
    ids = [way["operationId"] for ways in described["paths"].values() for way in ways.values()]
    assert len(ids) == len(set(ids)) == len(operations)
    assert set(described["components"]["schemas"]) >= {"PieceIn", "AddressIn", "SideIn", "EndpointIn", "Problem"}
    assert "HTTPValidationError" not in str(described)
    assert references(described) <= {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert api.client.get("/docs").status_code == 200


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


def patch(api: World, url: str, body: dict[str, Any]) -> Any:
    answer = api.client.patch(url, json=body, headers=api.headers())
    assert answer.status_code == 200, answer.text
    return answer.json()


def remove(api: World, piece_id: str) -> None:
    with api.db.write() as tx:
        tx.execute(delete(tables.events).where(tables.events.c.piece_id == piece_id))
        tx.execute(delete(tables.recipients).where(tables.recipients.c.piece_id == piece_id))
        tx.execute(delete(tables.pieces).where(tables.pieces.c.id == piece_id))

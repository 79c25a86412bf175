"""No account sees another's, no mode the other's: every route with an id, from every side, the same 404."""

import json
from typing import Any

import pytest

from pipeline.repository import tables
from tests.integration.api.world import World, codes

SUBJECTS = {
    "mail": ["GET /v1/mail/{}", "GET /v1/mail/{}/events", "POST /v1/mail/{}/cancel"],
    "creative": ["GET /v1/creatives/{}", "GET /v1/creatives/{}/report", "GET /v1/creatives/{}/proof"],
    "endpoint": [
        "GET /v1/webhook_endpoints/{}",
        "PATCH /v1/webhook_endpoints/{}",
        "DELETE /v1/webhook_endpoints/{}",
        "GET /v1/webhook_endpoints/{}/deliveries",
    ],
}
STRANGERS = ("bob-test", "bob-live", "ada-live")


@pytest.fixture
def owned(api: World) -> dict[str, str]:
    """What the account ada owns in test mode."""
    piece = api.order()
    endpoint = api.post("/v1/webhook_endpoints", {"url": "https://example.com/hook"})
    return {"mail": piece["id"], "creative": piece["front"]["creative"], "endpoint": endpoint.json()["id"]}


def test_a_stranger_sees_what_one_sees_of_nothing(api: World, owned: dict[str, str]) -> None:
    before = api.rows()
    for subject, routes in SUBJECTS.items():
        nothing = owned[subject][:3] + "0" * 26
        for route in routes:
            for who in STRANGERS:
                seen, unseen = (ask(api, route, who, one) for one in (owned[subject], nothing))
                assert seen[0] == 404, (route, who)
                assert seen == unseen, (route, who)
    assert api.rows() == before
    assert api.get(f"/v1/mail/{owned['mail']}").json()["status"] == "created"
    assert api.get(f"/v1/webhook_endpoints/{owned['endpoint']}").status_code == 200


def test_lists_show_ones_own(api: World, owned: dict[str, str]) -> None:
    for url in ("/v1/mail", "/v1/creatives", "/v1/webhook_endpoints", "/v1/events"):
        for who in STRANGERS:
            assert api.get(url, who).json()["data"] == [], (url, who)
    for subject, url in (("mail", "/v1/mail"), ("creative", "/v1/creatives"), ("endpoint", "/v1/webhook_endpoints")):
        assert [one["id"] for one in api.get(url).json()["data"]] == [owned[subject]]


@pytest.mark.parametrize("who", STRANGERS)
def test_a_strangers_creative_cannot_be_mailed(api: World, owned: dict[str, str], who: str) -> None:
    body = api.mail(front={"creative": owned["creative"]})
    before = api.rows()
    answer = api.post("/v1/mail", body, who)
    assert (answer.status_code, answer.json()["code"]) == (422, "creative_not_found")
    assert codes(answer) == {"/front/creative": "creative_not_found"}
    assert api.rows() == before


def test_a_strangers_cursor_is_refused(api: World) -> None:
    for _ in range(3):
        api.order()
    cursor = api.get("/v1/mail", limit="2").json()["next_cursor"]
    for who in STRANGERS:
        answer = api.get("/v1/mail", who, limit="2", cursor=cursor)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_mismatch")


def test_a_strangers_external_id_is_free(api: World) -> None:
    ids = {api.order(who, external_id="same")["id"] for who in ("ada-test", "ada-live", "bob-test", "bob-live")}
    assert len(ids) == 4


def test_no_row_of_one_mode_names_the_other(api: World) -> None:
    for who in ("ada-test", "ada-live", "bob-test", "bob-live"):
        api.order(who)
    with api.db.read() as tx:
        front = tables.creatives
        joined = tables.pieces.join(front, front.c.id == tables.pieces.c.front_creative_id)
        wrong = joined.select().where(
            (front.c.mode != tables.pieces.c.mode) | (front.c.account_id != tables.pieces.c.account_id)
        )
        assert tx.execute(wrong).all() == []
    assert {path.relative_to(api.files).parts[0] for path in api.files.rglob("*") if path.is_file()} == {"test", "live"}


def ask(api: World, route: str, who: str, subject_id: str) -> tuple[int, dict[str, Any]]:
    """Status and body, less what differs from request to request."""
    method, path = route.split()
    sends = {"json": {"description": "mine now"}} if method == "PATCH" else {}
    answer = api.client.request(method, path.format(subject_id), headers=api.headers(who), **sends)
    body = json.loads(answer.content)
    assert body.pop("request_id") == answer.headers["request-id"]
    assert body.pop("instance").endswith(answer.headers["request-id"])
    return answer.status_code, body

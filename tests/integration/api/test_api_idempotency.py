"""The same request twice is one piece: in a race, after a replay, and across restarts of the writer."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, select, update

from pipeline.repository import tables
from pipeline.repository.moves import created
from tests.integration.api.world import World, png


def test_a_repeated_request_gets_the_first_answer_again(api: World) -> None:
    body = api.mail(external_id="e1")
    first = api.post("/v1/mail", body, Idempotency_Key="order-1")
    before = api.rows()
    reordered = dict(reversed(body.items()))
    headers = {**api.headers(), "Idempotency-Key": '"order-1"', "Content-Type": "application/json"}
    again = api.client.post("/v1/mail", content=json.dumps(reordered, indent=3), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request-id"] == first.headers["request-id"]
    assert again.headers["request-id"] != first.headers["request-id"]
    assert "idempotent-replayed" not in first.headers
    assert api.rows() == before


def test_a_key_used_for_something_else_is_refused(api: World) -> None:
    body = api.mail()
    first = api.post("/v1/mail", body, Idempotency_Key="k")
    before = api.rows()
    other = api.post("/v1/mail", {**body, "metadata": {"a": "b"}}, Idempotency_Key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert first.headers["request-id"] in other.json()["detail"]
    elsewhere = api.post("/v1/webhook_endpoints", {"url": "https://example.com/"}, Idempotency_Key="k")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency_key_reused")
    assert api.rows() == before


def test_keys_belong_to_one_account_and_mode(api: World) -> None:
    locations = set()
    for who in ("ada-test", "ada-live", "bob-test"):
        answer = api.post("/v1/mail", api.mail(who), who, Idempotency_Key="same")
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)
        locations.add(answer.headers["location"])
    assert len(locations) == 3


def test_refusals_are_not_kept(api: World) -> None:
    body = api.mail()
    wrong = api.post("/v1/mail", {**body, "send_on": "2020-01-01"}, Idempotency_Key="k")
    assert wrong.status_code == 422
    assert api.post("/v1/mail", body, Idempotency_Key="k").status_code == 201


def test_a_key_may_be_used_anew_when_its_time_is_over(api: World) -> None:
    body = api.mail()
    first = api.post("/v1/mail", body, Idempotency_Key="k")
    kept = tables.idempotent_answers
    with api.db.write() as tx:
        times = tx.execute(select(kept.c.created_at, kept.c.expires_at)).one()
        tx.execute(update(kept).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert times.expires_at - times.created_at == timedelta(hours=24)
    second = api.post("/v1/mail", body, Idempotency_Key="k")
    assert second.json()["id"] != first.json()["id"]
    assert api.post("/v1/mail", body, Idempotency_Key="k").content == second.content


def test_sixteen_at_once_make_one_piece(api: World) -> None:
    body = api.mail()
    answers = at_once(api, [(body, "race")] * 16)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert api.rows()["pieces"] == api.rows()["events"] == api.rows()["recipients"] == 1


def test_of_different_bodies_at_once_one_wins_and_the_others_are_refused(api: World) -> None:
    body = api.mail()
    answers = at_once(api, [({**body, "metadata": {"n": str(n)}}, "race") for n in range(16)])
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 15
    assert {answer.json().get("code") for answer in answers if answer.status_code == 422} == {"idempotency_key_reused"}
    assert api.rows()["pieces"] == 1


def test_an_external_id_is_for_one_piece_for_good(api: World) -> None:
    body = api.mail(external_id="order-1")
    answers = at_once(api, [({**body, "metadata": {"n": str(n)}}, None if n % 2 else f"k{n}") for n in range(16)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    (made,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer.status_code == 409:
            assert (answer.json()["code"], answer.json()["existing_id"]) == ("external_id_exists", made)
    assert api.rows()["pieces"] == 1
    assert api.rows()["idempotent_answers"] <= 1
    assert api.post("/v1/mail", api.mail("bob-test", external_id="order-1"), "bob-test").status_code == 201


def test_the_same_artwork_at_once_is_one_creative(api: World) -> None:
    def upload(_: int) -> httpx2.Response:
        files = {"file": ("a.png", png(9))}
        answer: httpx2.Response = api.client.post(
            "/v1/creatives", data={"product": "postcard_4x6"}, files=files, headers=api.headers()
        )
        return answer

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(upload, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_an_upload_and_an_endpoint_are_repeated_safely_too(api: World) -> None:
    files, data = {"file": ("a.png", png(4))}, {"product": "postcard_4x6"}
    uploads = [
        api.client.post("/v1/creatives", data=data, files=files, headers=api.headers(Idempotency_Key="c"))
        for _ in range(2)
    ]
    assert [answer.status_code for answer in uploads] == [201, 201]
    assert uploads[1].headers["idempotent-replayed"] == "true"
    other = {"file": ("a.png", png(5))}
    before = api.rows()
    reused = api.client.post("/v1/creatives", data=data, files=other, headers=api.headers(Idempotency_Key="c"))
    assert reused.json()["code"] == "idempotency_key_reused"
    assert api.rows() == before
    wanted = {"url": "https://example.com/hook"}
    made = [api.post("/v1/webhook_endpoints", wanted, Idempotency_Key="w") for _ in range(2)]
    assert made[0].content == made[1].content, "the secret is shown again to who lost the answer"
    assert api.rows()["webhook_endpoints"] == 1


def test_a_crash_before_the_commit_leaves_nothing(api: World, monkeypatch: pytest.MonkeyPatch) -> None:
    body, before = api.mail(), api.rows()

    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.repository.intake_rows.created", crash)
        answer = api.post("/v1/mail", body, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (500, "internal_error", True)
    assert api.rows() == before
    assert api.post("/v1/mail", body, Idempotency_Key="k").status_code == 201


def test_one_bad_request_does_not_harm_its_neighbours(api: World, monkeypatch: pytest.MonkeyPatch) -> None:
    body = api.mail()

    def poisoned(piece: Any, **more: Any) -> Any:
        if piece["metadata"].get("n") == "7":
            raise RuntimeError("poison")
        return created(piece, **more)

    monkeypatch.setattr("pipeline.repository.intake_rows.created", poisoned)
    answers = at_once(api, [({**body, "metadata": {"n": str(n)}}, f"k{n}") for n in range(16)])
    assert [answer.status_code for answer in answers] == [500 if n == 7 else 201 for n in range(16)]
    assert api.rows()["pieces"] == 15


def test_a_class_without_a_price_is_not_offered(api: World) -> None:
    body = api.mail()
    with api.db.write() as tx:
        tx.execute(delete(tables.prices))
    answer = api.post("/v1/mail", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "class_not_offered")


def at_once(api: World, requests: list[tuple[dict[str, Any], str | None]]) -> list[httpx2.Response]:
    def send(request: tuple[dict[str, Any], str | None]) -> httpx2.Response:
        body, key = request
        return api.post("/v1/mail", body, **({"Idempotency_Key": key} if key else {}))

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, requests))

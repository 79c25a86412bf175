"""Every bad input has its own code, pointer and remedy, and leaves no row and no file behind."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pikepdf
import pytest

from api.problems import CODES
from tests.integration.api.world import ADDRESS, World, codes, png


def pdf(width_pt: float = 450, height_pt: float = 306, *, password: str = "") -> bytes:
    """A blank page; 450 x 306 points is the bleed size of a 4x6 postcard."""
    made = pikepdf.new()
    made.add_blank_page(page_size=(width_pt, height_pt))
    out = io.BytesIO()
    encryption = pikepdf.Encryption(owner="o", user=password) if password else None
    made.save(out, encryption=encryption)
    return out.getvalue()


def b64(body: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(body).decode()}


PIECES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "unknown product": ({"product": "postcard_9x9"}, {"/product": "unknown_product"}),
    "unknown field": ({"colour": "red"}, {"/colour": "unknown_field"}),
    "unknown field inside": ({"to": {**ADDRESS, "phone": "1"}}, {"/to/phone": "unknown_field"}),
    "missing field": ({"to": ...}, {"/to": "missing_field"}),
    "missing front": ({"front": {}}, {"/front": "missing_field"}),
    "two ways for a side": ({"front": {"creative": "cr_1", "url": "https://x"}}, {"/front": "invalid_value"}),
    "side by url": ({"front": {"url": "https://example.com/a.pdf"}}, {"/front/url": "unsupported_side"}),
    "html that loads": ({"back": {"html": "<img src='a.png'>"}}, {"/back/html": "html_loads_url"}),
    "html of two pages": ({"back": {"html": "<p style='break-after: page'>1<p>2"}}, {"/back/html": "page_count"}),
    "html in no known form": ({"back": {"html": "{{#if a}}"}}, {"/back/html": "malformed_template"}),
    "fields without values": (
        {"front": {"html": "{{first}} {{order}}"}, "back": {"html": "{{first}}"}, "merge": {"order": "1"}},
        {"/merge/first": "missing_merge_field"},
    ),
    "a name that no field has": (
        {"front": {"html": "{{a}}"}, "merge": {"a b": "x"}},
        {"/merge/a b": "invalid_characters"},
    ),
    "a value that is no text": ({"front": {"html": "{{a}}"}, "merge": {"a": 1}}, {"/merge/a": "wrong_type"}),
    "merge without a template": ({"merge": {"first": "Ada"}}, {"/merge": "merge_without_template"}),
    "a number for a text": ({"external_id": 1}, {"/external_id": "wrong_type"}),
    "unknown class": ({"class": "express"}, {"/class": "invalid_value"}),
    "not a date": ({"send_on": "20261124"}, {"/send_on": "invalid_value"}),
    "a date in the past": ({"send_on": "2020-01-01"}, {"/send_on": "send_on_out_of_range"}),
    "a date too far ahead": ({"send_on": "2099-01-01"}, {"/send_on": "send_on_out_of_range"}),
    "control characters": ({"to": {**ADDRESS, "name": "Ada\u0000"}}, {"/to/name": "invalid_characters"}),
    "metadata key": ({"metadata": {"a[b": "1"}}, {"/metadata/a[b": "invalid_characters"}),
    "metadata value": ({"metadata": {"a/b": 1}}, {"/metadata/a~1b": "wrong_type"}),
    "too much metadata": ({"metadata": {str(n): "" for n in range(51)}}, {"/metadata": "too_many_items"}),
    "foreign country": ({"to": {**ADDRESS, "country": "CA", "zip": "K1A 0B1"}}, {"/to/country": "foreign_country"}),
    "nobody": ({"to": {**ADDRESS, "name": None}}, {"/to/name": "missing_field"}),
    "unknown creative": (
        {"front": {"creative": "cr_00000000000000000000000000"}},
        {"/front/creative": "creative_not_found"},
    ),
    "not base64": ({"front": {"base64": "@@@"}}, {"/front/base64": "invalid_base64"}),
    "wrong page size": ({"front": b64(pdf(300, 300))}, {"/front": "wrong_page_size"}),
    "encrypted PDF": ({"front": b64(pdf(password="secret"))}, {"/front": "pdf_encrypted"}),
    "72-dpi image": ({"front": b64(png(width_px=450, height_px=306))}, {"/front": "low_resolution"}),
    "not a file": (
        {"front": b64(b"just a text"), "back": b64(b"")},
        {"/front": "unsupported_file", "/back": "unsupported_file"},
    ),
    "a bad side of two": (
        {"front": b64(png()), "back": {"creative": "cr_00000000000000000000000000"}},
        {"/back/creative": "creative_not_found"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PIECES)
def test_a_wrong_piece_is_refused_whole(api: World, name: str) -> None:
    changes, expected = PIECES[name]
    body = api.mail(**changes)
    before = api.rows()
    answer = api.post("/v1/mail", body, Idempotency_Key="k1")
    assert answer.status_code == 422, answer.text
    assert codes(answer) == expected
    assert_is_problem(answer, next(iter(expected.values())))
    assert api.rows() == before


def test_all_that_is_wrong_is_said_at_once(api: World) -> None:
    body = {
        "product": "poster",
        "to": {"name": "Ada", "line1": "1 Main St", "city": "Boise", "state": "ID", "zip": "99"},
        "from": {"company": "X", "line1": "", "city": "Boise", "state": "ID", "zip": "83702"},
        "colour": "red",
    }
    found = codes(api.post("/v1/mail", body))
    assert found["/product"] == "unknown_product"
    assert found["/from/line1"] == "too_short"
    assert found["/colour"] == "unknown_field"
    assert "/to/zip" in found


def test_a_text_file_named_pdf_is_known_by_its_content(api: World) -> None:
    before = api.rows()
    files = {"file": ("art.pdf", b"Dear printer, this is no PDF.", "application/pdf")}
    answer = api.client.post("/v1/creatives", data={"product": "postcard_4x6"}, files=files, headers=api.headers())
    assert codes(answer) == {"/file": "unsupported_file"}
    assert api.rows() == before


BODIES: dict[str, tuple[int, str, Callable[[World], httpx2.Response]]] = {
    "bad JSON": (400, "malformed_json", lambda api: raw(api, b'{"product": ')),
    "NaN": (400, "malformed_json", lambda api: raw(api, b'{"product": NaN}')),
    "a lone surrogate": (400, "malformed_json", lambda api: raw(api, b'{"product": "\\ud800"}')),
    "not UTF-8": (400, "malformed_json", lambda api: raw(api, b'{"product": "\xff"}')),
    "too deep": (400, "malformed_json", lambda api: raw(api, b"[" * 5000 + b"]" * 5000)),
    "not an object": (422, "wrong_type", lambda api: raw(api, b"[]")),
    "no body": (400, "malformed_json", lambda api: raw(api, b"")),
    "a form": (415, "unsupported_media_type", lambda api: raw(api, b"a=b", "application/x-www-form-urlencoded")),
    "no type": (415, "unsupported_media_type", lambda api: raw(api, b"{}", "")),
    "no boundary": (400, "malformed_multipart", lambda api: raw(api, b"--x", "multipart/form-data")),
    "cut short": (
        400,
        "malformed_multipart",
        lambda api: raw(
            api, b'--x\r\nContent-Disposition: form-data; name="mail"\r\n\r\n{}', "multipart/form-data; boundary=x"
        ),
    ),
    "unknown part": (
        422,
        "unexpected_part",
        lambda api: api.client.post("/v1/mail", files={"../../x": ("x", b"x")}, headers=api.headers()),
    ),
    "no JSON part": (
        422,
        "missing_field",
        lambda api: api.client.post("/v1/mail", files={"front": ("x", b"x")}, headers=api.headers()),
    ),
    "two keys": (
        400,
        "malformed_idempotency_key",
        lambda api: api.client.post(
            "/v1/mail",
            json=api.mail(),
            headers=[*api.headers().items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
        ),
    ),
    "empty key": (400, "malformed_idempotency_key", lambda api: api.post("/v1/mail", api.mail(), Idempotency_Key='""')),
    "long key": (
        400,
        "malformed_idempotency_key",
        lambda api: api.post("/v1/mail", api.mail(), Idempotency_Key="k" * 256),
    ),
    "unknown route": (404, "unknown_route", lambda api: api.get("/v1/nothing")),
    "slash at the end": (404, "unknown_route", lambda api: api.get("/v1/mail/")),
    "no such piece": (404, "not_found", lambda api: api.get("/v1/mail/ml_00000000000000000000000000")),
    "not an id": (404, "not_found", lambda api: api.get("/v1/mail/%00")),
}


def raw(api: World, body: bytes, content_type: str = "application/json") -> httpx2.Response:
    headers = {**api.headers(), "Content-Type": content_type}
    answer: httpx2.Response = api.client.post("/v1/mail", content=body, headers=headers)
    return answer


@pytest.mark.parametrize("name", BODIES)
def test_a_broken_request_is_refused(api: World, name: str) -> None:
    api.creative()
    before = api.rows()
    status, code, send = BODIES[name]
    answer = send(api)
    assert answer.status_code == status, answer.text
    assert_is_problem(answer, code)
    assert api.rows() == before


KEYS = {
    "none": ({}, "missing_key"),
    "no key": ({"Authorization": "Bearer "}, "missing_key"),
    "another scheme": ({"Authorization": "Digest x"}, "missing_key"),
    "not a key": ({"Authorization": "Bearer hello"}, "malformed_key"),
    "not base64": ({"Authorization": "Basic @@"}, "malformed_key"),
}


@pytest.mark.parametrize("name", KEYS)
def test_without_a_key_nothing_is_told(api: World, name: str) -> None:
    headers, code = KEYS[name]
    answer = api.client.post("/v1/mail", content=b"{", headers=headers)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]
    assert_is_problem(answer, code)


def test_wrong_keys_are_told_apart(api: World) -> None:
    good = api.keys["ada-test"]
    mistyped = good[:-1] + ("0" if good[-1] != "0" else "1")
    other_mode = good.replace("ms_test_", "ms_live_")
    for secret in (mistyped, other_mode, good + "x"):
        answer = api.client.get("/v1/mail", headers={"Authorization": f"Bearer {secret}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "malformed_key")
    assert api.get("/v1/mail", "ada-expired").json()["code"] == "expired_key"
    assert api.get("/v1/mail", "op").json()["code"] == "sender_key_required"
    assert api.get("/v1/mail", key=good).json()["code"] == "key_in_url"
    basic = base64.b64encode(f"{good}:".encode()).decode()
    assert api.client.get("/v1/mail", headers={"Authorization": f"Basic {basic}"}).status_code == 200


def test_a_method_that_is_not_there_is_told_which_are(api: World) -> None:
    answer = api.client.put("/v1/mail", headers=api.headers())
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
    assert_is_problem(answer, "method_not_allowed")


def test_every_code_can_be_looked_up(api: World) -> None:
    listed = api.client.get("/v1/errors").json()["data"]
    assert {one["code"] for one in listed} == set(CODES)
    for one in listed:
        assert api.client.get(one["url"]).json() == one
        assert one["remedy"]
    assert api.client.get("/v1/errors/nonsense").status_code == 404


def test_what_breaks_here_is_told_without_a_trace(api: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("185 Berry St")

    monkeypatch.setattr("api.routes.mail.mail.find_piece", broken)
    answer = api.get("/v1/mail/ml_00000000000000000000000000")
    assert answer.status_code == 500
    assert "Berry" not in answer.text
    assert_is_problem(answer, "internal_error")


def assert_is_problem(answer: httpx2.Response, code: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert body["code"] == code
    assert body["status"] == answer.status_code == CODES[code].status
    assert body["request_id"] == answer.headers["request-id"]
    assert body["detail"]
    assert all(fault["detail"] and fault["remedy"] for fault in body["errors"])

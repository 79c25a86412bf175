"""Sides that are HTML: made artwork at the door, with the values of each piece, and shared where they are the same."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from sqlalchemy import select

from pipeline.errors import Permanent
from pipeline.press.process import child
from pipeline.press.report import Report
from pipeline.products import Product
from pipeline.repository import tables
from tests.integration.api.world import ADDRESS, World, codes
from tests.unit.press.html_pages import GREETING, picture
from tests.waiting import PLENTY_S

STILL = "<!doctype html><p style='margin: .5in'>The same for everybody"


def text_of(path: Path) -> str:
    document = pypdfium2.PdfDocument(path)
    try:
        page = document[0].get_textpage()
        text: str = page.get_text_range()
        page.close()
    finally:
        document.close()
    return " ".join(text.split())


def source(api: World, creative_id: str) -> Path:
    """The artwork that a creative was made from."""
    with api.db.read() as tx:
        key = tx.execute(select(tables.creatives.c.source_key).where(tables.creatives.c.id == creative_id)).scalar_one()
    return api.services.storage.fetch(key)


def template(api: World, html: str = GREETING, **more: Any) -> dict[str, Any]:
    answer = api.post("/v1/creatives", {"product": "postcard_4x6", "html": html, **more})
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_side_of_html_becomes_a_creative_of_its_own(api: World) -> None:
    piece = api.order(front={"html": STILL})
    creative = api.get(f"/v1/creatives/{piece['front']['creative']}").json()
    assert (creative["kind"], creative["status"], creative["merge_fields"]) == ("html", "checked", [])
    assert api.order(front={"html": STILL})["front"] == piece["front"], "the same HTML is the same creative"
    assert [one["id"] for one in api.get("/v1/creatives").json()["data"]] == [creative["id"]]
    assert text_of(source(api, creative["id"])) == "The same for everybody"


def test_the_same_html_on_another_product_is_another_page(api: World) -> None:
    small = api.order(front={"html": STILL})
    large = api.order(front={"html": STILL}, product="postcard_6x9")
    assert small["front"] != large["front"]
    sizes = {pypdfium2.PdfDocument(source(api, one["front"]["creative"]))[0].get_size() for one in (small, large)}
    assert sizes == {(450.0, 306.0), (666.0, 450.0)}


def test_a_letter_may_fill_several_pages(api: World) -> None:
    body = "<div style='padding-top: 4in'>Dear {{first_name}},</div><p style='break-before: page'>and so on.</p>"
    html = f"<style>@page {{ margin: 1in }}</style>{body}"
    answer = api.post("/v1/mail", api.mail(product="letter", front={"html": html}, merge={"first_name": "Ada"}))
    assert answer.status_code == 201, answer.text
    assert answer.json()["sheets"] == 1
    document = pypdfium2.PdfDocument(source(api, answer.json()["front"]["creative"]))
    assert [page.get_size() for page in document] == [(612.0, 792.0)] * 2
    document.close()


def test_each_piece_has_its_own_values_and_the_same_values_are_one_page(api: World) -> None:
    def order(**merge: str) -> str:
        creative: str = api.order(front={"html": GREETING}, merge=merge)["front"]["creative"]
        return creative

    ada, again, grace = (
        order(first_name=name, order="1", unused=str(at)) for at, name in enumerate(("Ada", "Ada", "Grace"))
    )
    assert ada == again != grace
    assert text_of(source(api, grace)) == "Hello Grace Your order 1 is ready."
    assert api.get("/v1/creatives").json()["data"] == [], "pages with somebody's values are in no list"
    assert api.get(f"/v1/creatives/{ada}").json()["kind"] == "merged_html"


def test_a_template_says_its_fields_and_is_filled_for_each_piece(api: World) -> None:
    made = template(api)
    assert made["merge_fields"] == ["first_name", "order"]
    assert template(api) == made
    assert text_of(source(api, made["id"])) == "Hello first_name Your order order is ready."
    inline = api.order(front={"html": GREETING}, merge={"first_name": "Ada", "order": "7"})
    piece = api.order(front={"creative": made["id"]}, merge={"first_name": "Ada", "order": "7"})
    assert piece["front"] == inline["front"], "the same text with the same values is the same page"
    assert text_of(source(api, piece["front"]["creative"])) == "Hello Ada Your order 7 is ready."


def test_a_template_without_its_values_is_refused(api: World) -> None:
    side = {"creative": template(api)["id"]}
    answer = api.post("/v1/mail", api.mail(front=side))
    assert answer.status_code == 422
    assert codes(answer) == {"/merge/first_name": "missing_merge_field", "/merge/order": "missing_merge_field"}
    answer = api.post("/v1/mail", api.mail(front=side, merge={"order": "1"}))
    assert codes(answer) == {"/merge/first_name": "missing_merge_field"}
    assert answer.json()["errors"][0]["remedy"]


def test_a_template_of_another_account_says_nothing_of_itself(api: World) -> None:
    mine = template(api)["id"]
    for merge in (..., {"first_name": "Ada", "order": "1"}):
        answer = api.post("/v1/mail", api.mail("bob-test", front={"creative": mine}, merge=merge), "bob-test")
        assert codes(answer) == {"/front/creative": "creative_not_found"}


def test_values_for_sides_without_fields_are_told(api: World) -> None:
    for back in (..., {"html": STILL}):
        answer = api.post("/v1/mail", api.mail(back=back, merge={"first_name": "Ada"}))
        assert codes(answer) == {"/merge": "merge_without_template"}


def test_samples_stand_in_where_a_field_is_no_text(api: World) -> None:
    html = "<div style='margin: 1in'><img width=96 src='{{picture}}'></div>"
    answer = api.post("/v1/creatives", {"product": "postcard_4x6", "html": html})
    assert codes(answer) == {"/html": "html_loads_url"}
    made = template(api, html, merge={"picture": picture()})
    piece = api.order(front={"creative": made["id"]}, merge={"picture": picture((0, 0, 200))})
    assert piece["front"]["creative"] != made["id"]
    wrong = api.post("/v1/mail", api.mail(front={"creative": made["id"]}, merge={"picture": "https://x.example/a.png"}))
    assert codes(wrong) == {"/front/creative": "html_loads_url"}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"/base64": "missing_field"}),
        ({"html": STILL, "base64": ""}, {"/html": "invalid_value"}),
        ({"html": "{{a"}, {"/html": "malformed_template"}),
        ({"html": STILL, "merge": {"a": "1"}}, {"/merge": "merge_without_template"}),
        ({"html": "<iframe src='https://x.example'></iframe>"}, {"/html": "html_loads_url"}),
        ({"html": "<p style='margin: 1in'>\U0001f600"}, {"/html": "missing_glyph"}),
    ],
)
def test_a_creative_of_html_is_refused_with_its_place(api: World, body: dict[str, Any], wrong: dict[str, str]) -> None:
    answer = api.post("/v1/creatives", {"product": "postcard_4x6", **body})
    assert answer.status_code == 422
    assert wrong.items() <= codes(answer).items()
    assert api.rows()["creatives"] == api.rows()["files"] == 0


def test_ink_where_the_address_goes_is_found_with_the_values_of_the_piece(api: World) -> None:
    html = "<div style='position: absolute; left: .5in; top: .5in; width: 5.2in; height: 3.2in'>{{words}}</div>"
    fine = api.post("/v1/mail", api.mail(back={"html": html}, merge={"words": "short"}))
    assert fine.status_code == 201, fine.text
    answer = api.post("/v1/mail", api.mail(back={"html": html}, merge={"words": "long " * 300}))
    assert codes(answer) == {"/back/html": "ink_in_address_zone"}


def test_digests_of_pages_with_values_are_keyed(api: World) -> None:
    from hashlib import sha256

    from tests.unit.press.html_pages import greeting

    piece = api.order(front={"html": GREETING}, merge={"first_name": "Ada", "order": "1001"})
    kept = api.get(f"/v1/creatives/{piece['front']['creative']}").json()["sha256"]
    assert kept != sha256(greeting().encode()).hexdigest()


def test_what_a_piece_says_stands_in_no_row(api: World) -> None:
    api.order(front={"html": GREETING}, merge={"first_name": "Xanthippe", "order": "1"})
    with api.db.read() as tx:
        rows = [str(row) for table in tables.creatives.metadata.sorted_tables for row in tx.execute(select(table))]
    assert rows
    assert not any("Xanthippe" in row for row in rows)


def test_a_service_without_pango_says_that_it_is_not_the_html(api: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> Report:
        raise Permanent("html_unavailable", "artwork from HTML needs Pango")

    _replace(api, monkeypatch, missing)
    answer = api.post("/v1/mail", api.mail(front={"html": STILL}))
    assert (answer.status_code, answer.json()["code"]) == (503, "html_unavailable")
    assert "Pango" in answer.json()["remedy"]


def test_a_page_that_takes_long_holds_up_no_other_artwork(api: World, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Barrier(3), threading.Event()

    def slow(source: Path, product: Product, out: Path) -> Report:
        entered.wait(PLENTY_S)
        go_on.wait(PLENTY_S)
        return child.inspect_html(source, product, out)

    _replace(api, monkeypatch, slow)
    answers: list[int] = []
    pages = [
        threading.Thread(target=lambda at=at: answers.append(api.post("/v1/mail", _mail(at)).status_code))
        for at in (1, 2)
    ]
    for page in pages:
        page.start()
    entered.wait(PLENTY_S)
    assert api.creative(seed=9).startswith("cr_"), "a picture is inspected while both pages are under way"
    assert answers == []
    go_on.set()
    for page in pages:
        page.join()
    assert answers == [201, 201]


def _replace(api: World, monkeypatch: pytest.MonkeyPatch, inspect_html: Callable[..., Report]) -> None:
    monkeypatch.setattr(type(api.services), "inspect_html", property(lambda _: inspect_html), raising=False)


def _mail(number: int) -> dict[str, Any]:
    return {"product": "postcard_4x6", "to": ADDRESS, "front": {"html": f"<p style='margin: 1in'>{number}"}}

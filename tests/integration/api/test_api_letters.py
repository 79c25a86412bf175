"""Letters and self-mailers through the API: one document or two sides, its pages counted, its sheets priced."""

import json
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select, update

from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import on_piece
from pipeline.products import LETTER, PRODUCTS, SELF_MAILER_6X18, SELF_MAILER_11X9, Product
from pipeline.repository.tables import creatives, pieces
from tests.integration.api.world import ADDRESS, World
from tests.unit.press import artwork_files as art
from tests.unit.press.letters import document, read_mark, spotted
from tests.unit.press.seeing import render, text_within


def _send(api: World, files: dict[str, Path], **mail: Any) -> Any:
    parts = {name: (path.name, path.read_bytes(), "application/pdf") for name, path in files.items()}
    body = {"product": "letter", "to": ADDRESS, **mail}
    return api.client.post("/v1/mail", data={"mail": json.dumps(body)}, files=parts, headers=api.headers())


def _upload(api: World, file: Path, product: str = "letter") -> Any:
    parts = {"file": (file.name, file.read_bytes(), "application/pdf")}
    return api.client.post("/v1/creatives", data={"product": product}, files=parts, headers=api.headers())


@pytest.mark.parametrize(
    ("pages", "sides", "sheets"),
    [(1, None, 1), (2, None, 1), (5, None, 3), (12, "duplex", 6), (1, "simplex", 1), (6, "simplex", 6)],
)
def test_a_letter_is_one_document_whose_sheets_are_counted_and_priced(
    api: World, tmp_path: Path, pages: int, sides: str | None, sheets: int
) -> None:
    given = {} if sides is None else {"sides": sides}
    answer = _send(api, {"front": document(tmp_path / "letter.pdf", pages)}, **given)
    assert answer.status_code == 201, answer.text
    piece = answer.json()
    assert (piece["sheets"], piece["sides"], piece["back"]) == (sheets, sides or "duplex", None)
    assert piece["price"]["cents"] == 109 + 12 * (sheets - 1)
    assert api.get(f"/v1/mail/{piece['id']}").json()["sheets"] == sheets
    assert api.get(f"/v1/creatives/{piece['front']['creative']}").json()["pages"] == pages
    with api.db.read() as tx:
        row = tx.execute(select(pieces).where(pieces.c.id == piece["id"])).one()
    assert (row.sheets, row.print_sides, row.stock) == (sheets, sides or "duplex", "text_60lb")


def test_the_same_document_can_be_printed_either_way_from_one_creative(api: World, tmp_path: Path) -> None:
    creative = _upload(api, document(tmp_path / "letter.pdf", 4)).json()["id"]
    found = [
        api.post("/v1/mail", {"product": "letter", "to": ADDRESS, "front": {"creative": creative}, "sides": sides})
        for sides in ("duplex", "simplex")
    ]
    assert [answer.json()["sheets"] for answer in found] == [2, 4]


@pytest.mark.parametrize("by", ["file", "creative"])
def test_more_sheets_than_fit_the_envelope_are_refused_and_nothing_is_kept(api: World, tmp_path: Path, by: str) -> None:
    file = document(tmp_path / "letter.pdf", 7)
    if by == "creative":
        creative = _upload(api, file).json()["id"]
    before = api.rows()
    if by == "creative":
        mail = {"product": "letter", "to": ADDRESS, "front": {"creative": creative}, "sides": "simplex"}
        answer = api.post("/v1/mail", mail)
    else:
        answer = _send(api, {"front": file}, sides="simplex")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_sheets")
    [fault] = answer.json()["errors"]
    assert fault["pointer"] == "/sides"
    assert "7 pages, printed simplex, take 7 sheets" in fault["detail"]
    assert fault["remedy"] == "Print it duplex, on 4 sheets."
    assert api.rows() == before


def test_more_pages_than_six_sheets_hold_are_refused_by_preflight(api: World, tmp_path: Path) -> None:
    answer = _send(api, {"front": document(tmp_path / "letter.pdf", 13)})
    [fault] = [one for one in answer.json()["errors"] if one["code"] == "page_count"]
    assert (answer.status_code, fault["pointer"]) == (422, "/front")
    assert fault["measured"] == "13 pages"


def test_what_a_product_does_not_have_is_refused_with_its_remedy(api: World, tmp_path: Path) -> None:
    letter = document(tmp_path / "letter.pdf", 2)
    filed = _send(api, {"front": letter, "back": letter})
    creative = _upload(api, letter).json()["id"]
    named = api.post(
        "/v1/mail",
        {"product": "letter", "to": ADDRESS, "front": {"creative": creative}, "back": {"creative": creative}},
    )
    for answer in (filed, named):
        assert answer.status_code == 422
        [fault] = answer.json()["errors"]
        assert (fault["code"], fault["pointer"]) == ("back_not_taken", "/back")
        assert "one file, the front" in fault["remedy"]
    card = api.post("/v1/mail", {**api.mail(), "sides": "simplex"})
    [fault] = card.json()["errors"]
    assert (card.status_code, fault["code"], fault["pointer"]) == (422, "sides_not_taken", "/sides")
    odd = api.post("/v1/mail", {**api.mail(product="letter", front={"creative": creative}), "sides": "both"})
    assert [one["pointer"] for one in odd.json()["errors"]] == ["/sides"]


def test_every_page_is_looked_at_and_faults_name_theirs(api: World, tmp_path: Path) -> None:
    assert LETTER.sheet_mark is not None
    zone, mark = on_piece(LETTER.ink_free, LETTER), on_piece(LETTER.sheet_mark, LETTER)
    in_zone, in_mark = (zone.x_pt + 20, zone.y_pt + 20), (mark.x_pt + 9, mark.y_pt + 9)
    for number, (spots, wanted) in enumerate([
        ({1: in_zone}, [("ink_in_address_zone", 1)]),
        ({2: in_zone, 3: in_zone}, []),
        ({3: in_mark}, [("ink_in_sheet_mark", 3)]),
        ({1: in_mark, 4: in_mark}, [("ink_in_sheet_mark", 1), ("ink_in_sheet_mark", 4)]),
    ]):  # fmt: skip
        answer = _send(api, {"front": spotted(tmp_path / f"{number}.pdf", 4, spots)})
        found = [(one["code"], one["page"]) for one in answer.json().get("errors", []) if one["pointer"] == "/front"]
        assert found == wanted, spots
        assert answer.status_code == (422 if wanted else 201)


def test_the_proof_of_a_letter_has_every_page_and_its_marks(api: World, tmp_path: Path) -> None:
    file = document(tmp_path / "letter.pdf", 3)
    piece = _send(api, {"front": file}, to={**ADDRESS, "company": "Engines", "line2": "Attn Desk 4"}).json()
    normalize(file, LETTER, tmp_path / "normal.pdf")
    api.services.storage.put("test/creatives/normal.pdf", tmp_path / "normal.pdf")
    with api.db.write() as tx:
        ready = update(creatives).where(creatives.c.id == piece["front"]["creative"])
        tx.execute(ready.values(normalized_key="test/creatives/normal.pdf", status="accepted"))
    out = tmp_path / "proof.pdf"
    out.write_bytes(api.get(piece["proof"]).content)
    with pikepdf.open(out) as pdf:
        assert len(pdf.pages) == 4
    # Four lines: street and unit share one.
    lines = text_within(out, 0, on_piece(LETTER.address, LETTER)).split("\n")
    assert [line.strip() for line in lines if line.strip()] == [
        "ADA LOVELACE", "ENGINES", "185 BERRY ST STE 6100 ATTN DESK 4", "SAN FRANCISCO CA 94107",
    ]  # fmt: skip
    assert [read_mark(render(out, page, ppi=200), ppi=200).split()[1] for page in (0, 2)] == ["1/2", "2/2"]


@pytest.mark.parametrize("product", [SELF_MAILER_6X18, SELF_MAILER_11X9], ids=lambda product: product.name)
def test_a_self_mailer_is_ordered_with_its_inside_and_its_outside(api: World, tmp_path: Path, product: Product) -> None:
    files = {"front": art.draw(tmp_path / "in.pdf", lambda canvas: canvas.rect(100, 200, 200, 100, fill=1), product, ground=False),
             "back": art.address_side(tmp_path / "out.pdf", product)}  # fmt: skip
    answer = _send(api, files, product=product.name)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["sheets"], answer.json()["sides"]) == (1, None)
    assert answer.json()["price"]["cents"] == dict(product.first_prices_cents)["first_class"]
    swapped = _send(api, {"front": files["back"], "back": files["front"]}, product=product.name)
    # The ground of the outside covers the strip for the glue, as a tint, which is told and no fault.
    assert swapped.status_code == 201, swapped.text
    wrong = art.address_side(tmp_path / "wrong.pdf", PRODUCTS["postcard_6x9"])
    refused = _send(api, {"front": wrong}, product=product.name)
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_page_size")


@pytest.mark.parametrize("product", ["letter", "postcard_4x6"])
def test_an_address_that_cannot_be_printed_is_refused_at_the_door(api: World, tmp_path: Path, product: str) -> None:
    front = {"front": {"creative": _upload(api, document(tmp_path / "letter.pdf", 1)).json()["id"]}}
    mail = {"product": product, "to": ADDRESS, **(front if product == "letter" else api.mail())}
    cases = [
        ({"to": {**ADDRESS, "line1": "185 " + "W" * 60}, "from": ADDRESS}, "/to", "line 2"),
        ({"to": ADDRESS, "from": {**ADDRESS, "line1": "185 " + "W" * 60}}, "/from", "line 2"),
    ]
    if product == "letter":
        # Street and unit share a line there, and not on a card.
        long = {
            **ADDRESS,
            "company": "Engines",
            "line1": "185 Berry Street of the Long Names of Harbors",
            "line2": "Department of very long names indeed",
        }
        cases.append(({"to": long}, "/to", "line 3"))
    for changes, pointer, said in cases:
        answer = api.post("/v1/mail", {**mail, "product": product, **changes})
        assert answer.status_code == 422, changes
        [fault] = answer.json()["errors"]
        assert (fault["code"], fault["pointer"]) == ("address_unprintable", pointer)
        assert said in fault["detail"]
        assert "WWW" not in fault["detail"]


def test_a_letter_from_html_has_as_many_sheets_as_it_takes(api: World) -> None:
    style = "<style>@page {size: 8.5in 11in; margin: 4in 1in 1in} div {page-break-before: always}</style>"
    front = {"html": f"{style}<p>Dear {{{{name}}}}</p><div>two</div><div>three</div>"}
    mail = {"product": "letter", "to": ADDRESS, "front": front, "merge": {"name": "Ada"}}
    answer = api.post("/v1/mail", {**mail, "sides": "duplex"})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["sheets"], answer.json()["price"]["cents"]) == (2, 121)
    assert api.post("/v1/mail", {**mail, "sides": "simplex"}).json()["sheets"] == 3

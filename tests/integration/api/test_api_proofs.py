"""Templates of products, proofs of pieces, and what preflight tells a designer through the API."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import update

from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import bleed_rect, on_piece
from pipeline.products import POSTCARD_4X6, PRODUCTS
from pipeline.repository.tables import creatives, pieces, recipients
from tests.integration.api.world import ADDRESS, World, png
from tests.unit.press import artwork_files as art
from tests.unit.press.seeing import text_within


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_has_a_template(api: World, tmp_path: Path, name: str) -> None:
    answer = api.get(f"/v1/products/{name}/template")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    (tmp_path / "template.pdf").write_bytes(answer.content)
    assert PRODUCTS[name].title in text_within(tmp_path / "template.pdf", 1, bleed_rect(PRODUCTS[name]))


def test_there_is_no_template_of_what_is_not_made(api: World) -> None:
    assert api.get("/v1/products/mug/template").json()["code"] == "not_found"


def _prepared(api: World, creative: str, folder: Path) -> None:
    """What the prepare stage does of it, as far as proofs need it."""
    source, normal = folder / "source.png", folder / "normal.pdf"
    source.write_bytes(png(1))
    normalize(source, POSTCARD_4X6, normal)
    key = f"test/creatives/{creative}.pdf"
    api.services.storage.put(key, normal)
    with api.db.write() as tx:
        tx.execute(update(creatives).where(creatives.c.id == creative).values(normalized_key=key, status="accepted"))


def test_a_piece_has_a_proof_once_its_artwork_is_prepared(api: World, tmp_path: Path) -> None:
    creative = api.creative()
    piece = api.post("/v1/mail", {**api.mail(front={"creative": creative}), "from": ADDRESS}).json()
    assert piece["proof"] == f"/v1/mail/{piece['id']}/proof"
    assert api.get(piece["proof"]).status_code == 404
    _prepared(api, creative, tmp_path)
    file = tmp_path / "proof.pdf"
    file.write_bytes(api.get(piece["proof"]).content)
    block = on_piece(POSTCARD_4X6.address, POSTCARD_4X6)
    assert ADDRESS["line1"].upper() in text_within(file, 1, block)
    assert ADDRESS["line1"].upper() in text_within(file, 1, on_piece(POSTCARD_4X6.return_address, POSTCARD_4X6))

    standardized = {"name": "ADA LOVELACE", "company": "", "line1": "185 BERRY ST", "line2": "STE 6100",
                    "city": "SAN FRANCISCO", "state": "CA", "zip5": "94107", "zip4": "1234"}  # fmt: skip
    with api.db.write() as tx:
        tx.execute(update(recipients).where(recipients.c.piece_id == piece["id"]).values(standardized=standardized))
        tx.execute(update(pieces).where(pieces.c.id == piece["id"]).values(imb="00310123456000000001941071234"))
    file.write_bytes(api.get(piece["proof"]).content)
    shown = text_within(file, 1, block)
    assert "SAN FRANCISCO CA 94107-1234" in shown
    assert api.get(piece["proof"], "bob-test").status_code == 404
    assert api.get(piece["proof"], "ada-live").status_code == 404


def test_what_is_wrong_with_artwork_is_told_with_its_place(api: World, tmp_path: Path) -> None:
    file = art.text_at(tmp_path / "text.pdf", 0.03, 2.0).read_bytes()
    answer = api.client.post(
        "/v1/creatives", data={"product": "postcard_4x6"}, files={"file": ("a.pdf", file)}, headers=api.headers()
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "text_outside_safe_area")
    told = answer.json()["errors"][0]
    assert (told["pointer"], told["severity"], told["page"], told["required"]) == ("/file", "error", 1, "0.0625 in")
    assert told["box_in"][0] == pytest.approx(0.03, abs=0.01)


def test_artwork_in_the_address_zone_is_refused_for_the_back_alone(api: World) -> None:
    image = Image.open(io.BytesIO(png(7))).convert("RGB")
    image.paste((0, 0, 0), (1200, 700, 1500, 800))
    out = io.BytesIO()
    image.save(out, "PNG")
    kept = api.client.post(
        "/v1/creatives",
        data={"product": "postcard_4x6"},
        files={"file": ("a.png", out.getvalue())},
        headers=api.headers(),
    )
    assert kept.status_code == 201
    report = api.get(kept.json()["report"]).json()
    assert report["ok"]
    assert "ink_in_address_zone" in [one["code"] for one in report["address_side"]]
    # Neither an upload of its own nor one that was seen before gets around it.
    for back in (out.getvalue() + b"\0", out.getvalue()):
        _refused_as_back(api, back)
    by_id = api.post("/v1/mail", api.mail(front={"creative": kept.json()["id"]}, back={"creative": kept.json()["id"]}))
    assert (by_id.status_code, by_id.json()["code"]) == (422, "ink_in_address_zone")
    assert by_id.json()["errors"][0]["pointer"] == "/back/creative"


def _refused_as_back(api: World, back: bytes) -> None:
    files = {"front": ("a.png", png(8)), "back": ("b.png", back)}
    order = {"mail": (None, json.dumps({"product": "postcard_4x6", "to": ADDRESS}), "application/json")}
    refused = api.client.post("/v1/mail", files={**order, **files}, headers=api.headers())
    assert (refused.status_code, refused.json()["code"]) == (422, "ink_in_address_zone")
    assert {one["pointer"] for one in refused.json()["errors"]} == {"/back"}

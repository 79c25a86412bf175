"""Proofs and the contact sheet, as the sender sees them."""

from pathlib import Path

import pytest
from PIL import Image

from pipeline.models.profile import Imposition
from pipeline.press.geometry import on_piece, pt
from pipeline.press.proofs.contact_sheet import contact_sheet
from pipeline.press.proofs.proof import PPI, proof
from pipeline.products import POSTCARD_4X6
from tests.unit.address.imb_reader import decode
from tests.unit.press.bars_seen import read_bars
from tests.unit.press.jobs import PERMIT, make_pieces
from tests.unit.press.seeing import difference, render

TRIM_PX = tuple(round(edge * PPI) for edge in (0.125, 0.125, 6.125, 4.125))


def _inside_trim(image: Image.Image) -> Image.Image:
    left, top, right, foot = TRIM_PX
    return image.crop((left + 2, top + 2, right - 2, foot - 2))


def _proof(out: Path, **how: object) -> Image.Image:
    proof(POSTCARD_4X6, out, **how)  # type: ignore[arg-type]
    with Image.open(out) as image:
        return image.copy()


def test_a_front_is_its_artwork_with_the_bleed_veiled_and_the_cut_drawn(
    artwork: dict[str, Path], tmp_path: Path
) -> None:
    image = _proof(tmp_path / "front.png", art=artwork["front"])
    art = render(artwork["front"], ppi=PPI)
    assert image.size == art.size == (938, 638)
    assert difference(_inside_trim(image), _inside_trim(art)) < 0.001
    veiled, plain = image.getpixel((5, 300)), art.getpixel((5, 300))
    assert isinstance(veiled, tuple)
    assert isinstance(plain, tuple)
    assert all(255 >= light > dark for light, dark in zip(veiled, plain, strict=True))
    assert image.getpixel((TRIM_PX[0], 300)) == (214, 0, 110)


def test_a_back_before_it_has_a_piece_shows_where_the_address_goes(artwork: dict[str, Path], tmp_path: Path) -> None:
    image = _proof(tmp_path / "back.png", art=artwork["back"], side="back")
    zone = on_piece(POSTCARD_4X6.ink_free, POSTCARD_4X6)
    middle = (round((zone.x_pt + 40) * PPI / 72), round((306 - zone.y_pt - 40) * PPI / 72))
    assert image.getpixel(middle) == (255, 255, 255)
    assert render(artwork["back"], ppi=PPI).getpixel(middle) != (255, 255, 255)


@pytest.mark.parametrize("art", [True, False])
def test_a_piece_is_shown_with_its_address_and_its_barcode(artwork: dict[str, Path], tmp_path: Path, art: bool) -> None:
    [piece] = make_pieces(1, Imposition())
    source = artwork["back"] if art else None
    image = _proof(tmp_path / "piece.png", art=source, side="back", piece=piece, postage=PERMIT, ppi=600)
    block = on_piece(POSTCARD_4X6.address, POSTCARD_4X6)
    scale = 600 / 72
    top = (pt(POSTCARD_4X6.bleed_height_in) - block.top_pt) * scale
    bars = image.crop(
        (round(block.x_pt * scale) - 10, round(top), round((block.x_pt + 195) * scale), round(top + 14 * scale))
    )
    assert "".join(decode(read_bars(bars))) == piece.imb


def test_a_piece_without_a_number_shows_none(artwork: dict[str, Path], tmp_path: Path) -> None:
    [piece] = make_pieces(1, Imposition())
    image = _proof(tmp_path / "piece.png", art=artwork["back"], side="back", piece=piece)
    zone, block = (on_piece(box, POSTCARD_4X6) for box in (POSTCARD_4X6.ink_free, POSTCARD_4X6.address))
    scale, height = PPI / 72, pt(POSTCARD_4X6.bleed_height_in)
    right_of_bars = image.crop(
        (
            round((block.x_pt + 200) * scale),
            round((height - block.top_pt) * scale),
            round(zone.right_pt * scale) - 2,
            round((height - block.y_pt) * scale),
        )
    )
    assert right_of_bars.convert("L").getextrema() == (255, 255)


def test_a_contact_sheet_shows_all_with_their_captions(artwork: dict[str, Path], tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(6)]
    for file in files:
        _proof(file, art=artwork["front"])
    contact_sheet(
        files,
        tmp_path / "sheet.png",
        [f"piece {number}, with a caption that runs on and on and on" for number in range(6)],
    )
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 4 * 444 + 24
        cells = [
            sheet.crop((24 + at % 4 * 444, 24 + at // 4 * 327, 444 + at % 4 * 444, 309 + at // 4 * 327))
            for at in range(6)
        ]
        with Image.open(files[0]) as first:
            small = first.resize((420, 286), Image.Resampling.LANCZOS)
        assert all(difference(cell.resize(small.size), small) < 0.05 for cell in cells)
    with pytest.raises(ValueError, match="zip"):
        contact_sheet(files, tmp_path / "sheet.png", ["too few"])

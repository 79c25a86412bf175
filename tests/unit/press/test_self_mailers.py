"""Self-mailers: fold marks that are where the paper folds on both sides, a strip for glue that stays white, and what is told."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageOps
from reportlab.lib.colors import CMYKColor
from reportlab.pdfgen.canvas import Canvas

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.creative.normalize import normalize
from pipeline.press.folds import Creases, creases
from pipeline.press.geometry import Rect, on_piece, pt
from pipeline.press.job import Imposed
from pipeline.press.preflight.inspect import inspect
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import Layout, lay_out, plan_places, trims, turns_upright
from pipeline.products import SELF_MAILER_6X18, SELF_MAILER_11X9, Product
from tests.unit.press import artwork_files as art
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import cut_out, render, text_within

MAILERS = (SELF_MAILER_6X18, SELF_MAILER_11X9)
SPACE = "{http://www.CIP4.org/JDFSchema_2_0}"
STYLES: dict[str, dict[str, Any]] = {
    "sheetwise": {},
    "over the short edge": {"back_turn": "short_edge"},
    "work and turn": {"work_style": "work_and_turn"},
    "19x13": {"sheet": {"width_in": 19, "height_in": 13, "imageable_width_in": 18.69, "imageable_height_in": 12.72}},
}

every_mailer = pytest.mark.parametrize("product", MAILERS, ids=lambda product: product.name)


def _made(folder: Path, product: Product, imposition: Imposition, count: int = 5) -> Imposed:
    artwork = {}
    for side in ("front", "back"):
        artwork[side] = folder / f"{side}.pdf"
        normalize(art.plain(folder / "plain.pdf", product), product, artwork[side])
    places = plan_places(count, product, imposition)
    pieces = [
        piece._replace(sheet=sheet, slot=slot, stack_position=position)
        for piece, (sheet, slot, position) in zip(make_pieces(count, imposition), places, strict=True)
    ]
    job = make_job(artwork, pieces, imposition=imposition, product=product.name)
    return impose(job, folder / "drop")


@every_mailer
@pytest.mark.parametrize("style", STYLES)
def test_fold_marks_of_both_sides_lie_on_one_another_and_on_the_fold(
    tmp_path: Path, product: Product, style: str
) -> None:
    imposition = Imposition.model_validate(STYLES[style])
    if (product.name, style) == ("self_mailer_11x9", "work and turn"):
        with pytest.raises(Permanent, match="Work-and-turn wants an even number"):
            lay_out(product, imposition)
        return
    layout = lay_out(product, imposition)
    made = _made(tmp_path, product, imposition, layout.n_up)
    front, back = (render(made.files[0], page, ppi=144) for page in (0, 1))
    through = ImageOps.mirror(back) if turns_upright(imposition) else ImageOps.flip(back)
    folds = creases(layout.front.slots, product)
    # Both pieces of a sheet fold on one line.
    assert len(folds.upright_pt) + len(folds.level_pt) == 1
    inner = product.trim_height_in - 5.94 if product is SELF_MAILER_11X9 else 9.0
    for at in (*folds.upright_pt, *folds.level_pt):
        edges = [edge for trim in trims(layout.front, product)
                 for edge in ((trim.x_pt, trim.right_pt) if folds.upright_pt else (trim.y_pt, trim.top_pt))]  # fmt: skip
        assert min(abs(at - edge) for edge in edges) == pytest.approx(pt(inner))
    for seen in (front, through):
        for spot in _ends(layout, folds):
            assert _inked(seen, spot), spot
            assert not _inked(seen, spot.moved(7, 0) if folds.upright_pt else spot.moved(0, 7))


def _ends(layout: Layout, folds: Creases) -> list[Rect]:
    """Just outside the grid, around each end of each fold."""
    grid = layout.front.grid
    upright = [Rect(x - 1, y, 2, 4) for x in folds.upright_pt for y in (grid.y_pt - 5, grid.top_pt + 1)]
    level = [Rect(x, y - 1, 4, 2) for y in folds.level_pt for x in (grid.x_pt - 5, grid.right_pt + 1)]
    return [*upright, *level]


def _inked(sheet: Image.Image, spot: Rect) -> bool:
    box = (spot.x_pt * 2, sheet.height - spot.top_pt * 2, spot.right_pt * 2, sheet.height - spot.y_pt * 2)
    low, _ = sheet.convert("L").crop(tuple(round(edge) for edge in box)).getextrema()
    return isinstance(low, int) and low < 200


@every_mailer
@pytest.mark.parametrize("size", [(13, 19), (19, 13)])
def test_no_other_mark_lies_on_a_fold_mark(product: Product, size: tuple[float, float]) -> None:
    width, height = size
    sheet = {"width_in": width, "height_in": height, "imageable_width_in": width - 0.28,
             "imageable_height_in": height - 0.31}  # fmt: skip
    imposition = Imposition.model_validate({"sheet": sheet})
    layout = lay_out(product, imposition)
    length = pt(imposition.marks.crop_length_in)
    for side in (layout.front, layout.back):
        folds, grid = creases(side.slots, product), side.grid
        marks = [Rect(x - 0.5, y, 1, length) for x in folds.upright_pt for y in (grid.y_pt - length, grid.top_pt)]
        marks += [Rect(x, y - 0.5, length, 1) for y in folds.level_pt for x in (grid.x_pt - length, grid.right_pt)]
        assert marks
        for fold in marks:
            for mark in side.marks:
                apart = fold.right_pt <= mark.box.x_pt or mark.box.right_pt <= fold.x_pt
                assert apart or fold.top_pt <= mark.box.y_pt or mark.box.top_pt <= fold.y_pt, mark.kind


@every_mailer
def test_the_strip_for_the_glue_prints_white_to_the_edge_of_the_bleed(tmp_path: Path, product: Product) -> None:
    imposition = Imposition()
    layout = lay_out(product, imposition)
    made = _made(tmp_path, product, imposition)
    assert product.glue is not None
    glue = on_piece(product.glue, product)
    for page, side in enumerate((layout.front, layout.back)):
        piece = cut_out(render(made.files[0], page, ppi=72), side.slots[0], layout.sheet.height_pt, ppi=72)
        box = (glue.x_pt + 2, piece.height - glue.top_pt + 2, glue.right_pt - 2, piece.height - glue.y_pt - 2)
        strip = piece.crop(tuple(round(edge) for edge in box)).convert("L")
        assert (strip.getextrema() == (255, 255)) is (page == 0)
        # Where the strip ends at the trim, its bleed is white, too; the rest of the side keeps its ground.
        edge = piece.getpixel((piece.width - 3, round(piece.height - glue.y_pt - glue.height_pt / 2)))
        assert (edge == (255, 255, 255)) is (page == 0)
        assert piece.getpixel((piece.width // 2, 3)) != (255, 255, 255)


@every_mailer
def test_ink_where_the_glue_goes_is_refused_on_the_inside_alone(tmp_path: Path, product: Product) -> None:
    assert product.glue is not None
    strip = on_piece(product.glue, product)

    def word(canvas: Canvas) -> None:
        canvas.setFillColor(CMYKColor(0, 0, 0, 1))
        canvas.rect(strip.x_pt + 8, strip.y_pt + 8, 12, 12, stroke=0, fill=1)

    file = art.draw(tmp_path / "art.pdf", word, product, ground=False)
    inside, outside = (inspect(file, product, side) for side in ("front", "back"))
    assert [found.code for found in inside.findings] == ["ink_in_glue_zone"]
    assert "ink_in_glue_zone" not in [found.code for found in outside.findings]


@every_mailer
def test_the_ticket_says_where_to_fold_and_what_to_glue(tmp_path: Path, product: Product) -> None:
    made = _made(tmp_path, product, Imposition())
    ticket = next(file for file in made.files if file.name.endswith("-ticket.pdf"))
    text = " ".join(text_within(ticket, 0, Rect(0, 0, 612, 792)).split())
    fold = next(fold for fold in product.folds if fold.side == "back")
    edge = "top" if fold.direction == "level" else "left"
    assert f"Fold {fold.at_in:g} in from the {edge} of the outside, address out, to 9 x 5.94 in" in text
    assert "glue on the white strip of 0.45 in on the inside" in text
    assert "No coating." in text
    xjdf = ElementTree.parse(next(file for file in made.files if file.suffix == ".xjdf")).getroot()
    [line] = xjdf.iter(f"{SPACE}Fold")
    assert xjdf.get("Types") == "DigitalPrinting Cutting Folding"
    # The inside faces up: the outer panel is what remains when the part before the fold is turned over it.
    wanted = {"From": "Front", "Travel": f"{pt(5.94):g}"} if edge == "top" else {"From": "Left", "Travel": "648"}
    assert dict(line.items()) == {"To": "Up", **wanted}

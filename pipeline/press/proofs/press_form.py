"""The press form: two pages that a new printer runs on its own sheet and measures, so that its profile fits its press.

Crosses stand at the same places of the paper on both sides, whichever way the sheet is turned. Front and back are drawn as
imposition draws them, each upright as a page of its own; without an offset, unless the form is to prove one.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.geometry import Rect, numbers, pt
from pipeline.press.proofs.form_drawing import (
    BARS,
    GREYS,
    PHASES,
    TEXT,
    Column,
    at_edge,
    cross,
    greys,
    sample_bars,
    text,
)
from pipeline.press.proofs.measures import CROSS_IN, EDGES, MM_PER_INCH, PLACES, SideName
from pipeline.press.sheets import bars
from pipeline.press.sheets.layout import turns_upright
from pipeline.press.sheets.output_intent import embed_intent
from pipeline.press.sheets.sheet_file import pdf_date
from pipeline.press.sheets.xmp import PRODUCER, Packet
from pipeline.press.typeface import address_typeface
from pipeline.press.writer import PdfWriter, literal

SMALLEST_SHEET_IN = 8.0
"""Below that, rulers and crosses would run into one another."""
_CLEAR_IN = 2.2
_WIDEST_TEXT_IN = 5.2
_TITLE_PT, _HEAD_PT, _NOTE_PT = 20.0, 10.0, 5.0
_BODY_PT, _WIDE_BODY_PT = 6.5, 9.0


@dataclass(frozen=True)
class PressForm:
    """`title` names the printer or the sheet, `table` the file for the measures. `proves` draws with the profile's offset."""

    title: str
    table: str
    imposition: Imposition
    moment: datetime
    proves: bool = False


def write_press_form(form: PressForm, out_pdf: Path) -> None:
    """PDF/X-4 where the profile names a printing condition. Raises `Permanent("sheet_too_small")`."""
    sheet = form.imposition.sheet
    if min(sheet.width_in, sheet.height_in) < SMALLEST_SHEET_IN:
        size = f"{sheet.width_in:g} x {sheet.height_in:g} in"
        raise Permanent("sheet_too_small", f"the form needs a sheet of at least 8 x 8 in, not {size}")
    page = Rect(0, 0, pt(sheet.width_in), pt(sheet.height_in))
    with out_pdf.open("wb") as out:
        writer = PdfWriter(out)
        fonts = f"/{TEXT} {address_typeface().embed(writer)} 0 R/{BARS} {bars.embed(writer)} 0 R"
        resources = writer.add(f"<</Font<<{fonts}>>>>".encode())
        for drawn in (_front(form, page), _back(form, page)):
            contents = writer.stream(b"", drawn.encode("latin-1"))
            boxes = f"/MediaBox{page.array()}/TrimBox{page.array()}/BleedBox{page.array()}"
            writer.page(boxes.encode() + b"/Resources %d 0 R/Contents %d 0 R" % (resources, contents))
        _close(writer, form)


def _front(form: PressForm, page: Rect) -> str:
    column = _column(page)
    drawn = [_edges_and_crosses(page, "front"), *_title(form, column, "FRONT")]
    if form.proves:
        drawn.append(_body(column, _PROOF.format(**_offset(form))))
    else:
        drawn += [_body(column, line.format(**_facts(form))) for line in _STEPS]
    return "".join([*drawn, *_samples(column)])


def _back(form: PressForm, page: Rect) -> str:
    column = _column(page)
    drawn = [_edges_and_crosses(page, "back"), *_title(form, column, "BACK")]
    said = _PROOF.format(**_offset(form)) if form.proves else _BEHIND
    drawn.append(_body(column, said))
    content = "".join(drawn)
    if form.proves:
        wanted = form.imposition
        content = f"q 1 0 0 1 {numbers(pt(wanted.back_offset_x_in), pt(wanted.back_offset_y_in))} cm\n{content}Q\n"
    return content


_STEPS = (
    "Print both sides on your stock at 100 %: not scaled, not centred by the printer's driver. Turn it over the {turn}.",
    "1. Crosses: from each, measure to the nearest edge of the paper at its side (x) and above or below it (y); then the same on "
    "the back, as you look at it. A press that moves nothing gives {cross_in:g} in, {cross_mm:g} mm.",
    "2. Ladders: turn each edge towards you. Of the rungs that are printed whole, read the number of the one nearest the edge.",
    "3. Write the numbers into {table}, one a line, and send it back. Two or three sheets of the run are better than one.",
)
_BEHIND = (
    "Each cross lies behind one of the front: hold the sheet against the light. Measure it as you look at this side."
)
_PROOF = (
    "To prove the offset, not to be measured: the back is drawn {x} and {y}. Against the light, "
    "the crosses of both sides lie on one another."
)


def _title(form: PressForm, column: Column, side: str) -> list[str]:
    sheet = form.imposition.sheet
    return [
        column.write(side, _TITLE_PT),
        column.write(f"{form.title}, sheet {sheet.width_in:g} x {sheet.height_in:g} in", _HEAD_PT, gap=2),
    ]


def _body(column: Column, said: str) -> str:
    return column.write(said, _BODY_PT if column.box.width_pt < pt(_WIDEST_TEXT_IN) else _WIDE_BODY_PT, gap=4)


def _facts(form: PressForm) -> dict[str, object]:
    sheet, upright = form.imposition.sheet, turns_upright(form.imposition)
    turn = "long edge" if upright == (sheet.height_in >= sheet.width_in) else "short edge"
    return {"turn": turn, "table": form.table, "cross_in": CROSS_IN, "cross_mm": CROSS_IN * MM_PER_INCH}


def _offset(form: PressForm) -> dict[str, str]:
    x, y = form.imposition.back_offset_x_in, form.imposition.back_offset_y_in
    level, upright = "left" if x < 0 else "right", "down" if y < 0 else "up"
    return {"x": f"{abs(x):.3f} in to the {level}", "y": f"{abs(y):.3f} in {upright}"}


def _column(page: Rect) -> Column:
    """The middle of the sheet, where no edge has a mark of its own."""
    free = page.inset(pt(_CLEAR_IN), pt(_CLEAR_IN))
    width = min(free.width_pt, pt(_WIDEST_TEXT_IN))
    return Column(Rect(free.x_pt + (free.width_pt - width) / 2, free.y_pt, width, free.height_pt))


def _edges_and_crosses(page: Rect, side: SideName) -> str:
    inset = pt(CROSS_IN)
    drawn = [at_edge(edge, page.width_pt, page.height_pt) for edge in EDGES]
    for place in PLACES:
        x = inset if "left" in place else page.width_pt - inset
        y = inset if "lower" in place else page.height_pt - inset
        drawn.append(cross(place, x, y, ring=side == "front"))
    return "".join(drawn)


def _samples(column: Column) -> list[str]:
    """Greys, then the bars one below the other; upright ones beside them where the sheet is wide enough."""
    box = column.box
    drawn, y = [greys(box.x_pt, column.y - 34, min(box.width_pt, pt(0.28 * len(GREYS))))], column.y - 62
    for phase in PHASES:
        y -= bars.FULL_PT + 13
        note = f"100 % K, moved by {phase}/4 of 1/600 in: a sample, not for mail"
        drawn += [text(note, box.x_pt, y + bars.FULL_PT + 2.5, _NOTE_PT), sample_bars(box.x_pt, y, phase)]
    beside = box.x_pt + bars.LENGTH_PT + 28
    if beside + len(PHASES) * 24 <= box.right_pt and column.y - 62 - bars.LENGTH_PT >= box.y_pt:
        for phase in PHASES:
            drawn.append(sample_bars(beside + phase * 24, column.y - 62 - bars.LENGTH_PT, phase, upright=True))
            drawn.append(text(f"{phase}/4", beside + phase * 24, column.y - 59, _NOTE_PT))
    return drawn


def _close(writer: PdfWriter, form: PressForm) -> None:
    stamp, title = pdf_date(form.moment), f"Press form: {form.title}"
    info = b"/Title%b/Producer%b/CreationDate%b/ModDate%b/Trapped/False" % (
        literal(title), literal(PRODUCER), stamp, stamp,
    )  # fmt: skip
    catalog, intent = b"", form.imposition.output_intent
    if intent != "none":
        catalog = embed_intent(writer, intent)
        document = sha256(title.encode()).digest()[:16]
        packet = Packet(title, form.moment, document, writer.digest()[:16], with_records=False)
        number = writer.stream(b"/Type/Metadata/Subtype/XML", packet.xml(), compress=False)
        catalog += b"/Metadata %d 0 R" % number
    writer.close(info=info, catalog=catalog)

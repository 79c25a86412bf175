"""The job ticket: one page that tells the press operator everything that is not in the sheets themselves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import reportlab
from reportlab.lib.colors import CMYKColor
from reportlab.lib.pagesizes import letter
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from pipeline.press.job import Job
from pipeline.press.sheets.endorsement import endorsement_text
from pipeline.press.sheets.indicia import indicia_lines
from pipeline.press.sheets.layout import Layout, Side, sets_in_lift
from pipeline.press.sheets.sheet_mark import mark_text
from pipeline.press.sheets.tally import Tally
from pipeline.products import PRODUCTS, Envelope, Product

_BLACK, _GREY, _PALE = CMYKColor(0, 0, 0, 1), CMYKColor(0, 0, 0, 0.55), CMYKColor(0, 0, 0, 0.08)
_LEFT, _RIGHT, _TOP = 45.0, 567.0, 738.0
_LABEL_PT, _TEXT_PT, _LEADING_PT = 7.5, 9.5, 13.0
_VALUE_X = _LEFT + 88.0
_DIAGRAM_WIDTH_PT = 170.0

_CLASSES = {"first_class": "First-Class Mail", "marketing": "USPS Marketing Mail"}
_SPOILAGE = (
    "Report every spoiled or destroyed piece by its piece id or by sheet and slot (state spoiled or destroyed). It is "
    "printed again with the same barcode in the next revision of this drop; destroy the first. Never reprint from "
    "these files."
)


def write_ticket(tally: Tally, product: Product, out_dir: Path) -> Path:
    """`STEM-ticket.pdf`, one letter page, the same bytes for the same job."""
    job = tally.job
    file = out_dir / f"{job.stem}-ticket.pdf"
    _register_fonts()
    page = Canvas(str(file), pagesize=letter, invariant=1, pageCompression=1, initialFontName="Vera", initialFontSize=9)
    page.setTitle(job.stem)
    page.setProducer("MailStream")
    y = _heading(page, job)
    for label, lines in _sections(tally, product):
        y = _section(page, label, lines, y)
    _diagrams(page, tally, y - 14)
    page.showPage()
    page.save()
    return file


def _register_fonts() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, source in (("Vera", "Vera.ttf"), ("VeraBd", "VeraBd.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / source)))


def _heading(page: Any, job: Job) -> float:
    page.setFillColor(_BLACK)
    page.setFont("VeraBd", 17)
    page.drawString(_LEFT, _TOP, "Job ticket")
    page.setFont("VeraBd", 11)
    page.drawRightString(_RIGHT, _TOP + 4, f"MAIL BY {_local(job)}")
    page.setFont("Vera", _TEXT_PT)
    page.drawString(_LEFT, _TOP - 17, job.stem)
    if job.printer:
        page.drawRightString(_RIGHT, _TOP - 17, f"for {job.printer}")
    page.setLineWidth(0.8)
    page.line(_LEFT, _TOP - 26, _RIGHT, _TOP - 26)
    return _TOP - 42


def _local(job: Job) -> str:
    return f"{job.mail_by.astimezone(ZoneInfo(job.zone)):%a %d %b %Y %H:%M} {job.zone}"


def _sections(tally: Tally, product: Product) -> list[tuple[str, Sequence[str]]]:
    job = tally.job
    return [
        ("Job", (f"{job.batch_id}, revision {job.revision:02}, frozen {job.frozen_at:%Y-%m-%d %H:%M} UTC",)),
        ("Product", _product_lines(product, job)),
        *([("Sets", _set_lines(product.envelope, job))] if product.envelope else []),
        ("Sheet", _sheet_lines(tally)),
        ("Quantity", (_quantity(tally),)),
        ("First, last", _ends(job)),
        ("Cutting", _cutting(tally, product)),
        ("Class, postage", _postage_lines(job, product)),
        ("Mail by", (f"{_local(job)} ({job.mail_by:%Y-%m-%d %H:%M} UTC)", *_induction(job))),
        ("Spoilage", tuple(_wrapped(_SPOILAGE))),
        *([("Contact", (job.contact,))] if job.contact else []),
    ]


def _product_lines(product: Product, job: Job) -> tuple[str, ...]:
    bleed = f"bleed {product.bleed_in:g} in on all sides" if product.bleed_in else "no bleed"
    sheets = job.sheets_per_piece
    mailed = f"as mailed {product.thickness_of(sheets):g} in thick, {product.weight_of(sheets):g} oz"
    return (
        f"{product.title}; trim {product.trim_width_in:g} x {product.trim_height_in:g} in, {bleed}",
        f"Stock {product.stock.replace('_', ' ')}; {mailed}.",
        *([] if product.is_document else [_coating(product, job.imposition.coating)]),
        *_folding(product),
    )


def _coating(product: Product, coating: str) -> str:
    if coating == "none":
        return "No coating."
    address, other = (title.partition(",")[0] for title in _titles(product))
    name = "UV" if coating == "uv" else coating.replace("_", " ").capitalize()
    return f"{name} on the {other} only: none on the {address}, which bears the address, where it keeps ink and postmark off."


def _titles(product: Product) -> tuple[str, str]:
    """Of the address side, and of the other."""
    front, back = product.side_titles
    return (front, back) if product.address_side == "front" else (back, front)


def _folding(product: Product) -> tuple[str, ...]:
    folds = [fold for fold in product.folds if fold.side == product.address_side]
    if not folds:
        return ("No fold.",)
    edges = {"level": "top", "upright": "left"}
    at = " and ".join(f"{fold.at_in:g} in from the {edges[fold.direction]}" for fold in folds)
    folded = f"{product.face.width_in:g} x {product.face.height_in:g} in"
    if product.glue is None:
        return (f"Fold each set {at}, address out, to {folded}.",)
    said = f"Fold {at} of the {_titles(product)[0]}, address out, to {folded}; fold marks are dashed."
    strip = min(product.glue.width_in, product.glue.height_in)
    return said, f"Close with glue on the white strip of {strip:g} in on the {_titles(product)[1]}."


def _set_lines(envelope: Envelope, job: Job) -> tuple[str, ...]:
    sheets = f"{job.sheets_per_piece} sheets" if job.sheets_per_piece > 1 else "1 sheet"
    return (
        f"{sheets} a piece, which lie on one another in order, the address on the first; "
        f"envelope {envelope.name.replace('_', ' ')}.",
        f"Each sheet has a Data Matrix on its front, lower left: “{mark_text('PIECE', 0, job.sheets_per_piece, job.stem)}”.",
    )


def _sheet_lines(tally: Tally) -> tuple[str, ...]:
    job, layout = tally.job, tally.layout
    sides = _SIDES if tally.two_sided else _ONE_SIDE
    if job.imposition.mode == "one_up":
        size = f"{layout.sheet.width_pt / 72:g} x {layout.sheet.height_pt / 72:g} in"
        bleed = " with bleed" if PRODUCTS[job.product].bleed_in else ""
        return f"One {'sheet' if job.sheets_per_piece > 1 else 'piece'} to a page of {size}{bleed}.", sides
    sheet, turn = job.imposition.sheet, job.imposition.back_turn.replace("_", " ")
    offset = f"{job.imposition.back_offset_x_in:g}, {job.imposition.back_offset_y_in:g}"
    return (
        f"{sheet.width_in:g} x {sheet.height_in:g} in, {layout.n_up}-up ({layout.columns} x {layout.rows}), "
        "printed at 100 %",
        f"{sides} Turn on the {turn}; back offset {offset} in is already in the file." if tally.two_sided else sides,
    )


_SIDES = "Two sides: odd pages fronts, even pages backs."
_ONE_SIDE = "One side: every page is a front; there are no backs."


def _quantity(tally: Tally) -> str:
    pieces, files = len(tally.job.pieces), tally.file_count
    return f"{pieces:,} pieces on {tally.sheets:,} sheets in {files} file{'s' if files != 1 else ''}; no overs"


def _ends(job: Job) -> tuple[str, ...]:
    first, last = job.pieces[0], job.pieces[-1]
    return (
        f"1: {first.piece_id}, sheet {first.sheet + 1} slot {first.slot + 1}",
        f"{len(job.pieces)}: {last.piece_id}, sheet {last.sheet + 1} slot {last.slot + 1}",
    )


def _cutting(tally: Tally, product: Product) -> tuple[str, ...]:
    job, layout, sheets = tally.job, tally.layout, tally.sheets
    if layout.n_up == 1:
        whole = not product.bleed_in and not layout.marked
        return (("No cut: sheets have their size." if whole else "Trim to size.") + " Pages are in mailing order.",)
    each = job.sheets_per_piece
    if job.imposition.order == "across":
        by = f"{each} sheets" if each > 1 else "sheet"
        return (f"{layout.n_up} pieces a sheet in mailing order: collate them {by} by {by}, slot 1 first.",)
    sets = sets_in_lift(job.imposition, each)
    depth = None if sets is None else sets * each
    stacked = (
        f"Cut and stack: {layout.n_up} stacks. Put stack 1 on top of stack 2, and so on: the pile is in mailing order."
    )
    if depth is None or depth >= sheets:
        return stacked, "Cutting in lifts: keep each stack's lifts in order before joining stacks."
    lifts = -(-sheets // depth)
    return stacked, f"In {lifts} lifts of {depth} sheets: cut and join one lift, then lay the next one under it."


def _postage_lines(job: Job, product: Product) -> tuple[str, ...]:
    where = "On the envelope: " if product.envelope else ""
    imprint = " / ".join(indicia_lines(job.postage, job.mail_class))
    barcode = (
        "Barcode is in the file."
        if job.postage.imb_by == "us"
        else "Barcode is applied by the bureau; its place is clear."
    )
    endorsement = endorsement_text(job.postage, job.mail_class)
    statement = f"For the postage statement: mailer id {job.postage.mailer_id}, CRID {job.postage.crid}."
    return (
        f"{_CLASSES.get(job.mail_class, job.mail_class)}, {job.postage.method}. {barcode}",
        where + imprint if imprint else f"No imprint: postage by {job.postage.method}.",
        *((statement,) if job.postage.crid else ()),
        *((f"Endorsement, where there is a return address: {endorsement}.",) if endorsement else ()),
    )


def _induction(job: Job) -> tuple[str, ...]:
    return (f"Induction: {job.postage.induction}",) if job.postage.induction else ()


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if pdfmetrics.stringWidth(longer, "Vera", _TEXT_PT) <= _RIGHT - _VALUE_X:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _section(page: Any, label: str, lines: Sequence[str], y: float) -> float:
    page.setFont("Vera", _LABEL_PT)
    page.setFillColor(_GREY)
    page.drawString(_LEFT, y, label.upper())
    page.setFillColor(_BLACK)
    page.setFont("Vera", _TEXT_PT)
    for line in lines:
        for wrapped in _wrapped(line):
            page.drawString(_VALUE_X, y, wrapped)
            y -= _LEADING_PT
    return y - 7


def _diagrams(page: Any, tally: Tally, top: float) -> None:
    """Both sides of the sheet as they lie face up, with the mailing numbers that each stack holds."""
    layout = tally.layout
    sheet, sides = layout.sheet, (("SHEET, FRONT", layout.front), ("BACK", layout.back))
    scale = min(_DIAGRAM_WIDTH_PT / sheet.width_pt, (top - 60) / sheet.height_pt)
    ranges = [f"{ends[0]:,} – {ends[1]:,}" if ends else "empty" for ends in tally.stacks()]
    label_x, left = _LEFT, _VALUE_X
    for label, side in sides:
        page.setFillColor(_GREY)
        page.setFont("Vera", _LABEL_PT)
        page.drawString(label_x, top - _LABEL_PT, label)
        _diagram(page, layout, side, ranges, at=(left, top - sheet.height_pt * scale), scale=scale)
        label_x = left + sheet.width_pt * scale + 12
        left = label_x + 32


def _diagram(
    page: Any, layout: Layout, side: Side, ranges: Sequence[str], *, at: tuple[float, float], scale: float
) -> None:
    page.saveState()
    page.translate(*at)
    page.setLineWidth(0.6)
    page.setStrokeColor(_BLACK)
    page.rect(0, 0, layout.sheet.width_pt * scale, layout.sheet.height_pt * scale)
    for number, (slot, held) in enumerate(zip(side.slots, ranges, strict=True), start=1):
        rect = slot.rect
        page.setFillColor(_PALE)
        page.rect(rect.x_pt * scale, rect.y_pt * scale, rect.width_pt * scale, rect.height_pt * scale, fill=1)
        page.setFillColor(_BLACK)
        middle, level = (rect.x_pt + rect.width_pt / 2) * scale, (rect.y_pt + rect.height_pt / 2) * scale
        page.setFont("VeraBd", 9)
        page.drawCentredString(middle, level + 2, f"{number}")
        page.setFont("Vera", 6)
        page.drawCentredString(middle, level - 8, held)
    page.restoreState()

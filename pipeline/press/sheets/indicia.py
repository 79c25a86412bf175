"""The permit imprint, drawn from the printer's postage: it changes when the printer changes.

Wording: DMM 604.5.3 (class, "US POSTAGE PAID", city and state of the permit, its number), at least 4 pt, capitals.
Metered and stamped mail gets its postage at the printer, so nothing is drawn and the box is left free of ink.
"""

from pipeline.errors import Permanent
from pipeline.models.profile import Postage
from pipeline.press.geometry import Rect
from pipeline.press.typeface import UnprintableError, address_typeface, printable, show

SIZE_PT = 5.5
SMALLEST_PT = 4.0
BORDER_PT = 0.5
PADDING_PT = 2.0


def indicia_lines(postage: Postage, mail_class: str) -> tuple[str, ...]:
    """What the imprint says. Raises `Permanent("permit_missing")` when the printer has no permit number on record."""
    if postage.method != "permit":
        return ()
    if not (postage.permit_number and postage.permit_city and postage.permit_state):
        raise Permanent(
            "permit_missing",
            "the printer's postage method is permit, but its permit number, city or state is not on record; "
            "set postage.permit_number, permit_city and permit_state",
        )
    paid = postage.mark_text.upper().removesuffix(" PAID")
    place = f"{postage.permit_city}, {postage.permit_state}".upper()
    return (*_class_lines(postage, mail_class), paid, "PAID", place, f"PERMIT NO. {postage.permit_number.upper()}")


def draw_indicia(box: Rect, postage: Postage, mail_class: str, *, font: str) -> str:
    """PDF operators for the imprint in its box on the piece; empty where there is none."""
    lines = indicia_lines(postage, mail_class)
    if not lines:
        return ""
    pitch = (box.height_pt - 2 * PADDING_PT) / len(lines)
    first = box.top_pt - PADDING_PT - pitch / 2 - SIZE_PT * 0.365
    drawn = [_centred_line(line, box, first - pitch * index, font) for index, line in enumerate(lines)]
    return f"q 0 0 0 1 K {BORDER_PT} w {box.grown(-BORDER_PT / 2).path()} re S Q\n" + "".join(drawn)


def _class_lines(postage: Postage, mail_class: str) -> tuple[str, ...]:
    if mail_class == "marketing":
        return ("PRSRT STD",)
    return ("FIRST-CLASS MAIL",) if postage.presort_by == "none" else ("PRSRT", "FIRST-CLASS MAIL")


def _centred_line(line: str, box: Rect, baseline_pt: float, font: str) -> str:
    face, room = address_typeface(), box.width_pt - 2 * PADDING_PT
    try:
        width = face.width_pt(printable(line), SIZE_PT)
    except UnprintableError as error:
        raise Permanent("indicia_unprintable", f"a line of the permit imprint cannot be printed: {error}") from error
    size = min(SIZE_PT, SIZE_PT * room / width)
    if size < SMALLEST_PT:
        raise Permanent(
            "indicia_too_long", "a line of the permit imprint does not fit its box at 4 pt; shorten the permit city"
        )
    width = face.width_pt(printable(line), size)
    return show(line, font=font, size_pt=size, at=(box.x_pt + (box.width_pt - width) / 2, baseline_pt))

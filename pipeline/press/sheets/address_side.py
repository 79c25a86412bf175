"""What is printed over the artwork on the address side: white zone, indicia, return address and endorsement, and per
piece bars and address.

The barcode always stands at the same place and the recipient's lines hang below it, so that a camera, and a person with
a template, know where to look. Clearances (QSG 201a): 0.028 in above and below the bars, 0.125 in at their ends; type 8
pt or more; everything at least 0.5 in from the sides and within the OCR read area, 0.625 to 2.75 in above the lower
edge.
"""

from collections.abc import Sequence
from functools import cache

from pipeline.address.imb import encode
from pipeline.errors import Permanent
from pipeline.models.profile import Postage
from pipeline.press.geometry import numbers, on_piece, pt
from pipeline.press.job import Placed
from pipeline.press.sheets.bars import FULL_PT, LENGTH_PT
from pipeline.press.sheets.endorsement import INSET_PT, PITCH, TEXTS, place_endorsement
from pipeline.press.sheets.indicia import draw_indicia
from pipeline.press.sheets.layout import Slot
from pipeline.press.typeface import ENCODING, address_typeface, escaped
from pipeline.press.typesetting import UnsettableError, set_block
from pipeline.products import Box, Product

LINES = 5
SIZE_PT = 9.0
# Lines that do not fit at 9 pt are set at the smallest size allowed, then narrower.
SMALL_PT = 8.0
PITCH_PT = 12.0
# The last line's baseline stands this far above the address block's foot; the bars this far above the first line's
# capitals.
LAST_BASELINE_PT = 1.15
BARS_GAP_PT = 3.6
RETURN_SIZE_PT = 6.5
SEQUENCE_SIZE_PT = 4.5
# Between the OCR read area's right edge and that of the white zone; seven digits wide.
SEQUENCE_INSET_PT = 20.7

ADDRESS_FONT, BARS_FONT = "A", "I"

OPEN_TEXT = b"BT 0 0 0 1 k\n/I 1 Tf\n"
ADDRESS_TEXT = b"\n/A %b Tf %b TL\n" % (numbers(SIZE_PT).encode(), numbers(PITCH_PT).encode())
SEQUENCE_TEXT = b"\n/A %b Tf\n" % numbers(SEQUENCE_SIZE_PT).encode()
CLOSE_TEXT = b"\nET\n"


class AddressSide:
    """One product's address side. `bars`, `address` and `sequence` give text operators for one piece in one slot."""

    def __init__(self, product: Product, slots: Sequence[Slot], endorsement: str = "") -> None:
        """`endorsement` is its text, or empty. Raises `Permanent` for a product that cannot bear one."""
        self._product = product
        self._block = on_piece(product.address, product)
        self._zone = on_piece(product.ink_free, product)
        self._indicia = on_piece(product.indicia, product) if product.indicia else None
        self._sender = on_piece(product.return_address, product)
        self._face = address_typeface()
        self._bars_at = [_text_matrix(slot, *self.bars_place()) for slot in slots]
        # `'` moves down a line before it prints, so a block starts one line above its first baseline.
        self._address_at = [_text_matrix(slot, self._block.x_pt, self._first_baseline_pt + PITCH_PT) for slot in slots]
        self._sequence_at = [_text_matrix(slot, *self._sequence_place()) for slot in slots]
        bars_top = self.bars_place()[1] + FULL_PT
        self._endorsement = place_endorsement(endorsement, product, bars_top) if endorsement else None
        if self._block.width_pt < LENGTH_PT:
            raise ValueError(f"the barcode of {LENGTH_PT / 72:.3f} in is wider than {product.name}'s address block")

    def bars_place(self) -> tuple[float, float]:
        """Lower left corner of the barcode, in points on the bleed page."""
        capitals = SIZE_PT * self._face.cap_height / 1000
        return self._block.x_pt, self._first_baseline_pt + capitals + BARS_GAP_PT

    @property
    def _first_baseline_pt(self) -> float:
        return self._block.y_pt + LAST_BASELINE_PT + (self._product.address_lines - 1) * PITCH_PT

    def _sequence_place(self) -> tuple[float, float]:
        x, envelope = self._zone.right_pt - SEQUENCE_INSET_PT, self._product.envelope
        if envelope is None:
            return x, self._block.top_pt - SEQUENCE_SIZE_PT
        # Above the address window, wherever the sheet lies: beside the barcode it would be read with it.
        above = Box(0, 0, self._product.trim_width_in, envelope.address_window.y_in - envelope.sheet.y_in)
        return x, on_piece(above, self._product).y_pt + SEQUENCE_SIZE_PT

    def zone(self, postage: Postage, mail_class: str) -> str:
        """The white zone with the indicia, the same on every piece of a batch."""
        white = f"q 0 0 0 0 k {self._zone.path()} re f Q\n"
        if self._indicia is None:
            return white
        return white + draw_indicia(self._indicia, postage, mail_class, font=ADDRESS_FONT)

    def return_address(self, piece: Placed) -> bytes:
        """Text operators, in the piece's own coordinates; the endorsement, which needs it, with it."""
        if not piece.return_address:
            return b""
        if self._endorsement is None:
            return self._sender_at(piece, piece.return_address, RETURN_SIZE_PT, self._sender.top_pt)
        lines = _four_at_most(piece.return_address)
        size = self._endorsement.return_size_pt(len(lines), RETURN_SIZE_PT)
        top = self._endorsement.ceiling_pt - INSET_PT
        return self._sender_at(piece, lines, size, top) + self._endorsement.draw(ADDRESS_FONT)

    def _sender_at(self, piece: Placed, lines: Sequence[str], size_pt: float, top_pt: float) -> bytes:
        set_lines = self._set(piece, lines, room_pt=self._sender.width_pt, sizes_pt=(size_pt, size_pt))
        pitch = PITCH * size_pt
        place = numbers(self._sender.x_pt, top_pt - size_pt * self._face.cap_height / 1000 + pitch)
        font = f"/{ADDRESS_FONT} {numbers(size_pt)} Tf {numbers(pitch)} TL"
        return f"BT 0 0 0 1 k {font} {place} Td".encode() + set_lines + b" ET\n"

    def bars(self, slot: int, piece: Placed) -> bytes:
        return self._bars_at[slot] + b"(" + encode(piece.imb[:20], piece.imb[20:]).encode() + b")Tj"

    def address(self, slot: int, piece: Placed) -> bytes:
        """The recipient's lines. Raises `Permanent` naming the piece when they cannot be printed as they are."""
        codes = _as_they_are(piece.address, self._product, self._block.width_pt)
        if codes is not None:
            return self._address_at[slot] + b"(" + escaped(codes).replace(b"\n", b")'(") + b")'"
        lines = self._set(piece, piece.address, room_pt=self._block.width_pt, sizes_pt=(SIZE_PT, SMALL_PT))
        return self._address_at[slot] + lines

    def _set(self, piece: Placed, lines: Sequence[str], *, room_pt: float, sizes_pt: tuple[float, float]) -> bytes:
        try:
            _check_count(lines, self._product)
            return set_block(lines, font=ADDRESS_FONT, room_pt=room_pt, sizes_pt=sizes_pt)
        except UnsettableError as error:
            raise Permanent("address_unprintable", f"piece {piece.piece_id}: address {error}") from error

    def sequence(self, slot: int, number: int) -> bytes:
        """The piece's number in mailing order, for whoever has to put a spoiled one back in its place."""
        return self._sequence_at[slot] + b"(%d)Tj" % number


def check_lines(lines: Sequence[str], product: Product) -> None:
    """Raises `UnsettableError` when a recipient's lines cannot be printed on this product: to be asked at the door."""
    room_pt = pt(product.address.width_in)
    if _as_they_are(lines, product, room_pt) is None:
        _check_count(lines, product)
        set_block(lines, font=ADDRESS_FONT, room_pt=room_pt, sizes_pt=(SIZE_PT, SMALL_PT))


def check_sender(lines: Sequence[str], product: Product) -> None:
    """The same of a return address, which may come to stand above an endorsement: which printer makes a piece is not known yet."""
    _check_count(lines, product)
    room_pt = pt(product.return_address.width_in)
    set_block(lines, font=ADDRESS_FONT, room_pt=room_pt, sizes_pt=(RETURN_SIZE_PT, RETURN_SIZE_PT))
    if len(lines) == LINES and product.envelope is None:
        size_pt = _endorsed_size_pt(product)
        try:
            set_block(_four_at_most(lines), font=ADDRESS_FONT, room_pt=room_pt, sizes_pt=(size_pt, size_pt))
        except UnsettableError as error:
            raise UnsettableError(
                "lines 3 and 4 are too long to share one, as five lines have to on some pieces"
            ) from error


@cache
def _endorsed_size_pt(product: Product) -> float:
    """Of four lines above an endorsement, whatever that says."""
    bars_top_pt = AddressSide(product, ()).bars_place()[1] + FULL_PT
    return place_endorsement(TEXTS["return"], product, bars_top_pt).return_size_pt(LINES - 1, RETURN_SIZE_PT)


def _as_they_are(lines: Sequence[str], product: Product, room_pt: float) -> bytes | None:
    """The codes of nearly all addresses, a line feed between two lines: letters that the typeface holds, at full size.

    None for the rest, to be set with care.
    """
    if len(lines) > product.address_lines or not "".join(lines).isprintable():
        return None
    text = "\n".join(lines)
    ascii_only = text.isascii()
    try:
        codes = text.encode("ascii" if ascii_only else ENCODING)
    except UnicodeEncodeError:
        return None
    sure, width_pt = _sure_letters(room_pt) if ascii_only else 0, address_typeface().width_pt
    for line in codes.split(b"\n"):
        if len(line) > sure and width_pt(line, SIZE_PT) > room_pt:
            return None
    return codes


@cache
def _sure_letters(room_pt: float) -> int:
    """A line of so many letters of ASCII fits, be they the widest."""
    return int(room_pt / (max(address_typeface().widths[:128]) * SIZE_PT / 1000))


def _check_count(lines: Sequence[str], product: Product) -> None:
    if len(lines) > product.address_lines:
        raise UnsettableError(f"{len(lines)} lines; {product.address_lines} is the most")


def _four_at_most(lines: Sequence[str]) -> Sequence[str]:
    """Name, company, street and unit, town: street and unit on one line."""
    return lines if len(lines) < LINES else (*lines[:-3], f"{lines[-3]} {lines[-2]}", lines[-1])


def _text_matrix(slot: Slot, x_pt: float, y_pt: float) -> bytes:
    return f"{numbers(*slot.matrix(x_pt, y_pt))} Tm".encode()

"""One PDF/X-4 file of imposed sheets or one-up pieces: front page, back page, front page, …, written as they come.

What does not differ between sheets (marks, placed artwork, white zones) is one stream that the pages share, ahead of
the few hundred bytes that are a sheet's own. Artwork is embedded once per file, as a form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from pipeline.models.profile import Marks
from pipeline.press.geometry import bleed_rect, numbers
from pipeline.press.job import Job, Placed
from pipeline.press.sheets import bars, code39
from pipeline.press.sheets.address_side import (
    ADDRESS_FONT,
    ADDRESS_TEXT,
    BARS_FONT,
    CLOSE_TEXT,
    OPEN_TEXT,
    SEQUENCE_TEXT,
    AddressSide,
)
from pipeline.press.sheets.artwork import embed_artwork
from pipeline.press.sheets.document_parts import DocumentParts
from pipeline.press.sheets.endorsement import endorsement_text
from pipeline.press.sheets.layout import Layout, Side
from pipeline.press.sheets.marks import BARCODE_FONT, crop_marks, draw_barcode, draw_slug, outer_trim, write_press_marks
from pipeline.press.sheets.output_intent import embed_intent
from pipeline.press.sheets.shared_streams import SharedStreams
from pipeline.press.sheets.sheet_mark import SheetMark, page_of
from pipeline.press.sheets.xmp import PRODUCER, Packet
from pipeline.press.slots import FACES, Face, Slot
from pipeline.press.typeface import address_typeface
from pipeline.press.whites import white_areas
from pipeline.press.writer import PdfWriter, literal
from pipeline.products import Product

# Shared page parts kept at hand. A batch with one creative has a handful; one with a creative per piece gains nothing
# by more.
KEPT_PARTS = 64

Row = Sequence[tuple[int, Placed] | None]
"""One sheet: per slot the piece and its number in mailing order (0: not known, not printed), or nothing."""

_Art = tuple[str, int]
"""A key of `Job.artwork`, and the page."""


@dataclass(frozen=True)
class _Part:
    """A shared content stream, and the resources that it and what follows it need."""

    contents: int
    resources: int


class _SidePages:
    """What all pages of one side of the sheet have in common."""

    def __init__(self, writer: PdfWriter, layout: Layout, side: Side, product: Product, marks: Marks) -> None:
        trim = outer_trim(side, product)
        self.slots = side.slots
        self.boxes = f"/MediaBox{layout.sheet.array()}/TrimBox{trim.array()}/BleedBox{side.grid.array()}".encode()
        self.crop_marks = crop_marks(side, product, marks).encode() if layout.marked else b""
        self.press_marks = write_press_marks(writer, side)
        self.slug, self.barcode = side.box("slug"), side.box("barcode")
        self.addressed = [number for number, slot in enumerate(side.slots) if slot.face == product.address_side]


class SheetFile:
    """A file under way. `front` and `back` add a page each; `close` ends it."""

    def __init__(self, out: BinaryIO, job: Job, product: Product, layout: Layout, *, title: str = "") -> None:
        self._job, self._product, self._title = job, product, title or job.stem
        self._writer = PdfWriter(out)
        endorsement = endorsement_text(job.postage, job.mail_class)
        self._address = AddressSide(product, layout.faces(product.address_side), endorsement)
        self._fonts = self._embed_fonts(with_barcode=any(mark.kind == "barcode" for mark in layout.front.marks))
        self._zone = self._write_zone()
        self._whites = {face: number for face in FACES if (number := self._write_white(face))}
        self._mark = SheetMark(job, product) if product.sheet_mark else None
        self._forms: dict[Path, tuple[int, ...]] = {}
        self._shared = SharedStreams()
        self._parts: dict[object, _Part] = {}
        marks = job.imposition.marks
        self._front = _SidePages(self._writer, layout, layout.front, product, marks)
        self._back = _SidePages(self._writer, layout, layout.back, product, marks)
        self._records = DocumentParts(self._writer) if self._has_records() else None
        self._open_record: _Record | None = None

    def front(self, row: Row, slug: str = "", barcode: str = "", *, nth: int = 0) -> None:
        """`slug` and `barcode` are printed where the layout has room for them; `nth` is the sheet of the set, from 0."""
        self._side(self._front, row, slug, barcode, nth)

    def back(self, row: Row, slug: str = "", *, nth: int = 0) -> None:
        self._side(self._back, row, slug, "", nth)

    def record(self, number: int, piece: Placed) -> None:
        """The pages from here on are this piece's, for presses that address records; nothing in other files."""
        if self._records:
            self._end_record()
            self._open_record = _Record(self._records.begin(), piece.piece_id, number)

    def close(self) -> None:
        self._end_record()
        stamp = pdf_date(self._job.frozen_at)
        info = b"/Title%b/Producer%b/CreationDate%b/ModDate%b/Trapped/False" % (
            literal(self._title), literal(PRODUCER), stamp, stamp,
        )  # fmt: skip
        catalog = self._records.close() if self._records else b""
        if self._job.imposition.output_intent != "none":
            catalog += embed_intent(self._writer, self._job.imposition.output_intent) + self._metadata()
        self._writer.close(info=info, catalog=catalog)

    def _has_records(self) -> bool:
        wanted = self._job.imposition
        return wanted.mode == "one_up" and wanted.document_parts and wanted.output_intent != "none"

    def _embed_fonts(self, *, with_barcode: bool) -> bytes:
        fonts = (
            f"/{ADDRESS_FONT} {address_typeface().embed(self._writer)} 0 R/{BARS_FONT} {bars.embed(self._writer)} 0 R"
        )
        if with_barcode:
            fonts += f"/{BARCODE_FONT} {code39.embed(self._writer)} 0 R"
        return fonts.encode()

    def _write_zone(self) -> int:
        drawn = self._address.zone(self._job.postage, self._job.mail_class).encode("latin-1")
        box = bleed_rect(self._product).array().encode()
        return self._writer.stream(
            b"/Type/XObject/Subtype/Form/BBox%b/Resources<</Font<<%b>>>>" % (box, self._fonts), drawn
        )

    def _write_white(self, face: Face) -> int | None:
        """A form for what stays white on one side of the piece, over the artwork; None where that is nothing."""
        paths = " ".join(f"{area.path()} re" for area in white_areas(self._product, face))
        box = bleed_rect(self._product).array().encode()
        return (
            self._writer.stream(b"/Type/XObject/Subtype/Form/BBox" + box, f"0 0 0 0 k {paths} f\n".encode())
            if paths
            else None
        )

    def _metadata(self) -> bytes:
        packet = Packet(
            title=self._title,
            moment=self._job.frozen_at,
            document=sha256(f"{self._job.batch_id}/{self._title}".encode()).digest()[:16],
            instance=self._writer.digest()[:16],
            with_records=self._records is not None,
        )
        return b"/Metadata %d 0 R" % self._writer.stream(b"/Type/Metadata/Subtype/XML", packet.xml(), compress=False)

    def _end_record(self) -> None:
        if self._records and self._open_record:
            record, self._open_record = self._open_record, None
            self._records.end(record.piece_id, record.number, record.first_page, record.last_page)

    def _side(self, side: _SidePages, row: Row, slug: str, barcode: str, nth: int) -> None:
        keys = tuple(
            self._art(place[1], slot, nth) if place else None for place, slot in zip(row, side.slots, strict=True)
        )
        addressed = [(number, *place) for number in side.addressed if (place := row[number])] if nth == 0 else []
        key = (side, keys, tuple((number, piece.return_address) for number, _, piece in addressed))
        part = self._parts.get(key)
        if part is None:
            over = {number: b"/Z Do\n" + self._address.return_address(piece) for number, _, piece in addressed}
            part = self._keep(key, self._write_part(side, keys, over))
        own = self._pieces(addressed) if addressed else b""
        if side.slug:
            own += draw_slug(side.slug, slug, font=ADDRESS_FONT)
        if side.barcode and barcode:
            own += draw_barcode(side.barcode, barcode)
        if self._mark:
            places = ((side.slots[number], place) for number in side.addressed if (place := row[number]))
            own += b"".join([self._mark.draw(slot, piece, nth) for slot, (_, piece) in places])
        self._page(side.boxes, part, own)

    def _page(self, boxes: bytes, part: _Part, own: bytes) -> None:
        contents = b"%d 0 R" % part.contents
        if own:
            contents += b" %d 0 R" % self._writer.stream(b"", own)
        entries = boxes + b"/Resources %d 0 R/Contents[%b]" % (part.resources, contents)
        if self._open_record:
            entries += b"/DPart %d 0 R" % self._open_record.part
        page = self._writer.page(entries)
        if self._open_record:
            self._open_record.add(page)

    def _keep(self, key: object, part: _Part) -> _Part:
        if len(self._parts) >= KEPT_PARTS:
            self._parts.clear()
        self._parts[key] = part
        return part

    def _write_part(self, side: _SidePages, keys: Sequence[_Art | None], over: dict[int, bytes]) -> _Part:
        forms = [self._pages(key[0])[key[1]] if key is not None else None for key in keys]
        drawn = [side.crop_marks, b"/M Do\n" if side.press_marks else b""]
        for number, (slot, form) in enumerate(zip(side.slots, forms, strict=True)):
            if form is not None or number in over:
                placed = self._artwork(form, slot.face) if form is not None else b""
                drawn.append(_placing(slot) + placed + over.get(number, b"") + b"Q\n")
        names = b"".join(b"/X%d %d 0 R" % (form, form) for form in sorted({form for form in forms if form is not None}))
        names += b"".join(b"/W%d %d 0 R" % (white, white) for white in self._whites.values())
        names += b"/M %d 0 R" % side.press_marks if side.press_marks else b""
        resources = self._writer.add(b"<</Font<<%b>>/XObject<<%b/Z %d 0 R>>>>" % (self._fonts, names, self._zone))
        return _Part(self._writer.stream(b"", b"".join(drawn)), resources)

    def _artwork(self, form: int, face: Face) -> bytes:
        white = self._whites.get(face)
        return b"/X%d Do\n" % form + (b"/W%d Do\n" % white if white else b"")

    def _art(self, piece: Placed, slot: Slot, nth: int) -> _Art | None:
        key = piece.front if slot.face == "front" else piece.back
        if key is None or not self._product.is_document:
            return None if key is None else (key, 0)
        page = page_of(nth, slot.face, duplex=piece.back is not None)
        return (key, page) if page < len(self._pages(key)) else None

    def _pages(self, key: str) -> tuple[int, ...]:
        # By path, since two keys may stand for the same stored file.
        source = self._job.artwork[key]
        if source not in self._forms:
            self._forms[source] = embed_artwork(self._writer, source, bleed_rect(self._product), self._shared)
        return self._forms[source]

    def _pieces(self, placed: Sequence[tuple[int, int, Placed]]) -> bytes:
        """Bars of all slots, then addresses, then numbers: three font changes a sheet instead of three a piece."""
        side = self._address
        # Some bureaux spray their own barcode, and want its place left clear.
        ours = self._job.postage.imb_by == "us"
        bars_ops = b"\n".join([side.bars(slot, piece) for slot, _, piece in placed if ours and piece.imb])
        addresses = b"\n".join([side.address(slot, piece) for slot, _, piece in placed])
        sequence = b"\n".join([side.sequence(slot, number) for slot, number, _ in placed if number])
        return b"".join((OPEN_TEXT, bars_ops, ADDRESS_TEXT, addresses, SEQUENCE_TEXT, sequence, CLOSE_TEXT))


@dataclass
class _Record:
    """A document part under way."""

    part: int
    piece_id: str
    number: int
    first_page: int = 0
    last_page: int = 0

    def add(self, page: int) -> None:
        self.first_page, self.last_page = self.first_page or page, page


def _placing(slot: Slot) -> bytes:
    """Opens the piece's own coordinates, and cuts its bleed back where a neighbour shares the gutter."""
    clip = "" if slot.clip is None else f"{slot.clip.path()} re W n "
    return f"q {clip}{numbers(*slot.matrix())} cm\n".encode()


def pdf_date(moment: datetime) -> bytes:
    return f"(D:{moment:%Y%m%d%H%M%S}Z)".encode()

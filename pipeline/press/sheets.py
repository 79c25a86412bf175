"""One file of imposed sheets: front page, back page, front page, …, written as they come.

What does not differ between sheets (marks, placed artwork, white zones) is one stream that the pages share, ahead of
the few hundred bytes that are a sheet's own. Artwork is embedded once per file, as a form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pipeline.models.profile import Marks
from pipeline.press import bars
from pipeline.press.address_side import (
    ADDRESS_FONT,
    ADDRESS_TEXT,
    BARS_FONT,
    CLOSE_TEXT,
    OPEN_TEXT,
    SEQUENCE_TEXT,
    AddressSide,
)
from pipeline.press.artwork import embed_artwork
from pipeline.press.geometry import bleed_rect, numbers
from pipeline.press.job import Job, Placed
from pipeline.press.layout import Layout, Side
from pipeline.press.marks import SLUG_SIZE_PT, crop_marks, outer_trim, slug_place
from pipeline.press.typeface import address_typeface, show
from pipeline.press.writer import PdfWriter, literal
from pipeline.products import Product

# Shared page parts kept at hand. A batch with one creative has a handful; one with a creative per piece gains nothing
# by more.
KEPT_PARTS = 64

Row = Sequence[tuple[int, Placed] | None]
"""One sheet: per slot the piece and its number in mailing order (0: not known, not printed), or nothing."""


@dataclass(frozen=True)
class _Part:
    """A shared content stream, and the resources that it and what follows it need."""

    contents: int
    resources: int


class SheetFile:
    """A file under way. `front` and `back` add a page each; `close` ends it."""

    def __init__(self, out: BinaryIO, job: Job, product: Product, layout: Layout) -> None:
        self._job, self._product, self._layout = job, product, layout
        self._marks = job.imposition.marks if layout.marked else Marks(crop=False, slug=False)
        self._writer = PdfWriter(out)
        self._address = AddressSide(product, layout.back.slots)
        self._fonts = (
            f"/{ADDRESS_FONT} {address_typeface().embed(self._writer)} 0 R/{BARS_FONT} {bars.embed(self._writer)} 0 R"
        )
        self._zone = self._write_zone()
        self._forms: dict[Path, int] = {}
        self._parts: dict[object, _Part] = {}
        self._front_boxes = _page_boxes(layout, layout.front, product)
        self._back_boxes = _page_boxes(layout, layout.back, product)
        self._front_marks = crop_marks(layout.front, product, self._marks).encode()
        self._back_marks = crop_marks(layout.back, product, self._marks).encode()
        self._front_slug = slug_place(layout.front, product, self._marks)
        self._back_slug = slug_place(layout.back, product, self._marks)

    def front(self, row: Row, slug: str) -> None:
        keys = tuple(place[1].front if place else None for place in row)
        part = self._parts.get(("front", keys))
        if part is None:
            part = self._keep(("front", keys), self._write_part(self._layout.front, keys, [b""] * len(row)))
        self._page(self._front_boxes, part, self._slug(self._front_slug, slug))

    def back(self, row: Row, slug: str) -> None:
        keys = tuple(place[1].back if place else None for place in row)
        senders = tuple(place[1].return_address if place else () for place in row)
        part = self._parts.get(("back", keys, senders))
        if part is None:
            over = [b"/Z Do\n" + self._address.return_address(place[1]) if place else b"" for place in row]
            part = self._keep(("back", keys, senders), self._write_part(self._layout.back, keys, over))
        self._page(self._back_boxes, part, self._pieces(row) + self._slug(self._back_slug, slug))

    def close(self) -> None:
        stamp = pdf_date(self._job.frozen_at)
        info = (
            b"/Title " + literal(self._job.stem) + b"/Producer(MailStream)/CreationDate" + stamp + b"/ModDate" + stamp
        )
        self._writer.close(info=info + b"/Trapped/False")

    def _write_zone(self) -> int:
        drawn = self._address.zone(self._job.postage, self._job.mail_class).encode("latin-1")
        box = bleed_rect(self._product).array()
        return self._writer.stream(
            f"/Type/XObject/Subtype/Form/BBox{box}/Resources<</Font<<{self._fonts}>>>>".encode(), drawn
        )

    def _page(self, boxes: bytes, part: _Part, own: bytes) -> None:
        contents = b"%d 0 R" % part.contents
        if own:
            contents += b" %d 0 R" % self._writer.stream(b"", own)
        self._writer.page(boxes + b"/Resources %d 0 R/Contents[%b]" % (part.resources, contents))

    def _keep(self, key: object, part: _Part) -> _Part:
        if len(self._parts) >= KEPT_PARTS:
            self._parts.clear()
        self._parts[key] = part
        return part

    def _write_part(self, side: Side, keys: Sequence[str | None], over: Sequence[bytes]) -> _Part:
        forms = [self._form(key) if key is not None else None for key in keys]
        drawn = [self._front_marks if side is self._layout.front else self._back_marks]
        for slot, form, text in zip(side.slots, forms, over, strict=True):
            if form is not None or text:
                placed = b"/X%d Do\n" % form if form is not None else b""
                drawn.append(f"q {numbers(*slot.matrix())} cm\n".encode() + placed + text + b"Q\n")
        names = b"".join(b"/X%d %d 0 R" % (form, form) for form in sorted({form for form in forms if form is not None}))
        resources = self._writer.add(
            b"<</Font<<%b>>/XObject<<%b/Z %d 0 R>>>>" % (self._fonts.encode(), names, self._zone)
        )
        return _Part(self._writer.stream(b"", b"".join(drawn)), resources)

    def _form(self, key: str) -> int:
        # By path, since two keys may stand for the same stored file.
        source = self._job.artwork[key]
        if source not in self._forms:
            self._forms[source] = embed_artwork(self._writer, source, bleed_rect(self._product))
        return self._forms[source]

    def _pieces(self, row: Row) -> bytes:
        """Bars of all slots, then addresses, then numbers: three font changes a sheet instead of three a piece."""
        placed = [(slot, *place) for slot, place in enumerate(row) if place]
        side = self._address
        # Some bureaux spray their own barcode, and want its place left clear.
        ours = self._job.postage.imb_by == "us"
        bars_ops = b"\n".join([side.bars(slot, piece) for slot, _, piece in placed if ours and piece.imb])
        addresses = b"\n".join([side.address(slot, piece) for slot, _, piece in placed])
        sequence = b"\n".join([side.sequence(slot, number) for slot, number, _ in placed if number])
        return b"".join((OPEN_TEXT, bars_ops, ADDRESS_TEXT, addresses, SEQUENCE_TEXT, sequence, CLOSE_TEXT))

    def _slug(self, place: tuple[float, float], text: str) -> bytes:
        if not self._marks.slug:
            return b""
        return show(text, font=ADDRESS_FONT, size_pt=SLUG_SIZE_PT, at=place).encode("latin-1")


def _page_boxes(layout: Layout, side: Side, product: Product) -> bytes:
    trim = outer_trim(side, product)
    return f"/MediaBox{layout.sheet.array()}/TrimBox{trim.array()}/BleedBox{side.grid.array()}".encode()


def pdf_date(moment: datetime) -> bytes:
    return f"(D:{moment:%Y%m%d%H%M%S}Z)".encode()

"""The same job by other tools: pikepdf with reportlab, PyMuPDF, pypdf with reportlab, pdfimpose; each as its manual has it done.

Run by an interpreter of their own, which the bench fills and which is no part of the project: `python imposition_peers.py WHAT
JOB.json OUT.pdf` prints the seconds that it took. JOB.json has `artwork` by side, `sheet` and `bleed` (points), `slots` by side
(lower left corners, points) and `sheets`, each a list of `[bars, lines]` by slot. Peers are spared encoding the barcodes, and
print them as one line of letters.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PINNED = ("pikepdf==10.17.0", "reportlab==5.1.0", "pymupdf==2.0", "pypdf==7.1.1", "pdfimpose==2.10.0")

Job = dict[str, Any]
_BARS_AT, _ADDRESS_AT, _LEADING = (209.0, 130.0), (209.0, 108.0), 12.0


def by_pikepdf(job: Job, out: str) -> None:
    """Artwork copied once as a form, text by reportlab laid over each sheet."""
    import pikepdf

    with pikepdf.new() as pdf, pikepdf.open(_text_by_reportlab(job)) as text:
        forms = {}
        for side, path in job["artwork"].items():
            with pikepdf.open(path) as given:
                forms[side] = pdf.copy_foreign(given.pages[0].as_form_xobject())
        for number in range(len(job["sheets"])):
            for side in ("front", "back"):
                pdf.add_blank_page(page_size=tuple(job["sheet"]))
                page = pdf.pages[-1].obj
                page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Art=forms[side]))
                drawn = "".join(f"q 1 0 0 1 {x:g} {y:g} cm /Art Do Q\n" for x, y in job["slots"][side])
                if side == "back":
                    page.Resources.XObject.Text = pdf.copy_foreign(text.pages[number].as_form_xobject())
                    drawn += "/Text Do"
                page.Contents = pdf.make_stream(drawn.encode())
        pdf.save(out)


def by_pymupdf(job: Job, out: str) -> None:
    """`show_pdf_page` for each slot, `insert_text` for bars and address."""
    import pymupdf

    width, height = job["sheet"]
    art = {side: pymupdf.open(path) for side, path in job["artwork"].items()}
    with pymupdf.open() as pdf:
        for pieces in job["sheets"]:
            for side in ("front", "back"):
                page = pdf.new_page(width=width, height=height)
                for x, y in job["slots"][side]:
                    page.show_pdf_page(_from_top(job, x, y), art[side], 0)
            _insert_texts(page, job, pieces)
        pdf.save(out, garbage=1, deflate=True)


def by_pypdf(job: Job, out: str) -> None:
    """`merge_transformed_page` for each slot, text by reportlab merged over."""
    from pypdf import PageObject, PdfReader, PdfWriter, Transformation

    art = {side: PdfReader(path).pages[0] for side, path in job["artwork"].items()}
    text = PdfReader(_text_by_reportlab(job))
    writer = PdfWriter()
    for number in range(len(job["sheets"])):
        for side in ("front", "back"):
            page = writer.add_page(PageObject.create_blank_page(width=job["sheet"][0], height=job["sheet"][1]))
            for x, y in job["slots"][side]:
                page.merge_transformed_page(art[side], Transformation().translate(x, y))
        page.merge_page(text.pages[number])
    writer.write(out)


def by_pdfimpose(job: Job, out: str) -> None:
    """It places whole pages: PyMuPDF makes those of the pieces first, a front and a back each."""
    import pymupdf
    from pdfimpose.schema import cards

    width, height = job["bleed"]
    art = {side: pymupdf.open(path) for side, path in job["artwork"].items()}
    pages = f"{out}.pages.pdf"
    with pymupdf.open() as pdf:
        for piece in (piece for pieces in job["sheets"] for piece in pieces):
            for side in ("front", "back"):
                page = pdf.new_page(width=width, height=height)
                page.show_pdf_page(page.rect, art[side], 0)
            _insert(page, 0, height, piece)
        pdf.save(pages, garbage=1, deflate=True)
    cards.impose([pages], out, size=tuple(job["sheet"]), mark=["crop"])


def _insert_texts(page: Any, job: Job, pieces: list[Any]) -> None:
    for (x, y), piece in zip(job["slots"]["back"], pieces, strict=False):
        _insert(page, x, job["sheet"][1] - y, piece)


def _insert(page: Any, x: float, bottom: float, piece: Any) -> None:
    bars, lines = piece
    page.insert_text((x + _BARS_AT[0], bottom - _BARS_AT[1]), bars, fontsize=4)
    page.insert_text((x + _ADDRESS_AT[0], bottom - _ADDRESS_AT[1]), lines, fontsize=9, lineheight=_LEADING / 9)


def _from_top(job: Job, x: float, y: float) -> Any:
    import pymupdf

    top = job["sheet"][1] - y - job["bleed"][1]
    return pymupdf.Rect(x, top, x + job["bleed"][0], top + job["bleed"][1])


def _text_by_reportlab(job: Job) -> Any:
    from io import BytesIO

    from reportlab.pdfgen.canvas import Canvas

    out = BytesIO()
    canvas = Canvas(out, pagesize=tuple(job["sheet"]))
    for pieces in job["sheets"]:
        for (x, y), (bars, lines) in zip(job["slots"]["back"], pieces, strict=False):
            canvas.setFont("Helvetica", 4)
            canvas.drawString(x + _BARS_AT[0], y + _BARS_AT[1], bars)
            block = canvas.beginText(x + _ADDRESS_AT[0], y + _ADDRESS_AT[1])
            block.setFont("Helvetica", 9, _LEADING)
            block.textLines(lines)
            canvas.drawText(block)
        canvas.showPage()
    canvas.save()
    out.seek(0)
    return out


PEERS: dict[str, tuple[str, Callable[[Job, str], None], int]] = {
    "pikepdf": ("pikepdf, text by reportlab", by_pikepdf, 2_000),
    "pymupdf": ("PyMuPDF", by_pymupdf, 400),
    "pdfimpose": ("pdfimpose, pages by PyMuPDF", by_pdfimpose, 400),
    "pypdf": ("pypdf, text by reportlab", by_pypdf, 400),
}
"""By name: the title, the work, and how many pieces it is given, so that none takes minutes."""


def main() -> None:
    what, job, out = sys.argv[1:]
    read = json.loads(Path(job).read_text())
    begun, worked = time.perf_counter(), time.process_time()
    PEERS[what][1](read, out)
    took = {"wall_s": time.perf_counter() - begun, "cpu_s": time.process_time() - worked}
    print(json.dumps(took | {"bytes": Path(out).stat().st_size}))  # noqa: T201


if __name__ == "__main__":
    main()

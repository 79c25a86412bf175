"""PDF files whose structure or content is odd: read to their end as viewers do, or refused, and never read in part."""

from functools import partial
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from pipeline.press.creative.normalize import normalize
from pipeline.press.opening import open_artwork
from pipeline.press.preflight.inspect import inspect
from pipeline.products import POSTCARD_4X6
from tests.unit.press.hostile import PLAIN, page_pdf, pdf_with
from tests.unit.press.seeing import difference, render


def _out_of_a_large_document(out: Path, first: int) -> Path:
    """One page under the numbers that its objects had there."""
    catalog, pages, page, content = range(first, first + 4)
    objects = {
        catalog: b"<</Type/Catalog/Pages %d 0 R>>" % pages,
        pages: b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % page,
        page: b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 450 306]/Resources<<>>/Contents %d 0 R>>" % (pages, content),
        content: b"<</Length %d>>stream\n%b\nendstream" % (len(PLAIN), PLAIN),
    }
    written, places = b"%PDF-1.6\n", list[int]()
    for number, body in objects.items():
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 1\n0000000000 65535 f \n%d 4\n%btrailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    out.write_bytes(written + end % (first, table, first + 4, catalog, len(written)))
    return out


@pytest.mark.parametrize("first", [1, 300, 10_962, 900_000])
def test_a_page_taken_out_of_a_large_document_is_read(tmp_path: Path, first: int) -> None:
    source = _out_of_a_large_document(tmp_path / "part.pdf", first)
    assert inspect(source, POSTCARD_4X6).ok
    normalize(source, POSTCARD_4X6, tmp_path / "normal.pdf")
    assert difference(render(tmp_path / "normal.pdf"), render(page_pdf(tmp_path / "plain.pdf"))) < 0.001


def test_a_file_without_a_catalog_is_no_longer_for_it(tmp_path: Path) -> None:
    source = _out_of_a_large_document(tmp_path / "part.pdf", 10_962)
    source.write_bytes(source.read_bytes().replace(b"/Root 10962 0 R", b"/Root 10999 0 R"))
    with pytest.raises(pikepdf.PdfError):
        open_artwork(source)
    assert [one.code for one in inspect(source, POSTCARD_4X6).findings] == ["damaged_file"]


def _errors_before_text(count: int, pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    page.Resources = Dictionary(Font=Dictionary(F=font))
    page.Contents = pdf.make_stream(PLAIN + b" )" * count + b" BT /F 30 Tf 100 100 Td (Sale) Tj ET")


@pytest.mark.parametrize(("count", "code"), [(40, "unembedded_font"), (2000, "damaged_file")])
def test_content_is_read_behind_its_errors_or_not_at_all(tmp_path: Path, count: int, code: str) -> None:
    source = pdf_with(tmp_path / "errors.pdf", partial(_errors_before_text, count))
    assert [one.code for one in inspect(source, POSTCARD_4X6, "front").findings] == [code]

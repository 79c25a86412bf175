"""What artwork draws with the resources of its page prints on sheets as in the file, its colours explained as PDF/X-4 asks."""

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from pipeline.models.profile import Imposition
from pipeline.press.creative.normalize import normalize
from pipeline.press.preflight.inspect import inspect
from pipeline.press.sheets.impose import impose
from pipeline.products import POSTCARD_4X6
from tests.unit.press.hostile import pdf_with
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import difference, render
from tests.unit.press.x4_checker import violations

GROUND = b"0.8 0.9 1 rg 0 0 450 306 re f\n"
SQUARE = b"1 0 0 rg 100 80 200 120 re f"
BOX = Array([0, 0, 450, 306])

Change = Callable[[pikepdf.Pdf, pikepdf.Object], None]


def _draws(pdf: pikepdf.Pdf, page: pikepdf.Object, content: bytes, **resources: pikepdf.Object) -> None:
    page.Contents = pdf.make_stream(GROUND + content)
    page.Resources = Dictionary({f"/{kind}": named for kind, named in resources.items()})


def a_page_without_any(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    _draws(pdf, page, SQUARE)
    del page.Resources


def a_form(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    inner = pdf.make_stream(SQUARE, Type=Name.XObject, Subtype=Name.Form, BBox=BOX)
    outer = pdf.make_stream(b"/Inner Do", Type=Name.XObject, Subtype=Name.Form, BBox=BOX)
    _draws(pdf, page, b"/Outer Do", XObject=Dictionary(Outer=outer, Inner=inner))


def a_drawn_font(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    picture = pdf.make_stream(SQUARE, Type=Name.XObject, Subtype=Name.Form, BBox=BOX, Resources=Dictionary())
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontBBox=BOX, FontMatrix=Array([1, 0, 0, 1, 0, 0]), FirstChar=65, LastChar=65,
        Widths=Array([450]), Encoding=Dictionary(Type=Name.Encoding, Differences=Array([65, Name.picture])),
        CharProcs=Dictionary(picture=pdf.make_stream(b"450 0 d0 0 0 1 rg 20 20 50 50 re f /Picture Do")),
    )  # fmt: skip
    fonts, placed = Dictionary(F=pdf.make_indirect(font)), Dictionary(Picture=picture)
    _draws(pdf, page, b"BT /F 1 Tf (A) Tj ET", Font=fonts, XObject=placed)


def a_pattern(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    pattern = pdf.make_stream(
        b"1 0 0 rg 0 0 10 10 re f", Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1,
        BBox=Array([0, 0, 20, 20]), XStep=20, YStep=20,
    )  # fmt: skip
    _draws(pdf, page, b"/Pattern cs /P scn 100 80 200 120 re f", Pattern=Dictionary(P=pattern))


def a_mask(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    group = pdf.make_stream(
        b"1 1 1 rg 100 80 200 120 re f", Type=Name.XObject, Subtype=Name.Form, BBox=BOX,
        Group=Dictionary(S=Name.Transparency, CS=Name.DeviceRGB),
    )  # fmt: skip
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    _draws(pdf, page, b"/M gs 1 0 0 rg 0 0 450 306 re f", ExtGState=Dictionary(M=state))


@pytest.mark.parametrize("borrows", [a_page_without_any, a_form, a_drawn_font, a_pattern, a_mask])
def test_what_has_no_resources_of_its_own_prints_with_those_of_its_page(tmp_path: Path, borrows: Change) -> None:
    source = pdf_with(tmp_path / "given.pdf", borrows)
    assert inspect(source, POSTCARD_4X6).ok
    normalize(source, POSTCARD_4X6, tmp_path / "normal.pdf")
    imposition = Imposition(mode="one_up")
    job = make_job({"front": tmp_path / "normal.pdf"}, make_pieces(1, imposition, back=None), imposition=imposition)
    sheets = impose(job, tmp_path / "out").files[0]
    assert violations(sheets) == []
    assert difference(render(sheets), render(source)) < 0.001
    bare = pdf_with(tmp_path / "bare.pdf", lambda pdf, page: _draws(pdf, page, b""))
    assert difference(render(sheets), render(bare)) > 0.03

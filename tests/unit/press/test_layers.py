"""Layers: what a viewer hides does not print, what it shows does, and the sheet has no switch that could change it."""

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, String

from pipeline.models.profile import Imposition
from pipeline.press.creative.layer_states import LayerStates
from pipeline.press.creative.normalize import normalize
from pipeline.press.preflight.inspect import inspect
from pipeline.press.sheets.impose import impose
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile
from tests.unit.press.artwork_files import draw
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import difference, render
from tests.unit.press.x4_checker import every_object, violations

GROUND = b"0.9 0.95 1 rg 0 0 450 306 re f "
RED = b"1 0 0 rg 20 20 150 120 re f "
BLUE = b"0 0 1 rg 240 150 150 120 re f "


class Layered:
    """A page under way with two layers: "On", which is on, and "Off", which is off."""

    def __init__(self, pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        self.pdf, self.page = pdf, page
        self.on, self.off = self.layer("On"), self.layer("Off")
        self.default = Dictionary(OFF=Array([self.off]), Order=Array([self.on, self.off]))
        pdf.Root.OCProperties = Dictionary(OCGs=Array([self.on, self.off]), D=self.default)
        page.Resources = Dictionary(Properties=Dictionary(On=self.on, Off=self.off), XObject=Dictionary())

    def layer(self, name: str, **more: object) -> pikepdf.Object:
        return self.pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(name), **more))

    def member(self, **entries: object) -> None:
        """A membership, by the name `/M`."""
        self.page.Resources.Properties.M = self.pdf.make_indirect(Dictionary(Type=Name.OCMD, **entries))

    def form(self, content: bytes, **entries: object) -> pikepdf.Object:
        given = {"Resources": Dictionary(Properties=self.page.Resources.Properties)} | entries
        return self.pdf.make_stream(content, Subtype=Name.Form, BBox=Array([0, 0, 450, 306]), **given)

    def draw(self, content: bytes) -> None:
        self.page.Contents = self.pdf.make_stream(GROUND + b"0 g " + content)


def _file(out: Path, change: Callable[[Layered], None]) -> Path:
    return hostile.pdf_with(out, lambda pdf, page: change(Layered(pdf, page)))


def _plain(art: Layered) -> None:
    art.draw(b"/OC /On BDC " + BLUE + b"EMC /OC /Off BDC " + RED + b"EMC")


def _nested(art: Layered) -> None:
    inside = b"/OC /On BDC " + RED + b"EMC /Span <</Lang(en)>> BDC 0 1 0 rg 30 30 90 90 re f EMC /P BMC EMC "
    art.draw(b"/OC /Off BDC " + inside + b"0 g 0 0 60 60 re f EMC " + BLUE)


def _state_outlives_what_is_hidden(art: Layered) -> None:
    """Colour, matrix and clipping set while off hold afterwards."""
    art.draw(b"q /OC /Off BDC 1 0 1 rg 0.5 0 0 0.5 50 50 cm 0 0 400 300 re W f EMC 100 100 900 900 re f Q " + BLUE)


def _marks_across_saves(art: Layered) -> None:
    art.draw(b"/OC /Off BDC q EMC " + BLUE + b"/OC /Off BDC " + RED + b"Q EMC 0 1 0 rg 200 20 50 50 re f EMC EMC")


def _forms_and_images(art: Layered) -> None:
    image = art.pdf.make_stream(
        b"\x20" * 1600, Type=Name.XObject, Subtype=Name.Image, Width=40, Height=40, BitsPerComponent=8,
        ColorSpace=Name.DeviceGray,
    )  # fmt: skip
    art.page.Resources.XObject.A = art.form(RED, OC=art.off)
    art.page.Resources.XObject.B = art.form(BLUE, OC=art.on)
    art.page.Resources.XObject.C = image
    image.OC = art.off
    art.draw(b"/A Do /B Do q 9 0 0 9 300 30 cm /C Do Q")


def _inside_forms(art: Layered) -> None:
    inner = art.form(b"/OC /Off BDC " + RED + b"EMC " + BLUE)
    art.page.Resources.XObject.A = art.form(
        b"q 0.5 0 0 0.5 0 0 cm /I Do Q", Resources=Dictionary(XObject=Dictionary(I=inner))
    )
    art.draw(b"/A Do")


def _inside_a_pattern(art: Layered) -> None:
    tile = art.form(
        b"1 0 0 rg 0 0 20 20 re f /OC /Off BDC 0 0 1 rg 0 0 10 10 re f EMC", Type=Name.Pattern, PatternType=1, PaintType=1,
        TilingType=1, XStep=20, YStep=20,
    )  # fmt: skip
    tile.BBox = Array([0, 0, 20, 20])
    art.page.Resources.Pattern = Dictionary(P=tile)
    art.draw(b"/Pattern cs /P scn 20 20 300 200 re f")


def _inline_and_shading(art: Layered) -> None:
    art.page.Resources.Shading = Dictionary(
        S=Dictionary(
            ShadingType=2, ColorSpace=Name.DeviceRGB, Coords=[0, 0, 450, 0],
            Function=Dictionary(FunctionType=2, Domain=[0, 1], C0=[1, 0, 0], C1=[0, 1, 0], N=1),
        )
    )  # fmt: skip
    image = b"q 90 0 0 90 20 20 cm BI /W 2 /H 2 /BPC 8 /CS /G ID \x00\x40\x80\xc0 EI Q "
    art.draw(b"/OC /Off BDC /S sh " + image + b"EMC q 200 0 0 0 0 0 cm Q 1 0 0 1 220 0 cm " + image)


def _base_off(art: Layered) -> None:
    art.default.BaseState = Name.OFF
    art.default.ON = Array([art.on])
    del art.default.OFF
    _plain(art)


def _member(**entries: object) -> Callable[[Layered], None]:
    """Content under a membership; `entries` name layers by "on" and "off"."""

    def change(art: Layered) -> None:
        art.member(**{key: _named(art, value) for key, value in entries.items()})
        art.draw(b"/OC /M BDC " + RED + b"EMC " + BLUE)

    return change


def _named(art: Layered, value: object) -> object:
    if isinstance(value, list):
        return Array([_named(art, item) for item in value])
    return {"on": art.on, "off": art.off}.get(value, value) if isinstance(value, str) else value


def _automatic(event: str, state: str) -> Callable[[Layered], None]:
    """A layer whose usage agrees, for screen and print, against the configuration's list."""

    def change(art: Layered) -> None:
        other = "ON" if state == "OFF" else "OFF"
        layer = art.layer("Auto", Usage=Dictionary(
            View=Dictionary(ViewState=Name(f"/{state}")), Print=Dictionary(PrintState=Name(f"/{state}"))
        ))  # fmt: skip
        art.pdf.Root.OCProperties.OCGs.append(layer)
        if other == "OFF":
            art.default.OFF.append(layer)
        kinds = ("View", "Print") if event == "both" else (event,)
        art.default.AS = Array(
            [
                Dictionary(Event=Name(f"/{kind}"), Category=Array([Name(f"/{kind}")]), OCGs=Array([layer]))
                for kind in kinds
            ]
        )
        art.page.Resources.Properties.A = layer
        art.draw(b"/OC /A BDC " + RED + b"EMC " + BLUE)

    return change


NOT, AND, OR = Name.Not, Name.And, Name.Or
# What is drawn, and whether red is seen where RED stands.
CASES: dict[str, tuple[Callable[[Layered], None], bool]] = {
    "one on, one off": (_plain, False),
    "nested": (_nested, False),
    "state outlives": (_state_outlives_what_is_hidden, False),
    "marks across saves": (_marks_across_saves, False),
    "forms and images": (_forms_and_images, False),
    "inside forms": (_inside_forms, False),
    "inline images and shadings": (_inline_and_shading, False),
    "all off but one": (_base_off, False),
    "any on": (_member(OCGs=["on", "off"], P=Name.AnyOn), True),
    "any on by default": (_member(OCGs=["off", "off"]), False),
    "all on": (_member(OCGs=["on", "off"], P=Name.AllOn), False),
    "any off": (_member(OCGs=["on", "off"], P=Name.AnyOff), True),
    "all off": (_member(OCGs=["on", "off"], P=Name.AllOff), False),
    "one alone": (_member(OCGs="off"), False),
    "none": (_member(OCGs=[]), True),
    "not": (_member(OCGs=["on"], VE=[NOT, "on"]), False),
    "and": (_member(VE=[AND, "on", [NOT, "off"]]), True),
    "or": (_member(VE=[OR, "off", [AND, "on", "off"]]), False),
    "usage hides": (_automatic("both", "OFF"), False),
    "usage shows": (_automatic("both", "ON"), True),
}


@pytest.mark.parametrize("case", CASES)
def test_what_prints_is_what_a_viewer_shows(tmp_path: Path, case: str) -> None:
    change, red = CASES[case]
    given = _file(tmp_path / "given.pdf", change)
    report = inspect(given, POSTCARD_4X6)
    assert report.findings == ()
    normalize(given, POSTCARD_4X6, tmp_path / "normal.pdf")
    shown, prepared = render(given), render(tmp_path / "normal.pdf")
    assert difference(shown, prepared) < 0.001
    assert (prepared.getpixel((100, 300)) == (255, 0, 0)) is red
    with pikepdf.open(tmp_path / "normal.pdf") as pdf:
        assert not [obj for obj in every_object(pdf) if "/OC" in obj or obj.get("/Type") in ("/OCG", "/OCMD")]
        streams = [obj.read_bytes() for obj in pdf.objects if isinstance(obj, pikepdf.Stream)]
        assert not [data for data in streams if b"/OC " in data]


def test_where_a_viewer_shows_what_is_off_nothing_is_printed_unseen(tmp_path: Path) -> None:
    """The viewer we compare with draws all of a pattern's content; the standard leaves out what is off."""
    given = _file(tmp_path / "given.pdf", _inside_a_pattern)
    normalize(given, POSTCARD_4X6, tmp_path / "normal.pdf")
    assert {render(tmp_path / "normal.pdf").getpixel((at, 300)) for at in range(60, 120)} == {(255, 0, 0)}
    assert [one.code for one in inspect(given, POSTCARD_4X6).findings] == ["prints_differently"]


def _show_text(out: Path, content: bytes) -> Path:
    """Text in an embedded typeface, `/F`, which has the letters a, b and c."""
    lent = draw(out.with_suffix(".font"), lambda canvas: canvas.drawString(9, 9, "abc"))
    _file(out, lambda art: art.draw(content))
    with pikepdf.open(out, allow_overwriting_input=True) as pdf, pikepdf.open(lent) as given:
        [font] = [obj for obj in given.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/Font"]
        pdf.pages[0].obj.Resources.Font = Dictionary(F=pdf.copy_foreign(font))
        pdf.save(out)
    return out


TEXTS = {
    "follows on the same line": b"BT /F 80 Tf 40 100 Td /OC /Off BDC (ab) Tj EMC (c) Tj ET",
    "after a new place": b"BT /F 80 Tf 40 100 Td /OC /Off BDC (ab) Tj EMC 0 90 Td (c) Tj ET",
    "after a new line": b"BT /F 80 Tf 70 TL 40 290 Td (a) ' /OC /Off BDC (b) ' 3 1 (b) \" EMC (ca) ' ET",
    "through array": b"BT /F 80 Tf 40 100 Td /OC /Off BDC [(a) -900 (b)] TJ EMC [(c) 100 (a)] TJ ET",
    "with a mode": b"BT 2 Tr 0 0 1 RG /F 80 Tf 40 100 Td q /OC /Off BDC 1 Tr (a) Tj EMC Q (b) Tj ET",
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_stands_where_it_stood_beside_text_that_is_hidden(tmp_path: Path, case: str) -> None:
    given = _show_text(tmp_path / "given.pdf", TEXTS[case])
    normalize(given, POSTCARD_4X6, tmp_path / "normal.pdf")
    shown = render(given)
    assert difference(shown, render(tmp_path / "normal.pdf")) < 0.0005
    assert difference(shown, render(_show_text(tmp_path / "bare.pdf", b""))) > 0.001


def test_hidden_text_that_moves_nothing_is_not_in_the_file(tmp_path: Path) -> None:
    given = _show_text(tmp_path / "given.pdf", TEXTS["after a new place"])
    normalize(given, POSTCARD_4X6, tmp_path / "normal.pdf")
    counts = []
    for file in (given, tmp_path / "normal.pdf"):
        document = pypdfium2.PdfDocument(file)
        counts.append(document[0].get_textpage().count_chars())
        document.close()
    assert counts[0] > counts[1] == 1


def test_what_is_off_is_told_by_name(tmp_path: Path) -> None:
    report = inspect(_file(tmp_path / "given.pdf", _plain), POSTCARD_4X6)
    [told] = [one for one in report.warnings if one.code == "layers_left_out"]
    assert "Off" in told.detail
    assert told.page == 1


@pytest.mark.parametrize(("event", "state"), [("View", "OFF"), ("Print", "OFF"), ("Print", "ON"), ("nothing", "OFF")])
def test_a_layer_on_which_viewers_do_not_agree_is_refused(tmp_path: Path, event: str, state: str) -> None:
    given = _file(tmp_path / "given.pdf", _automatic(event, state))
    [found] = inspect(given, POSTCARD_4X6).findings
    assert found.code == "unclear_layers"
    assert "Auto" in found.detail


def test_an_expression_without_end_is_no_artwork(tmp_path: Path) -> None:
    def change(art: Layered) -> None:
        endless = art.pdf.make_indirect(Array([NOT]))
        endless.append(endless)
        art.member(VE=endless)
        art.draw(b"/OC /M BDC " + RED + b"EMC")

    report = inspect(_file(tmp_path / "given.pdf", change), POSTCARD_4X6)
    assert [one.code for one in report.findings] == ["damaged_file"]


def test_layers_for_sorting_and_those_that_nobody_lists_hide_nothing(tmp_path: Path) -> None:
    def change(art: Layered) -> None:
        art.off.Intent = Name.Design
        stray = art.layer("Stray")
        art.default.OFF.append(stray)
        art.page.Resources.Properties.S = stray
        _plain(art)

    with pikepdf.open(_file(tmp_path / "given.pdf", change)) as pdf:
        states = LayerStates(pdf)
        properties = pdf.pages[0].obj.Resources.Properties
        assert [states.prints(properties[name]) for name in ("/On", "/Off", "/S")] == [True, True, True]


def test_several_layered_creatives_on_one_sheet_need_no_layers(tmp_path: Path) -> None:
    art = {}
    for name, change in (("one", _plain), ("two", _nested), ("three", _forms_and_images)):
        normalize(_file(tmp_path / f"{name}.given", change), POSTCARD_4X6, tmp_path / f"{name}.pdf")
        art[name] = tmp_path / f"{name}.pdf"
    for mode in ("imposed", "one_up"):
        imposition = Imposition(mode=mode)
        pieces = make_pieces(6, imposition, fronts=("one", "two", "three"), back="one")
        sheets = impose(make_job(art, pieces, imposition=imposition), tmp_path / mode).files[0]
        assert violations(sheets) == []
        with pikepdf.open(sheets) as pdf:
            assert "/OCProperties" not in pdf.Root
            assert not [
                obj for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/OCG"
            ]
    page = render(tmp_path / "one_up" / "bt_01harbor_r00.pdf", 2)
    assert difference(page, render(art["two"])) < 0.001

"""Artwork from HTML: set in our fonts, black as pure black, and with nothing in it that was not in the text."""

import importlib
import subprocess
import sys
from itertools import count
from pathlib import Path
from zlib import crc32

import pikepdf
import pytest
from PIL import Image

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import Rect
from pipeline.press.html import typefaces as html_fonts
from pipeline.press.html.page import inspect_html
from pipeline.press.preflight import inspect as preflight
from pipeline.press.report import Report
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.shared_streams import SharedStreams
from pipeline.products import LETTER, POSTCARD_4X6
from tests.unit.press.html_pages import INSIDE, LOADS, UNREADABLE, data_url, greeting, noise, picture, written
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import render, text_within
from tests.unit.press.x4_checker import violations

BLEED_PT = (6.25 * 72, 4.25 * 72)


def made(folder: Path, html: str) -> tuple[Report, Path]:
    out = folder / "page.pdf"
    return inspect_html(written(folder / "page.html", html), POSTCARD_4X6, out), out


def normal(folder: Path, html: str, name: str = "normal.pdf") -> Path:
    report, page = made(folder, html)
    assert report.ok, report.findings
    normalize(page, POSTCARD_4X6, folder / name)
    return folder / name


def codes(report: Report) -> list[str]:
    return [one.code for one in report.findings]


def drawn(file: Path) -> bytes:
    """The content of the artwork itself, unpacked."""
    with pikepdf.open(file) as pdf:
        return bytes(pdf.pages[0].Resources.XObject.Art.read_bytes())


def test_html_becomes_artwork_of_the_bleed_size(tmp_path: Path) -> None:
    report, page = made(tmp_path, greeting())
    assert (report.kind, report.ok, report.pages, report.size_in) == ("html", True, 1, (6.25, 4.25))
    assert " ".join(text_within(page, 0, Rect(0, 0, *BLEED_PT)).split()) == "Hello Ada Your order 1001 is ready."
    assert preflight.inspect(page, POSTCARD_4X6).ok


def test_a_background_fills_the_bleed(tmp_path: Path) -> None:
    seen = render(normal(tmp_path, "<body style='background: rgb(200, 0, 0)'>"))
    assert seen.getcolors() == [(seen.width * seen.height, (200, 0, 0))]


def test_black_is_pure_black_and_other_colours_are_tagged(tmp_path: Path) -> None:
    html = "<div style='margin: 1in'>black <b style='color: #010101'>nearly</b> <i style='color: red'>red</i></div>"
    file = normal(tmp_path, html)
    content = drawn(file)
    assert b"\n0 g\n" in content
    assert b"0 0 0 rg" not in content
    assert b"\n1 0 0 rg\n" in content
    with pikepdf.open(file) as pdf:
        assert pdf.pages[0].Resources.XObject.Art.Resources.ColorSpace.DefaultRGB[0] == "/ICCBased"


def test_the_fonts_are_ours_whatever_the_machine_has(tmp_path: Path) -> None:
    families = ("Arial", "Times New Roman", "Courier New", "DejaVu Sans", "No Such Font")
    lines = "".join(f"<p style='font-family: {family}'>{family}" for family in families)
    html = f"<div style='padding: .5in'>{lines}</div>"
    with pikepdf.open(normal(tmp_path, html)) as pdf:
        fonts = {str(one.FontName).partition("+")[2] for one in pdf.objects if _is(one, "/FontDescriptor")}
        embedded = ["/FontFile2" in one for one in pdf.objects if _is(one, "/FontDescriptor")]
    assert fonts == {"Liberation-Sans", "Liberation-Serif", "Liberation-Mono"}
    assert all(embedded)


def test_a_font_that_the_html_brings_along_is_used(tmp_path: Path) -> None:
    font = data_url((html_fonts.FONTS / "LiberationSerif-Bold.ttf").read_bytes(), "font/ttf")
    face = f"<style>@font-face {{ font-family: Brand; src: url({font}) }}</style>"
    with pikepdf.open(normal(tmp_path, f"{face}<p style='margin: 1in; font-family: Brand'>Brand")) as pdf:
        names = [str(one.FontName) for one in pdf.objects if _is(one, "/FontDescriptor")]
    assert [name.partition("+")[2] for name in names] == ["Brand-Bold"]


def test_a_font_of_ours_can_be_had_by_its_name(tmp_path: Path) -> None:
    face = "<style>@font-face { font-family: Head; src: local('Liberation Sans Bold') }</style>"
    assert made(tmp_path, f"{face}<p style='margin: 1in; font-family: Head'>Head")[0].ok


def test_a_font_that_forbids_embedding_is_refused(tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    locked = tmp_path / "locked.ttf"
    with TTFont(html_fonts.FONTS / "LiberationSans-Regular.ttf") as font:
        font["OS/2"].fsType = 2
        font.save(locked)
    face = f"<style>@font-face {{ font-family: Brand; src: url({data_url(locked.read_bytes(), 'font/ttf')}) }}</style>"
    report, _ = made(tmp_path, f"{face}<p style='margin: 1in; font-family: Brand'>Brand")
    assert codes(report) == ["font_not_embeddable"]


def test_a_character_in_no_font_is_named_with_its_place(tmp_path: Path) -> None:
    report, _ = made(tmp_path, "<p style='margin: 1in'>Łódź, Ἀθῆναι, 山田 \U0001f600")
    assert codes(report) == ["missing_glyph"]
    [found] = report.findings
    assert found.detail == "No font at hand has U+5C71, U+7530, U+1F600."
    assert (found.page, found.measured) == (1, "3 characters")
    assert found.box_in is not None


@pytest.mark.parametrize("case", LOADS)
def test_what_is_not_in_the_html_is_refused_by_its_name(tmp_path: Path, case: str) -> None:
    html, named = LOADS[case]
    report, page = made(tmp_path, html)
    assert set(codes(report)) == {"html_loads_url"}
    assert f"The HTML loads {named}" in report.findings[0].detail
    assert not page.exists()


@pytest.mark.parametrize("case", INSIDE)
def test_what_is_in_the_html_is_no_load(tmp_path: Path, case: str) -> None:
    assert codes(made(tmp_path, INSIDE[case])[0]) == []


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_not_left_out_in_silence(tmp_path: Path, case: str) -> None:
    assert codes(made(tmp_path, UNREADABLE[case])[0]) == ["html_broken_part"]


def test_a_side_is_one_page_and_a_letter_may_have_more(tmp_path: Path) -> None:
    html = "<p style='margin: 2in; break-after: page'>one<p style='margin: 2in'>two"
    report, page = made(tmp_path, html)
    assert (codes(report), report.findings[0].measured, page.exists()) == (["page_count"], "2 pages", False)
    letter = inspect_html(tmp_path / "page.html", LETTER, tmp_path / "letter.pdf")
    assert (letter.pages, "page_count" in codes(letter)) == (2, False)


def test_a_page_of_another_size_is_refused(tmp_path: Path) -> None:
    report, _ = made(tmp_path, "<style>@page { size: 4in 6in }</style>")
    assert "wrong_page_size" in codes(report)


def test_a_page_may_declare_its_trim_and_bleed(tmp_path: Path) -> None:
    css = "<style>@page { size: 6in 4in; bleed: .125in; background: rgb(0, 0, 200) }</style>"
    seen = render(normal(tmp_path, css))
    assert seen.getcolors() == [(seen.width * seen.height, (0, 0, 200))]


def test_pictures_are_measured_as_in_any_artwork(tmp_path: Path) -> None:
    inch = f"<img style='position: absolute; left: 1in; top: 1in; width: 1in' src='{picture()}'>"
    assert made(tmp_path, inch)[0].ppi == 300
    assert codes(made(tmp_path, inch.replace("width: 1in", "width: 3.5in"))[0]) == ["low_resolution"]


def test_links_scripts_and_attachments_do_not_reach_the_press(tmp_path: Path) -> None:
    html = (
        f"<title>secret</title><script>app.alert(1)</script><link rel=attachment href='{data_url('secret', 'text/plain')}'>"
        "<p style='margin: 1in'><a href='https://x.example/secret'>text</a><input name=secret>"
    )
    report, page = made(tmp_path, html)
    assert report.ok
    assert {"html_script", "annotations_dropped"} <= {one.code for one in report.warnings}
    normalize(page, POSTCARD_4X6, tmp_path / "normal.pdf")
    with pikepdf.open(tmp_path / "normal.pdf") as pdf:
        pdf.save(tmp_path / "plain.pdf", stream_decode_level=pikepdf.StreamDecodeLevel.generalized)
    plain = (tmp_path / "plain.pdf").read_bytes()
    assert not any(word in plain for word in (b"secret", b"/Annot", b"/JavaScript", b"/EmbeddedFile", b"x.example"))


def test_merged_pages_come_out_on_the_sheet_each_with_its_own_name(tmp_path: Path) -> None:
    names = ("Ada", "Grace", "Łucja")
    art = {name: normal(tmp_path, greeting(first_name=name), f"{name}.pdf") for name in names}
    pieces = make_pieces(3, Imposition(), fronts=names, back=None)
    out = impose(make_job(art, pieces), tmp_path / "drop")
    sheets = next(file for file in out.files if file.name.endswith("r00.pdf"))
    said = text_within(sheets, 0, Rect(0, 0, 2000, 2000))
    assert [said.count(f"Hello {name}") for name in names] == [1, 1, 1]
    assert violations(sheets) == []
    assert subprocess.run(["qpdf", "--check", sheets], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_picture_of_a_template_lies_on_the_sheets_once(tmp_path: Path, mode: str) -> None:
    names = ("Ada", "Grace", "Łucja")
    clouds = noise(mode)
    pictured = greeting(first_name="{{first_name}}") + f"<img width=96 src='{clouds}' style='margin: 2in 1in'>"
    art = {name: normal(tmp_path, pictured.replace("{{first_name}}", name), f"{name}.pdf") for name in names}
    pieces = make_pieces(3, Imposition(), fronts=names, back=None)
    sheets = impose(make_job(art, pieces), tmp_path / "drop").files[0]
    with pikepdf.open(sheets) as pdf:
        pictures = [one for one in pdf.objects if isinstance(one, pikepdf.Stream) and one.get("/Subtype") == "/Image"]
    assert len(pictures) == len(mode) - 2, "the picture, and its mask"
    seen, alone = render(sheets), render(art["Ada"])
    assert sum(seen.convert("L").histogram()[:250]) > 3 * sum(alone.convert("L").histogram()[:250]) / 2
    assert violations(sheets) == []


def test_the_same_length_and_checksum_do_not_make_two_streams_one() -> None:
    shared, numbers = SharedStreams(), count(1)
    one, other = _collision()

    def put(data: bytes) -> int:
        return shared.number(b"/Type/X", data, write=lambda: next(numbers), again=lambda: data)

    assert (put(one), put(other), put(one)) == (1, 2, 1)


def _collision() -> tuple[bytes, bytes]:
    """Two texts of one length and one CRC-32, by the birthday of some hundred thousand."""
    seen: dict[int, bytes] = {}
    for number in range(1 << 20):
        text = f"{number:020d}{number * 2654435761 % (1 << 32):010d}".encode()
        if (twin := seen.setdefault(crc32(text), text)) != text:
            return twin, text
    raise AssertionError("no collision was found")


def test_opacity_and_gradients_keep_the_rules_of_the_press(tmp_path: Path) -> None:
    html = (
        "<div style='margin: 1in; height: 1in; opacity: .5; background: linear-gradient(red, rgba(0, 0, 255, .5))'>"
        f"<img width=96 src='{picture()}'><p style='mix-blend-mode: multiply'>x</div>"
    )
    pieces = make_pieces(1, Imposition(), back=None)
    out = impose(make_job({"front": normal(tmp_path, html)}, pieces), tmp_path / "drop")
    assert violations(next(file for file in out.files if file.name.endswith("r00.pdf"))) == []


def test_the_same_html_looks_the_same_again(tmp_path: Path) -> None:
    first = render(normal(tmp_path, greeting()))
    assert first.tobytes() == render(normal(tmp_path, greeting())).tobytes()
    assert isinstance(first, Image.Image)


def test_without_pango_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pipeline.press.html.render", raising=False)
    monkeypatch.setattr(importlib, "import_module", _no_pango)
    with pytest.raises(Permanent, match="apt-get install libpangoft2") as raised:
        made(tmp_path, "<p>Hello")
    assert raised.value.code == "html_unavailable"


def _no_pango(name: str) -> None:
    raise OSError(f"cannot load library for {name}")


def _is(obj: object, kind: str) -> bool:
    return isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == kind


def test_pictures_that_are_cut_short_are_refused_beside_html_as_well(tmp_path: Path) -> None:
    """WeasyPrint changes what Pillow takes, for all that a process does from then on."""
    assert made(tmp_path, "<p style='margin: 1in'>x")[0].ok
    Image.effect_noise((1875, 1275), 60).convert("RGB").save(tmp_path / "cut.jpg")
    body = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(body[: len(body) // 2])
    assert codes(preflight.inspect(tmp_path / "cut.jpg", POSTCARD_4X6)) == ["damaged_file"]

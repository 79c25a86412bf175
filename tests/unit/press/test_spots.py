"""Spot colours of several senders on one sheet: each name has one definition, and each creative looks as it did."""

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from pipeline.models.profile import Imposition
from pipeline.press.colours.srgb import icc_space, srgb_profile
from pipeline.press.creative.normalize import normalize
from pipeline.press.preflight.inspect import inspect
from pipeline.press.sheets.impose import impose
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import difference, render
from tests.unit.press.x4_checker import every_object, violations

DRAWN = b"1 1 1 rg 0 0 450 306 re f /S cs 1 scn 20 20 150 120 re f 0.4 scn 200 150 200 120 re f"


def _tint(*full: float) -> Dictionary:
    return Dictionary(FunctionType=2, N=1, Domain=Array([0, 1]), C0=Array([0] * len(full)), C1=Array(list(full)))


def _program(pdf: pikepdf.Pdf, code: bytes, out: int, inputs: int = 1) -> pikepdf.Object:
    return pdf.make_stream(code, FunctionType=4, Domain=Array([0, 1] * inputs), Range=Array([0, 1] * out))


def _separation(name: str, *full: float) -> Callable[[pikepdf.Pdf], pikepdf.Object]:
    return lambda pdf: pdf.make_indirect(Array([Name.Separation, Name(name), Name.DeviceCMYK, _tint(*full)]))


def _by_profile(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """The alternate is a profile, the transform a program: streams, whose numbers differ from file to file."""
    program = _program(pdf, b"{dup 0.8 mul 1 exch sub exch dup 0.3 mul 1 exch sub exch 0.1 mul 1 exch sub}", 3)
    return Array([Name.Separation, Name("/Harbor Blue"), icc_space(pdf, srgb_profile(), 3), program])


def _two_inks(*full: float) -> Callable[[pikepdf.Pdf], pikepdf.Object]:
    """Black and a spot that is defined on its own as well, in a space of both."""

    def build(pdf: pikepdf.Pdf) -> pikepdf.Object:
        single = Array([Name.Separation, Name("/Harbor Blue"), Name.DeviceCMYK, _tint(*full)])
        program = _program(pdf, b"{pop 0.5 mul dup 0 0}", 4, 2)
        attributes = Dictionary(Subtype=Name.DeviceN, Colorants=Dictionary({"/Harbor Blue": single}))
        names = Array([Name("/Harbor Blue"), Name.Black])
        return Array([Name.DeviceN, names, Name.DeviceCMYK, program, attributes])

    return build


def _artwork(out: Path, space: Callable[[pikepdf.Pdf], pikepdf.Object], drawn: bytes = DRAWN) -> Path:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        page.Resources = Dictionary(ColorSpace=Dictionary(S=space(pdf)))
        page.Contents = pdf.make_stream(drawn)

    return hostile.pdf_with(out, change)


def _normal(given: Path) -> Path:
    assert inspect(given, POSTCARD_4X6).findings == ()
    out = given.with_suffix(".normal.pdf")
    normalize(given, POSTCARD_4X6, out)
    assert difference(render(given), render(out)) < 0.005
    return out


def _separations(file: Path) -> set[str]:
    with pikepdf.open(file) as pdf:
        arrays = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Array)]
        arrays += [value for obj in every_object(pdf) for value in obj.values() if isinstance(value, pikepdf.Array)]
        return {str(array[1]) for array in arrays if len(array) == 4 and array[0] == "/Separation"}


def _sheets(art: dict[str, Path], out: Path) -> Path:
    imposition = Imposition()
    names = tuple(art)
    pieces = make_pieces(len(names), imposition, fronts=names, back=names[0])
    return impose(make_job(art, pieces, imposition=imposition), out).files[0]


def test_spots_of_one_name_that_are_mixed_otherwise_do_not_clash_on_a_sheet(tmp_path: Path) -> None:
    spaces = {
        "one": _separation("/Harbor Blue", 1, 0.4, 0, 0),
        "same": _separation("/Harbor Blue", 1, 0.4, 0, 0),
        "other": _separation("/Harbor Blue", 0, 1, 0.4, 0),
        "profile": _by_profile,
        "profile again": _by_profile,
        "two inks": _two_inks(1, 0.4, 0, 0),
    }
    drawn = {"two inks": DRAWN.replace(b"1 scn", b"1 0 scn").replace(b"0.4 scn", b"0.4 0.2 scn")}
    art = {name: _normal(_artwork(tmp_path / name, space, drawn.get(name, DRAWN))) for name, space in spaces.items()}
    sheets = _sheets(art, tmp_path / "out")
    assert violations(sheets) == []
    # The sheet's own registration marks are of all inks.
    found = _separations(sheets) - {"/All"}
    assert len(found) == 3
    assert all(name.startswith("/Harbor Blue ") for name in found)


def test_the_checker_sees_the_clash_that_there_would_be(tmp_path: Path) -> None:
    art = {}
    for name, full in (("one", (1, 0.4, 0, 0)), ("other", (0, 1, 0.4, 0))):
        art[name] = _normal(_artwork(tmp_path / name, _separation("/Harbor Blue", *full)))
        with pikepdf.open(art[name], allow_overwriting_input=True) as pdf:
            [space] = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Array) and obj[0] == "/Separation"]
            space[1] = Name("/Harbor Blue")
            pdf.save(art[name])
    assert violations(_sheets(art, tmp_path / "out")) == [(10, "/Harbor Blue")]


def test_inks_of_a_space_are_named_as_those_it_defines_one_by_one(tmp_path: Path) -> None:
    alone = _normal(_artwork(tmp_path / "alone", _separation("/Harbor Blue", 1, 0.4, 0, 0)))
    both = _normal(_artwork(tmp_path / "both", _two_inks(1, 0.4, 0, 0), DRAWN.replace(b"scn", b"0 scn")))
    [name] = _separations(alone)
    with pikepdf.open(both) as pdf:
        space = pdf.pages[0].obj.Resources.XObject.Art.Resources.ColorSpace.S
        assert [str(ink) for ink in space[1]] == [name, "/Black"]
        assert list(space[4].Colorants.keys()) == [name]
        assert str(space[4].Colorants[name][1]) == name


@pytest.mark.parametrize(
    ("name", "full"),
    [("/Black", (0, 0, 0, 1)), ("/Cyan", (1, 0, 0, 0)), ("/All", (1, 1, 1, 1)), ("/None", (0, 0, 0, 0))],
)
def test_what_every_press_knows_keeps_its_name_and_has_one_definition(
    tmp_path: Path, name: str, full: tuple[float, ...]
) -> None:
    """A sender's own mix of black is not what a press prints: it puts black on black's plate."""
    by_grey = _artwork(
        tmp_path / "grey",
        lambda pdf: Array([Name.Separation, Name(name), Name.DeviceGray, _program(pdf, b"{1 exch sub}", 1)]),
    )
    normalize(by_grey, POSTCARD_4X6, tmp_path / "grey.pdf")
    plain = _normal(_artwork(tmp_path / "plain", _separation(name, *full)))
    with pikepdf.open(tmp_path / "grey.pdf") as pdf:
        space = pdf.pages[0].obj.Resources.XObject.Art.Resources.ColorSpace.S
        assert [str(space[1]), str(space[2])] == [name, "/DeviceCMYK"]
        assert [float(ink) for ink in space[3].C1] == list(full)
    sheets = _sheets({"grey": tmp_path / "grey.pdf", "plain": plain}, tmp_path / "out")
    assert violations(sheets) == []
    assert _separations(sheets) == {name, "/All"}


def test_ink_that_is_none_is_not_seen(tmp_path: Path) -> None:
    shown = render(_normal(_artwork(tmp_path / "none", _separation("/None", 0, 1, 1, 0))))
    assert shown.getpixel((100, 300)) == (255, 255, 255)


def test_a_name_in_the_letters_of_another_machine_is_a_name(tmp_path: Path) -> None:
    def space(pdf: pikepdf.Pdf) -> pikepdf.Object:
        name = pikepdf.Object.parse(b"/Bleu#e9")
        return Array([Name.Separation, name, Name.DeviceCMYK, _tint(1, 0.4, 0, 0)])

    given = _artwork(tmp_path / "old", space)
    assert {one.code for one in inspect(given, POSTCARD_4X6).warnings} == {"spot_colour"}
    assert len(_separations(_normal(given))) == 1


def test_a_colour_space_without_end_is_no_artwork(tmp_path: Path) -> None:
    def space(pdf: pikepdf.Pdf) -> pikepdf.Object:
        endless = pdf.make_indirect(Array([Name.Separation, Name("/S"), Name.DeviceCMYK, _tint(1, 0, 0, 0)]))
        endless[2] = Array([Name.Indexed, endless, 1, pikepdf.String("ab")])
        return endless

    assert [one.code for one in inspect(_artwork(tmp_path / "endless", space), POSTCARD_4X6).findings] == [
        "damaged_file"
    ]

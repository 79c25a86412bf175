"""What normalizing makes of artwork: one page of the bleed that looks as its source does, and holds nothing else."""

import subprocess
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageCms, ImageOps

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.creative.normalize import normalize
from pipeline.press.jpeg import bare_jpeg
from pipeline.press.preflight.inspect import inspect
from pipeline.press.sheets.impose import impose
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile
from tests.unit.press.artwork_files import text_at
from tests.unit.press.conftest import CREATIVES, GOOD
from tests.unit.press.hostile import image_of
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import difference, render
from tests.unit.press.x4_checker import violations

FULL = (1875, 1275)
SMALL = (625, 425)
_ORIENTATION = 0x0112


def _normal(source: Path) -> Path:
    assert inspect(source, POSTCARD_4X6).ok
    out = source.with_name(f"{source.name}-normal.pdf")
    normalize(source, POSTCARD_4X6, out)
    return out


PAGES: dict[str, Callable[[Path], Path]] = {
    "plain": hostile.vectors,
    "turned by 90": partial(hostile.turned_page, turn=90),
    "turned by 180": partial(hostile.turned_page, turn=180),
    "turned by 270": partial(hostile.turned_page, turn=270),
    "half units": partial(hostile.user_unit, unit=0.5),
    "units of an inch": partial(hostile.user_unit, unit=72.0),
    "trim on a larger page": partial(hostile.larger_page_with_marks, say="TrimBox"),
    "bleed on a larger page": partial(hostile.larger_page_with_marks, say="BleedBox"),
    "crop on a larger page": partial(hostile.larger_page_with_marks, say="CropBox"),
}


@pytest.mark.parametrize("case", PAGES)
def test_a_page_comes_out_upright_whatever_its_boxes_units_and_turn(tmp_path: Path, case: str) -> None:
    upright = render(hostile.vectors(tmp_path / "upright.pdf"))
    assert difference(render(_normal(PAGES[case](tmp_path / "given.pdf"))), upright) < 0.005
    assert difference(upright, upright.rotate(180)) > 0.1


@pytest.mark.parametrize("name", ["harbor-front.pdf", "harbor-back.pdf"])
def test_a_normalized_pdf_looks_as_its_source(normalized: dict[str, Path], name: str) -> None:
    assert difference(render(normalized[Path(name).stem]), render(CREATIVES / name)) < 0.005


@pytest.mark.parametrize("name", ["cedar-checkup.jpg", "cedar-welcome.png"])
def test_a_normalized_picture_looks_as_another_program_embeds_it(
    normalized: dict[str, Path], tmp_path: Path, name: str
) -> None:
    theirs = hostile.reportlab_image(tmp_path / "theirs.pdf", CREATIVES / name)
    assert difference(render(normalized[Path(name).stem]), render(theirs)) < 0.005


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path, orientation: int) -> None:
    size = FULL if orientation < 5 else FULL[::-1]
    source = tmp_path / "turned.jpg"
    image_of(*size).save(source, exif=_exif(orientation), quality=95)
    with Image.open(source) as image:
        upright = ImageOps.exif_transpose(image).resize(SMALL)
    assert difference(render(_normal(source)), upright) < 0.005


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "CMYK"])
def test_every_kind_of_pixel_keeps_its_colour(tmp_path: Path, mode: str) -> None:
    source = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image = image_of(*FULL, mode)
    image.save(source, **({"quality": 95} if mode == "CMYK" else {}))
    shown = render(_normal(source))
    for spot in ((100, 50), (460, 300), (500, 50)):
        wanted = image.convert("RGB").resize(SMALL, Image.Resampling.BOX).getpixel(spot)
        # Pillow and pdfium do not agree on what an ink looks like, but on which is which.
        assert _far(shown.getpixel(spot), wanted) < (90 if mode == "CMYK" else 6)


def _far(one: object, other: object) -> int:
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_inks_that_adobe_inverted_are_not_printed_as_their_negative(tmp_path: Path) -> None:
    source = tmp_path / "white.jpg"
    Image.new("CMYK", FULL, (0, 0, 0, 0)).save(source, quality=95)
    assert b"Adobe" in source.read_bytes()
    assert render(_normal(source)).getpixel((300, 200)) == (255, 255, 255)


def test_sixteen_bits_of_grey_are_not_clipped_to_white(tmp_path: Path) -> None:
    source = tmp_path / "deep.png"
    ramp = Image.linear_gradient("L").resize(FULL).convert("I").point(lambda level: level * 257).convert("I;16")
    ramp.save(source)
    shown = render(_normal(source)).convert("L")
    wanted = Image.linear_gradient("L").resize(SMALL)
    for y in (20, 200, 400):
        assert _far((shown.getpixel((300, y)),), (wanted.getpixel((300, y)),)) < 6


def test_what_is_transparent_is_paper(tmp_path: Path) -> None:
    source = tmp_path / "clear.png"
    image = Image.new("RGBA", FULL, (255, 0, 0, 0))
    image.paste((0, 0, 255, 128), (0, 0, 900, 1275))
    image.save(source)
    shown = render(_normal(source))
    assert shown.getpixel((500, 200)) == (255, 255, 255)
    assert _far(shown.getpixel((100, 200)), (127, 127, 255)) < 4


def test_a_colour_profile_goes_with_its_picture_and_untagged_rgb_is_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, how in (("tagged.jpg", {"icc_profile": profile}), ("plain.jpg", {}), ("plain.png", {})):
        image_of(*FULL).save(tmp_path / name, **how)
        with pikepdf.open(_normal(tmp_path / name)) as pdf:
            [space] = [obj.ColorSpace for obj in pdf.objects if _is_image(obj)]
            assert space[0] == "/ICCBased"
            assert (space[1].read_bytes() == profile) == (name == "tagged.jpg")


def test_a_damaged_colour_profile_is_worse_than_none(tmp_path: Path) -> None:
    image_of(*FULL).save(tmp_path / "odd.jpg", icc_profile=b"no profile at all" * 20)
    with pikepdf.open(_normal(tmp_path / "odd.jpg")) as pdf:
        assert not any(b"no profile" in obj.read_raw_bytes() for obj in pdf.objects if isinstance(obj, pikepdf.Stream))


def test_jpeg_data_is_passed_on_without_what_the_camera_says(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    exif = _exif(1)
    exif[0x010E] = "MARKER_DESCRIPTION"
    image_of(*FULL).save(source, exif=exif, comment=b"MARKER_COMMENT", progressive=True)
    second = BytesIO()
    image_of(64, 64).save(second, "JPEG", comment=b"MARKER_SECOND")
    source.write_bytes(source.read_bytes() + second.getvalue())
    with pikepdf.open(_normal(source)) as pdf:
        [image] = [obj for obj in pdf.objects if _is_image(obj)]
        data = image.read_raw_bytes()
    assert b"MARKER" not in data
    with Image.open(BytesIO(data)) as kept, Image.open(source) as given:
        assert kept.tobytes() == given.tobytes()


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8",
        b"\xff\xd8\x00\x00",
        b"\xff\xd8\xff\xe0\xff\xff",
        b"\xff\xd8\xff\xe0\x00\x00",
        b"\xff\xd8\xff\xda\x00\x02ab",
    ],
)
def test_markers_without_sense_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="JPEG"):
        bare_jpeg(data)


def test_nothing_that_does_not_print_is_left(tmp_path: Path) -> None:
    with pikepdf.open(_normal(hostile.active(tmp_path / "active.pdf"))) as pdf:
        assert set(pdf.Root.keys()) == {"/Type", "/Pages"}
        assert set(pdf.pages[0].obj.keys()) <= {
            "/Type", "/Parent", "/MediaBox", "/BleedBox", "/TrimBox", "/Resources", "/Contents", "/Group",
        }  # fmt: skip
        texts = [obj.unparse(resolved=True) for obj in pdf.objects if not isinstance(obj, pikepdf.Stream)]
        texts += [obj.read_bytes() for obj in pdf.objects if isinstance(obj, pikepdf.Stream)]
        keys = {
            key for obj in pdf.objects if isinstance(obj, pikepdf.Stream | pikepdf.Dictionary) for key, _ in obj.items()
        }
    assert not [text for text in texts if b"MARKER" in text]
    assert not keys & {"/OPI", "/Alternates", "/Metadata", "/PieceInfo", "/AA", "/Annots", "/JS", "/F"}


def test_a_file_elsewhere_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"MARKER_SECRET" * 100)
    out = tmp_path / "normal.pdf"
    normalize(hostile.external_stream(tmp_path / "external.pdf", str(secret)), POSTCARD_4X6, out)
    with pikepdf.open(out) as pdf:
        streams = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Stream)]
        assert not any(b"MARKER" in obj.read_bytes() for obj in streams)
        assert not any("/F" in obj for obj in streams)


@pytest.mark.parametrize("name", GOOD)
def test_the_same_source_gives_the_same_bytes(normalized: dict[str, Path], tmp_path: Path, name: str) -> None:
    again = tmp_path / "again.pdf"
    normalize(CREATIVES / name, POSTCARD_4X6, again)
    assert again.read_bytes() == normalized[Path(name).stem].read_bytes()


@pytest.mark.parametrize("name", GOOD)
def test_the_page_is_the_bleed_and_qpdf_finds_nothing_wrong(normalized: dict[str, Path], name: str) -> None:
    file = normalized[Path(name).stem]
    checked = subprocess.run(["qpdf", "--check", file], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    with pikepdf.open(file) as pdf:
        [page] = pdf.pages
        assert [float(edge) for edge in page.mediabox] == [0, 0, 450, 306]
        assert [float(edge) for edge in page.bleedbox] == [0, 0, 450, 306]
        assert [float(edge) for edge in page.trimbox] == [9, 9, 441, 297]


def _one_up(normal: Path, out: Path) -> Path:
    imposition = Imposition(mode="one_up")
    job = make_job({"front": normal}, make_pieces(1, imposition, back=None), imposition=imposition)
    return impose(job, out).files[0]


def test_numbers_that_are_objects_of_their_own_reach_the_sheet(tmp_path: Path) -> None:
    normal = _normal(hostile.numbers_as_objects(tmp_path / "numbers.pdf"))
    sheets = _one_up(normal, tmp_path / "out")
    assert violations(sheets) == []
    assert difference(render(sheets), render(tmp_path / "numbers.pdf")) < 0.001
    assert difference(render(sheets), render(hostile.vectors(tmp_path / "plain.pdf", hostile.PLAIN))) > 0.001


def test_names_in_the_letters_of_another_machine_reach_the_sheet(tmp_path: Path) -> None:
    plain = text_at(tmp_path / "plain.pdf", 2, 2, size=40)
    given = hostile.names_of_another_machine(tmp_path / "names.pdf", plain)
    assert difference(render(given), render(plain)) == 0
    sheets = _one_up(_normal(given), tmp_path / "out")
    assert violations(sheets) == []
    assert difference(render(sheets), render(plain)) < 0.001


UNREADABLE: dict[str, Callable[[Path], Path]] = {
    "no pages": hostile.no_pages,
    "huge side": hostile.huge_side,
    "password": partial(hostile.encrypted, user="quay"),
    "wrong size": partial(hostile.page_pdf, MediaBox=pikepdf.Array([0, 0, 612, 792])),
    "text": lambda out: _written(out, b"no artwork at all"),
    "half a picture": lambda out: _written(out, (CREATIVES / "cedar-welcome.png").read_bytes()[:9000]),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_an_error_of_the_port(tmp_path: Path, case: str) -> None:
    with pytest.raises(Permanent) as caught:
        normalize(UNREADABLE[case](tmp_path / "artwork.pdf"), POSTCARD_4X6, tmp_path / "out.pdf")
    assert caught.value.code == "unreadable_artwork"


def _written(out: Path, body: bytes) -> Path:
    out.write_bytes(body)
    return out


def _is_image(obj: pikepdf.Object) -> bool:
    return isinstance(obj, pikepdf.Stream) and obj.get("/Subtype") == "/Image"

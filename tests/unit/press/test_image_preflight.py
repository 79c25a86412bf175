"""What preflight says of PNG and JPEG files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from pipeline.press.preflight.inspect import inspect
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile
from tests.unit.press.hostile import image_of

FULL = (1875, 1275)
_ORIENTATION = 0x0112


def _save(name: str, size: tuple[int, int], mode: str = "RGB", **how: object) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        image_of(*size, mode).save(folder / name, **how)  # type: ignore[arg-type]
        return folder / name

    return build


def _rotated(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def _cut(name: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        image_of(*FULL).save(folder / name)
        body = (folder / name).read_bytes()
        (folder / name).write_bytes(body[: len(body) // 2])
        return folder / name

    return build


def _not_adobes(folder: Path) -> Path:
    """Inks as they are, and no word of Adobe's: Pillow writes them inverted, and says so."""
    inverted = ImageChops.invert(image_of(*FULL, "CMYK"))
    inverted.save(folder / "a.jpg")
    body = (folder / "a.jpg").read_bytes()
    start = body.index(b"\xff\xee")
    end = start + 2 + int.from_bytes(body[start + 2 : start + 4])
    (folder / "a.jpg").write_bytes(body[:start] + body[end:])
    return folder / "a.jpg"


ACCEPTED: dict[str, Callable[[Path], Path]] = {
    "rgb jpeg": _save("a.jpg", FULL),
    "progressive jpeg": _save("a.jpg", FULL, progressive=True),
    "cmyk jpeg": _save("a.jpg", FULL, "CMYK"),
    "cmyk jpeg that is not Adobe's": _not_adobes,
    "grey jpeg": _save("a.jpg", FULL, "L"),
    "jpeg turned by its camera": _save("a.jpg", FULL[::-1], exif=_rotated(6)),
    "png with alpha": _save("a.png", FULL, "RGBA"),
    "grey png of 16 bits": _save("a.png", FULL, "I;16"),
    "png of one bit": _save("a.png", FULL, "1"),
    "png with a palette": _save("a.png", FULL, "P"),
    "png named jpg": _save("a.jpg", FULL, format="PNG"),
    "larger than needed": _save("a.jpg", (3750, 2550)),
    "a little off": _save("a.jpg", (1880, 1270 + 12)),
}

REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "72 dpi": (_save("a.png", (450, 306)), "low_resolution"),
    "299 dpi": (_save("a.jpg", (1869, 1271)), "low_resolution"),
    "square": (_save("a.jpg", (1875, 1875)), "wrong_page_size"),
    "upright": (_save("a.jpg", FULL[::-1]), "wrong_page_size"),
    "turned upright by its camera": (_save("a.jpg", FULL, exif=_rotated(8)), "wrong_page_size"),
    "cut jpeg": (_cut("a.jpg"), "damaged_file"),
    "cut png": (_cut("a.png"), "damaged_file"),
    "bomb": (lambda folder: hostile.png_header_bomb(folder / "a.png"), "decompression_bomb"),
    "gif": (_save("a.gif", FULL), "unsupported_file"),
    "webp": (_save("a.webp", FULL), "unsupported_file"),
    "tiff": (_save("a.tif", FULL), "unsupported_file"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_picture_of_the_right_size_passes(tmp_path: Path, case: str) -> None:
    report = inspect(ACCEPTED[case](tmp_path), POSTCARD_4X6)
    assert (report.findings, report.warnings) == ((), ())
    assert report.ppi is not None
    assert report.ppi >= 300


@pytest.mark.parametrize("case", REFUSED)
def test_a_picture_that_cannot_be_printed_has_its_own_finding(tmp_path: Path, case: str) -> None:
    build, code = REFUSED[case]
    assert [found.code for found in inspect(build(tmp_path), POSTCARD_4X6).findings] == [code]


def test_a_resolution_that_is_too_low_is_told_in_pixels(tmp_path: Path) -> None:
    [found] = inspect(REFUSED["72 dpi"][0](tmp_path), POSTCARD_4X6).findings
    assert "450 x 306 pixels" in found.detail
    assert "72 ppi" in found.detail
    assert "1875 x 1275" in found.detail


@pytest.mark.parametrize(("inks", "told"), [((230, 230, 230, 230), True), ((200, 200, 200, 200), False)])
def test_a_picture_of_much_ink_is_told(tmp_path: Path, inks: tuple[int, int, int, int], told: bool) -> None:
    file = tmp_path / "ink.jpg"
    Image.new("CMYK", (1875, 1275), inks).save(file, quality=95)
    warned = [one for one in inspect(file, POSTCARD_4X6).warnings if one.code == "ink_limit"]
    assert bool(warned) is told
    assert not told or warned[0].measured in ("360%", "361%")

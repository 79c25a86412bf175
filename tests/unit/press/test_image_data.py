"""Pictures in a PDF whose data ends early or means nothing are refused; those that every viewer draws are not."""

import io
import zlib
from functools import partial
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from pipeline.press.preflight.inspect import inspect
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile

SIDE = 600
PICTURE = Image.radial_gradient("L").resize((SIDE, SIDE)).convert("RGB")
RAW = PICTURE.tobytes()
JUNK = b"junk" * 500


def saved(kind: str, side: int = SIDE, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    PICTURE.resize((side, side)).convert(mode).save(out, kind)
    return out.getvalue()


JPEG, GREY, JPX, FLATE = saved("JPEG"), saved("JPEG", mode="L"), saved("JPEG2000"), zlib.compress(RAW)
RUNS = b"".join(b"\x3f" + RAW[at : at + 64] for at in range(0, len(RAW), 64)) + b"\x80"
Data = tuple[object, bytes]
WHOLE: dict[str, Data] = {
    "jpeg": (Name.DCTDecode, JPEG),
    "jpeg 2000": (Name.JPXDecode, JPX),
    "flate": (Name.FlateDecode, FLATE),
    "plain": (None, RAW),
    "a row too few": (None, RAW[: -3 * SIDE]),
    "run lengths": (Name.RunLengthDecode, RUNS),
    "tiny jpeg": (Name.DCTDecode, saved("JPEG", 2)),
    "jpeg in flate": (Array([Name.FlateDecode, Name.DCTDecode]), zlib.compress(JPEG)),
}
DAMAGED: dict[str, Data] = {
    "filter of nobody": (Name.FooDecode, RAW),
    "jpeg of junk": (Name.DCTDecode, JUNK),
    "jpeg of one channel in three": (Name.DCTDecode, GREY),
    "jpeg cut short": (Name.DCTDecode, JPEG[: len(JPEG) // 4]),
    "jpeg 2000 of junk": (Name.JPXDecode, JUNK),
    "jpeg 2000 cut short": (Name.JPXDecode, JPX[: len(JPX) // 4]),
    "jbig2 of junk": (Name.JBIG2Decode, JUNK),
    "flate of junk": (Name.FlateDecode, JUNK),
    "flate cut short": (Name.FlateDecode, FLATE[: len(FLATE) // 2]),
    "half of it": (None, RAW[: len(RAW) // 2]),
}


def found(folder: Path, data: Data, content: bytes = b"q 100 0 0 100 50 50 cm /I Do Q") -> list[str]:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        page.Resources = Dictionary(XObject=Dictionary(I=picture(pdf, data), Good=picture(pdf, WHOLE["jpeg"])))
        page.Contents = pdf.make_stream(b"0.9 0.9 0.6 rg 0 0 450 306 re f " + content)

    return [one.code for one in inspect(hostile.pdf_with(folder / "art.pdf", change), POSTCARD_4X6, "front").findings]


def picture(pdf: pikepdf.Pdf, data: Data) -> pikepdf.Stream:
    image = pdf.make_stream(data[1], Type=Name.XObject, Subtype=Name.Image, Width=SIDE, Height=SIDE)
    image.BitsPerComponent, image.ColorSpace = 8, Name.DeviceRGB
    if data[0] is not None:
        image.Filter = data[0]
    return image


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_picture_is_taken(tmp_path: Path, case: str) -> None:
    assert found(tmp_path, WHOLE[case]) == []


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_picture_is_refused(tmp_path: Path, case: str) -> None:
    assert "damaged_image" in found(tmp_path, DAMAGED[case])


def test_a_mask_is_looked_into_as_well(tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        image, mask = picture(pdf, WHOLE["jpeg"]), picture(pdf, DAMAGED["flate of junk"])
        mask.ColorSpace, image.SMask = Name.DeviceGray, mask
        page.Resources = Dictionary(XObject=Dictionary(I=image))
        page.Contents = pdf.make_stream(b"0.9 0.9 0.6 rg 0 0 450 306 re f q 100 0 0 100 50 50 cm /I Do Q")

    report = inspect(hostile.pdf_with(tmp_path / "art.pdf", change), POSTCARD_4X6, "front")
    assert "damaged_image" in {one.code for one in report.findings}


def test_what_is_not_placed_does_no_harm(tmp_path: Path) -> None:
    assert found(tmp_path, DAMAGED["flate cut short"], b"q 100 0 0 100 50 50 cm /Good Do Q") == []


def test_a_picture_in_a_pattern_is_measured_at_the_size_of_its_tile(tmp_path: Path) -> None:
    def change(scale: float, pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        tile = pdf.make_stream(
            b"q 300 0 0 200 0 0 cm /I Do Q", Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1,
            BBox=Array([0, 0, 300, 200]), XStep=300, YStep=200, Matrix=Array([scale, 0, 0, scale, 50, 50]),
            Resources=Dictionary(XObject=Dictionary(I=picture(pdf, WHOLE["jpeg"]))),
        )  # fmt: skip
        page.Resources = Dictionary(Pattern=Dictionary(P=tile))
        page.Contents = pdf.make_stream(
            b"0.9 0.9 0.6 rg 0 0 450 306 re f 0.01 0 0 0.01 0 0 cm /Pattern cs /P scn 0 0 45000 30600 re f"
        )

    def ppi(scale: float) -> float | None:
        return inspect(hostile.pdf_with(tmp_path / "art.pdf", partial(change, scale)), POSTCARD_4X6, "front").ppi

    assert ppi(1) == SIDE / 300 * 72
    assert ppi(0.5) == 2 * SIDE / 300 * 72


def spaces(pdf: pikepdf.Pdf) -> dict[str, Array]:
    profiled = Array([Name.ICCBased, pdf.make_stream(b"", N=1_000_000_000)])
    endless = pdf.make_indirect(Array([Name.Indexed, Name.DeviceRGB, 255, pikepdf.String(b"")]))
    endless[1] = endless
    many = Array([Name(f"/Ink{at}") for at in range(33)])
    return {
        "of a profile of a thousand million channels": profiled,
        "of a palette of such colours": Array([Name.Indexed, profiled, 255, pikepdf.String(b"\0" * 768)]),
        "of a palette of itself": endless,
        "of more inks than any has": Array([Name.DeviceN, many, Name.DeviceCMYK, Dictionary()]),
    }


@pytest.mark.parametrize("case", spaces(pikepdf.new()))
def test_a_picture_in_colours_that_none_has_is_refused(tmp_path: Path, case: str) -> None:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        image = hostile.image_xobject(pdf, b"\0" * 40_000, (200, 200))
        image.ColorSpace = spaces(pdf)[case]
        page.Resources = Dictionary(XObject=Dictionary(I=image))
        page.Contents = pdf.make_stream(hostile.PLAIN + b" q 60 0 0 60 90 90 cm /I Do Q")

    report = inspect(hostile.pdf_with(tmp_path / "picture.pdf", change), POSTCARD_4X6)
    assert "damaged_image" in {one.code for one in report.findings}

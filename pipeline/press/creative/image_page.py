"""Puts an image on a bleed page: JPEG data as it is, all else as Flate; turned as its EXIF says, opaque, tagged."""

from io import BytesIO
from pathlib import Path

import pikepdf
from PIL import Image, ImageCms

from pipeline.press.colours.srgb import icc_space, srgb_profile
from pipeline.press.exif import orientation, upright_size
from pipeline.press.geometry import Rect, numbers
from pipeline.press.jpeg import bare_jpeg

# Where EXIF orientation 1 to 8 puts the unit square, y upwards (CIPA DC-008, 4.6.4): row 0 at the top, left, bottom or
# right.
_TURNED = {
    1: (1, 0, 0, 1, 0, 0), 2: (-1, 0, 0, 1, 1, 0), 3: (-1, 0, 0, -1, 1, 1), 4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1), 6: (0, -1, 1, 0, 0, 1), 7: (0, 1, 1, 0, 0, 0), 8: (0, 1, -1, 0, 1, 0),
}  # fmt: skip
_CHANNELS = {"L": 1, "RGB": 3, "CMYK": 4}
_SPACES = {"GRAY": 1, "RGB ": 3, "CMYK": 4}
# Where a PNG may say how it is turned.
_ORIENTED = (b"eXIf", b"XML:com.adobe.xmp", b"Raw profile type")
# Of zlib: a quarter of level 6's time, for a tenth more bytes.
COMPRESSION = 3
# Where a PNG's header, its first chunk, says how pixels are kept.
_DEPTH, _COLOUR_TYPE, _INTERLACED = 24, 25, 28
_DEVICE = {1: "/DeviceGray", 4: "/DeviceCMYK"}


def draw_image(pdf: pikepdf.Pdf, source: Path, kind: str, page: Rect) -> tuple[pikepdf.Object, bytes]:
    """The image as an XObject of `pdf`, and the operators that fill `page` with it as `/Art`, running over its edge."""
    with Image.open(source, formats=[kind.upper()]) as image:
        # Pillow reads a whole PNG to its end to find that it says nothing about its orientation.
        says = kind == "jpeg" or any(word in source.read_bytes() for word in _ORIENTED)
        turned, size = (_TURNED[orientation(image)], upright_size(image)) if says else (_TURNED[1], image.size)
        embedded = _jpeg(pdf, source, image) if kind == "jpeg" else _png(pdf, source, image)
    return embedded, f"q {numbers(*_cover(size, page))} cm {numbers(*turned)} cm /Art Do Q".encode()


def _cover(size: tuple[int, int], page: Rect) -> tuple[float, ...]:
    """The unit square to the smallest rectangle of the image's proportions that covers the page, centred."""
    scale = max(page.width_pt / size[0], page.height_pt / size[1])
    width, height = size[0] * scale, size[1] * scale
    return width, 0, 0, height, (page.width_pt - width) / 2, (page.height_pt - height) / 2


def _jpeg(pdf: pikepdf.Pdf, source: Path, image: Image.Image) -> pikepdf.Object:
    stream = _xobject(pdf, bare_jpeg(source.read_bytes()), image, _CHANNELS[image.mode])
    stream.Filter = pikepdf.Name.DCTDecode
    if image.mode == "CMYK" and "adobe" in image.info:
        # Adobe writes inks inverted: 0 is full ink.
        stream.Decode = pikepdf.Array([1, 0] * 4)
    return stream


def _png(pdf: pikepdf.Pdf, source: Path, image: Image.Image) -> pikepdf.Object:
    data = source.read_bytes()
    plain = data[_DEPTH] == 8 and data[_COLOUR_TYPE] in (0, 2) and not data[_INTERLACED]
    if not plain or "transparency" in image.info:
        return _flate(pdf, image)
    # Its data is what PDF calls Flate with PNG predictors already; packing it again takes half a second.
    channels = _CHANNELS[image.mode]
    stream = _xobject(pdf, b"", image, channels)
    stream.write(_data_chunks(data), filter=pikepdf.Name.FlateDecode, decode_parms=_predictor(image, channels))
    return stream


def _flate(pdf: pikepdf.Pdf, image: Image.Image) -> pikepdf.Object:
    """By way of Pillow's PNG encoder, whose data chunks are PDF's Flate with PNG predictors."""
    opaque = _opaque(image)
    channels = _CHANNELS[opaque.mode]
    encoded = BytesIO()
    opaque.save(encoded, "PNG", icc_profile=None, compress_level=COMPRESSION)
    stream = _xobject(pdf, b"", opaque, channels)
    stream.write(
        _data_chunks(encoded.getvalue()), filter=pikepdf.Name.FlateDecode, decode_parms=_predictor(opaque, channels)
    )
    return stream


def _xobject(pdf: pikepdf.Pdf, data: bytes, image: Image.Image, channels: int) -> pikepdf.Stream:
    stream = pdf.make_stream(data, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image)
    stream.Width, stream.Height = image.size
    stream.BitsPerComponent = 8
    stream.ColorSpace = _colour_space(pdf, image, channels)
    return stream


def _predictor(image: Image.Image, channels: int) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(Predictor=15, Colors=channels, BitsPerComponent=8, Columns=image.width)


def _opaque(image: Image.Image) -> Image.Image:
    """8 bits a channel, grey or RGB, laid on white where it is transparent: paper is white."""
    if image.mode.startswith("I"):
        # 16-bit grey; Pillow's own conversion clips it to white.
        image = image.point(lambda value: value / 257).convert("L") if image.mode == "I" else _high_byte(image)
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        opaque = Image.alpha_composite(paper, layer).convert("RGB")
    else:
        opaque = image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")
    if "icc_profile" in image.info:
        opaque.info["icc_profile"] = image.info["icc_profile"]
    return opaque


def _high_byte(image: Image.Image) -> Image.Image:
    return image.convert("I").point(lambda value: value / 257).convert("L")


def _data_chunks(png: bytes) -> bytes:
    """Raises `ValueError` for a file that is cut short."""
    chunks, at = [], 8
    while png[at + 4 : at + 8] != b"IEND":
        length = int.from_bytes(png[at : at + 4])
        if at + length + 12 > len(png):
            raise ValueError("the PNG is cut short")
        if png[at + 4 : at + 8] == b"IDAT":
            chunks.append(png[at + 8 : at + 8 + length])
        at += length + 12
    return b"".join(chunks)


def _colour_space(pdf: pikepdf.Pdf, image: Image.Image, channels: int) -> pikepdf.Object:
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and _profile_channels(profile) == channels:
        return icc_space(pdf, profile, channels)
    return icc_space(pdf, srgb_profile(), 3) if channels == 3 else pikepdf.Name(_DEVICE[channels])


def _profile_channels(profile: bytes) -> int | None:
    """None for what LittleCMS cannot read: a damaged profile is worse than none."""
    try:
        read = ImageCms.ImageCmsProfile(BytesIO(profile))
    except (OSError, ImageCms.PyCMSError):
        return None
    return _SPACES.get(read.profile.xcolor_space)

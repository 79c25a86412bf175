"""What PDF/X-4 does not allow is taken out of artwork when it is normalized (ISO 15930-7).

Only what does not change the picture on a digital press: transfer functions and halftones belong to another press, plain RGB
groups are those of sRGB, as all plain RGB of normalized artwork is.
"""

import pikepdf

from pipeline.press.colours.srgb import icc_space, srgb_profile
from pipeline.press.filters import behind, filters_of, parameters_of

_LZW = "/LZWDecode"
_SCREENING = ("/TR", "/TR2", "/HT", "/HTP", "/HTO", "/UCR", "/UCR2", "/BG", "/BG2")
_HARMLESS = ("/Identity", "/Default")
_BLENDS = frozenset({
    "/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten", "/ColorDodge", "/ColorBurn", "/HardLight",
    "/SoftLight", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color", "/Luminosity",
})  # fmt: skip


def conform(pdf: pikepdf.Pdf) -> None:
    """Tag groups of plain RGB, say how codes become glyphs, drop screening, unknown blend modes, PostScript and LZW compression."""
    for obj in pdf.objects:
        if isinstance(obj, pikepdf.Stream):
            _stream(obj)
        if isinstance(obj, pikepdf.Stream | pikepdf.Dictionary):
            group = obj.get("/Group")
            if isinstance(group, pikepdf.Dictionary) and group.get("/CS") == "/DeviceRGB":
                group.CS = _srgb(pdf)
            _graphics_states(obj.get("/Resources", obj))
            for font in obj.get("/DescendantFonts", ()):
                if font.get("/Subtype") == "/CIDFontType2" and "/CIDToGIDMap" not in font:
                    font.CIDToGIDMap = pikepdf.Name.Identity  # what readers take where nothing is said


def _stream(stream: pikepdf.Stream) -> None:
    filters = filters_of(stream)
    if _LZW in filters:
        _take_off(stream, filters.index(_LZW) + 1)
    if stream.get("/Subtype") == "/PS" or stream.get("/Subtype2") == "/PS":
        # Readers other than PostScript printers show nothing for it.
        for key in list(stream.keys()):
            if key not in ("/Length", "/Filter", "/DecodeParms"):
                del stream[key]
        stream.write(b"", type_check=False)
        stream.Subtype, stream.BBox = pikepdf.Name.Form, pikepdf.Array([0, 0, 0, 0])
    _mask(stream)


def _take_off(stream: pikepdf.Stream, count: int) -> None:
    """So many filters; a picture may have others behind them."""
    left, parameters = filters_of(stream)[count:], parameters_of(stream)[count:]
    stream.write(
        behind(stream, count),
        filter=pikepdf.Array([pikepdf.Name(name) for name in left]) if left else None,
        decode_parms=pikepdf.Array(parameters) if left else None,
    )


def _mask(image: pikepdf.Stream) -> None:
    """A grey picture in place of a stencil: viewers take it for a soft mask, others show what it should hide."""
    mask = image.get("/Mask")
    if not isinstance(mask, pikepdf.Stream) or mask.get("/ImageMask", False) or "/SMask" in image:
        return
    if mask.get("/ColorSpace") == "/DeviceGray":
        image.SMask = mask
        del image.Mask


def _graphics_states(resources: object) -> None:
    if not isinstance(resources, pikepdf.Dictionary) or "/ExtGState" not in resources:
        return
    for state in resources.ExtGState.values():
        for key in _SCREENING:
            if key in state and state[key] not in _HARMLESS:
                del state[key]
        if "/BM" in state:
            state.BM = _blend(state.BM)
        mask = state.get("/SMask")
        # A mask of nothing hides nothing.
        if isinstance(mask, pikepdf.Dictionary) and not isinstance(mask.get("/G"), pikepdf.Stream):
            state.SMask = pikepdf.Name("/None")


def _blend(given: pikepdf.Object) -> pikepdf.Object:
    """Of an array, the first mode that is known; a mode that is not is taken as `Normal` by readers."""
    modes = given.as_list() if isinstance(given, pikepdf.Array) else [given]
    return next((mode for mode in modes if isinstance(mode, pikepdf.Name) and mode in _BLENDS), pikepdf.Name.Normal)


def _srgb(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """The sRGB space that normalizing put into the file, or one more."""
    for obj in pdf.objects:
        if isinstance(obj, pikepdf.Dictionary | pikepdf.Stream):
            resources = obj.get("/Resources")
            spaces = resources.get("/ColorSpace") if isinstance(resources, pikepdf.Dictionary) else None
            if isinstance(spaces, pikepdf.Dictionary) and "/DefaultRGB" in spaces:
                return spaces.DefaultRGB
    return icc_space(pdf, srgb_profile(), 3)

"""The sRGB profile that untagged RGB is taken to be in, the same bytes every time."""

from functools import cache

import pikepdf
from PIL import ImageCms

# In an ICC header (ICC.1, 7.2): when the profile was made, and its digest. LittleCMS writes the time of the call.
_MADE_AT = slice(24, 36)
_DIGEST = slice(84, 100)
_A_DATE = bytes.fromhex("07e6 0001 0001 0000 0000 0000")


@cache
def srgb_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_MADE_AT] = _A_DATE
    profile[_DIGEST] = bytes(16)
    return bytes(profile)


def icc_space(pdf: pikepdf.Pdf, profile: bytes, channels: int) -> pikepdf.Object:
    """An ICCBased colour space of 1, 3 or 4 channels."""
    alternate = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}[channels]
    stream = pdf.make_stream(profile, N=channels, Alternate=pikepdf.Name(alternate))
    return pdf.make_indirect(pikepdf.Array([pikepdf.Name.ICCBased, stream]))

"""How a camera held a picture: what it says of that in EXIF."""

from PIL import Image

_ORIENTATION = 0x0112


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Pixels across and down as a viewer shows it, its EXIF orientation followed."""
    width, height = image.size
    return (height, width) if orientation(image) >= 5 else (width, height)


def orientation(image: Image.Image) -> int:
    """1 to 8; what is not one of them is 1, as viewers have it."""
    value = image.getexif().get(_ORIENTATION, 1)
    return value if value in range(1, 9) else 1

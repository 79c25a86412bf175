"""What a page prints, as far as preflight has something to say of it: images, text, paths, fonts and inks."""

from collections import Counter
from dataclasses import dataclass, field

from pipeline.press.preflight.graphics import Place
from pipeline.press.preflight.inks import Ink


@dataclass(frozen=True)
class ImageUse:
    """One image as placed: `ppi` is the smaller of its two axes, `coverage` the most ink of one in CMYK, else 0."""

    ppi: float
    one_bit: bool
    width_px: int
    height_px: int
    place: Place
    coverage: float = 0.0


@dataclass(frozen=True)
class TextUse:
    """Text as shown in one go; `place` is its beginning."""

    size_pt: float
    ink: Ink
    overprints: bool
    place: Place


@dataclass(frozen=True)
class PathUse:
    """A path as painted; `width_pt` is that of its line, None where it is filled. `place` is None where nobody looked."""

    ink: Ink
    width_pt: float | None
    overprints: bool
    place: Place | None


@dataclass
class Census:
    """What was found. `fonts` are those that show text, by name; True where the font program is embedded. Of those that are
    `unchecked` it is not known which glyphs they have.

    `damaged` is where each picture stands that cannot be decoded. `missing` counts the codes without a glyph, by font;
    `first_shown` is where a font's text first comes. `paths` are those of which there may be something to say. `spots` are
    where each spot colour comes: None where that is not known. `blends` says that something is transparent, `rgb_groups` how
    many groups are blended in plain RGB.
    """

    images: list[ImageUse] = field(default_factory=list)
    fonts: dict[str, bool] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)
    first_shown: dict[str, Place] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    texts: list[TextUse] = field(default_factory=list)
    paths: list[PathUse] = field(default_factory=list)
    damaged: list[Place | None] = field(default_factory=list)
    spots: dict[str, list[Place | None]] = field(default_factory=dict)
    blends: bool = False
    rgb_groups: int = 0

"""Whether the bleed is filled and not only declared: a cutter drifts by a sixteenth, and then paper shows.

Looked at on a low-resolution picture of the bleed page. Where there is ink at the trim, there has to be ink from there to
the page's edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from PIL import Image, ImageChops

from pipeline.press.report import Finding, finding, warning
from pipeline.products import Product

# The least of a pixel's three channels: below the first there is ink, above the second there is paper.
INK, PAPER = 235, 250
# Shorter runs are strokes of a letter or branches of a tree that happen to end here.
SHORTEST_RUN_IN = 0.08
# Less than this in all is told, and not refused.
TOLERATED_IN = 0.5

# How the picture is turned so that the edge lies on top, and back.
_ON_TOP = {
    "top": None,
    "right": Image.Transpose.ROTATE_90,
    "bottom": Image.Transpose.ROTATE_180,
    "left": Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class _Run:
    """Columns of the turned picture, from `first` on; `depth` is how many rows beyond the trim have ink."""

    first: int
    length: int
    depth: int


def short_bleed(picture: Image.Image, product: Product, ppi: int) -> Iterator[Finding]:
    """One finding per edge whose bleed is not filled. `picture` is the bleed page."""
    rows = round(product.bleed_in * ppi)
    if not rows:
        return
    darkest = darkest_channel(picture)
    for edge, turn in _ON_TOP.items():
        turned = darkest if turn is None else darkest.transpose(turn)
        runs = _runs(turned, rows, least=round(SHORTEST_RUN_IN * ppi))
        if runs:
            yield _said(edge, runs, turned.width, product, ppi)


def darkest_channel(picture: Image.Image) -> Image.Image:
    """The least of each pixel's channels, so that any ink counts. `picture` is RGB."""
    red, green, blue = picture.split()
    return ImageChops.darker(ImageChops.darker(red, green), blue)


def _runs(turned: Image.Image, rows: int, *, least: int) -> list[_Run]:
    depths = _depths(turned, rows)
    found, at = [], 0
    for short, group in groupby(depths, key=lambda depth: depth is not None):
        columns = list(group)
        if short and len(columns) >= least:
            found.append(_Run(rows + at, len(columns), min(depth for depth in columns if depth is not None)))
        at += len(columns)
    return found


def _depths(turned: Image.Image, rows: int) -> list[int | None]:
    """Per column between the trims: how many rows beyond the trim have ink, if paper follows; None where all is well."""
    width, data = turned.width, turned.crop((0, 0, turned.width, rows + 3)).tobytes()
    found: list[int | None] = []
    for column in range(rows, width - rows):
        # From the page's edge inwards; the outermost row is half covered where a page is no whole number of pixels.
        strip = data[column + width :: width]
        inked = strip[rows - 1] < INK and strip[rows] < INK
        paper = 0
        while paper < rows - 1 and strip[paper] > PAPER:
            paper += 1
        # One row may be the edge's own smoothing.
        found.append(max(0, rows - 1 - paper) if inked and paper > 1 else None)
    return found


def _said(edge: str, runs: list[_Run], width: int, product: Product, ppi: int) -> Finding:
    length_in = sum(run.length for run in runs) / ppi
    depth_in = min(run.depth for run in runs) / ppi
    make = finding if length_in >= TOLERATED_IN else warning
    first, last = min(run.first for run in runs), max(run.first + run.length for run in runs)
    return make(
        "short_bleed",
        f"At the {edge} edge, {length_in:.2f} in of artwork that reaches the trim ends {depth_in:.2f} in beyond it; "
        "paper will show where the cut drifts.",
        f"Let backgrounds and pictures run {product.bleed_in:g} in beyond the trim, to the page's edge.",
        box_in=_box_in(edge, first / ppi, last / ppi, width / ppi, product),
        measured=f"{depth_in:.3f} in",
        required=f"{product.bleed_in:g} in",
    )


def _box_in(edge: str, first: float, last: float, length: float, product: Product) -> tuple[float, float, float, float]:
    """The run's part of the bleed, from the top left of the trim."""
    bleed = product.bleed_in
    if edge in ("right", "bottom"):
        # Seen with its edge on top, the right edge runs downwards, the bottom edge from right to left.
        first, last = (first, last) if edge == "right" else (length - last, length - first)
    elif edge == "left":
        first, last = length - last, length - first
    start, extent = round(first - bleed, 3), round(last - first, 3)
    return {
        "top": (start, -bleed, extent, bleed),
        "bottom": (start, product.trim_height_in, extent, bleed),
        "left": (-bleed, start, bleed, extent),
        "right": (product.trim_width_in, start, bleed, extent),
    }[edge]

"""Where the paper is folded, as it lies on one side of the sheet: for the marks that show a scorer and a folder where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.press.geometry import bleed_rect, pt
from pipeline.press.slots import Slot
from pipeline.products import Fold, Product


@dataclass(frozen=True)
class Creases:
    """Upright lines by their distance from the sheet's left, level ones by that from its foot, in points."""

    upright_pt: tuple[float, ...] = ()
    level_pt: tuple[float, ...] = ()


def creases(slots: Sequence[Slot], product: Product) -> Creases:
    """The fold lines of all pieces, each line once, as the faces that show have them."""
    upright: set[float] = set()
    level: set[float] = set()
    for slot in slots:
        for x, y, is_upright in _lines(slot, product):
            (upright if is_upright else level).add(round(x if is_upright else y, 3))
    return Creases(tuple(sorted(upright)), tuple(sorted(level)))


def _lines(slot: Slot, product: Product) -> Iterator[tuple[float, float, bool]]:
    """Of each fold a point on the sheet, and whether it runs upright there."""
    for fold in product.folds:
        if fold.side == slot.face:
            *_, x, y = slot.matrix(*_start(fold, product))
            yield x, y, (fold.direction == "upright") == (slot.turn in (0, 180))


def _start(fold: Fold, product: Product) -> tuple[float, float]:
    """Where the fold begins on the bleed page."""
    at = pt(product.bleed_in + fold.at_in)
    return (at, 0) if fold.direction == "upright" else (0, bleed_rect(product).height_pt - at)

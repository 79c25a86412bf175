"""Letters in `mailstream impose`: how the pages of a document become the sheets of a set."""

from collections.abc import Iterable
from pathlib import Path

from ops.cli.failure import CommandError, Exit
from ops.cli.sides import Sides
from pipeline.products import Product, sheets_of


def check_sides(product: Product, sides: Sides | None, *, two_sided: bool) -> None:
    """Raises `CommandError` for options that the product does not have."""
    if product.is_document and two_sided:
        raise CommandError(f"--back: {product.name} takes all its pages in one file, --front", Exit.USAGE)
    if sides is not None and not product.is_document:
        raise CommandError(f"--sides: {product.name} has a front and a back; leave it out", Exit.USAGE)


def sheets_in_set(artwork: Iterable[Path], product: Product, sides: Sides) -> int:
    """How many sheets each piece has. Raises `CommandError` where that differs, or is more than the product takes."""
    if not product.is_document:
        return 1
    from pipeline.press.picture import page_count  # what draws pages takes a while to load, and cards need none of it

    counts = sorted({sheets_of(page_count(file), sides) for file in artwork})
    if len(counts) > 1:
        told = ", ".join(map(str, counts))
        raise CommandError(f"the rows' letters have {told} sheets; all sets of a job have as many: impose them apart")
    if counts[0] > product.most_sheets:
        raise CommandError(
            f"printed {sides}, the letter has {counts[0]} sheets; {product.most_sheets} is the most: "
            "print it duplex, or leave pages out"
        )
    return counts[0]

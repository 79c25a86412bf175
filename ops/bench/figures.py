"""What a bench measured, as one line of the table that `make bench` prints."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`beside` is the peer or the limit measured in the same run; `goal` is what the project wants to reach."""

    what: str
    measured: str
    beside: str = ""
    goal: str = ""


def print_figures(title: str, figures: Iterable[Figure]) -> None:
    """Aligned columns, with a heading."""
    rows = [("what", "measured", "beside", "goal"), *((f.what, f.measured, f.beside, f.goal) for f in figures)]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    print(f"\n{title}")  # noqa: T201
    for row in rows:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())  # noqa: T201

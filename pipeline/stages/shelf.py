"""What of a drop lies at its printer for it to take, and taking that away: one rename decides who was first."""

from typing import Any

from sqlalchemy import Row

from pipeline.errors import Transient
from pipeline.ports import Lies, Printer

ON_THE_SHELF = (Lies.READY, Lies.PART)
"""What a printer may take, now or once a worker that was held up goes on."""


def take_back(printer: Printer, drop: Row[Any]) -> Lies:
    """What lies there afterwards: `RECALLED` where we were first, `TAKEN` or `NOTHING` where the printer was.

    Raises `Transient("still_on_the_shelf")` where neither was.
    """
    if printer.recall(drop.stem, drop.ready_part):
        return Lies.RECALLED
    lies = printer.look(drop.stem, drop.ready_part)
    if lies in ON_THE_SHELF:
        raise Transient("still_on_the_shelf", f"{drop.stem} was not taken, and could not be renamed away")
    return lies

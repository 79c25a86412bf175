"""Printers as an operator sees and changes them. Every change goes up one revision and leaves an audit row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, and_, insert, select, update

from pipeline.errors import Fault, Permanent
from pipeline.models.profile import PrinterProfile, Sftp, proves_by_renaming
from pipeline.models.types import Ids
from pipeline.repository.aside import HANDED_OVER, spoken_of
from pipeline.repository.tables import audit, drops, printers
from pipeline.repository.writing import take_turn

_LOCK = 0x7072696E
"""Printers are added and changed in turns: whoever looks whether an outbox is free must see what others do meanwhile. Any
number will do that nothing else locks in this database."""


@dataclass(frozen=True)
class Deed:
    """Who does something, when (machine clock), and why; it is kept with what was done."""

    who: str
    at: datetime
    reason: str = ""


def list_printers(tx: Connection, mode: str) -> Sequence[Row[Any]]:
    """By name."""
    return tx.execute(select(printers).where(printers.c.mode == mode).order_by(printers.c.name)).all()


def live_transports(tx: Connection) -> Sequence[Sftp]:
    """How the printers of live mail are reached, but for those whose profile cannot be read."""
    return [one for row in list_printers(tx, "live") if (one := _sftp(row.profile.get("transport")))]


def printer_named(tx: Connection, mode: str, name: str) -> Row[Any] | None:
    return tx.execute(select(printers).where(printers.c.mode == mode, printers.c.name == name)).first()


def live_printer(tx: Connection, printer_id: str) -> Row[Any] | None:
    return tx.execute(select(printers).where(printers.c.mode == "live", printers.c.id == printer_id)).first()


def add_printer(tx: Connection, name: str, profile: PrinterProfile, deed: Deed, *, ids: Ids) -> str | None:
    """A new printer of live mail; returns its id, or None where the name is taken.

    Raises `Permanent("outbox_shared")` where another one has the same outbox.
    """
    take_turn(tx, _LOCK)
    if printer_named(tx, "live", name) is not None:
        return None
    printer_id = ids.new("pr")
    _check_own_outbox(tx, printer_id, profile)
    values = {
        "id": printer_id,
        "name": name,
        "mode": "live",
        "profile": profile.model_dump(mode="json"),
        "created_at": deed.at,
    }
    tx.execute(insert(printers).values(**values))
    record(tx, "printer.add", printer_id, deed, {"profile": values["profile"]}, ids=ids)
    return printer_id


def edit_printer(tx: Connection, row: Row[Any], profile: PrinterProfile, deed: Deed, *, ids: Ids) -> bool:
    """Give a printer, as it was read in `row`, another profile; False where somebody else changed it meanwhile.

    Raises `Permanent("outbox_shared")` where another one has the same outbox, and `Permanent("drops_unspoken_of")` where it is
    now said to take drops by renaming, and has some that it took otherwise: what lies in its folder would then be believed of
    those too.
    """
    take_turn(tx, _LOCK)
    _check_own_outbox(tx, row.id, profile)
    after = profile.model_dump(mode="json")
    if proves_by_renaming(after) and not proves_by_renaming(row.profile):
        _check_nothing_unspoken_of(tx, row)
    if not _change(tx, row, {"profile": after}):
        return False
    record(tx, "printer.edit", row.id, deed, {"before": row.profile, "after": after}, ids=ids)
    return True


def others_at_outbox(tx: Connection, printer_id: str, transport: Any) -> list[str]:
    """Names of the other printers of live mail that have the outbox of this stored transport. Which of them may be asked for
    acknowledgements first is chance, and it refuses those of the others.
    """
    mine = _sftp(transport)
    rows = [row for row in list_printers(tx, "live") if row.id != printer_id] if mine else []
    there = [(row.name, _sftp(row.profile.get("transport"))) for row in rows]
    return [name for name, theirs in there if mine and theirs and mine.shares_outbox(theirs)]


def suspend_printer(tx: Connection, row: Row[Any], deed: Deed, *, off: bool, ids: Ids) -> bool:
    """Give a printer no more batches, or, with `off`, give it some again; False where it was changed meanwhile."""
    if not _change(tx, row, {"suspended_at": None if off else deed.at}):
        return False
    record(tx, "printer.resume" if off else "printer.suspend", row.id, deed, {}, ids=ids)
    return True


def note_trouble(tx: Connection, row: Row[Any], code: str | None, place: str | None, at: datetime) -> bool:
    """Keep what keeps us out of a printer, as it was read in `row`, or with None that nothing does; False where that is known.

    It is no change of the printer by anybody, so that its revision stays.
    """
    same = (
        printers.c.id == row.id,
        printers.c.trouble.is_not_distinct_from(row.trouble),
        printers.c.trouble_at.is_not_distinct_from(row.trouble_at),
    )
    new = {"trouble": code, "trouble_at": place, "trouble_since": None if code is None else at}
    return bool(tx.execute(update(printers).where(*same).values(**new)).rowcount)


def record(tx: Connection, action: str, subject: str, deed: Deed, data: Mapping[str, Any], *, ids: Ids) -> None:
    """An audit row."""
    values = {
        "id": ids.new("au"),
        "at": deed.at,
        "who": deed.who,
        "action": action,
        "subject": subject,
        "reason": deed.reason,
        "data": dict(data),
    }
    tx.execute(insert(audit).values(**values))


def _check_own_outbox(tx: Connection, printer_id: str, profile: PrinterProfile) -> None:
    others = others_at_outbox(tx, printer_id, profile.transport.model_dump(mode="json"))
    if others:
        detail = f"{', '.join(others)} has this outbox too, and each would take the other's acknowledgements."
        remedy = "Agree with the shop on an outbox for each printer, such as out-letters, or on an account for each."
        fault = Fault("outbox_shared", "/transport/outbox", detail, remedy)
        raise Permanent("outbox_shared", "the outbox is another printer's", faults=(fault,))


def _sftp(transport: Any) -> Sftp | None:
    """A stored transport, where it is one over SFTP that can be read."""
    try:
        return Sftp.model_validate(transport)
    except ValidationError:
        return None


def _check_nothing_unspoken_of(tx: Connection, row: Row[Any]) -> None:
    there = and_(drops.c.printer_id == row.id, drops.c.status.in_(HANDED_OVER), ~spoken_of())
    stem = tx.execute(select(drops.c.stem).where(there).limit(1)).scalar()
    if stem is not None:
        raise Permanent(
            "drops_unspoken_of",
            f"takes_by_renaming cannot become true while {row.name} has drops that it has not spoken of, such as {stem}: "
            "wait for its acknowledgements, or recall and settle their batches",
        )


def _change(tx: Connection, row: Row[Any], new: Mapping[str, Any]) -> bool:
    same = (printers.c.id == row.id, printers.c.revision == row.revision)
    return bool(tx.execute(update(printers).where(*same).values(**new, revision=row.revision + 1)).rowcount)

"""`mailstream batches`: what was frozen for which printer, and how far it has come."""

from typing import Annotated, Any

import typer
from sqlalchemy import ColumnElement, Connection, Row, func, select

from ops.cli.apps import new_app
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.output import Json, print_json, print_record, print_table
from pipeline.lifecycle import BatchStatus
from pipeline.repository.printers import printer_named
from pipeline.repository.tables import acks, batches, drops, pieces, placements, printers

app = new_app("Batches: what was frozen for which printer, and how far it has come.")

_LISTED = (
    "id", "mode", "printer", "status", "product", "mail_class", "pieces", "sheets", "frozen_at", "mail_by", "due_at",
)  # fmt: skip
_SHOWN = (*_LISTED, "stock", "sheets_per_piece", "revision", "reason")
_DROP = ("stem", "status", "pieces", "sheets", "handing_over_at", "sent_at", "digest", "last_error")
_PLACED = ("revision", "placed", "live", "spoiled", "destroyed")
_ACK = ("drop_stem", "state", "at", "received_at", "name", "faults")


@app.command("list")
def list_(
    status: Annotated[BatchStatus | None, typer.Option(help="Only batches in this status.")] = None,
    printer: Annotated[str | None, typer.Option(help="Only batches of this printer.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Batches of test mail.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List batches, newest first."""
    mode = "test" if test else "live"
    where: list[ColumnElement[bool]] = [batches.c.mode == mode]
    if status is not None:
        where.append(batches.c.status == status)
    with installation() as here, here.db.read() as tx:
        if printer is not None:
            where.append(batches.c.printer_id == _printer_id(tx, mode, printer))
        rows = tx.execute(_batches().where(*where).order_by(batches.c.id.desc()).limit(limit)).all()
    if as_json:
        print_json([_picked(row, _SHOWN) for row in rows])
        return
    shown = [column for column in _LISTED if column != "mode"]
    print_table(shown, [[getattr(row, column) for column in shown] for row in rows])


@app.command()
def show(batch_id: Annotated[str, typer.Argument(help="The batch's id, bt_….")], as_json: Json = False) -> None:
    """Show a batch: why it was closed, its drops, its pieces by status, what the printer said of it."""
    with installation() as here, here.db.read() as tx:
        row = tx.execute(_batches().where(batches.c.id == batch_id)).first()
        if row is None:
            raise CommandError(f"there is no batch {batch_id!r}: `mailstream batches list` shows them", Exit.NOT_FOUND)
        shown = _picked(row, _SHOWN) | {
            "by_status": _by_status(tx, batch_id),
            "placements": _placements(tx, batch_id),
            "drops": _drops(tx, batch_id),
            "acks": _acks(tx, batch_id),
        }
    if as_json:
        print_json(shown)
        return
    _print(shown)


def _print(shown: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in shown["by_status"].items())
    print_record({name: shown[name] for name in _SHOWN} | {"pieces by status": counts or "none"})
    for title, columns in (("drops", _DROP), ("acks", _ACK)):
        if shown[title]:
            typer.echo()
            print_table([title, *columns[1:]], [[_brief(one[name]) for name in columns] for one in shown[title]])
    typer.echo()
    print_table(_PLACED, [[one[name] for name in _PLACED] for one in shown["placements"]])


def _batches() -> Any:
    return select(batches, printers.c.name.label("printer")).join_from(
        batches, printers, printers.c.id == batches.c.printer_id
    )


def _printer_id(tx: Connection, mode: str, name: str) -> str:
    row = printer_named(tx, mode, name)
    if row is None:
        raise CommandError(f"there is no printer {name!r}: `mailstream printers list` shows them", Exit.NOT_FOUND)
    printer_id: str = row.id
    return printer_id


def _by_status(tx: Connection, batch_id: str) -> dict[str, int]:
    counted = select(pieces.c.status, func.count()).where(pieces.c.batch_id == batch_id)
    return {row.status: row[1] for row in tx.execute(counted.group_by(pieces.c.status).order_by(pieces.c.status))}


def _placements(tx: Connection, batch_id: str) -> list[dict[str, Any]]:
    """How many places each revision has, how many of them are live, and what became of others."""

    def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(condition)

    summary = select(
        placements.c.revision,
        func.count().label("placed"),
        counted(placements.c.live).label("live"),
        counted(placements.c.outcome == "spoiled").label("spoiled"),
        counted(placements.c.outcome == "destroyed").label("destroyed"),
    )
    here = summary.where(placements.c.batch_id == batch_id)
    return [dict(row._mapping) for row in tx.execute(here.group_by(placements.c.revision).order_by("revision"))]


def _drops(tx: Connection, batch_id: str) -> list[dict[str, Any]]:
    rows = tx.execute(select(drops).where(drops.c.batch_id == batch_id).order_by(drops.c.revision))
    return [_picked(row, (*_DROP, "files")) for row in rows]


def _acks(tx: Connection, batch_id: str) -> list[dict[str, Any]]:
    mine = acks.c.drop_stem.in_(select(drops.c.stem).where(drops.c.batch_id == batch_id))
    return [_picked(row, _ACK) for row in tx.execute(select(acks).where(mine).order_by(acks.c.id))]


def _picked(row: Row[Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {column: getattr(row, column) for column in columns}


def _brief(value: Any) -> Any:
    """A digest by its first characters, a list of faults by how many there are."""
    if isinstance(value, list):
        return len(value)
    return value[:12] if isinstance(value, str) and len(value) == 64 else value

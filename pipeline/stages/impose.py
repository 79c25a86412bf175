"""Impose: a frozen drop becomes its files, whose digests are recorded; from then on the stored bytes are what is sent."""

import json
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from pipeline.lifecycle import BatchStatus, DropStatus
from pipeline.models.profile import Imposition, Postage, PrinterProfile
from pipeline.ports import Note, Storage
from pipeline.press.job import Imposed, Job, Placed
from pipeline.press.sheets.address_lines import printed_lines
from pipeline.products import PRODUCTS, Product
from pipeline.repository.batches import advance_batch
from pipeline.repository.claims import FREED
from pipeline.repository.tables import batches, creatives, drops, pieces, placements, printers, recipients
from pipeline.stages.stage import Context, Done

Imposer = Callable[[Job, Path], Imposed]


class Impose:
    name = "impose"
    table = drops
    limit = 1

    def __init__(self, context: Context, storage: Storage, imposer: Imposer) -> None:
        self._context = context
        self._storage = storage
        self._imposer = imposer

    def where(self) -> ColumnElement[bool]:
        return and_(drops.c.mode == self._context.mode, drops.c.status == DropStatus.FROZEN)

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (drops.c.due_at,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        [drop] = rows
        with self._context.db.read() as tx:
            job = load_job(tx, drop, self._storage)
        with tempfile.TemporaryDirectory(prefix="mailstream-impose-") as folder:
            imposed = self._imposer(job, Path(folder))
            files = [self._store(drop, path) for path in imposed.files]
        ready = ready_body(job, imposed, files)

        def save(tx: Connection, now: datetime) -> Collection[str]:  # noqa: ARG001
            return _save(tx, drop, files, ready)

        return Done(save, rings=[Note("dispatch", self._context.mode)])

    def _store(self, drop: Row[Any], path: Path) -> dict[str, Any]:
        # Each attempt has a folder of its own: one that comes too late leaves the recorded bytes alone.
        key = f"{drop.mode}/batches/{drop.batch_id}/{drop.attempt}/{path.name}"
        self._storage.put(key, path)
        return {**named_file(path), "key": key}


def _save(tx: Connection, drop: Row[Any], files: list[dict[str, Any]], ready: str) -> set[str]:
    mine = and_(drops.c.id == drop.id, drops.c.attempt == drop.attempt, drops.c.status == DropStatus.FROZEN)
    digest = sha256(ready.encode()).hexdigest()
    recorded = (
        update(drops)
        .where(mine)
        .values(status=DropStatus.IMPOSED, files=files, ready_body=ready, digest=digest, **FREED)
    )
    if not tx.execute(recorded).rowcount:
        return set()
    advance_batch(tx, drop.batch_id, BatchStatus.IMPOSED)
    return {drop.id}


def named_file(path: Path) -> dict[str, Any]:
    """A file of a drop as the ready file names it."""
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "size": path.stat().st_size, "sha256": digest}


def ready_body(job: Job, imposed: Imposed, files: Sequence[Mapping[str, Any]]) -> str:
    """What the printer reads last: names, sizes and digests of every file, and the counts."""
    body = {
        "drop": job.stem,
        "batch": job.batch_id,
        "revision": job.revision,
        "product": job.product,
        "class": job.mail_class,
        "mail_by": job.mail_by.isoformat(),
        "pieces": imposed.pieces,
        "sheets": imposed.sheets,
        "files": [{name: file[name] for name in ("name", "size", "sha256")} for file in files],
    }
    return json.dumps(body, indent=1, sort_keys=True) + "\n"


def load_job(tx: Connection, drop: Row[Any], storage: Storage) -> Job:
    batch = tx.execute(select(batches).where(batches.c.id == drop.batch_id)).one()
    printer = tx.execute(select(printers).where(printers.c.id == drop.printer_id)).one()
    profile = PrinterProfile.model_validate(printer.profile)
    rows = tx.execute(_placed(drop)).all()
    used = {row.front_creative_id for row in rows} | {row.back_creative_id for row in rows if row.back_creative_id}
    artwork = tx.execute(select(creatives.c.id, creatives.c.normalized_key).where(creatives.c.id.in_(sorted(used))))
    return Job(
        stem=drop.stem,
        batch_id=drop.batch_id,
        revision=drop.revision,
        product=batch.product,
        mail_class=batch.mail_class,
        frozen_at=drop.frozen_at,
        mail_by=batch.mail_by,
        zone=profile.floor.zone,
        printer=printer.name,
        contact=profile.contact,
        imposition=Imposition.model_validate(batch.imposition),
        postage=Postage.model_validate(batch.postage),
        artwork={row.id: storage.fetch(row.normalized_key) for row in artwork},
        pieces=tuple(_piece(row, PRODUCTS[batch.product]) for row in rows),
        sheets_per_piece=batch.sheets_per_piece,
    )


def _placed(drop: Row[Any]) -> Any:
    here = and_(placements.c.batch_id == drop.batch_id, placements.c.revision == drop.revision)
    return (
        select(
            placements.c.piece_id,
            placements.c.sheet,
            placements.c.slot,
            placements.c.stack_position,
            placements.c.imb,
            pieces.c.front_creative_id,
            pieces.c.back_creative_id,
            pieces.c.print_sides,
            recipients.c.standardized,
            recipients.c.sender,
            recipients.c.keyed_hash,
        )
        .join_from(placements, pieces, pieces.c.id == placements.c.piece_id)
        .join(recipients, recipients.c.piece_id == placements.c.piece_id)
        .where(here)
        .order_by(placements.c.sequence)
    )


def _piece(row: Row[Any], product: Product) -> Placed:
    back = row.back_creative_id
    if product.is_document and row.print_sides != "simplex":
        back = row.front_creative_id
    return Placed(
        piece_id=row.piece_id,
        sheet=row.sheet,
        slot=row.slot,
        stack_position=row.stack_position,
        imb=row.imb,
        address=printed_lines(row.standardized, product),
        return_address=printed_lines(row.sender, product) if row.sender else (),
        front=row.front_creative_id,
        back=back,
        recipient_hash=row.keyed_hash,
    )

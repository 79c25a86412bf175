"""Prepare: artwork that passed the door is normalized for the press, once per account and content."""

import tempfile
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, update

from pipeline.errors import Permanent, PortError
from pipeline.ports import Storage
from pipeline.products import PRODUCTS, Product
from pipeline.repository.claims import FREED
from pipeline.repository.promote import promote
from pipeline.repository.tables import creatives, pieces
from pipeline.stages.stage import Context, Done

PressStep = Callable[[Path, Product, Path], None]
"""From one path to another for a product, in a limited child process; raises `Permanent` for artwork it cannot take."""


class Prepare:
    name = "prepare"
    table = creatives
    limit = 4

    def __init__(self, context: Context, storage: Storage, *, normalize: PressStep, proof: PressStep) -> None:
        self._context = context
        self._storage = storage
        self._normalize = normalize
        self._proof = proof

    def where(self) -> ColumnElement[bool]:
        return and_(creatives.c.mode == self._context.mode, creatives.c.status == "checked")

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (creatives.c.id,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        prepared: dict[str, dict[str, Any]] = {}
        later: dict[str, PortError] = {}
        for row in rows:
            try:
                prepared[row.id] = self._prepare(row)
            except PortError as error:
                later[row.id] = error

        def save(tx: Connection, now: datetime) -> Collection[str]:
            return self._save(tx, [row for row in rows if row.id in prepared], prepared, now)

        return Done(save, later)

    def _prepare(self, row: Row[Any]) -> dict[str, Any]:
        """What becomes of a creative. A file that we lost is no fault of the artwork: that raises, as storage does."""
        source = self._storage.fetch(row.source_key)
        product = PRODUCTS[row.product]
        keys = {
            part: f"{row.mode}/creatives/{row.account_id}/{row.sha256}-{row.product}{part}" for part in (".pdf", ".png")
        }
        with tempfile.TemporaryDirectory(prefix="mailstream-prepare-") as folder:
            normalized, proof = Path(folder, "normalized.pdf"), Path(folder, "proof.png")
            try:
                self._normalize(source, product, normalized)
                self._proof(normalized, product, proof)
            except Permanent as error:
                faults = [fault.as_dict() for fault in error.faults]
                return {"status": "rejected", "report": {**row.report, "rejected": error.code, "faults": faults}}
            self._storage.put(keys[".pdf"], normalized)
            self._storage.put(keys[".png"], proof)
            with normalized.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
        return {
            "status": "accepted",
            "normalized_key": keys[".pdf"],
            "proof_key": keys[".png"],
            "normalized_sha256": digest,
        }

    def _save(
        self, tx: Connection, rows: Sequence[Row[Any]], prepared: dict[str, dict[str, Any]], now: datetime
    ) -> set[str]:
        saved = set()
        for row in rows:
            mine = and_(creatives.c.id == row.id, creatives.c.attempt == row.attempt, creatives.c.status == "checked")
            if tx.execute(update(creatives).where(mine).values(**prepared[row.id], **FREED)).rowcount:
                saved.add(row.id)
        uses = or_(pieces.c.front_creative_id.in_(sorted(saved)), pieces.c.back_creative_id.in_(sorted(saved)))
        promote(tx, uses, self._context.line_clock, now=now, ids=self._context.ids)
        return saved

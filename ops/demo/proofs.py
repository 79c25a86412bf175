"""The contact sheet: both sides of a few pieces as they were printed, from the rows and files of the installation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from adapters.storage.local import LocalStorage
from ops.services.installation import Installation
from pipeline.models.profile import Postage
from pipeline.press.contact_sheet import contact_sheet
from pipeline.press.proof import proof
from pipeline.products import PRODUCTS
from pipeline.repository.database import Database
from pipeline.repository.tables import batches, creatives, drops, pieces
from pipeline.stages.impose import load_job

SHOWN = 8
_PPI = 110


def write_contact_sheet(installation: Installation, mail_ids: Sequence[str], out: Path) -> None:
    """Fronts and backs of up to `SHOWN` pieces, spread over those given; the proofs lie beside it in `proofs/`."""
    folder = out.parent / "proofs"
    folder.mkdir(exist_ok=True)
    step = max(1, len(mail_ids) // SHOWN)
    db = Database(installation.settings.database_url)
    storage = LocalStorage(installation.settings.storage_root)
    files, captions = [], []
    for mail_id in mail_ids[::step][:SHOWN]:
        for side, file in _prove(db, storage, mail_id, folder):
            files.append(file)
            captions.append(f"{mail_id} {side}")
    db.dispose()
    contact_sheet(files, out, captions)


def _prove(db: Database, storage: LocalStorage, mail_id: str, folder: Path) -> list[tuple[str, Path]]:
    with db.read() as tx:
        piece = tx.execute(select(pieces).where(pieces.c.id == mail_id)).one()
        batch = tx.execute(select(batches).where(batches.c.id == piece.batch_id)).one()
        drop = tx.execute(select(drops).where(drops.c.batch_id == batch.id, drops.c.revision == 0)).one()
        art = dict(tx.execute(_artwork(piece)).tuples().all())
        job = load_job(tx, drop, storage)
    [placed] = [one for one in job.pieces if one.piece_id == mail_id]
    proofs = []
    for side, creative_id in (("front", piece.front_creative_id), ("back", piece.back_creative_id)):
        file = folder / f"{mail_id}-{side}.png"
        source = storage.fetch(art[creative_id]) if creative_id else None
        postage = Postage.model_validate(batch.postage)
        proof(
            PRODUCTS[piece.product], file, art=source, side=side, piece=placed, postage=postage,
            mail_class=piece.mail_class, ppi=_PPI,
        )  # fmt: skip
        proofs.append((side, file))
    return proofs


def _artwork(piece: Row[Any]) -> Any:
    used = [one for one in (piece.front_creative_id, piece.back_creative_id) if one]
    return select(creatives.c.id, creatives.c.normalized_key).where(creatives.c.id.in_(used))

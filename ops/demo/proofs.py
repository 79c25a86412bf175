"""The contact sheet: both sides of a few pieces as they were printed, from the rows and files of the installation."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from sqlalchemy import select

from adapters.storage.local import LocalStorage
from ops.services.installation import Installation
from pipeline.press.job import Job, Placed
from pipeline.press.proofs.contact_sheet import contact_sheet
from pipeline.press.proofs.proof import proof
from pipeline.products import PRODUCTS
from pipeline.repository.database import Database
from pipeline.repository.tables import drops, pieces
from pipeline.stages.impose import load_job

SHOWN = 8
_PPI = 110


def write_contact_sheet(installation: Installation, mail_ids: Sequence[str], out: Path) -> None:
    """Fronts and backs of up to `SHOWN` pieces, spread over those given; the proofs lie beside it in `proofs/`."""
    folder = out.parent / "proofs"
    folder.mkdir(exist_ok=True)
    step = max(1, len(mail_ids) // SHOWN)
    wanted = set(mail_ids[::step][:SHOWN])
    proofs = [
        proof_of
        for job in _jobs(installation, wanted)
        for placed in job.pieces
        if placed.piece_id in wanted
        for proof_of in _prove(job, placed, folder)
    ]
    contact_sheet([file for _, file in proofs], out, [caption for caption, _ in proofs])


def _jobs(installation: Installation, mail_ids: Collection[str]) -> list[Job]:
    """The first drop of every batch that holds one of these pieces."""
    db = Database(installation.settings.database_url)
    storage = LocalStorage(installation.settings.storage_root)
    holding = select(pieces.c.batch_id).where(pieces.c.id.in_(mail_ids))
    with db.read() as tx:
        first = tx.execute(select(drops).where(drops.c.batch_id.in_(holding), drops.c.revision == 0)).all()
        jobs = [load_job(tx, drop, storage) for drop in first]
    db.dispose()
    return jobs


def _prove(job: Job, placed: Placed, folder: Path) -> Iterator[tuple[str, Path]]:
    for side, art in (("front", placed.front), ("back", placed.back)):
        file = folder / f"{placed.piece_id}-{side}.png"
        proof(
            PRODUCTS[job.product],
            file,
            art=job.artwork[art] if art else None,
            side=side,
            piece=placed,
            postage=job.postage,
            mail_class=job.mail_class,
            ppi=_PPI,
        )
        yield f"{placed.piece_id} {side}", file

"""Jobs and failures as JSON, to cross into the press process and back. Nothing is unpickled on either side."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.errors import Fault, Permanent
from pipeline.models.profile import Imposition, Postage
from pipeline.press.job import Imposed, Job, Placed

_PLAIN = ("stem", "batch_id", "revision", "product", "mail_class", "zone", "printer", "contact", "sheets_per_piece")


def job_as_dict(job: Job) -> dict[str, Any]:
    """All but the pieces, which cross in a file of their own (`pipeline.press.sheets.pieces`)."""
    flat = {name: getattr(job, name) for name in _PLAIN}
    return flat | {
        "frozen_at": job.frozen_at.isoformat(),
        "mail_by": job.mail_by.isoformat(),
        "imposition": job.imposition.model_dump(mode="json"),
        "postage": job.postage.model_dump(mode="json"),
        "artwork": {key: str(path.absolute()) for key, path in job.artwork.items()},
    }


def job_from_dict(data: dict[str, Any], pieces: Sequence[Placed]) -> Job:
    return Job(
        **{name: data[name] for name in _PLAIN},
        frozen_at=datetime.fromisoformat(data["frozen_at"]),
        mail_by=datetime.fromisoformat(data["mail_by"]),
        imposition=Imposition.model_validate(data["imposition"]),
        postage=Postage.model_validate(data["postage"]),
        artwork={key: Path(path) for key, path in data["artwork"].items()},
        pieces=pieces,
    )


def imposed_as_dict(imposed: Imposed) -> dict[str, Any]:
    """File names alone: the caller knows the folder, and moves them from there."""
    return {"files": [file.name for file in imposed.files], "sheets": imposed.sheets, "pieces": imposed.pieces}


def imposed_from_dict(data: dict[str, Any], folder: Path) -> Imposed:
    files = tuple(folder / Path(name).name for name in data["files"])
    return Imposed(files=files, sheets=int(data["sheets"]), pieces=int(data["pieces"]))


def permanent_as_dict(error: Permanent) -> dict[str, Any]:
    return {"code": error.code, "message": str(error), "faults": [fault.as_dict() for fault in error.faults]}


def permanent_from_dict(data: dict[str, Any]) -> Permanent:
    return Permanent(data["code"], data["message"], faults=tuple(Fault(**fault) for fault in data["faults"]))

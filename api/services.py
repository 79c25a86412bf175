"""What the API stands on, built by the composition root and handed to `create_app`."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from pipeline.clock import Clock
from pipeline.errors import Fault
from pipeline.models.types import Ids
from pipeline.ports import Doorbell, Storage
from pipeline.press.mailing import Mailing
from pipeline.press.process import child
from pipeline.press.report import Report
from pipeline.products import Product, Side
from pipeline.repository.database import Database
from pipeline.stages.recall import Recall

Inspect = Callable[[Path, Product], Report]
"""Preflight of one file, in a child process with limits. Blocks; raises as ports do."""

InspectHtml = Callable[[Path, Product, Path], Report]
"""Makes artwork of an HTML file, and inspects it, in a child process with limits. Blocks; raises as ports do."""

MakeMailProof = Callable[[Mapping[Side, Path | None], Product, Mailing, Path], None]
"""Both sides of a piece from normalized artwork, as `pipeline.press.proofs.mail_proof`. Blocks; raises as ports do."""

OpenRecall = Callable[[], AbstractContextManager[Recall]]
"""Taking drops back from live printers, for as long as a block lasts. Blocks; raises as ports do."""

CheckTarget = Callable[[str, str], tuple[Fault, ...]]
"""Why, in a mode, a URL may not be a webhook's target. Blocks, since it resolves names."""


@dataclass(frozen=True)
class Services:
    """`pepper` keys the hashes of keys and recipients, and signs cursors; `sandbox_rate` is that of new accounts."""

    db: Database
    ids: Ids
    machine_clock: Clock
    pepper: str
    storage: Storage
    inspect: Inspect
    check_target: CheckTarget
    doorbell: Doorbell
    sandbox_rate: float
    open_recall: OpenRecall
    mail_proof: MakeMailProof = child.mail_proof
    inspect_html: InspectHtml = child.inspect_html


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def request_id_of(request: Request) -> str:
    request_id: str = request.scope["state"]["request_id"]
    return request_id

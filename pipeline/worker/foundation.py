"""What both composition roots stand on: one database, one storage, one doorbell, the clock and the ids of this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.addresses.offline import OfflineStandardizer
from adapters.storage.local import LocalStorage
from pipeline.clock import Clock, machine_clock
from pipeline.models.types import Ids, system_ids
from pipeline.ports import AddressStandardizer, Carrier, Doorbell, Storage, WebhookSender
from pipeline.press.process import child
from pipeline.repository.database import Database
from pipeline.stages.acknowledge import Acknowledge
from pipeline.stages.dispatch import Dispatch
from pipeline.stages.impose import Impose
from pipeline.stages.notify import Notify
from pipeline.stages.prepare import Prepare
from pipeline.stages.recall import Recall
from pipeline.stages.stage import Context, PrinterDirectory, Stage
from pipeline.stages.standardize import Standardize
from pipeline.stages.track import Track
from pipeline.stages.watched_printers import WatchedPrinters
from pipeline.worker.settings import Settings


@dataclass(frozen=True)
class Foundation:
    settings: Settings
    db: Database
    ids: Ids
    machine_clock: Clock
    storage: Storage
    standardizer: AddressStandardizer
    doorbell: Doorbell


@dataclass(frozen=True)
class Outside:
    """The outside world of one mode. `ack_poll_s` and `scan_poll_s` are line time."""

    printers: PrinterDirectory
    carrier: Carrier
    webhooks: WebhookSender
    delivery_codes: frozenset[str]
    ack_poll_s: float
    scan_poll_s: float


def lay_foundation(settings: Settings, doorbell: Doorbell) -> Foundation:
    return Foundation(
        settings=settings,
        db=Database(settings.database_url, pool_size=settings.worker_threads + 4),
        ids=system_ids(),
        machine_clock=machine_clock,
        storage=LocalStorage(settings.storage_root),
        standardizer=OfflineStandardizer(),
        doorbell=doorbell,
    )


def make_stages(foundation: Foundation, context: Context, outside: Outside) -> Sequence[Stage]:
    """Every stage of one mode: the same steps for live and test mail, with another world outside."""
    storage = foundation.storage
    inbox = WatchedPrinters(context, outside.printers, "inbox")
    outbox = WatchedPrinters(context, outside.printers, "outbox")
    return (
        Standardize(context, foundation.standardizer),
        Prepare(context, storage, normalize=child.normalize, proof=child.proof),
        Impose(context, storage, child.impose),
        Dispatch(context, storage, inbox, scan_poll_s=outside.scan_poll_s),
        Recall(context, inbox),
        Acknowledge(context, outbox, poll_s=outside.ack_poll_s),
        Track(context, outside.carrier, poll_s=outside.scan_poll_s, delivery_codes=outside.delivery_codes),
        Notify(context, outside.webhooks),
    )

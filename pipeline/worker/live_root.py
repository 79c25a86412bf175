"""The composition root of live mail: real printers over SFTP, the post's own scan data, real time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adapters.carriers.ivmtr import IvMtrCarrier
from adapters.printers.directory import LivePrinters
from adapters.webhooks.sender import HttpWebhookSender
from pipeline.clock import machine_clock
from pipeline.models.profile import Sftp
from pipeline.models.types import system_ids
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.repository.printers import live_transports
from pipeline.stages.recall import Recall
from pipeline.stages.stage import Context
from pipeline.stages.watched_printers import WatchedPrinters
from pipeline.worker.foundation import Foundation, Outside, make_stages
from pipeline.worker.line import Line, make_line


def live_line(foundation: Foundation) -> Line:
    settings = foundation.settings
    outside = Outside(
        printers=live_printers(settings.home, foundation.db),
        carrier=IvMtrCarrier(
            base_url=settings.ivmtr_url,
            auth_url=settings.ivmtr_auth_url,
            username=settings.ivmtr_username,
            password=settings.ivmtr_password,
            machine_clock=foundation.machine_clock,
        ),
        webhooks=HttpWebhookSender("live", allow=settings.webhook_allow),
        delivery_codes=frozenset(settings.delivery_codes),
        ack_poll_s=settings.ack_poll_s,
        scan_poll_s=settings.scan_poll_s,
    )
    clock = LiveLineClock(foundation.machine_clock)
    context = Context("live", foundation.db, foundation.ids, foundation.machine_clock, clock)
    return make_line(context, foundation.doorbell, make_stages(foundation, context, outside), lease_s=settings.lease_s)


def live_printers(home: Path, db: Database) -> LivePrinters:
    """Each kept to what any printer of its account bears, as the database has it when it is opened."""

    def transports() -> Sequence[Sftp]:
        with db.read() as tx:
            return live_transports(tx)

    return LivePrinters(home, transports)


@contextmanager
def live_recall(home: Path, db: Database) -> Iterator[Recall]:
    """Recalling and settling by hand, beside the workers: it needs real printers, and nothing else of the world.

    For several threads at once. A printer that failed is left alone for as long as this is open.
    """
    directory = live_printers(home, db)
    try:
        context = Context("live", db, system_ids(), machine_clock, LiveLineClock(machine_clock))
        yield Recall(context, WatchedPrinters(context, directory, "inbox"))
    finally:
        directory.close()

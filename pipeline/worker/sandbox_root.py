"""The composition root of test mail. It imports no client of a real printer or carrier, so that it cannot build one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.sandbox.carrier import DELIVERY_CODES, Posted, SandboxCarrier
from adapters.sandbox.printer import SandboxPrinters
from adapters.webhooks.sender import HttpWebhookSender
from pipeline.repository.line_clocks import SandboxLineClock
from pipeline.repository.posted import find_posted
from pipeline.stages.stage import Context
from pipeline.worker.foundation import Foundation, Outside, make_stages
from pipeline.worker.line import Line, make_line

# A sandbox clock stops at every poll: these are rare enough for a piece to be delivered within a minute, and often
# enough for every status to be told on its own.
_ACK_POLL_S = 3_600.0
_SCAN_POLL_S = 6 * 3_600.0


def sandbox_line(foundation: Foundation) -> Line:
    db, clock = foundation.db, SandboxLineClock()

    def line_now(account_id: str) -> datetime:
        with db.read() as tx:
            return clock.read(tx, {account_id})[account_id]

    def posted(imbs: Sequence[str]) -> Mapping[str, Posted]:
        with db.read() as tx:
            return {row.imb: Posted(row.mailed_at, row.line_now) for row in find_posted(tx, imbs)}

    settings = foundation.settings
    outside = Outside(
        printers=SandboxPrinters(settings.home / "sandbox", line_now),
        carrier=SandboxCarrier(posted),
        webhooks=HttpWebhookSender("test", allow=settings.webhook_allow),
        delivery_codes=DELIVERY_CODES,
        ack_poll_s=_ACK_POLL_S,
        scan_poll_s=_SCAN_POLL_S,
    )
    context = Context("test", db, foundation.ids, foundation.machine_clock, clock)
    return make_line(context, foundation.doorbell, make_stages(foundation, context, outside), lease_s=settings.lease_s)

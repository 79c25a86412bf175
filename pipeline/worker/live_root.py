"""The composition root of live mail: real printers over SFTP, the post's own scan data, real time."""

from adapters.carriers.ivmtr import IvMtrCarrier
from adapters.printers.directory import LivePrinters
from adapters.webhooks.sender import HttpWebhookSender
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.stages.stage import Context
from pipeline.worker.foundation import Foundation, Outside, make_stages
from pipeline.worker.line import Line, make_line


def live_line(foundation: Foundation) -> Line:
    settings = foundation.settings
    outside = Outside(
        printers=LivePrinters(settings.home),
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

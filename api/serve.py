"""The API as a process: its services from the settings, and the server that listens."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import uvicorn

from adapters.storage.local import LocalStorage
from adapters.webhooks.sender import HttpWebhookSender
from api.app import create_app
from api.services import Services
from pipeline.clock import machine_clock
from pipeline.errors import Fault
from pipeline.models.types import system_ids
from pipeline.press.process import child
from pipeline.repository.database import Database
from pipeline.worker.broker import DramatiqDoorbell, make_broker
from pipeline.worker.live_root import live_recall
from pipeline.worker.settings import Settings

_STOP_WITHIN_S = 10


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Listen until SIGTERM or SIGINT; requests under way are answered first."""
    # The first artwork would otherwise wait a second for the imports of its child process.
    child.warm_up(html=True)
    with services_from(settings) as services:
        # One process whatever the database: SQLite takes one writer, and the group writer is what makes intake fast.
        uvicorn.run(
            create_app(services),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_WITHIN_S,
        )


@contextmanager
def services_from(settings: Settings) -> Iterator[Services]:
    """What the API stands on, closed again at the end."""
    broker = make_broker(settings.redis_url)
    doorbell = DramatiqDoorbell(broker)
    db = Database(settings.database_url)
    senders = {mode: HttpWebhookSender(mode, allow=settings.webhook_allow) for mode in ("live", "test")}

    def check_target(mode: str, url: str) -> tuple[Fault, ...]:
        return senders[mode].check(url)

    try:
        # One desk for all requests: a printer that refused our login is then left alone, whoever asks.
        with live_recall(settings.home, db) as desk:
            yield Services(
                db=db,
                ids=system_ids(),
                machine_clock=machine_clock,
                pepper=settings.pepper,
                storage=LocalStorage(settings.storage_root),
                inspect=child.inspect,
                check_target=check_target,
                doorbell=doorbell,
                sandbox_rate=settings.sandbox_rate,
                open_recall=lambda: nullcontext(desk),
            )
    finally:
        doorbell.close()
        broker.close()
        db.dispose()

"""Failing a piece from a terminal, on the installation itself."""

from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed, said
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.worker.failing import Failed, FailedAs, Failing

_REFUSALS = {
    FailedAs.MISSING: ("there is no piece {}", Exit.NOT_FOUND),
    FailedAs.TOO_LATE: ("{} can no longer fail: it is in the mail, or over", Exit.CONFLICT),
}


def fail_piece(mail_id: str, reason: str) -> Failed:
    said(reason)
    with installation() as here:
        failed = Failing(here.db, machine_clock, system_ids()).fail(mail_id, deed(reason))
    if failed.ended is not FailedAs.DONE:
        text, code = _REFUSALS[failed.ended]
        raise CommandError(text.format(mail_id), code)
    return failed

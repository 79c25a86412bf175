"""What keeps us out of a printer is told once, with a runbook, and over as soon as the same thing works again.

A failure that passes by itself is no alarm. These do not pass: somebody has to ask the printer, or to mend the profile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import structlog
from sqlalchemy import Row

from pipeline.errors import PortError
from pipeline.ports import Printer
from pipeline.repository.printers import note_trouble
from pipeline.stages.stage import Context, PrinterDirectory

log = structlog.get_logger()

Place = Literal["inbox", "outbox"]

_CONNECTION = "connection"
ALARMS = {
    "host_key_changed": ("printer.host_key_changed", "printer-host-key-changed"),
    "printer_auth_failed": ("printer.login_refused", "printer-login-refused"),
    "printer_key_unreadable": ("printer.login_refused", "printer-login-refused"),
    "printer_no_sftp": ("printer.login_refused", "printer-login-refused"),
    "printer_incompatible": ("printer.login_refused", "printer-login-refused"),
    "printer_folder_missing": ("printer.folder_missing", "printer-folder-missing"),
    "printer_permission": ("printer.permission_lost", "printer-permission-lost"),
}
"""The alarm of each error, and its runbook."""
_OF_A_FOLDER = ("printer_folder_missing", "printer_permission")


class WatchedPrinters:
    """A directory of printers that a stage uses in one folder alone. `place` says in which."""

    def __init__(self, context: Context, directory: PrinterDirectory, place: Place) -> None:
        self._context = context
        self._directory = directory
        self._place = place

    @contextmanager
    def open(self, printer: Row[Any]) -> Iterator[Printer]:
        """The printer of a row of `printers`. Raises as the port does."""
        try:
            with self._directory.open(printer) as opened:
                yield opened
        except PortError as error:
            if error.code in ALARMS:
                self._keep_out(printer, error)
            raise
        if printer.trouble is not None and printer.trouble_at in (_CONNECTION, self._place):
            self._let_in(printer)

    def _keep_out(self, printer: Row[Any], error: PortError) -> None:
        place = self._place if error.code in _OF_A_FOLDER else _CONNECTION
        if (printer.trouble, printer.trouble_at) == (error.code, place):
            return
        if place != _CONNECTION and printer.trouble_at not in (None, _CONNECTION, place):
            return  # the other folder was told of, and this one is when that is over
        now = self._context.machine_clock()
        with self._context.db.write() as tx:
            told = note_trouble(tx, printer, error.code, place, now)
        if told:
            event, runbook = ALARMS[error.code]
            log.error(event, printer=printer.name, at=place, code=error.code, reason=str(error), runbook=runbook)

    def _let_in(self, printer: Row[Any]) -> None:
        with self._context.db.write() as tx:
            over = note_trouble(tx, printer, None, None, self._context.machine_clock())
        if over:
            log.info("printer.trouble_over", printer=printer.name, at=printer.trouble_at, code=printer.trouble)

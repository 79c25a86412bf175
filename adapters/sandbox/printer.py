"""The simulated printer of test accounts: it takes drops and acknowledges them on the account's own line clock.

It keeps nothing but files: what it would have said by now follows from when each drop was handed over, so that a crash, or a
clock that leaps, loses no acknowledgement and repeats none.
"""

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.sandbox.folder import ACK_SUFFIX, FolderPrinter
from pipeline.errors import Permanent
from pipeline.models.profile import PrinterProfile, Sandbox
from pipeline.ports import AckFile

LineNow = Callable[[str], datetime]
"""Where the line clock of an account stands."""


class SandboxPrinters:
    """Opens the printers of test accounts, and no others; their folders lie below `root`, each named after its row's id."""

    def __init__(self, root: Path, line_now: LineNow) -> None:
        self._root = root
        self._line_now = line_now

    @contextmanager
    def open(self, printer: Any) -> Iterator["SandboxPrinter"]:
        """The printer of a row of `printers`. Raises `Permanent("not_a_sandbox_printer")`."""
        transport = PrinterProfile.model_validate(printer.profile).transport
        if not isinstance(transport, Sandbox) or printer.mode != "test" or printer.account_id is None:
            raise Permanent(
                "not_a_sandbox_printer", f"printer {printer.name} is a real one; test mail never goes there"
            )
        yield SandboxPrinter(self._root / printer.id, transport, self._line_now(printer.account_id))


class SandboxPrinter(FolderPrinter):
    """Takes what is ready, and has acknowledged by `now` what its speeds say."""

    def __init__(self, folder: Path, speeds: Sandbox, now: datetime) -> None:
        super().__init__(folder, now)
        self._states = (
            ("accepted", timedelta(minutes=speeds.accept_minutes)),
            ("printed", timedelta(minutes=speeds.print_minutes)),
            ("mailed", timedelta(minutes=speeds.mail_minutes)),
        )

    def acks(self, limit: int, *, but: Collection[str] = ()) -> list[AckFile]:
        """Up to `limit` acknowledgement files, oldest name first, `but` those of these names."""
        for ready in self._in.glob("*.ready"):
            ready.rename(ready.with_suffix(".taken"))
        for taken in sorted(self._in.glob("*.taken")):
            self._acknowledge(taken)
        return super().acks(limit, but=but)

    def _acknowledge(self, taken: Path) -> None:
        handed_over = datetime.fromtimestamp(taken.stat().st_mtime, UTC)
        digest = sha256(taken.read_bytes()).hexdigest()
        for state, after in self._states:
            at = handed_over + after
            if at <= self._now:
                self._say({"drop": taken.stem, "state": state, "at": at.isoformat(), "digest": digest}, at)

    def _say(self, ack: dict[str, str], at: datetime) -> None:
        name = f"{ack['drop']}.{at:%Y%m%dT%H%M%SZ}-{ack['state']}{ACK_SUFFIX}"
        if any((place / name).exists() for place in (self._out, self._out / "done", self._out / "error")):
            return
        part = self._out / f"{name}.part"
        part.write_text(json.dumps(ack))
        part.rename(self._out / name)

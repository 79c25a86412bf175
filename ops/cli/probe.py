"""Whether a printer can be given a drop: a small file goes the way that a drop would, up to but not over the last step."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ops.cli.checks import Check
from pipeline.errors import PortError
from pipeline.models.profile import PrinterProfile, Sftp
from pipeline.ports import Lies, Printer

STEM = "mailstream-check"

_BODY = b"MailStream looked whether this folder can be written to. This is not a drop; you may remove the file.\n"


def key_check(profile: PrinterProfile, home: Path) -> Check:
    """The private key: there, and nobody else's to read."""
    assert isinstance(profile.transport, Sftp)  # noqa: S101  # a live printer's always is: `profiles.checked`
    path = home / profile.transport.key_file
    if not path.is_file():
        return Check("key file", False, f"{path} is missing: put the private key there, or set transport.key_file")
    if path.stat().st_mode & 0o077:
        return Check("key file", False, f"{path} can be read by others: chmod 600 {path}")
    return Check("key file", True, str(path))


def probe(printer: Printer, mark: str) -> Iterator[Check]:
    """Try each step in turn; ends after the first that fails.

    `mark` makes the names new, since a name that was there already would prove little. The port cannot remove them.
    """
    stem, part = f"{STEM}-{mark}", f"{STEM}-{mark}.ready.part"
    with tempfile.TemporaryDirectory(prefix="mailstream-check-") as folder:
        file = Path(folder, f"{stem}.txt")
        file.write_bytes(_BODY)
        steps: tuple[tuple[str, str, Callable[[], str | None]], ...] = (
            ("connect", "the host key is the pinned one", lambda: _look(printer, stem, tuple(Lies))),
            ("write", f"{file.name} is written, whole", lambda: printer.put(stem, [file])),
            ("read back", "its bytes are the same", lambda: printer.put(stem, [file])),
            ("stage", f"{part} is written", lambda: printer.stage_ready(part, _BODY)),
            ("see", "it is found again", lambda: _look(printer, stem, (Lies.PART,))),
            ("rename", f"{part} is withdrawn, as a recall would", lambda: _recall(printer, stem)),
            ("outbox", "acknowledgements can be listed", lambda: _list(printer)),
        )
        for name, good, step in steps:
            wrong = _wrong(step)
            yield Check(name, wrong is None, good if wrong is None else wrong)
            if wrong is not None:
                return


def _wrong(step: Callable[[], str | None]) -> str | None:
    try:
        return step()
    except PortError as error:
        return f"{error} ({error.code})"


def _look(printer: Printer, stem: str, allowed: tuple[Lies, ...]) -> str | None:
    part = f"{stem}.ready.part"
    lies = printer.look(stem, part)
    return (
        None
        if lies in allowed
        else f"{part} was written and is not there: the server moved it, or shows another folder"
    )


def _recall(printer: Printer, stem: str) -> str | None:
    part = f"{stem}.ready.part"
    return None if printer.recall(stem, part) else f"{part} could not be renamed: the account has no right to"


def _list(printer: Printer) -> None:
    printer.acks(1)

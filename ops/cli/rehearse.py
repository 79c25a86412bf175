"""`mailstream printers rehearse`: a drop for practice at a real account, and what the shop says of it, judged step by step."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from adapters.printers.sftp import REHEARSAL, SftpPrinter
from ops.cli.checks import Check, tell
from ops.cli.output import Json
from ops.cli.probe import account_of
from ops.cli.progress import Told, progress
from ops.cli.rehearsal import Rehearsal
from ops.cli.rehearsal_drop import PracticeDrop, make_drop, said_of
from pipeline.clock import machine_clock
from pipeline.errors import PortError
from pipeline.models.ack_files import is_cut_off
from pipeline.models.profile import PrinterProfile
from pipeline.ports import Lies

_POLL_S = 2.0
_FILES = 50


def rehearse(
    name: Annotated[str, typer.Argument(help="The printer's name.")],
    pieces: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 9,
    minutes: Annotated[float, typer.Option(min=0, help="How long to wait for the last word.")] = 30.0,
    broken: Annotated[
        bool, typer.Option("--broken", help="A drop whose sheets are damaged, which must be rejected.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a printer a drop for practice, wait for its acknowledgements, and judge them. Nothing of it is in the database.

    Pieces are crossed out and addressed to nobody; the ticket says that nothing is to be mailed. Have the shop play the whole way,
    mailed included. What lies in its inbox of that drop is removed in the end.
    """
    account = account_of(name, as_json)
    profile = account.profile
    stem = f"{REHEARSAL}{machine_clock():%Y%m%dT%H%M%S}_{token_hex(2)}_r00"
    with (
        tempfile.TemporaryDirectory(prefix="mailstream-rehearsal-") as folder,
        closing(SftpPrinter(account.transport, account.key_file)) as printer,
        progress() as told,
    ):
        told.say("making the drop")
        drop = make_drop(profile, name, stem, machine_clock(), Path(folder), pieces=pieces, broken=broken)
        try:
            found = list(_play(printer, profile, drop, told, timedelta(minutes=minutes), broken=broken))
        finally:
            with suppress(PortError):  # whoever loses patience leaves nothing there to be printed
                printer.clear(stem)
    tell(found, as_json)


def _play(
    printer: SftpPrinter, profile: PrinterProfile, drop: PracticeDrop, told: Told, wait: timedelta, *, broken: bool
) -> Iterator[Check]:
    told.say(f"handing over {drop.stem}")
    part = f"{drop.stem}.1-practice.ready.part"
    try:
        printer.put(drop.stem, drop.files)
        printer.stage_ready(part, drop.ready.encode())
        at = machine_clock()
        printer.hand_over(drop.stem, part)
        counts = said_of(drop.ready)
        yield Check("handed over", True, f"{drop.stem}: {counts['pieces']} pieces on {counts['sheets']} sheets")
        heard = Rehearsal(
            drop.stem,
            drop.digest,
            drop.pieces,
            at,
            form=profile.ack_format,
            takes=profile.takes_by_renaming,
            broken=broken,
        )
        moved = _listen(printer, heard, drop.stem, part, told, at + wait)
        yield from heard.checks()
        yield Check("moved away", True, f"{moved} files, to out/done/ or out/error/")
        yield Check("cleared", True, f"{printer.clear(drop.stem)} files of the drop are removed from the inbox")
    except PortError as error:
        yield Check("account", False, f"{error} ({error.code}); see `mailstream printers check`")


def _listen(printer: SftpPrinter, heard: Rehearsal, stem: str, part: str, told: Told, until: datetime) -> int:
    """Hear until nothing more is to come, or the time is up; how many files were heard and moved away."""
    moved = 0
    begun: dict[str, bytes] = {}
    while True:
        now, any_begun = machine_clock(), False
        if heard.taken_at is None and printer.look(stem, part) is Lies.TAKEN:
            heard.taken_at = now
            told.say("taken")
        for file in printer.acks(_FILES, of=stem):
            if is_cut_off(file.name, file.body) and begun.get(file.name) != file.body and now < until:
                begun[file.name], any_begun = file.body, True  # as with the line, it waits until two readings are alike
                continue
            good = heard.hear(file, now)
            printer.settle_ack(file.name, good=good)
            moved += 1
            told.say(f"heard {file.name}")
        if (heard.is_over and not any_begun) or now >= until:
            return moved
        time.sleep(_POLL_S)

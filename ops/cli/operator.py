"""Who sits at this terminal, for the audit."""

import getpass

from ops.cli.failure import CommandError, Exit
from pipeline.clock import machine_clock
from pipeline.repository.printers import Deed


def deed(reason: str = "") -> Deed:
    return Deed(f"cli:{getpass.getuser()}", machine_clock(), reason)


def said(reason: str) -> None:
    """Whatever an operator does is kept with its reason."""
    if not reason.strip():
        raise CommandError("say why, for the audit: --reason TEXT", Exit.USAGE)

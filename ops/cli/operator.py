"""Who sits at this terminal, for the audit."""

import getpass

from pipeline.clock import machine_clock
from pipeline.repository.printers import Deed


def deed(reason: str = "") -> Deed:
    return Deed(f"cli:{getpass.getuser()}", machine_clock(), reason)

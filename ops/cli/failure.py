"""How a command fails: one sentence on stderr, with what to do, and a code that a script can act on.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no valid key, 4 not found, 5 conflict, 130 interrupted.
"""

import sys
from enum import IntEnum


class Exit(IntEnum):
    FAILURE = 1
    USAGE = 2
    AUTH = 3
    NOT_FOUND = 4
    CONFLICT = 5
    INTERRUPTED = 130


class CommandError(Exception):
    """What a command could not do. `details` are further lines, such as the faults of a request."""

    def __init__(self, message: str, code: Exit = Exit.FAILURE, *, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


def explain(error: Exception) -> CommandError | None:
    """An error that was to be expected, in words; None for a bug. Looks only at what has been imported already."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return CommandError(f"{error.filename}: {(error.strerror or 'cannot be used').lower()}")
    return _of_the_database(error) or _of_a_port(error) or _of_a_service(error)


def _of_the_database(error: Exception) -> CommandError | None:
    if "sqlalchemy.exc" not in sys.modules:
        return None
    from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

    if isinstance(error, ArgumentError):
        return CommandError(f"MAILSTREAM_DATABASE_URL is not understood: {error}")
    if not isinstance(error, DBAPIError):
        return None
    said = str(error.orig)
    if "no such table" in said or "no such column" in said or "does not exist" in said:
        return CommandError("the database has not the tables of this version: run `mailstream migrate`")
    if isinstance(error, OperationalError):
        first = said.strip().splitlines()[0] if said.strip() else "no answer"
        return CommandError(f"the database cannot be used ({first}): run `mailstream doctor`")
    return None


def _of_a_port(error: Exception) -> CommandError | None:
    from pipeline.errors import Permanent, PortError

    if not isinstance(error, PortError):
        return None
    faults = error.faults if isinstance(error, Permanent) else ()
    return CommandError(str(error), details=tuple(f"{fault.detail} {fault.remedy}" for fault in faults))


def _of_a_service(error: Exception) -> CommandError | None:
    process = sys.modules.get("ops.services.process")
    return CommandError(str(error)) if process is not None and isinstance(error, process.ServiceError) else None

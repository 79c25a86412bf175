"""What a status means depends on the step that it answers, for servers say FAILURE to nearly everything."""

import pytest

from adapters.printers import wire
from adapters.printers.refusals import translate
from adapters.printers.wire import Code, RefusedError, Request
from pipeline.errors import Permanent, Transient

CREATE = wire.create(b"in/a.part")
WRITE = wire.write(b"h", 0, b"x", path=b"in/a.part")
FSYNC = wire.fsync(b"h", path=b"in/a.part")
RENAME = wire.rename(b"in/a.part", b"in/a")
LIST = wire.open_folder(b"out")


@pytest.mark.parametrize(
    ("request_", "status", "kind", "code"),
    [
        (WRITE, Code.FAILURE, Transient, "printer_storage_full"),
        (FSYNC, Code.FAILURE, Transient, "printer_storage_full"),
        (CREATE, Code.NO_SPACE, Transient, "printer_storage_full"),
        (WRITE, Code.QUOTA_EXCEEDED, Transient, "printer_storage_full"),
        (CREATE, Code.FAILURE, Transient, "printer_refused"),
        (RENAME, Code.FAILURE, Transient, "printer_refused"),
        (RENAME, Code.NO_SUCH_FILE, Transient, "printer_refused"),
        (CREATE, Code.NO_SUCH_FILE, Permanent, "printer_folder_missing"),
        (LIST, Code.NO_SUCH_FILE, Permanent, "printer_folder_missing"),
        (CREATE, Code.PERMISSION_DENIED, Permanent, "printer_permission"),
        (RENAME, Code.WRITE_PROTECT, Permanent, "printer_permission"),
        (CREATE, Code.BAD_MESSAGE, Permanent, "printer_unsupported"),
        (FSYNC, Code.OP_UNSUPPORTED, Permanent, "printer_unsupported"),
        (WRITE, 999, Transient, "printer_refused"),
    ],
)
def test_what_a_status_means(request_: Request, status: int, kind: type[Exception], code: str) -> None:
    error = translate(RefusedError(status, request_.step, request_.kind))
    assert (type(error), error.code) == (kind, code)
    assert request_.step in str(error)


def test_a_step_shows_any_name() -> None:
    assert wire.lstat(b"out/caf\xe9").step == r"looking at out/caf\xe9"

"""What an SFTP status means to the line. Servers say FAILURE to nearly everything, so the step that failed decides."""

from adapters.printers.wire import Code, Kind, RefusedError
from pipeline.errors import Permanent, PortError, Transient

_WRITING = (Kind.WRITE, Kind.EXTENDED)
_OPENING = (Kind.OPEN, Kind.OPENDIR, Kind.MKDIR)


def translate(refused: RefusedError) -> PortError:
    """The error to raise; its message names the file and the step."""
    code, step = refused.code, refused.step
    if code in (Code.NO_SPACE, Code.QUOTA_EXCEEDED) or (code == Code.FAILURE and refused.kind in _WRITING):
        return Transient("printer_storage_full", f"{step} failed: the printer's disk or quota is probably full")
    if code in (Code.PERMISSION_DENIED, Code.WRITE_PROTECT):
        return Permanent("printer_permission", f"{step} is not allowed to this account; ask the printer to permit it")
    if code == Code.NO_SUCH_FILE and refused.kind in _OPENING:
        return Permanent(
            "printer_folder_missing", f"{step} failed: the folder is not there; ask the printer to make it"
        )
    if code in (Code.BAD_MESSAGE, Code.OP_UNSUPPORTED):
        return Permanent("printer_unsupported", f"{step} is something this server does not do (status {code})")
    return Transient("printer_refused", f"{step} failed at the printer (status {code})")

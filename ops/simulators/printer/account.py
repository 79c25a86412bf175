"""The shop's SFTP server: a real OpenSSH before its account, as a customer reaches it, that goes wrong on demand."""

import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from ops.services.process import Command
from ops.services.sshd import SshServer
from ops.simulators.printer.relay import CuttingRelay

# Python ignores SIGXFSZ, and what it becomes inherits that: a write beyond the limit is then an error and no death.
_LIMITED = """
import os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Mishap(StrEnum):
    """What goes wrong with the server when it is told to."""

    DISK_FULL = "disk-full"  # a file can be begun, and not be written beyond `disk_bytes`
    KEY_CHANGED = "key-changed"  # it has another host key than the one that it announces
    CUT_AFTER = "cut-after"  # every connection is cut after `cut_bytes` of what the customer sends


@contextmanager
def serve(
    folder: Path, keys: Path, port: int, *, mishaps: Collection[Mishap] = (), cut_bytes: int = 0, disk_bytes: int = 0
) -> Iterator[dict[str, object]]:
    """Serves the account in `folder` at `port` (0: any that is free) on loopback, with its keys and log in `keys`.

    Gives the `transport` of a printer profile that reaches it. Raises `ops.services.process.ServiceError`.
    """
    cuts = Mishap.CUT_AFTER in mishaps
    kind = _FullDisk if Mishap.DISK_FULL in mishaps else SshServer
    server = kind(keys, root=folder, port=0 if cuts else port)
    if isinstance(server, _FullDisk):
        server.disk_bytes = disk_bytes
    server.prepare()
    announced = server.fingerprint
    with ExitStack() as stack:
        stack.enter_context(server)
        if Mishap.KEY_CHANGED in mishaps:
            server.restart(new_host_key=True)
        transport = {**server.profile_transport(), "fingerprints": [announced]}
        if cuts:
            transport["port"] = stack.enter_context(CuttingRelay(port, server.port, after=cut_bytes)).port
        yield transport


class _FullDisk(SshServer):
    """Its sessions write so many bytes of a file and no more, which a customer is told as a full disk is: by a bare failure."""

    disk_bytes = 0

    @property
    def command(self) -> Command:
        whole = super().command
        return replace(whole, argv=[sys.executable, "-c", _LIMITED, str(self.disk_bytes), *whole.argv])

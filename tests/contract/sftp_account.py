"""A printer's SFTP account for the tests: a real sshd, an empty account each time, and our printer on it."""

import shutil
from pathlib import Path
from typing import Any

from adapters.printers.sftp import SftpPrinter
from ops.services.sshd import SshServer
from pipeline.models.profile import Sftp
from tests.waiting import PLENTY_S, until


def empty(server: SshServer) -> Path:
    """The account's folder, with nothing in it."""
    for place in (server.root / "in", server.root / "out"):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    return server.root


def settings_for(server: SshServer, **changes: Any) -> Sftp:
    """How to reach the account, with some of it changed. A key file that is changed is one of the server's folder."""
    return Sftp.model_validate({**server.profile_transport(timeout_s=PLENTY_S), **changes})


def printer_at(server: SshServer, **changes: Any) -> SftpPrinter:
    settings = settings_for(server, **changes)
    return SftpPrinter(settings, server.folder / settings.key_file)


def until_nobody_is_connected(server: SshServer) -> None:
    until_there_are(server, 0)


def until_there_are(server: SshServer, most: int) -> None:
    """No more sessions than that: those that were closed end a moment later."""
    until(lambda: len(server.sessions()) <= most)

"""What a profile says that a server cannot do is not asked for, seen at a real SSH server; and the limits on connections."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.printers.connection import Connection
from adapters.printers.engine import SMALL_REQUEST_BYTES, Offer
from adapters.printers.sftp import SftpPrinter
from ops.services.sshd import SshServer
from pipeline.errors import PortError
from pipeline.models.profile import Sftp
from tests.waiting import PLENTY_S

STEM = "bt_06eb8_r00"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """It renames nothing."""
    with SshServer(tmp_path_factory.mktemp("printer"), lacks=["rename", "posix-rename"]) as server:
        yield server


def settings(server: SshServer, **quirks: bool) -> Sftp:
    return Sftp.model_validate({**server.profile_transport(timeout_s=PLENTY_S), "quirks": quirks})


def offer(server: SshServer, **quirks: bool) -> Offer:
    connection = Connection(settings(server, **quirks), server.key_file)
    try:
        return connection.offer
    finally:
        connection.close()


def test_what_the_server_announces_is_used_unless_the_profile_says_otherwise(server: SshServer) -> None:
    plain = offer(server)
    assert (plain.fsync, plain.write_bytes > SMALL_REQUEST_BYTES) == (True, True)
    spared = offer(server, no_fsync=True)
    assert (spared.fsync, spared.write_bytes) == (False, plain.write_bytes)
    spared = offer(server, no_limits=True)
    assert (spared.fsync, spared.write_bytes, spared.read_bytes) == (True, SMALL_REQUEST_BYTES, SMALL_REQUEST_BYTES)


def test_files_go_under_their_own_names_where_parts_are_not_renamed(server: SshServer, tmp_path: Path) -> None:
    files = [tmp_path / f"{STEM}.pdf", tmp_path / f"{STEM}.csv"]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 700_000)
    assert _put(server, files) == "printer_permission"
    for _ in range(2):
        assert _put(server, files, no_part_names=True) == ""
    there = {file.name: file.read_bytes() for file in (server.root / "in").iterdir() if not file.name.endswith(".part")}
    assert there == {file.name: file.read_bytes() for file in files}


def _put(server: SshServer, files: list[Path], **quirks: Any) -> str:
    printer = SftpPrinter(settings(server, **quirks), server.key_file)
    try:
        printer.put(STEM, files)
    except PortError as error:
        return error.code
    finally:
        printer.close()
    return ""

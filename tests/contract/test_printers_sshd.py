"""The SSH server that we start ourselves: it greets, keeps its keys, lets nobody else in, and leaves nothing running."""

import socket
from pathlib import Path

import pytest

from ops.services.process import ServerProcess, ServiceError
from ops.services.sshd import SshServer
from pipeline.ports import Lies
from tests.contract.printer_cases import PART, STEM
from tests.contract.sftp_account import printer_at
from tests.waiting import PLENTY_S, is_running


def test_two_servers_run_side_by_side(tmp_path: Path) -> None:
    with SshServer(tmp_path / "one") as one, SshServer(tmp_path / "two") as two:
        assert one.fingerprint != two.fingerprint
        assert [printer_at(server).look(STEM, PART) for server in (one, two)] == [Lies.NOTHING] * 2


@pytest.mark.parametrize("name", ["a folder with spaces", "100% full", "it's #1"])
def test_folders_may_have_such_names(tmp_path: Path, name: str) -> None:
    with SshServer(tmp_path / name) as server:
        printer = printer_at(server)
        printer.stage_ready(PART, b"{}")
        assert (server.root / "in" / PART).exists()
        printer.close()


def test_a_stop_ends_sessions_too(tmp_path: Path) -> None:
    server = SshServer(tmp_path / "sshd").start()
    printer = printer_at(server)
    printer.look(STEM, PART)
    pids = [server.pid, *server.sessions()]
    assert len(pids) > 1
    server.stop()
    printer.close()
    assert not any(is_running(pid) for pid in pids)


def test_a_restart_keeps_address_and_keys(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd") as server:
        before = (server.port, server.fingerprint)
        pid = server.pid
        server.restart()
        assert (server.port, server.fingerprint) == before
        assert not is_running(pid)
        assert printer_at(server).look(STEM, PART) is Lies.NOTHING


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with SshServer(tmp_path / "one") as one, pytest.raises(ServiceError, match="another server answers"):
        SshServer(tmp_path / "two", port=one.port).start()


def test_a_server_that_cannot_start_says_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"(?s)ended with exit code 255.*NoSuchOption"):
        SshServer(tmp_path / "sshd", options={"NoSuchOption": "yes"}).start()


def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd") as server, socket.socket() as other:
        assert server.host == "127.0.0.1"
        # Another loopback address of this machine stands for any other.
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", server.port)) != 0


def test_private_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd") as server:
        assert server.key_file.stat().st_mode & 0o077 == 0
        assert server.folder.stat().st_mode & 0o077 == 0


def test_its_command_is_for_a_supervisor(tmp_path: Path) -> None:
    server = SshServer(tmp_path / "sshd")
    server.prepare()
    assert not server.is_ready()
    process = ServerProcess.start(server.command)
    process.wait_ready(server.is_ready, within_s=PLENTY_S)
    assert process.stop() in (0, 255)
    assert not server.is_ready()

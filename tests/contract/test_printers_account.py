"""A printer's account that changes or has limits: room, rights, names, sessions, logins. Nothing wrong is reported as right."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.printers import upload
from adapters.printers.directory import LivePrinters
from adapters.printers.sftp import SftpPrinter
from ops.services.sshd import SshServer
from pipeline.errors import Permanent, PortError, Transient
from tests.contract.printer_cases import PART, STEM, hand_over, make_file
from tests.contract.sftp_account import empty, printer_at, settings_for, until_nobody_is_connected
from tests.contract.tcp_proxy import TcpProxy


def some_files(tmp_path: Path, count: int, size: int) -> list[Path]:
    return [make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", os.urandom(size)) for number in range(count)]


def check(server: SshServer, files: list[Path], *, all_there: bool) -> None:
    """What lies under a name of ours is ours, byte for byte; with `all_there`, nothing else lies there."""
    inbox = server.root / "in"
    for file in files:
        there = inbox / file.name
        if all_there or there.exists():
            assert there.read_bytes() == file.read_bytes()
    if all_there:
        assert {path.name for path in inbox.iterdir()} == {file.name for file in files}


def refused(printer: SftpPrinter, files: list[Path]) -> PortError:
    with pytest.raises(PortError) as caught:
        printer.put(STEM, files)
    return caught.value


@pytest.fixture
def as_root() -> None:
    """For what only root may do: mounts."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def disk(as_root: None) -> Iterator[Path]:
    """A file system of 24 MB."""
    folder = Path(tempfile.mkdtemp(prefix="mailstream-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    yield folder
    # A session whose client has just hung up may still be ending.
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.mark.root
@pytest.mark.parametrize("size", [upload.RESUMED_FROM + 2_000_000, 18_000_000, 500_000])
def test_room_that_is_gone_for_a_while_leaves_no_gap(disk: Path, tmp_path: Path, size: int) -> None:
    """The disk is full, a few writes fail, and a moment later there is room again: what is under way then is written."""
    files = some_files(tmp_path, max(1, 18_000_000 // size), size)
    with SshServer(tmp_path / "sshd", root=disk) as server:
        printer = printer_at(server)
        error = _refused_while_full(disk, server, printer, files)
        assert (type(error), error.code) == (Transient, "printer_storage_full")
        check(server, files, all_there=False)
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        printer.put(STEM, files)
        check(server, files, all_there=True)
        printer.close()


def _refused_while_full(disk: Path, server: SshServer, printer: SftpPrinter, files: list[Path]) -> PortError:
    for _ in range(5):  # now and then there is room again before the next write comes
        empty(server)
        filler = make_file(disk, "filler", bytes(20_000_000))
        freeing = threading.Thread(target=_free_when_full, args=(disk, filler))
        freeing.start()
        try:
            printer.put(STEM, files)
        except PortError as error:
            return error
        finally:
            freeing.join()
    raise AssertionError("nothing was refused")


def _free_when_full(disk: Path, filler: Path) -> None:
    while os.statvfs(disk).f_bavail:
        pass
    filler.unlink()


@pytest.mark.parametrize("after", [100_000, 1_500_000, 4_000_000])
def test_rights_that_are_withdrawn_in_the_middle_are_told(tmp_path: Path, after: int) -> None:
    files = some_files(tmp_path, 10, 500_000)
    with SshServer(tmp_path / "sshd", heeds_rights=True) as server, TcpProxy(server.port) as proxy:
        printer = printer_at(server, port=proxy.port)
        inbox = server.root / "in"
        proxy.requests.act_after, proxy.requests.act = after, lambda: inbox.chmod(0o555)
        error = refused(printer, files)
        assert (type(error), error.code) == (Permanent, "printer_permission")
        check(server, files, all_there=False)
        inbox.chmod(0o755)
        printer.put(STEM, files)
        check(server, files, all_there=True)
        printer.close()


def test_rights_that_are_withdrawn_before_the_hand_over_leave_it_to_be_made(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", heeds_rights=True) as server:
        printer = printer_at(server)
        printer.stage_ready(PART, b"{}")
        (server.root / "in").chmod(0o555)
        with pytest.raises(Permanent) as caught:
            printer.hand_over(STEM, PART)
        assert caught.value.code == "printer_permission"
        (server.root / "in").chmod(0o755)
        printer.hand_over(STEM, PART)
        assert [path.name for path in (server.root / "in").iterdir()] == [f"{STEM}.ready"]
        printer.close()


def test_a_folder_that_is_taken_away_in_the_middle_is_told(tmp_path: Path) -> None:
    files = some_files(tmp_path, 10, 500_000)
    with SshServer(tmp_path / "sshd") as server, TcpProxy(server.port) as proxy:
        printer = printer_at(server, port=proxy.port)
        inbox = server.root / "in"
        proxy.requests.act_after, proxy.requests.act = 1_500_000, lambda: inbox.rename(inbox.with_name("gone"))
        assert refused(printer, files).code in ("printer_folder_missing", "printer_refused")
        assert refused(printer, files).code == "printer_folder_missing"
        shutil.move(inbox.with_name("gone"), inbox)
        printer.put(STEM, files)
        check(server, files, all_there=True)
        printer.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


@pytest.mark.parametrize(("length", "fits"), [(250, True), (251, False), (255, False)])
def test_names_as_long_as_a_part_of_them_may_be(server: SshServer, tmp_path: Path, length: int, fits: bool) -> None:
    """With `.part` they have five bytes more, of 255 that file systems take."""
    file = make_file(tmp_path / "ours", "n" * (length - 4) + ".pdf", b"sheets")
    printer = printer_at(server)
    if fits:
        printer.put(STEM, [file])
        check(server, [file], all_there=True)
        (server.root / "in" / file.name).unlink()
    else:
        error = refused(printer, [file])
        assert (type(error), error.code) == (Permanent, "printer_unsupported")
        assert "nnnn" in str(error)
        assert list((server.root / "in").iterdir()) == []
    printer.close()


@pytest.mark.parametrize("sessions", [1, 3])
def test_a_server_that_allows_few_sessions_gets_all_files_over_those(tmp_path: Path, sessions: int) -> None:
    files = some_files(tmp_path, 30, 60_000)
    with SshServer(tmp_path / "sshd", options={"MaxSessions": str(sessions)}) as server:
        printer = printer_at(server, channels=8)
        printer.put(STEM, files)
        check(server, files, all_there=True)
        hand_over(printer)
        printer.close()


def test_a_server_that_allows_no_session_says_so(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", options={"MaxSessions": "0"}) as server:
        error = refused(printer_at(server), some_files(tmp_path, 1, 10))
    assert (type(error), error.code) == (Transient, "printer_no_session")


def test_a_server_without_extensions_gets_all_files(tmp_path: Path) -> None:
    files = some_files(tmp_path, 20, 300_000)
    with SshServer(tmp_path / "sshd", lacks=["fsync", "limits", "posix-rename", "statvfs", "copy-data"]) as server:
        printer = printer_at(server)
        printer.put(STEM, files)
        check(server, files, all_there=True)
        hand_over(printer)
        assert printer.recall(STEM, PART)
        printer.close()


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A key that the printer does not know."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "stranger"], check=True)
    return tmp_path / "stranger"


def test_a_refused_login_is_not_tried_again_and_again(tmp_path: Path, stranger: Path) -> None:
    """However often work asks for the printer: what the server counts is one login, and one more when the rest is over."""
    now = [0.0]
    with SshServer(tmp_path / "sshd") as server:
        printers = LivePrinters(tmp_path, clock=lambda: now[0], chance=lambda: 0.0)
        row = _row(server, key_file=stranger.name)
        codes = [_look(printers, row) for _ in range(20)]
        assert codes == ["printer_auth_failed", *["printer_resting"] * 19]
        assert _logins_refused(server) == 1
        now[0] += 601
        assert [_look(printers, row) for _ in range(20)] == codes
        assert _logins_refused(server) == 2
        printers.close()


def test_a_printer_that_cannot_be_reached_is_left_alone_and_then_tried_by_one(tmp_path: Path) -> None:
    now = [0.0]
    with SshServer(tmp_path / "sshd") as server, TcpProxy(server.port) as proxy:
        printers = LivePrinters(server.folder, clock=lambda: now[0], chance=lambda: 0.0)
        row = _row(server, port=proxy.port)
        for _ in range(3):
            proxy.requests.cut_after = 0
            assert _look(printers, row) in ("printer_connection_lost", "printer_busy")
        before = proxy.requests.passed
        assert [_look(printers, row) for _ in range(20)] == ["printer_resting"] * 20
        assert proxy.requests.passed == before
        now[0] += 31
        assert _look(printers, row) == ""
        assert [_look(printers, row) for _ in range(3)] == [""] * 3
        printers.close()
        until_nobody_is_connected(server)


def test_one_connection_carries_a_whole_day(tmp_path: Path) -> None:
    """Drops, looks and acknowledgements, with a refusal in between: one login."""
    with SshServer(tmp_path / "sshd") as server:
        printers = LivePrinters(server.folder)
        row = _row(server)
        for number, file in enumerate(some_files(tmp_path, 5, 1000)):
            with printers.open(row) as printer:
                printer.put(STEM, [file])
                assert printer.acks(10) == []
            with pytest.raises(Permanent), printers.open(row) as printer:
                printer.hand_over(f"{STEM}-{number}", PART)
        printers.close()
        assert _log(server).count("Accepted publickey") == 1


def _row(server: SshServer, **changes: Any) -> Any:
    transport = settings_for(server, **changes).model_dump(mode="json")
    return SimpleNamespace(id="pr_1", name="north", mode="live", profile={"transport": transport})


def _look(printers: LivePrinters, row: Any) -> str:
    """How looking failed; empty if it did not."""
    try:
        with printers.open(row) as printer:
            printer.look(STEM, PART)
    except PortError as error:
        return error.code
    return ""


def _logins_refused(server: SshServer) -> int:
    until_nobody_is_connected(server)  # what serves a login writes that it failed before it ends
    return _log(server).count("[preauth]")


def _log(server: SshServer) -> str:
    return (server.folder / "sshd.log").read_text()

"""Trying out a printer's account on a real server: each thing that would go wrong with a drop is told, and nothing stays there."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.printers import wire
from adapters.printers.trial import Finding, try_out
from adapters.printers.wire import Kind, Request
from ops.services.sshd import SshServer
from tests.contract.sftp_account import empty, settings_for


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


@pytest.fixture
def server(shared: SshServer) -> SshServer:
    empty(shared)
    return shared


def tried(server: SshServer, **changes: Any) -> dict[str, Finding]:
    settings = settings_for(server, **changes)
    return {one.name: one for one in try_out(settings, server.folder / settings.key_file, "a1")}


def wrong(found: dict[str, Finding]) -> list[str]:
    return [name for name, one in found.items() if not one.ok]


def files(server: SshServer) -> list[str]:
    return sorted(path.name for path in server.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("quirks", [{}, {"no_part_names": True, "no_fsync": True}])
def test_a_good_account_passes_and_is_left_as_it_was(server: SshServer, quirks: dict[str, bool]) -> None:
    for _ in range(2):
        found = tried(server, quirks=quirks)
        assert wrong(found) == []
        assert files(server) == []
    assert "ssh-ed25519" in found["connect"].detail
    assert "aes128-gcm@openssh.com" in found["connect"].detail
    assert found["server"].detail.startswith("fsync: yes, limits: yes, posix-rename: yes; in requests of 261,120 bytes")
    assert sorted(path.name for path in (server.root / "out").iterdir()) == ["done", "error"]


def test_another_host_key_ends_it(server: SshServer) -> None:
    found = tried(server, fingerprints=["SHA256:" + "A" * 43])
    assert list(found) == wrong(found) == ["connect"]
    assert "(host_key_changed)" in found["connect"].detail


def test_what_the_server_does_not_announce_is_said(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", lacks=["fsync", "limits", "posix-rename"]) as server:
        found = tried(server)
    assert found["server"].detail.startswith("fsync: no, limits: no, posix-rename: no; in requests of 32,000 bytes")
    assert wrong(found) == []


def test_fewer_sessions_than_the_profile_wants_are_wrong_and_the_rest_is_tried_all_the_same(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", options={"MaxSessions": "2"}) as server:
        found = tried(server, connections=2)
        assert files(server) == []
    assert wrong(found) == ["sessions"]
    assert "wants 2 connections of 4 sessions each, and the server opened 2 + 2: lower" in found["sessions"].detail
    assert "outbox remove" in found


def test_an_account_that_may_not_remove_says_what_stays(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", lacks=["remove"]) as server:
        found = tried(server)
        assert "mailstream-check-a1.txt" in files(server)
    assert wrong(found) == ["remove", "outbox remove"]
    assert "removing in/mailstream-check-a1.txt" in found["remove"].detail


@pytest.mark.parametrize("folder", ["in", "out"])
def test_a_folder_that_may_not_be_written_is_named_and_the_other_one_is_tried(tmp_path: Path, folder: str) -> None:
    with SshServer(tmp_path / "sshd", heeds_rights=True) as server:
        (server.root / folder).chmod(0o555)
        found = tried(server)
        assert files(server) == []
    [first] = wrong(found)
    assert first == {"in": "write", "out": "outbox write"}[folder]
    assert "(printer_permission)" in found[first].detail


def test_folders_that_cannot_be_made_for_what_is_dealt_with_are_named(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", lacks=["mkdir"]) as server:
        found = tried(server)
        assert files(server) == []
    assert wrong(found) == ["outbox done"]
    assert "making the folder out/done" in found["outbox done"].detail


def test_a_server_that_replaces_what_a_rename_meets_is_not_fit_for_taking_by_renaming(
    server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replacing(old: bytes, new: bytes) -> Request:
        """OpenSSH has both kinds; others know only the one that replaces."""
        names = (b"posix-rename@openssh.com", old, new)
        body = b"".join(len(name).to_bytes(4, "big") + name for name in names)
        return Request(Kind.EXTENDED, body, "renaming")

    monkeypatch.setattr(wire, "rename", replacing)
    found = tried(server)
    assert wrong(found) == ["rename onto"]
    assert "the server replaces files" in found["rename onto"].detail
    assert files(server) == []


def test_a_missing_folder_is_named(server: SshServer) -> None:
    shutil.rmtree(server.root / "out")
    found = tried(server)
    assert wrong(found) == ["outbox"]
    assert "(printer_folder_missing)" in found["outbox"].detail


def test_files_that_we_would_never_read_are_told_of(server: SshServer) -> None:
    for name in ("report.xml", "bt_1_r00.ack.json", "bt_2_r00.ack.json.part", "BT_3_R00.ACK.JSON"):
        (server.root / "out" / name).write_bytes(b"{}")
    found = tried(server)
    assert (
        "2 files are no acknowledgements by their names, and are not read: BT_3_R00.ACK.JSON, report.xml"
        in found["outbox"].detail
    )
    assert len(files(server)) == 4

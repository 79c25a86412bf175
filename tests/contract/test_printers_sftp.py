"""What is said of a printer that refuses: host keys, keys, folders, rights, room; and what only SFTP can do to a hand-over."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.printers.packets import GcmPacketizer
from adapters.printers.sftp import MOST_ACK_BYTES, SftpPrinter
from ops.services.process import free_port
from ops.services.sshd import SshServer
from pipeline.errors import Permanent, PortError, Transient
from pipeline.ports import Lies
from tests.contract.printer_cases import PART, STEM, hand_over, make_file
from tests.contract.sftp_account import empty, printer_at, settings_for, until_nobody_is_connected

OTHER_KEY = f"SHA256:{'A' * 43}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


@pytest.fixture
def account(server: SshServer) -> Path:
    return empty(server)


@pytest.fixture
def printer(server: SshServer, account: Path) -> Iterator[SftpPrinter]:
    printer = printer_at(server)
    yield printer
    printer.close()


def refusal(printer: SftpPrinter) -> PortError:
    """How looking at a drop fails."""
    with pytest.raises(PortError) as caught:
        printer.look(STEM, PART)
    printer.close()
    return caught.value


def test_an_unknown_host_key_is_named_and_nothing_is_said_to_it(server: SshServer) -> None:
    error = refusal(printer_at(server, fingerprints=[OTHER_KEY]))
    assert isinstance(error, Permanent)
    assert error.code == "host_key_changed"
    assert server.fingerprint in str(error)
    until_nobody_is_connected(server)  # what serves a connection writes how it ended before it ends
    log = (server.folder / "sshd.log").read_text()
    assert f"Connection closed by {server.host}" in log.splitlines()[-1]


def test_any_of_the_pinned_host_keys_is_good(server: SshServer, account: Path) -> None:
    printer = printer_at(server, fingerprints=[OTHER_KEY, server.fingerprint])
    assert printer.look(STEM, PART) is Lies.NOTHING
    printer.close()


def test_a_host_key_that_changes_is_refused_when_next_connected(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd") as server:
        printer = printer_at(server)
        assert printer.look(STEM, PART) is Lies.NOTHING
        server.restart(new_host_key=True)
        with pytest.raises(PortError) as lost:
            printer.look(STEM, PART)
        error = lost.value if lost.value.code == "host_key_changed" else refusal(printer)
        printer.close()
    assert error.code == "host_key_changed"


def test_a_host_key_is_rotated_without_a_gap_while_both_are_pinned(tmp_path: Path) -> None:
    """The new key is pinned beside the old one, then the server changes to it, then the old one is taken out."""
    with SshServer(tmp_path / "sshd") as server, SshServer(tmp_path / "next") as following:
        old, new = server.fingerprint, following.fingerprint
        printer = printer_at(server, fingerprints=[old, new])
        assert printer.look(STEM, PART) is Lies.NOTHING
        following.stop()
        server.kill()
        for suffix in ("", ".pub"):
            shutil.copyfile(following.folder / f"host_ed25519{suffix}", server.folder / f"host_ed25519{suffix}")
        server.start()
        assert server.fingerprint == new
        with suppress(Transient):  # the connection that was open is gone, which it may see only when it is used
            printer.look(STEM, PART)
        hand_over(printer)
        assert printer.look(STEM, PART) is Lies.READY
        assert refusal(printer_at(server, fingerprints=[old])).code == "host_key_changed"
        assert printer_at(server, fingerprints=[new]).look(STEM, PART) is Lies.READY
        printer.close()


def test_an_outbox_that_may_be_read_and_not_written(tmp_path: Path) -> None:
    """What lies there is read all the same; that it cannot be moved away is told, and it stays."""
    with SshServer(tmp_path / "sshd", heeds_rights=True) as server:
        outbox = server.root / "out"
        make_file(outbox, "b.1.ack.json", b"{}")
        outbox.chmod(0o555)
        printer = printer_at(server)
        for _ in range(2):
            assert [ack.name for ack in printer.acks(10)] == ["b.1.ack.json"]
            with pytest.raises(Permanent) as caught:
                printer.settle_ack("b.1.ack.json", good=True)
            assert caught.value.code == "printer_permission"
        outbox.chmod(0o755)
        printer.settle_ack("b.1.ack.json", good=True)
        assert (outbox / "done" / "b.1.ack.json").read_bytes() == b"{}"
        printer.close()


def test_a_key_that_the_printer_does_not_know(server: SshServer, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "stranger"], check=True)
    error = refusal(SftpPrinter(settings_for(server), tmp_path / "stranger"))
    assert isinstance(error, Permanent)
    assert error.code == "printer_auth_failed"


def test_a_name_that_the_printer_does_not_know(server: SshServer) -> None:
    error = refusal(printer_at(server, username="nobody-here"))
    assert (type(error), error.code) == (Permanent, "printer_auth_failed")


@pytest.mark.parametrize("body", [None, b"not a key"])
def test_a_key_file_that_is_none(server: SshServer, tmp_path: Path, body: bytes | None) -> None:
    path = tmp_path / "key" if body is None else make_file(tmp_path, "key", body)
    error = refusal(SftpPrinter(settings_for(server), path))
    assert (type(error), error.code) == (Permanent, "printer_key_unreadable")


def test_nobody_listens(server: SshServer) -> None:
    error = refusal(printer_at(server, port=free_port()))
    assert (type(error), error.code) == (Transient, "printer_unreachable")


def test_a_host_without_an_address(server: SshServer) -> None:
    error = refusal(printer_at(server, host="printer.invalid"))
    assert (type(error), error.code) == (Transient, "printer_unreachable")


@pytest.mark.parametrize("what", ["put", "stage", "look", "acks"])
def test_a_missing_folder_is_named(server: SshServer, account: Path, tmp_path: Path, what: str) -> None:
    printer = printer_at(server, inbox="inn", outbox="owt")
    file = make_file(tmp_path / "ours", f"{STEM}.pdf", b"sheets")
    acts = {
        "put": lambda: printer.put(STEM, [file]),
        "stage": lambda: printer.stage_ready(PART, b"{}"),
        "look": lambda: printer.look(STEM, PART),
        "acks": lambda: printer.acks(10),
    }
    with pytest.raises(Permanent, match="owt" if what == "acks" else "inn") as caught:
        acts[what]()
    assert caught.value.code == "printer_folder_missing"
    printer.close()


def test_an_inbox_that_may_not_be_written(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", read_only=True) as server:
        printer = printer_at(server)
        with pytest.raises(Permanent, match=rf"making in/{STEM}\.pdf\.part") as caught:
            printer.put(STEM, [make_file(tmp_path / "ours", f"{STEM}.pdf", b"sheets")])
        assert caught.value.code == "printer_permission"
        printer.close()


def test_a_server_that_offers_no_sftp(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", options={"Subsystem": "other /bin/false"}) as server:
        error = refusal(printer_at(server))
    assert (type(error), error.code) == (Permanent, "printer_no_sftp")


def test_a_server_that_offers_only_what_is_broken(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", options={"Ciphers": "aes128-cbc"}) as server:
        error = refusal(printer_at(server))
    assert (type(error), error.code) == (Permanent, "printer_incompatible")


def test_fewer_channels_than_we_would_like(tmp_path: Path) -> None:
    files = [make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", os.urandom(100_000)) for number in range(40)]
    with SshServer(tmp_path / "sshd", options={"MaxSessions": "2"}) as server:
        printer = printer_at(server, channels=8)
        printer.put(STEM, files)
        assert all((server.root / "in" / file.name).read_bytes() == file.read_bytes() for file in files)
        printer.put(STEM, files)
        printer.close()


def assert_arrives(server: SshServer, file: Path) -> None:
    printer = printer_at(server)
    printer.put(STEM, [file])
    assert (server.root / "in" / file.name).read_bytes() == file.read_bytes()
    printer.close()


def test_a_server_without_gcm_is_served_too(tmp_path: Path) -> None:
    file = make_file(tmp_path / "ours", f"{STEM}.pdf", os.urandom(3_000_000))
    with SshServer(tmp_path / "sshd", options={"Ciphers": "aes256-ctr", "RekeyLimit": "1M"}) as server:
        assert_arrives(server, file)


def test_keys_are_renewed_in_the_middle_of_an_upload(tmp_path: Path) -> None:
    file = make_file(tmp_path / "ours", f"{STEM}.pdf", os.urandom(8_000_000))
    with SshServer(tmp_path / "sshd", options={"RekeyLimit": "1M"}) as server:
        assert_arrives(server, file)


def test_we_renew_keys_in_the_middle_of_an_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GcmPacketizer, "REKEY_BYTES", 1_000_000)
    file = make_file(tmp_path / "ours", f"{STEM}.pdf", os.urandom(8_000_000))
    with SshServer(tmp_path / "sshd", options={"LogLevel": "DEBUG1"}) as server:
        assert_arrives(server, file)
        assert (server.folder / "sshd.log").read_text().count("SSH2_MSG_NEWKEYS received") >= 5


@pytest.fixture
def as_root() -> None:
    """For what only root may do: mounts, chroot."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def small_disk(as_root: None) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = Path(tempfile.mkdtemp(prefix="mailstream-small-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    # A session whose client has just hung up may still be ending.
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.mark.root
def test_a_full_disk_is_told_and_passes(small_disk: Path, tmp_path: Path) -> None:
    files = [make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", os.urandom(300_000)) for number in range(5)]
    with SshServer(tmp_path / "sshd", root=small_disk) as server:
        printer = printer_at(server)
        with pytest.raises(Transient, match=r"in/.*\.part") as caught:
            printer.put(STEM, files)
        assert caught.value.code == "printer_storage_full"
        whole = [path for path in (small_disk / "in").iterdir() if path.suffix == ".pdf"]
        assert all(path.read_bytes() == (tmp_path / "ours" / path.name).read_bytes() for path in whole)
        subprocess.run(["mount", "-o", "remount,size=9m", small_disk], check=True)
        printer.put(STEM, files)
        assert len(list((small_disk / "in").iterdir())) == 5
        printer.close()


@pytest.mark.root
def test_root_shuts_sessions_into_the_account(as_root: None, tmp_path: Path) -> None:
    # OpenSSH wants a folder that, with all that it lies in, only root can write to; `/run` is everybody's in some containers.
    with tempfile.TemporaryDirectory(prefix="mailstream-", dir="/var/lib") as base:
        Path(base).chmod(0o755)
        with SshServer(tmp_path / "sshd", root=Path(base) / "account") as server:
            printer = printer_at(server, inbox="/in")
            hand_over(printer)
            assert (server.root / "in" / f"{STEM}.ready").exists()
            outside = printer_at(server, inbox=f"../..{tmp_path}")
            assert refusal(outside).code == "printer_folder_missing"
            printer.close()


def test_a_hand_over_never_overwrites_a_ready_file(printer: SftpPrinter, account: Path) -> None:
    hand_over(printer, b"first")
    printer.stage_ready(PART, b"second")
    with pytest.raises(PortError):
        printer.hand_over(STEM, PART)
    assert (account / "in" / f"{STEM}.ready").read_bytes() == b"first"
    assert printer.look(STEM, PART) is Lies.READY


def test_a_recall_cut_off_in_the_middle_is_not_taken_for_won(printer: SftpPrinter, account: Path) -> None:
    """OpenSSH renames by a link and an unlink; a crash between them leaves both names."""
    hand_over(printer)
    ready, recalled = account / "in" / f"{STEM}.ready", account / "in" / f"{STEM}.recalled"
    recalled.hardlink_to(ready)
    assert printer.look(STEM, PART) is Lies.READY
    assert printer.recall(STEM, PART)
    assert not ready.exists()


def test_a_recall_is_not_won_where_nothing_tells(printer: SftpPrinter) -> None:
    assert not printer.recall(STEM, PART)


def test_names_with_folders_in_them_are_refused(printer: SftpPrinter) -> None:
    with pytest.raises(ValueError, match="not a plain file name"):
        printer.stage_ready("../escaped", b"{}")


def test_a_file_of_ours_that_is_gone_is_worth_trying_again(printer: SftpPrinter, account: Path, tmp_path: Path) -> None:
    with pytest.raises(Transient) as caught:
        printer.put(STEM, [tmp_path / f"{STEM}.pdf"])
    assert caught.value.code == "file_unreadable"
    assert list((account / "in").iterdir()) == []


def test_an_acknowledgement_too_large_is_refused_and_kept(printer: SftpPrinter, account: Path) -> None:
    body = b"{}" + b" " * MOST_ACK_BYTES
    make_file(account / "out", "a.1.ack.json", body)
    make_file(account / "out", "b.2.ack.json", body)
    first, second = printer.acks(10)
    assert first.body != second.body
    assert b"a.1.ack.json is larger than" in first.body
    printer.settle_ack(first.name, good=False)
    assert (account / "out" / "error" / "a.1.ack.json").read_bytes() == body


def test_what_is_no_plain_file_in_the_outbox_keeps_no_acknowledgement_back(printer: SftpPrinter, account: Path) -> None:
    out = account / "out"
    (out / "folder").mkdir()
    (out / "a.1.ack.json").symlink_to("folder")
    (out / "b.1.ack.json").symlink_to("nowhere")
    os.mkfifo(out / "c.1.ack.json")
    make_file(out, "d.1.ack.json", b"{}")
    said = {ack.name: ack.body.decode() for ack in printer.acks(10)}
    wrong = {f"{name}.1.ack.json": f"{name}.1.ack.json is no plain file" for name in "abc"}
    assert said == {**wrong, "d.1.ack.json": "{}"}
    for name in wrong:
        printer.settle_ack(name, good=False)
    assert [ack.name for ack in printer.acks(10)] == ["d.1.ack.json"]
    assert sorted(path.name for path in (out / "error").iterdir()) == sorted(wrong)


def test_an_acknowledgement_of_the_largest_size_is_read(printer: SftpPrinter, account: Path) -> None:
    body = os.urandom(MOST_ACK_BYTES)
    make_file(account / "out", "a.1.ack.json", body)
    assert [ack.body for ack in printer.acks(10)] == [body]


def test_large_acknowledgements_are_read_a_few_at_a_time(printer: SftpPrinter, account: Path) -> None:
    for number in range(7):
        make_file(account / "out", f"{number}.ack.csv", bytes(MOST_ACK_BYTES - number % 2))
    names = [ack.name for ack in printer.acks(50)]
    assert names == [f"{number}.ack.csv" for number in range(4)]
    assert [ack.name for ack in printer.acks(50, but=names)] == [f"{number}.ack.csv" for number in range(4, 7)]
    for name in names:
        printer.settle_ack(name, good=True)
    assert [ack.name for ack in printer.acks(50)] == [f"{number}.ack.csv" for number in range(4, 7)]


def test_what_is_said_of_a_rehearsal_is_left_to_whoever_rehearses(printer: SftpPrinter, account: Path) -> None:
    for name in ("bt_1_r00.1.ack.json", "rehearsal_a_r00.1.ack.json", "rehearsal_b_r00.1.ack.json"):
        make_file(account / "out", name, b"{}")
    assert [ack.name for ack in printer.acks(10)] == ["bt_1_r00.1.ack.json"]
    assert [ack.name for ack in printer.acks(10, of="rehearsal_b_r00")] == ["rehearsal_b_r00.1.ack.json"]


def test_only_a_drop_for_practice_is_cleared(printer: SftpPrinter, account: Path) -> None:
    for name in ("rehearsal_a_r00.pdf", "rehearsal_a_r00-ticket.pdf", "rehearsal_a_r00.taken", "rehearsal_a_r001.pdf"):
        make_file(account / "in", name, b"{}")
    assert printer.clear("rehearsal_a_r00") == 3
    assert [path.name for path in (account / "in").iterdir()] == ["rehearsal_a_r001.pdf"]
    with pytest.raises(ValueError, match="no drop for practice"):
        printer.clear(STEM)


def test_a_name_that_is_not_text_can_be_read_and_settled(printer: SftpPrinter, account: Path) -> None:
    name = b"caf\xe9 %\n.1.ack.json"
    (account / "out" / os.fsdecode(name)).write_bytes(b"{}")
    [ack] = printer.acks(10)
    assert ack.name == "caf%E9 %25%0A.1.ack.json"
    printer.settle_ack(ack.name, good=True)
    assert (account / "out" / "done" / os.fsdecode(name)).read_bytes() == b"{}"


def test_settling_loses_no_file_of_the_same_name(printer: SftpPrinter, account: Path) -> None:
    for body in (b"1", b"2", b"3"):
        make_file(account / "out", "a.1.ack.json", body)
        printer.settle_ack("a.1.ack.json", good=True)
    kept = {path.name: path.read_bytes() for path in (account / "out" / "done").iterdir()}
    assert kept == {"a.1.ack.json": b"1", "a.1.ack.json.2": b"2", "a.1.ack.json.3": b"3"}


def test_a_refusal_leaves_the_connection_in_use(server: SshServer, printer: SftpPrinter) -> None:
    until_nobody_is_connected(server)
    printer.look(STEM, PART)
    before = server.sessions()
    with pytest.raises(Permanent, match="part"):
        printer.hand_over(STEM, PART)
    assert printer.is_healthy
    printer.look(STEM, PART)
    assert server.sessions() == before

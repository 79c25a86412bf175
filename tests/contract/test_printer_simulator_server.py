"""The simulated printer with an SSH server of its own: a drop goes its way over SFTP, and each of its mishaps is what it says."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters.printers.sftp import SftpPrinter
from pipeline.errors import Permanent, Transient
from pipeline.models.profile import Sftp
from tests.contract.printer_cases import make_file
from tests.waiting import PLENTY_S, until

STEM = "bt_01jd0000000000000000000000_r00"
PART = f"{STEM}.1-abc.ready.part"


@contextmanager
def shop(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """A running shop; what it printed of how to reach it."""
    places = ("--folder", f"{folder}/north", "--journal", f"{folder}/journal.jsonl", "--trays", f"{folder}/trays")
    argv = [sys.executable, "-m", "ops.cli.main", "simulator", "printer", *places, "--sftp", "0", *options]
    pace = ("--accept-s", "0", "--print-s", "0", "--mail-s", "0", "--spoil", "0")
    with subprocess.Popen([*argv, *pace], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            assert process.wait(PLENTY_S) == 0
        finally:
            process.kill()


@contextmanager
def customer(transport: dict[str, Any]) -> Iterator[SftpPrinter]:
    settings = Sftp.model_validate({**transport, "timeout_s": PLENTY_S})
    printer = SftpPrinter(settings, Path(settings.key_file))
    try:
        yield printer
    finally:
        printer.close()


def make_drop(folder: Path, size: int = 300) -> tuple[list[Path], bytes]:
    files = [
        make_file(folder / "ours", f"{STEM}.csv", b"piece_id,imb\nml_1,0000000000000000000000000000001\n"),
        make_file(folder / "ours", f"{STEM}.pdf", os.urandom(size)),
    ]
    told = [
        {"name": one.name, "size": one.stat().st_size, "sha256": sha256(one.read_bytes()).hexdigest()} for one in files
    ]
    return files, json.dumps({"drop": STEM, "pieces": 1, "files": told}).encode()


def hand_over(printer: SftpPrinter, files: list[Path], ready: bytes) -> None:
    printer.put(STEM, files)
    printer.stage_ready(PART, ready)
    printer.hand_over(STEM, PART)


def states(printer: SftpPrinter) -> list[str]:
    return [json.loads(one.body)["state"] for one in printer.acks(10)]


def test_a_drop_goes_its_way_over_sftp(tmp_path: Path) -> None:
    with shop(tmp_path) as transport, customer(transport) as printer:
        hand_over(printer, *make_drop(tmp_path))
        until(lambda: states(printer) == ["accepted", "printed", "mailed"])


def test_its_key_stays_the_same_until_it_is_told_to_change(tmp_path: Path) -> None:
    with shop(tmp_path) as before:
        pass
    with shop(tmp_path, "--fault", "key-changed") as transport, customer(transport) as printer:
        assert transport["fingerprints"] == before["fingerprints"]
        with pytest.raises(Permanent) as caught:
            hand_over(printer, *make_drop(tmp_path))
    assert caught.value.code == "host_key_changed"
    assert list((tmp_path / "north" / "in").iterdir()) == []
    with shop(tmp_path) as after:
        assert after["fingerprints"] != before["fingerprints"]


@pytest.mark.parametrize("room", [0, 20_000])
def test_its_disk_is_full(tmp_path: Path, room: int) -> None:
    files, ready = make_drop(tmp_path, 50_000)
    with shop(tmp_path, "--fault", "disk-full", "--disk-bytes", str(room)) as transport, customer(transport) as printer:
        with pytest.raises(Transient):
            hand_over(printer, files, ready)
        assert not (tmp_path / "north" / "in" / f"{STEM}.pdf").exists()
        assert not (tmp_path / "north" / "in" / f"{STEM}.ready").exists()
    with shop(tmp_path) as transport, customer(transport) as printer:
        hand_over(printer, files, ready)
        until(lambda: states(printer) == ["accepted", "printed", "mailed"])


def test_its_line_is_cut_and_what_came_over_is_not_lost(tmp_path: Path) -> None:
    files, ready = make_drop(tmp_path, 400_000)
    with shop(tmp_path, "--fault", "cut-after", "--cut-bytes", "60000") as transport, customer(transport) as printer:
        with pytest.raises(Transient) as caught:
            printer.put(STEM, files)
        assert caught.value.code in ("printer_connection_lost", "printer_busy")
        assert not (tmp_path / "north" / "in" / f"{STEM}.pdf").exists()
    with shop(tmp_path) as transport, customer(transport) as printer:
        hand_over(printer, files, ready)
        until(lambda: states(printer) == ["accepted", "printed", "mailed"])


def test_it_needs_a_server_for_what_goes_wrong_with_one(tmp_path: Path) -> None:
    places = ["--folder", str(tmp_path), "--journal", str(tmp_path / "j"), "--trays", str(tmp_path / "t")]
    argv = [sys.executable, "-m", "ops.simulators.printer", *places, "--fault", "disk-full"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PLENTY_S)
    assert (done.returncode, "--sftp PORT" in done.stderr) == (2, True)

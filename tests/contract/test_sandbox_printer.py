"""The simulated printer of test accounts: a printer like any other, that says on the line clock what it would have done."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.sandbox.folder import FolderPrinter
from adapters.sandbox.printer import SandboxPrinter, SandboxPrinters
from pipeline.clock import ManualClock
from pipeline.errors import Permanent
from pipeline.models.ack_format import AckBody, read_ack
from pipeline.models.profile import Postage, PrinterProfile, Sandbox, Sftp
from pipeline.ports import Lies
from tests.contract.printer_cases import PART, STEM, PrinterCases, hand_over

START = datetime(2026, 3, 3, 15, 0, 0, 123_456, tzinfo=UTC)
POSTAGE = Postage(mailer_id="899999", method="meter")
SPEEDS = Sandbox(accept_minutes=5, print_minutes=60, mail_minutes=240)


def row(**changes: Any) -> Any:
    """A printer's row as the directory reads it."""
    profile = PrinterProfile(transport=SPEEDS, postage=POSTAGE)
    usual = {"id": "pr_1", "name": "sandbox", "mode": "test", "account_id": "ac_1"}
    return SimpleNamespace(**{**usual, "profile": profile.model_dump(mode="json"), **changes})


class Shop:
    """The printer of one account, opened anew for every call as the line does."""

    def __init__(self, root: Path) -> None:
        self.clock = ManualClock(START)
        self.printers = SandboxPrinters(root, lambda _: self.clock())

    def open(self) -> SandboxPrinter:
        with self.printers.open(row()) as printer:
            return printer

    def said(self) -> list[tuple[str, datetime]]:
        """What there is to hear now, in the order in which it lies there."""
        return [(one.state, one.at) for one in map(read, self.open().acks(50))]

    def hear(self) -> list[str]:
        """Read and settle everything, as the line does."""
        printer, states = self.open(), []
        for file in printer.acks(50):
            states.append(read(file).state)
            printer.settle_ack(file.name, good=True)
        return states


def read(file: Any) -> AckBody:
    ack = read_ack(file.name, file.body)
    assert isinstance(ack, AckBody)
    return ack


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class TestSandboxPrinter(PrinterCases):
    @pytest.fixture
    def account(self, tmp_path: Path) -> Path:
        return tmp_path / "shops" / "pr_1"

    @pytest.fixture
    def printer(self, tmp_path: Path) -> Iterator[SandboxPrinter]:
        with SandboxPrinters(tmp_path / "shops", lambda _: START).open(row()) as printer:
            yield printer


def test_it_takes_what_is_ready_and_acknowledges_each_step_in_its_time(shop: Shop) -> None:
    hand_over(shop.open())
    assert shop.hear() == []
    assert shop.open().look(STEM, PART) is Lies.TAKEN
    for minutes, states in ((4, []), (1, ["accepted"]), (54, []), (1, ["printed"]), (180, ["mailed"]), (900, [])):
        shop.clock.advance(timedelta(minutes=minutes))
        assert shop.hear() == states


def test_a_clock_that_leaps_loses_nothing_and_the_order_holds(shop: Shop) -> None:
    hand_over(shop.open())
    shop.clock.advance(timedelta(days=3))
    assert shop.said() == [
        ("accepted", START + timedelta(minutes=5)),
        ("printed", START + timedelta(minutes=60)),
        ("mailed", START + timedelta(minutes=240)),
    ]


def test_what_is_not_settled_is_told_again_and_what_is_settled_never(shop: Shop) -> None:
    hand_over(shop.open())
    shop.clock.advance(timedelta(minutes=5))
    assert shop.said() == shop.said()
    assert shop.hear() == ["accepted"]
    assert shop.hear() == []


def test_what_was_refused_is_not_told_again(shop: Shop) -> None:
    hand_over(shop.open())
    shop.clock.advance(timedelta(minutes=5))
    [file] = shop.open().acks(1)
    shop.open().settle_ack(file.name, good=False)
    assert shop.said() == []


def test_it_names_the_drop_and_the_digest_of_what_it_took(shop: Shop) -> None:
    hand_over(shop.open(), b'{"pieces": 3}')
    shop.clock.advance(timedelta(minutes=5))
    [file] = shop.open().acks(1)
    assert json.loads(file.body)["drop"] == STEM
    assert read(file).digest == sha256(b'{"pieces": 3}').hexdigest()


def test_times_count_from_the_hand_over_and_not_from_the_first_look(shop: Shop) -> None:
    hand_over(shop.open())
    shop.clock.advance(timedelta(minutes=59))
    assert shop.hear() == ["accepted"]
    shop.clock.advance(timedelta(minutes=1))
    assert shop.hear() == ["printed"]


def test_a_recalled_drop_is_never_acknowledged(shop: Shop) -> None:
    hand_over(shop.open())
    assert shop.open().recall(STEM, PART)
    shop.clock.advance(timedelta(days=1))
    assert shop.said() == []


def test_a_recall_of_what_nobody_can_find_is_not_won(shop: Shop) -> None:
    assert not shop.open().recall(STEM, PART)


def test_a_half_written_acknowledgement_is_written_anew(shop: Shop, tmp_path: Path) -> None:
    hand_over(shop.open())
    shop.clock.advance(timedelta(minutes=5))
    shop.open().acks(1)
    [whole] = (tmp_path / "pr_1" / "out").glob("*.ack.json")
    whole.rename(f"{whole}.part")
    whole.with_name(f"{whole.name}.part").write_text("{")
    assert shop.said() == [("accepted", START + timedelta(minutes=5))]


def test_two_accounts_have_folders_of_their_own(tmp_path: Path) -> None:
    printers = SandboxPrinters(tmp_path, lambda _: START)
    with printers.open(row()) as ours, printers.open(row(id="pr_2", account_id="ac_2")) as theirs:
        hand_over(ours)
        assert theirs.look(STEM, PART) is Lies.NOTHING


REAL = PrinterProfile(
    transport=Sftp(host="printer.example", username="mail", fingerprints=("SHA256:" + "A" * 43,), key_file="key"),
    postage=POSTAGE,
)


@pytest.mark.parametrize("changes", [{"profile": REAL.model_dump(mode="json")}, {"mode": "live"}, {"account_id": None}])
def test_nothing_but_the_sandbox_of_a_test_account_is_opened(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(Permanent) as caught, SandboxPrinters(tmp_path, lambda _: START).open(row(**changes)):
        pass
    assert caught.value.code == "not_a_sandbox_printer"
    assert list(tmp_path.iterdir()) == []


def test_a_drop_carries_the_line_time_of_its_hand_over(tmp_path: Path) -> None:
    printer = FolderPrinter(tmp_path, START)
    hand_over(printer)
    stamp = (tmp_path / "in" / f"{STEM}.ready").stat().st_mtime
    assert datetime.fromtimestamp(stamp, UTC) == START

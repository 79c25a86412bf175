"""Modes never mix: the root of test mail cannot build a client of a real printer or carrier; each root refuses the other's rows."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.printers.directory import LivePrinters
from adapters.sandbox.printer import SandboxPrinters
from pipeline.clock import machine_clock
from pipeline.errors import Permanent
from pipeline.models.profile import Postage, PrinterProfile, Sandbox, Sftp
from pipeline.worker.foundation import lay_foundation
from pipeline.worker.live_root import live_line
from pipeline.worker.sandbox_root import sandbox_line
from pipeline.worker.settings import read_settings

REAL_CLIENTS = ("paramiko", "adapters.printers", "adapters.carriers", "httpx2")

SFTP = Sftp(
    host="127.0.0.1", username="drop", fingerprints=("SHA256:" + "A" * 43,), key_file="keys/printer"
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A row of `printers`, as far as opening one looks at it."""

    transport: Any
    mode: str
    account_id: str | None = None
    id: str = "pr_1"
    name: str = "a-printer"
    profile: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        profile = PrinterProfile(transport=self.transport, postage=Postage(mailer_id="123456", method="meter"))
        object.__setattr__(self, "profile", profile.model_dump(mode="json"))


def test_importing_the_test_root_imports_no_real_client() -> None:
    """In a process of its own, since other tests have imported them here."""
    script = "import sys, pipeline.worker.sandbox_root; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "adapters.sandbox.printer" in loaded
    assert not [name for name in loaded if name.startswith(REAL_CLIENTS)]


def test_importing_the_live_root_would_be_noticed() -> None:
    script = "import sys, pipeline.worker.live_root; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"paramiko", "adapters.printers.directory", "adapters.carriers.ivmtr"} <= set(done.stdout.split())


@pytest.mark.parametrize(
    "row",
    [
        Row(SFTP, "test", "ac_1"),
        Row(SFTP, "live"),
        Row(Sandbox(), "live"),
        Row(Sandbox(), "test"),
    ],
    ids=["a real printer in a test row", "a real printer", "a sandbox in a live row", "a sandbox of nobody"],
)
def test_the_test_root_opens_sandbox_printers_of_accounts_alone(row: Row, tmp_path: Path) -> None:
    printers = SandboxPrinters(tmp_path, lambda _: machine_clock())
    with pytest.raises(Permanent, match="test mail never goes there"), printers.open(row):
        pass
    assert not list(tmp_path.iterdir())


def test_the_live_root_opens_no_sandbox_printer(tmp_path: Path) -> None:
    with pytest.raises(Permanent) as raised, LivePrinters(tmp_path).open(Row(Sandbox(), "test", "ac_1")):
        pass
    assert raised.value.code == "not_a_live_printer"


def test_both_roots_build_the_same_stages_in_modes_of_their_own(tmp_path: Path) -> None:
    class NoBell:
        def ring(self, note: Any) -> None:
            """Nobody listens."""

    settings = read_settings({"MAILSTREAM_HOME": str(tmp_path / "home")})
    foundation = lay_foundation(settings, NoBell())
    live, test = live_line(foundation), sandbox_line(foundation)
    assert (live.context.mode, test.context.mode) == ("live", "test")
    assert list(live.stages) == list(test.stages)
    foundation.db.dispose()

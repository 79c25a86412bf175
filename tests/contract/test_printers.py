"""The printers keep the port's promises: SFTP on a real OpenSSH server, and the local folder of test accounts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.printers.sftp import SftpPrinter
from adapters.sandbox.folder import FolderPrinter
from ops.services.sshd import SshServer
from tests.contract.printer_cases import PrinterCases
from tests.contract.sftp_account import empty, printer_at


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


class TestSftpPrinter(PrinterCases):
    @pytest.fixture(autouse=True)
    def account(self, server: SshServer) -> Path:
        return empty(server)

    @pytest.fixture
    def printer(self, server: SshServer) -> Iterator[SftpPrinter]:
        printer = printer_at(server)
        yield printer
        printer.close()


class TestFolderPrinter(PrinterCases):
    @pytest.fixture
    def account(self, tmp_path: Path) -> Path:
        return tmp_path / "account"

    @pytest.fixture
    def printer(self, account: Path) -> FolderPrinter:
        return FolderPrinter(account, datetime(2026, 11, 2, 9, tzinfo=UTC))

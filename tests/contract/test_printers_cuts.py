"""A drop that is cut off at every point, by one worker or by two: no wrong file is ever reported as right, and it ends whole."""

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from adapters.printers import upload
from ops.services.sshd import SshServer
from pipeline.errors import InDoubt, Permanent, Transient
from pipeline.ports import Lies
from tests.contract.printer_cases import PART, STEM, make_file
from tests.contract.sftp_account import empty, printer_at, until_nobody_is_connected
from tests.contract.tcp_proxy import TcpProxy

READY = b'{"pieces": 8}'
POINTS = 40
"""Of a drop of about 4 KB of requests: a cut falls at least once into every request, and into every answer."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


@pytest.fixture
def account(server: SshServer) -> Path:
    return empty(server)


@pytest.fixture
def proxy(server: SshServer) -> Iterator[TcpProxy]:
    with TcpProxy(server.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drop")
    return [
        make_file(folder, f"{STEM}{ending}", os.urandom(size))
        for ending, size in ((".pdf", 900), ("-2.pdf", 300), (".csv", 0))
    ]


class Worker:
    """Delivers as the dispatch stage does, and looks at the account whenever something is said to be done.

    One that is alone goes on after a cut when the server has done what it had still to do before it.
    """

    def __init__(self, server: SshServer, port: int, files: list[Path], *, alone: bool = False) -> None:
        self.printer = printer_at(server, port=port, channels=2)
        self._server, self._alone = server, alone
        self._inbox = server.root / "in"
        self._files = files

    def put(self) -> None:
        """Until it is done."""
        while True:
            try:
                self.printer.put(STEM, self._files)
            except Transient:
                if self._alone:
                    until_nobody_is_connected(self._server)
                self.check(all_there=False)
            else:
                self.check(all_there=True)
                return

    def deliver(self) -> None:
        for number in count(1):
            part = f"{STEM}.{number}-abcdef.ready.part"
            self.put()
            try:
                self.printer.stage_ready(part, READY)
            except Transient:
                continue
            self._hand_over(part)
            return

    def _hand_over(self, part: str) -> None:
        assert (self._inbox / part).read_bytes() == READY
        try:
            self.printer.hand_over(STEM, part)
        except (InDoubt, Transient):
            if self._look(part) is Lies.PART:
                self._hand_over_again(part)
        assert self._look(part) is Lies.READY

    def _hand_over_again(self, part: str) -> None:
        try:
            self.printer.hand_over(STEM, part)
        except Permanent as error:  # what the server had still to do was the first hand-over
            if error.code != "part_missing":
                raise

    def _look(self, part: str) -> Lies:
        while True:
            with suppress(Transient):
                return self.printer.look(STEM, part)

    def check(self, *, all_there: bool) -> None:
        """What lies under a name of ours is ours, byte for byte."""
        for file in self._files:
            there = self._inbox / file.name
            if all_there or there.exists():
                assert there.read_bytes() == file.read_bytes()


def names_in(account: Path) -> set[str]:
    return {path.name for path in (account / "in").iterdir()}


@pytest.fixture(scope="module")
def lengths(server: SshServer, drop: list[Path]) -> dict[str, int]:
    """How many bytes a drop takes each way, once connected."""
    empty(server)
    with TcpProxy(server.port) as proxy:
        worker = Worker(server, proxy.port, drop)
        worker.printer.look(STEM, PART)
        before = {way: getattr(proxy, way).passed for way in ("requests", "answers")}
        worker.deliver()
        after = {way: getattr(proxy, way).passed for way in before}
        worker.printer.close()
    return {way: after[way] - before[way] for way in before}


@pytest.mark.parametrize("point", range(POINTS))
@pytest.mark.parametrize("way", ["requests", "answers"])
def test_a_drop_cut_off_anywhere_ends_whole_and_single(
    server: SshServer, account: Path, proxy: TcpProxy, drop: list[Path], lengths: dict[str, int], way: str, point: int
) -> None:
    worker = Worker(server, proxy.port, drop, alone=True)
    worker.printer.look(STEM, PART)
    getattr(proxy, way).cut_after = lengths[way] * point // POINTS
    worker.deliver()
    worker.printer.close()
    there = names_in(account)
    assert {name for name in there if not name.endswith(".ready.part")} == {
        f"{STEM}.ready",
        *(file.name for file in drop),
    }
    assert (account / "in" / f"{STEM}.ready").read_bytes() == READY


@pytest.mark.parametrize("seed", range(8))
def test_two_workers_at_one_drop_of_whom_one_is_cut_off(
    server: SshServer, account: Path, proxy: TcpProxy, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice((0, 1, 70_000, 600_000)) for _ in range(12)]
    files = [
        make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", os.urandom(size)) for number, size in enumerate(sizes)
    ]
    workers = [Worker(server, proxy.port, files), Worker(server, server.port, files)]
    proxy.requests.cut_after = 5_000 + chance.randrange(sum(sizes))
    _at_once([worker.put for worker in workers])
    _end_with(Worker(server, server.port, files), server, workers)
    assert names_in(account) == {file.name for file in files}


def test_two_workers_whose_sessions_are_all_killed(
    server: SshServer, account: Path, proxy: TcpProxy, tmp_path: Path
) -> None:
    files = [make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", os.urandom(900_000)) for number in range(12)]
    workers = [Worker(server, proxy.port, files), Worker(server, server.port, files)]
    proxy.requests.act_after, proxy.requests.act = 3_000_000, server.cut
    _at_once([worker.put for worker in workers])
    assert proxy.requests.act_after is None
    _end_with(Worker(server, server.port, files), server, workers)
    assert names_in(account) == {file.name for file in files}


def _end_with(last: Worker, server: SshServer, others: list[Worker]) -> None:
    """One more comes when the others are gone, with whatever their sessions had still to do after they were cut off."""
    for worker in others:
        worker.printer.close()
    until_nobody_is_connected(server)
    last.put()
    last.printer.close()


def _at_once(acts: list[Callable[[], None]]) -> None:
    errors: list[BaseException] = []

    def act(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001  # it rises again in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=act, args=(one,)) for one in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    return make_file(tmp_path / "ours", f"{STEM}.pdf", os.urandom(upload.RESUMED_FROM + 8_000_000))


@pytest.mark.parametrize("sent", [20_000_000, 38_000_000])
def test_a_long_file_that_is_cut_off_goes_on_from_there(
    server: SshServer, account: Path, proxy: TcpProxy, long_file: Path, sent: int
) -> None:
    printer = printer_at(server, port=proxy.port)
    proxy.requests.cut_after = sent
    with pytest.raises(Transient):
        printer.put(STEM, [long_file])
    there = (account / "in" / f"{long_file.name}.part").stat().st_size
    assert sent / 2 < there <= sent
    before = proxy.requests.passed
    printer.put(STEM, [long_file])
    assert proxy.requests.passed - before < long_file.stat().st_size - there + 1_000_000
    assert (account / "in" / long_file.name).read_bytes() == long_file.read_bytes()
    assert names_in(account) == {long_file.name}
    printer.close()


@pytest.mark.parametrize("damage", [0, 15_000_000, -1, -3_000_000])
def test_a_long_file_whose_part_was_damaged_is_sent_anew(
    server: SshServer, account: Path, proxy: TcpProxy, long_file: Path, damage: int
) -> None:
    printer = printer_at(server, port=proxy.port)
    body = bytearray(long_file.read_bytes()[:30_000_000])
    body[damage] ^= 1
    make_file(account / "in", f"{long_file.name}.part", bytes(body))
    printer.put(STEM, [long_file])
    assert (account / "in" / long_file.name).read_bytes() == long_file.read_bytes()
    assert proxy.requests.passed > long_file.stat().st_size
    printer.close()


def test_two_workers_at_one_long_file_of_whom_one_is_cut_off(
    server: SshServer, account: Path, proxy: TcpProxy, long_file: Path
) -> None:
    """The second comes when the first has written half of it, and goes on from there while the first writes on."""
    workers = [Worker(server, proxy.port, [long_file]), Worker(server, server.port, [long_file])]
    second = threading.Thread(target=workers[1].put)
    proxy.requests.act_after, proxy.requests.act = 20_000_000, second.start
    proxy.requests.cut_after = 30_000_000
    workers[0].put()
    second.join()
    _end_with(Worker(server, server.port, [long_file]), server, workers)
    assert names_in(account) == {long_file.name}

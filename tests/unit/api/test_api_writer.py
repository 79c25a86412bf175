"""The group writer: one save for all who wait, and no neighbour harmed."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from api.writer import FullError, GroupWriter
from pipeline.errors import Transient


class Ledger:
    """Saves numbers in groups; 13 breaks any group, and 0 says that the database is away."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def save(self, numbers: Sequence[int]) -> list[int]:
        self.gate.wait()
        self.groups.append(list(numbers))
        if 13 in numbers:
            raise RuntimeError("13")
        if 0 in numbers:
            raise Transient("database_unavailable", "away")
        return [10 * number for number in numbers]


async def gathered(writer: GroupWriter[int, int], numbers: Sequence[int]) -> list[int | BaseException]:
    return await asyncio.gather(*(writer.write(number) for number in numbers), return_exceptions=True)


def test_those_who_wait_together_are_saved_together() -> None:
    ledger = Ledger()
    writer = GroupWriter(ledger.save)
    ledger.gate.clear()

    async def run() -> list[int | BaseException]:
        asyncio.get_running_loop().call_later(0.05, ledger.gate.set)
        return await gathered(writer, range(14, 100))

    results = asyncio.run(run())
    writer.close()
    assert results == [10 * number for number in range(14, 100)]
    assert len(ledger.groups) <= 2


def test_one_bad_item_fails_alone() -> None:
    ledger = Ledger()
    writer = GroupWriter(ledger.save)
    results = asyncio.run(gathered(writer, [1, 13, 2]))
    writer.close()
    assert results[0] == 10
    assert isinstance(results[1], RuntimeError)
    assert results[2] == 20


def test_when_the_database_is_away_nobody_is_tried_again() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    writer = GroupWriter(ledger.save)

    async def run() -> list[int | BaseException]:
        asyncio.get_running_loop().call_later(0.05, ledger.gate.set)
        return await gathered(writer, [0, 0, 0])

    results = asyncio.run(run())
    writer.close()
    assert all(isinstance(one, Transient) for one in results)
    assert len(ledger.groups) <= 2


def test_a_full_queue_says_so_at_once() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    writer = GroupWriter(ledger.save, most_waiting=4)

    async def run() -> list[int | BaseException]:
        asyncio.get_running_loop().call_later(0.1, ledger.gate.set)
        return await gathered(writer, range(1, 21))

    results = asyncio.run(run())
    full = [one for one in results if isinstance(one, FullError)]
    writer.close()
    # Up to four wait while up to four more are being saved.
    assert 12 <= len(full) <= 16
    assert len([one for one in results if isinstance(one, int)]) >= 3


def test_closing_saves_what_waits_and_then_takes_no_more() -> None:
    ledger = Ledger()
    writer = GroupWriter(ledger.save)

    async def run() -> list[int | BaseException]:
        waiting = asyncio.ensure_future(gathered(writer, [1, 2, 3]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.to_thread(writer.close)
        with pytest.raises(FullError):
            await writer.write(4)
        return await waiting

    assert asyncio.run(run()) == [10, 20, 30]

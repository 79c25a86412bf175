"""The line clock of each mode: real time for live mail, the account's own clock row for test mail."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, select

from pipeline.clock import Clock
from pipeline.repository.tables import sandbox_clocks


class LineClock(Protocol):
    def read(self, tx: Connection, account_ids: Collection[str]) -> Mapping[str, datetime]:
        """Line time now, per account."""
        ...

    def reached(self, moment: ColumnElement[Any], account_id: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition that line time of the row's account has come to the row's `moment`."""
        ...


class LiveLineClock:
    """Line time is machine time, for every account."""

    def __init__(self, machine_clock: Clock) -> None:
        self._now = machine_clock

    def read(self, tx: Connection, account_ids: Collection[str]) -> Mapping[str, datetime]:  # noqa: ARG002
        now = self._now()
        return dict.fromkeys(account_ids, now)

    def reached(self, moment: ColumnElement[Any], account_id: ColumnElement[Any]) -> ColumnElement[bool]:  # noqa: ARG002
        return moment <= self._now()


class SandboxLineClock:
    """Line time stands in each account's clock row; see `pipeline.worker.sandbox` for what moves it."""

    def read(self, tx: Connection, account_ids: Collection[str]) -> Mapping[str, datetime]:
        wanted = select(sandbox_clocks.c.account_id, sandbox_clocks.c.line_now).where(
            sandbox_clocks.c.account_id.in_(sorted(set(account_ids)))
        )
        return {row.account_id: row.line_now for row in tx.execute(wanted)}

    def reached(self, moment: ColumnElement[Any], account_id: ColumnElement[Any]) -> ColumnElement[bool]:
        now = select(sandbox_clocks.c.line_now).where(sandbox_clocks.c.account_id == account_id).scalar_subquery()
        return moment <= now


def line_now(tx: Connection, mode: str, account_id: str, machine_clock: Clock) -> datetime:
    """Line time now of one account in a mode."""
    clock: LineClock = LiveLineClock(machine_clock) if mode == "live" else SandboxLineClock()
    return clock.read(tx, {account_id})[account_id]

"""/v1/sandbox/clock: the clock that test mail lives by, moved forward by its owner."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, views
from api.auth import test_sender
from api.bodies import read_json
from api.faults import fault, validated
from api.problems import invalid
from api.queries import time_of
from api.routes.answers import json_answer
from api.schemas import ClockChange
from api.services import services_of
from pipeline.repository import sandbox_clocks
from pipeline.repository.accounts import Sender
from pipeline.repository.writing import write_again

router = APIRouter(prefix="/v1/sandbox/clock", tags=["sandbox"])


@router.get("", operation_id="get_sandbox_clock", **openapi.reading("sandbox_clock"))
async def get(request: Request, sender: Sender = Depends(test_sender)) -> Response:
    """Where the clock stands, how fast it may run, and where it is on its way to."""

    def read() -> Any:
        with services_of(request).db.read() as tx:
            return sandbox_clocks.read_clock(tx, sender.account_id)

    return json_answer(views.clock((await run_in_threadpool(read))._mapping))


@router.post("", operation_id="change_sandbox_clock", **openapi.changing(ClockChange, "sandbox_clock"))
async def change(request: Request, sender: Sender = Depends(test_sender)) -> Response:
    """Send the clock forward, by seconds or to a time, or change its rate. It stops at all that falls due."""
    wanted = validated(ClockChange, await read_json(request))
    if wanted.advance_s is not None and wanted.advance_to is not None:
        raise invalid([fault("invalid_value", "/advance_to", "advance_s and advance_to cannot both be given.")])

    def save(tx: Connection) -> Any:
        if wanted.rate is not None:
            sandbox_clocks.set_rate(tx, sender.account_id, wanted.rate)
        if not _advance(tx, sender, wanted):
            raise invalid(
                [fault("clock_backwards", "/advance_to", "That is not ahead of the clock, or too far ahead.")]
            )
        return sandbox_clocks.read_clock(tx, sender.account_id)

    return json_answer(views.clock((await run_in_threadpool(write_again, services_of(request).db, save))._mapping))


def _advance(tx: Connection, sender: Sender, wanted: ClockChange) -> bool:
    if wanted.advance_to is not None:
        try:
            to = time_of(wanted.advance_to)
        except ValueError as error:
            raise invalid([fault("invalid_value", "/advance_to", str(error))]) from None
        return sandbox_clocks.ask_to_advance(tx, sender.account_id, to=to)
    if wanted.advance_s is not None:
        return sandbox_clocks.ask_to_advance(tx, sender.account_id, by=timedelta(seconds=wanted.advance_s))
    return True

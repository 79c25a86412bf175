"""/v1/ops/holds: pieces that wait for a decision, of every account. Operators' keys only."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, ops_views
from api.auth import Operator
from api.auth import operator as key_holder
from api.bodies import read_json
from api.faults import validated
from api.ops_schemas import HoldIn, ReasonIn
from api.problems import Problem
from api.queries import Query, one_of
from api.routes.answers import checked_id, json_answer
from api.routes.operators import deed, holding, operators_list
from api.services import services_of
from pipeline.repository.holds import HoldWish, list_holds
from pipeline.worker.holding import Held

router = APIRouter(prefix="/v1/ops/holds", tags=["operation"])

PROBLEMS = {
    Held.MISSING: "not_found",
    Held.TOO_LATE: "too_late_to_hold",
    Held.NOT_HELD: "not_held",
    Held.HELD_ALREADY: "held_already",
    Held.NOT_YOURS: "held_by_operator",
}


@router.get("", operation_id="list_holds", **openapi.listing("hold", openapi.MODE_FILTER))
async def list_(request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Open holds, newest first, of live mail unless told otherwise."""
    query = Query(request, ("mode",))
    mode, limit = query.get("mode", one_of(("live", "test"))) or "live", query.limit
    query.check()
    services = services_of(request)
    listed = operators_list("/v1/ops/holds", operator, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            rows = list_holds(tx, mode, page)
        return listed.body(page, rows, [ops_views.hold(row._mapping) for row in rows])

    return json_answer(await run_in_threadpool(read))


@router.post("", operation_id="place_hold", **openapi.changing(HoldIn, "hold", 409))
async def place(request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Keep a piece back until it is released. Its promise runs on."""
    wanted = validated(HoldIn, await read_json(request))
    by = deed(request, operator, wanted.reason)
    wish = HoldWish(wanted.code, by.who, wanted.reason)
    ended = await run_in_threadpool(lambda: holding(request).hold(checked_id(wanted.mail), wish, deed=by))
    return _answer(ended, wanted.mail)


@router.post("/{id}/release", operation_id="release_hold", **openapi.changing(ReasonIn, "hold", 409))
async def release(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Let a piece go on, whoever held it; `id` is the piece's."""
    by = deed(request, operator, validated(ReasonIn, await read_json(request)).reason)
    ended = await run_in_threadpool(lambda: holding(request).release(checked_id(id), by.who, deed=by))
    return _answer(ended, id, held=False)


def _answer(ended: Held, piece_id: str, *, held: bool = True) -> Response:
    if ended is not Held.DONE:
        raise Problem(PROBLEMS[ended])
    return json_answer({"object": "hold", "mail": piece_id, "held": held})

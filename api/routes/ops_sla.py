"""/v1/ops/sla: the board, excuses and suspensions; and /v1/ops/audit, what operators did. Operators' keys only."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, ops_views
from api.auth import Operator
from api.auth import operator as key_holder
from api.bodies import read_json
from api.faults import fault, validated
from api.ops_schemas import ExcuseIn, ReasonIn, SuspensionIn
from api.problems import Problem, invalid
from api.queries import Query, at_most
from api.routes.answers import checked_id, found, json_answer
from api.routes.operators import deed, holding, operators_list, whole_list
from api.services import services_of
from pipeline.repository.audits import AuditFilter, list_audit
from pipeline.repository.printers import printer_named
from pipeline.repository.suspensions import Suspension, end_suspension, find_suspension, list_suspensions
from pipeline.repository.writing import write_again
from pipeline.worker import board as boards
from pipeline.worker.excusing import excuse_batch, excuse_cause, excuse_pieces

router = APIRouter(prefix="/v1/ops", tags=["operation"])

LONGEST_SUSPENSION = timedelta(days=60)
_SHOWN_BACK = timedelta(days=30)


@router.get("/sla/board", operation_id="get_sla_board", **openapi.reading("sla_board"))
async def board(request: Request, operator: Operator = Depends(key_holder)) -> Response:  # noqa: ARG001  # any may
    """Each truck, the soonest first, with what is due for it and who will miss; what is stuck, held and in doubt."""
    services = services_of(request)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            return ops_views.board(boards.look(tx, services.machine_clock()))

    return json_answer(await run_in_threadpool(read))


@router.post("/sla/excuses", operation_id="excuse_misses", **openapi.changing(ExcuseIn, "excuse"))
async def excuse(request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Say why promises are, or will be, missed: the report counts those apart. Kept ones are left alone."""
    wanted = validated(ExcuseIn, await read_json(request))
    if [wanted.mail, wanted.batch, wanted.cause].count(None) != 2:
        raise invalid([fault("invalid_value", "/mail", "Give one of mail, batch and cause.")])
    if wanted.product is not None and wanted.cause is None:
        raise invalid([fault("invalid_value", "/product", "A product goes with a cause.")])
    services, by = services_of(request), deed(request, operator, wanted.reason)

    def save() -> list[str] | None:
        db, clock, ids = services.db, services.machine_clock, services.ids
        if wanted.batch is not None:
            return excuse_batch(db, checked_id(wanted.batch), by, clock=clock, ids=ids)
        if wanted.cause is not None:
            return excuse_cause(db, wanted.cause, wanted.product, by, clock=clock, ids=ids)
        return excuse_pieces(db, wanted.mail or (), by, clock=clock, ids=ids)

    done = found(await run_in_threadpool(save))
    return json_answer({"object": "excuse", "mail": done, "reason": wanted.reason})


@router.get("/sla/suspensions", operation_id="list_suspensions", **openapi.reading("suspension_list"))
async def suspensions(request: Request, operator: Operator = Depends(key_holder)) -> Response:  # noqa: ARG001
    """Suspensions that are ahead, or were over less than 30 days ago, by their first day."""
    services = services_of(request)

    def read() -> list[dict[str, Any]]:
        with services.db.read() as tx:
            rows = list_suspensions(tx, services.machine_clock().date() - _SHOWN_BACK)
        return [ops_views.suspension(row._mapping) for row in rows]

    return json_answer(whole_list("/v1/ops/sla/suspensions", await run_in_threadpool(read)))


@router.post(
    "/sla/suspensions", operation_id="add_suspension", **openapi.changing(SuspensionIn, "suspension", status=201)
)
async def suspend(request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Let days not count: for a printer, for ZIP codes, or for all. Open promises that this touches are put off, and told."""
    wanted = validated(SuspensionIn, await read_json(request))
    services, by = services_of(request), deed(request, operator, wanted.reason)
    _check(wanted)

    def save() -> dict[str, Any]:
        one = Suspension(wanted.first, wanted.last, _printer_id(request, wanted), wanted.zip3, wanted.reason)
        suspension_id, put_off = holding(request).suspend(one, by)
        with services.db.read() as tx:
            return {**ops_views.suspension(found(find_suspension(tx, suspension_id))._mapping), "put_off": put_off}

    return json_answer(await run_in_threadpool(save), 201)


@router.post("/sla/suspensions/{id}/end", operation_id="end_suspension", **openapi.changing(ReasonIn, "suspension"))
async def end(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Let today and what follows count again. What was put off stays put off."""
    wanted = validated(ReasonIn, await read_json(request))
    services, by = services_of(request), deed(request, operator, wanted.reason)

    def save(tx: Connection) -> bool:
        return end_suspension(tx, checked_id(id), services.machine_clock().date(), by, ids=services.ids)

    if not await run_in_threadpool(write_again, services.db, save):
        raise Problem("not_found")
    return json_answer({"object": "suspension", "id": id, "ended": True})


@router.get("/audit", operation_id="list_audit", **openapi.listing("audit", openapi.AUDIT_FILTERS))
async def audit(request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """What operators did, newest first."""
    query = Query(request, ("subject", "action", "who"))
    wanted = AuditFilter(*(query.get(name, at_most(100)) for name in ("subject", "action", "who")))
    limit = query.limit
    query.check()
    services = services_of(request)
    listed = operators_list("/v1/ops/audit", operator, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            rows = list_audit(tx, wanted, page)
        return listed.body(page, rows, [ops_views.audit(row._mapping) for row in rows])

    return json_answer(await run_in_threadpool(read))


def _check(wanted: SuspensionIn) -> None:
    if not wanted.first <= wanted.last <= wanted.first + LONGEST_SUSPENSION:
        detail = f"The last day does not lie from {wanted.first} to {wanted.first + LONGEST_SUSPENSION}."
        raise invalid([fault("out_of_range", "/last", detail)])
    if wanted.printer is not None and wanted.zip3 is not None:
        raise invalid([fault("invalid_value", "/zip3", "A suspension is of a printer or of ZIP codes, not of both.")])


def _printer_id(request: Request, wanted: SuspensionIn) -> str | None:
    if wanted.printer is None:
        return None
    with services_of(request).db.read() as tx:
        row = printer_named(tx, "live", wanted.printer)
    if row is None:
        raise invalid([fault("invalid_value", "/printer", f"There is no printer {wanted.printer}.")])
    printer_id: str = row.id
    return printer_id

"""/v1/ops/batches: what was frozen for which printer, and how far it has come; taking a batch back, sending it elsewhere,
splitting it, and settling a doubt. Operators' keys only.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, ops_views
from api.auth import Operator
from api.auth import operator as key_holder
from api.bodies import read_json
from api.faults import validated
from api.ops_schemas import ReasonIn, RerouteIn, SettleIn, SplitIn
from api.problems import Problem
from api.queries import Query, at_most, one_of
from api.routes.answers import checked_id, found, json_answer
from api.routes.operators import deed, operators_list
from api.services import services_of
from pipeline.lifecycle import BatchStatus
from pipeline.repository.batch_reading import BatchFilter, batch_details, list_batches
from pipeline.repository.batches import batch_mode
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.repository.printers import printer_named
from pipeline.stages.recall import Outcome, Recall
from pipeline.stages.stage import Context
from pipeline.worker.rerouting import CannotRerouteError, Rerouted, Rerouting

router = APIRouter(prefix="/v1/ops/batches", tags=["operation"])


@router.get("", operation_id="list_batches", **openapi.listing("batch", openapi.BATCH_FILTERS))
async def list_(request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Newest first, of live mail unless told otherwise. `printer` is a printer's name."""
    query = Query(request, ("mode", "status", "printer"))
    mode = query.get("mode", one_of(("live", "test"))) or "live"
    status = query.get("status", one_of([status.value for status in BatchStatus]))
    printer, limit = query.get("printer", at_most(40)), query.limit
    query.check()
    services = services_of(request)
    listed = operators_list("/v1/ops/batches", operator, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            named = None if printer is None else printer_named(tx, mode, printer)
            unknown = printer is not None and named is None
            wanted = BatchFilter(mode, BatchStatus(status) if status else None, named.id if named else None)
            rows = [] if unknown else list_batches(tx, wanted, page)
        return listed.body(page, rows, [ops_views.batch(row) for row in rows])

    return json_answer(await run_in_threadpool(read))


@router.get("/{id}", operation_id="get_batch", **openapi.reading("batch"))
async def show(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:  # noqa: ARG001  # any may
    """With why it was closed, its drops, its pieces by status, and what its printer said of it."""
    services = services_of(request)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            return ops_views.batch_details(found(batch_details(tx, checked_id(id))))

    return json_answer(await run_in_threadpool(read))


@router.post("/{id}/recall", operation_id="recall_batch", **openapi.changing(ReasonIn, "recall", 409))
async def recall(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Take a batch back before its printer takes it. What is lost changes nothing; what is `asked` is tried again."""
    by = deed(request, operator, validated(ReasonIn, await read_json(request)).reason)
    outcomes = await run_in_threadpool(_recall, request, id, lambda desk: desk.recall(id, by))
    return _told("recall", id, outcomes)


@router.post("/{id}/settle", operation_id="settle_batch", **openapi.changing(SettleIn, "settlement", 409))
async def settle(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Say whether the printer has a batch in doubt. Not taken: its pieces are made again, as possible duplicates."""
    wanted = validated(SettleIn, await read_json(request))
    by = deed(request, operator, wanted.reason)
    said = {"taken": wanted.taken, "even_if_taken": wanted.even_if_taken}
    outcomes = await run_in_threadpool(_recall, request, id, lambda desk: desk.settle(id, by, **said))
    return _told("settlement", id, outcomes)


@router.post("/{id}/reroute", operation_id="reroute_batch", **openapi.changing(RerouteIn, "reroute", 409))
async def reroute(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Send what is not made yet to another printer: free before the hand-over, by a won recall after it."""
    wanted = validated(RerouteIn, await read_json(request))
    by = deed(request, operator, wanted.reason)
    done = await run_in_threadpool(_reroute, request, id, lambda desk: desk.reroute(id, wanted.printer, by))
    return json_answer(rerouted("reroute", id, done))


@router.post("/{id}/split", operation_id="split_batch", **openapi.changing(SplitIn, "split", 409))
async def split(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Keep some of a batch's pieces at its printer, and send the others away."""
    wanted = validated(SplitIn, await read_json(request))
    by = deed(request, operator, wanted.reason)
    done = await run_in_threadpool(_reroute, request, id, lambda desk: desk.split(id, wanted.keep, wanted.printer, by))
    return json_answer(rerouted("split", id, done))


def rerouted(kind: str, batch_id: str, done: Rerouted) -> dict[str, Any]:
    return {
        "object": kind,
        "batch": batch_id,
        "drops": [_outcome(one) for one in done.outcomes],
        "batches": [{"batch": one.batch_id, "printer": one.printer, "pieces": one.pieces} for one in done.frozen],
        "left": done.left,
    }


def _recall(request: Request, batch_id: str, work: Callable[[Recall], list[Outcome]]) -> list[Outcome]:
    _check(request, batch_id)
    with services_of(request).open_recall() as desk:
        return work(desk)


def _reroute(request: Request, batch_id: str, work: Callable[[Rerouting], Rerouted]) -> Rerouted:
    _check(request, batch_id)
    services = services_of(request)
    context = Context("live", services.db, services.ids, services.machine_clock, LiveLineClock(services.machine_clock))
    with services.open_recall() as desk:
        try:
            return work(Rerouting(context, desk, services.doorbell))
        except CannotRerouteError as error:
            raise Problem("cannot_reroute", f"{error}.", extra={"cause": error.code}) from None


def _check(request: Request, batch_id: str) -> None:
    """Only live mail is at printers that anybody would have to call."""
    with services_of(request).db.read() as tx:
        if batch_mode(tx, checked_id(batch_id)) != "live":
            raise Problem("not_found")


def _told(kind: str, batch_id: str, outcomes: Sequence[Outcome]) -> Response:
    if not outcomes:
        raise Problem("nothing_to_do", f"The batch {batch_id} has no drop of that kind.")
    return json_answer({"object": kind, "batch": batch_id, "drops": [_outcome(one) for one in outcomes]})


def _outcome(one: Outcome) -> dict[str, Any]:
    fields = asdict(one)
    return {"drop": fields.pop("stem"), **fields}

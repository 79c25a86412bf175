"""/v1/ops/printers/{id}/acks: what a printer said, file by file, and what of it was refused. Operators' keys only."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, ops_views
from api.auth import Operator
from api.auth import operator as key_holder
from api.queries import Query, one_of
from api.routes.answers import found, json_answer
from api.routes.operators import operators_list
from api.services import services_of
from pipeline.repository.ack_reading import list_acks
from pipeline.repository.printers import live_printer, printer_named

router = APIRouter(prefix="/v1/ops/printers", tags=["operation"])


@router.get("/{id}/acks", operation_id="list_acks", **openapi.listing("ack", openapi.ACK_FILTERS))
async def list_(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Newest first, each with its faults; `state` is null where nothing in the file was good. `{id}` is a printer's name or id."""
    query = Query(request, ("faulty",))
    faulty = query.get("faulty", one_of(("true", "false"))) == "true"
    limit = query.limit
    query.check()
    services = services_of(request)
    listed = operators_list(f"/v1/ops/printers/{id}/acks", operator, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            printer = found(printer_named(tx, "live", id) or live_printer(tx, id))
            rows = list_acks(tx, printer.id, page, faulty=faulty)
        return listed.body(page, rows, [ops_views.ack(row) for row in rows])

    return json_answer(await run_in_threadpool(read))

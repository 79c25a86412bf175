"""/v1/ops/mail: what an operator decides of a single piece, of any account. Operators' keys only."""

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi
from api.auth import Operator
from api.auth import operator as key_holder
from api.bodies import read_json
from api.faults import validated
from api.ops_schemas import ReasonIn
from api.problems import Problem
from api.routes.answers import checked_id, json_answer
from api.routes.operators import deed
from api.services import services_of
from pipeline.worker.failing import FailedAs, Failing

router = APIRouter(prefix="/v1/ops/mail", tags=["operation"])

PROBLEMS = {FailedAs.MISSING: "not_found", FailedAs.TOO_LATE: "too_late_to_fail"}


@router.post("/{id}/fail", operation_id="fail_mail", **openapi.changing(ReasonIn, "failure", 409))
async def fail(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Give a piece up for good: its sender is told `mail.failed` with the reason. What is in the mail cannot fail.

    Where it is in a `batch`, its printer may still make it: recall the batch, or ring the press room.
    """
    by = deed(request, operator, validated(ReasonIn, await read_json(request)).reason)
    services = services_of(request)
    failing = Failing(services.db, services.machine_clock, services.ids)
    failed = await run_in_threadpool(lambda: failing.fail(checked_id(id), by))
    if failed.ended is not FailedAs.DONE:
        raise Problem(PROBLEMS[failed.ended])
    return json_answer({"object": "failure", "mail": id, "status": "failed", "batch": failed.batch_id})

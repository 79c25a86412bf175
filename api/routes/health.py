"""/healthz and /readyz, for whoever watches the process."""

import structlog
from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi
from api.problems import Problem
from api.routes.answers import json_answer
from api.services import services_of
from pipeline.repository.tables import prices

log = structlog.get_logger()

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="get_health", **openapi.open_to_all("health"))
async def healthz() -> Response:
    """The process lives."""
    return json_answer({"status": "ok"})


@router.get("/readyz", operation_id="get_readiness", **openapi.open_to_all("readiness", 503))
async def readyz(request: Request) -> Response:
    """The process can take orders: its database answers and has its tables."""

    def look() -> None:
        with services_of(request).db.read() as tx:
            tx.execute(select(prices).limit(1)).all()

    try:
        await run_in_threadpool(look)
    except SQLAlchemyError as error:
        log.warning("not_ready", reason=type(error).__name__)
        raise Problem("not_ready", "The database does not answer, or has no tables.") from error
    return json_answer({"status": "ready"})

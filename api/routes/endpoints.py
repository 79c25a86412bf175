"""/v1/webhook_endpoints: where an account wants its events sent, and how that went."""

import base64
import secrets
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, views
from api.auth import sender as key_holder
from api.bodies import read_json
from api.faults import below, validated
from api.idempotency import once, refusal, replay
from api.paging import List
from api.problems import Problem, invalid
from api.queries import Query
from api.routes.answers import checked_id, found, json_answer
from api.schemas import EndpointChange, EndpointIn
from api.services import request_id_of, services_of
from pipeline.repository import endpoints
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Known, Refused
from pipeline.repository.writing import write_again

router = APIRouter(prefix="/v1/webhook_endpoints", tags=["webhooks"])

_SECRET_BYTES = 32


@router.post("", operation_id="create_webhook_endpoint", **openapi.creating(EndpointIn, "webhook_endpoint"))
async def create(request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Name a URL that is told of events. The answer shows the signing secret, this once."""
    services = services_of(request)
    value = await read_json(request)
    wanted = validated(EndpointIn, value)
    key = once(request, "/v1/webhook_endpoints", value)
    await _check_target(request, sender, wanted.url)
    row = {
        "url": wanted.url,
        "events": wanted.events or ["*"],
        "ordered": wanted.ordered is not False,
        "description": wanted.description or "",
        "secrets": [_new_secret()],
    }

    def save(tx: Connection) -> tuple[str, str] | Known | Refused:
        return endpoints.create_endpoint(
            tx,
            sender,
            row,
            once=key,
            request_id=request_id_of(request),
            render=views.endpoint_with_secret_json,
            now=services.machine_clock(),
            ids=services.ids,
        )

    outcome = await run_in_threadpool(write_again, services.db, save)
    if isinstance(outcome, Known):
        return replay(outcome)
    if isinstance(outcome, Refused):
        raise refusal(outcome)
    endpoint_id, body = outcome
    return Response(body, 201, {"Location": f"/v1/webhook_endpoints/{endpoint_id}"}, media_type="application/json")


@router.get("", operation_id="list_webhook_endpoints", **openapi.listing("webhook_endpoint"))
async def list_(request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Endpoints, newest first."""
    query = Query(request)
    limit = query.limit
    query.check()
    services = services_of(request)
    listed = List("/v1/webhook_endpoints", sender, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            rows = endpoints.list_endpoints(tx, sender, page)
        return listed.body(page, rows, [views.endpoint(row._mapping) for row in rows])

    return json_answer(await run_in_threadpool(read))


@router.get("/{id}", operation_id="get_webhook_endpoint", **openapi.reading("webhook_endpoint"))
async def get(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """One endpoint."""

    def read() -> Any:
        with services_of(request).db.read() as tx:
            return found(endpoints.find_endpoint(tx, sender, checked_id(id)))

    return json_answer(views.endpoint((await run_in_threadpool(read))._mapping))


@router.patch("/{id}", operation_id="change_webhook_endpoint", **openapi.changing(EndpointChange, "webhook_endpoint"))
async def change(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Change what is named; the rest stays as it is."""
    services = services_of(request)
    wanted = validated(EndpointChange, await read_json(request))
    if wanted.url is not None:
        await _check_target(request, sender, wanted.url)
    changes = {
        name: value
        for name in ("url", "events", "ordered", "description")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.disabled is not None:
        changes["disabled_at"] = services.machine_clock() if wanted.disabled else None
        changes["disabled_reason"] = endpoints.PAUSED if wanted.disabled else None

    def save(tx: Connection) -> Any:
        return found(endpoints.change_endpoint(tx, sender, checked_id(id), changes))

    return json_answer(views.endpoint((await run_in_threadpool(write_again, services.db, save))._mapping))


@router.delete("/{id}", operation_id="delete_webhook_endpoint", **openapi.deleting())
async def delete(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Delete an endpoint, and cancel what was still to be sent there."""
    services = services_of(request)

    def save(tx: Connection) -> bool:
        return endpoints.delete_endpoint(tx, sender, checked_id(id), now=services.machine_clock())

    if not await run_in_threadpool(write_again, services.db, save):
        raise Problem("not_found")
    return Response(status_code=204)


@router.get("/{id}/deliveries", operation_id="list_webhook_deliveries", **openapi.listing("delivery"))
async def deliveries(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """What was sent there, newest first, with every attempt."""
    query = Query(request)
    limit = query.limit
    query.check()
    services = services_of(request)
    listed = List(f"/v1/webhook_endpoints/{checked_id(id)}/deliveries", sender, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            found(endpoints.find_endpoint(tx, sender, id))
            rows = endpoints.list_deliveries(tx, id, page)
            tried = endpoints.attempts_of(tx, [row.id for row in rows])
        shown = [views.delivery(row._mapping, [one._mapping for one in tried[row.id]]) for row in rows]
        return listed.body(page, rows, shown)

    return json_answer(await run_in_threadpool(read))


async def _check_target(request: Request, sender: Sender, url: str) -> None:
    faults = await run_in_threadpool(services_of(request).check_target, sender.mode, url)
    if faults:
        raise invalid(below("" if faults[0].pointer else "/url", faults))


def _new_secret() -> str:
    """As Standard Webhooks has them: `whsec_` and 24 to 64 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()

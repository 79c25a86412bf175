"""/v1/events: the log of everything that an account's webhooks tell of, oldest first, to be read at one's own pace."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, views
from api.auth import sender as key_holder
from api.paging import List
from api.queries import Query, some_of
from api.routes.answers import json_answer
from api.services import services_of
from pipeline.lifecycle import EVENT_TYPES
from pipeline.repository import mail
from pipeline.repository.accounts import Sender

router = APIRouter(prefix="/v1/events", tags=["events"])


@router.get("", operation_id="list_events", **openapi.listing("event", openapi.EVENT_FILTERS))
async def list_(request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Events by their place in the log. `next_cursor` is always there: keep it, and ask again for what came since."""
    query = Query(request, ("types",))
    types = query.get("types", some_of(EVENT_TYPES)) or ()
    limit = query.limit
    query.check()
    services = services_of(request)
    listed = List("/v1/events", sender, query.filters, services.pepper)
    after = int(listed.read(query.cursor)[1]) if query.cursor is not None else 0

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            rows = mail.event_log(tx, sender, after=after, limit=limit + 1, types=types)
        shown = rows[:limit]
        return {
            "object": "list",
            "url": "/v1/events",
            "data": [views.event(row._mapping) for row in shown],
            "has_more": len(rows) > limit,
            "next_cursor": listed.cursor("after", str(shown[-1].position if shown else after)),
            "previous_cursor": None,
        }

    return json_answer(await run_in_threadpool(read))

"""The outermost layer: a Request-Id on every answer, and an answer for every failure, without traces.

Plain ASGI: Starlette's own middleware class costs as much as the rest of a small request.
"""

import traceback

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, render
from pipeline.models.types import Ids

log = structlog.get_logger()

_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


class Edge:
    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._ids.new("req")
        scope.setdefault("state", {})["request_id"] = request_id
        named = (b"request-id", request_id.encode())
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], named, *_HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:  # the edge of the process: nothing may leave without an answer
            log.error("request.failed", request_id=request_id, error=type(error).__name__, trace=_trace(error))
            if started:
                raise
            await _fail(request_id, send_named)


def _trace(error: BaseException) -> list[str]:
    """Where it happened. Not what: messages and values may hold names, addresses or keys."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


async def _fail(request_id: str, send: Send) -> None:
    rendered = render(Problem("internal_error"), request_id)
    headers = [(name.lower().encode(), value.encode()) for name, value in rendered.headers.items()]
    headers.append((b"content-length", str(len(rendered.body)).encode()))
    await send({"type": "http.response.start", "status": rendered.status, "headers": headers})
    await send({"type": "http.response.body", "body": rendered.body})

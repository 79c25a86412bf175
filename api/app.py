"""The HTTP API. `create_app` makes it from its services; everything it needs is in them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match

from api import openapi
from api.artwork import Inspection
from api.auth import Keyring
from api.desk import Desk
from api.edge import Edge
from api.ops_schemas import (
    ExcuseIn,
    HoldIn,
    PrinterChange,
    PrinterIn,
    ReasonIn,
    RerouteIn,
    SettleIn,
    SplitIn,
    SuspensionIn,
)
from api.problems import CODES, Problem, invalid, render
from api.routes import (
    creatives,
    endpoints,
    events,
    health,
    mail,
    ops_acks,
    ops_batches,
    ops_holds,
    ops_mail,
    ops_printers,
    ops_sla,
    reference,
    sandbox,
)
from api.schemas import ClockChange, CreativeIn, EndpointChange, EndpointIn, PieceIn
from api.services import Services, request_id_of
from pipeline.errors import Permanent, Transient
from pipeline.models.profile import PrinterProfile

log = structlog.get_logger()

_ROUTERS = (
    mail,
    creatives,
    endpoints,
    events,
    sandbox,
    reference,
    health,
    ops_sla,
    ops_acks,
    ops_batches,
    ops_holds,
    ops_mail,
    ops_printers,
)
_OPERATORS_BODIES = (ExcuseIn, HoldIn, ReasonIn, RerouteIn, SettleIn, SplitIn, SuspensionIn, PrinterIn, PrinterChange)
_BODIES = (PieceIn, CreativeIn, EndpointIn, EndpointChange, ClockChange, PrinterProfile, *_OPERATORS_BODIES)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def create_app(services: Services) -> FastAPI:
    """The application. Its writer thread starts and ends with it, as the ASGI lifespan says."""
    app = FastAPI(
        title="MailStream",
        version=version("mailstream"),
        description="Direct mail by API. Times are UTC, errors are problem+json, and every answer has a Request-Id.",
        redirect_slashes=False,
        lifespan=_lifespan,
        redoc_url=None,
    )
    app.state.services = services
    app.state.keyring = Keyring(services)
    app.state.inspection = Inspection(services)
    for module in _ROUTERS:
        app.include_router(module.router)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Transient, _on_transient)
    app.add_exception_handler(Permanent, _on_permanent)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_middleware(Edge, ids=services.ids)
    openapi.install(app, _BODIES)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.desk = Desk(app.state.services, app.state.inspection)
    try:
        yield
    finally:
        app.state.desk.close()


def _answer(request: Request, problem: Problem) -> Response:
    rendered = render(problem, request_id_of(request))
    return Response(rendered.body, rendered.status, rendered.headers)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # narrows the type: it is registered for that alone
    return _answer(request, error)


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 405:
        allowed = _allowed(request)
        return _answer(request, Problem("method_not_allowed", headers={"Allow": ", ".join(allowed)}))
    return _answer(request, Problem("unknown_route" if error.status_code == 404 else "malformed_request"))


def _on_transient(request: Request, error: Exception) -> Response:
    assert isinstance(error, Transient)  # noqa: S101
    log.warning("request.transient", code=error.code, request_id=request_id_of(request))
    known = error.code in CODES and CODES[error.code].status == 503
    wait_s = max(1, round(error.retry_after_s or 1))
    return _answer(request, Problem(error.code if known else "overloaded", headers={"Retry-After": str(wait_s)}))


def _on_permanent(request: Request, error: Exception) -> Response:
    assert isinstance(error, Permanent)  # noqa: S101
    if error.faults:
        return _answer(request, invalid(error.faults))
    log.error("request.permanent", code=error.code, request_id=request_id_of(request))
    return _answer(request, Problem("internal_error"))


def _on_disconnect(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return _answer(request, Problem("length_mismatch"))


def _allowed(request: Request) -> list[str]:
    """All methods of the path, over all its routes."""
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    routes = request.app.router.routes
    return [name for name, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]

"""/v1/ops/printers: where live mail is printed, and how each printer wants its work. Operators' keys only.

`{id}` is a printer's name or its id.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection, Row
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, ops_views
from api.auth import Operator
from api.auth import operator as key_holder
from api.bodies import read_json
from api.faults import below, fault, validated
from api.ops_schemas import PrinterChange, PrinterIn, ReasonIn
from api.problems import Problem, invalid
from api.queries import Query, one_of
from api.routes.answers import found, json_answer
from api.routes.operators import deed, whole_list
from api.services import services_of
from pipeline.errors import Fault, Permanent
from pipeline.models.profile import PrinterProfile
from pipeline.press.sheets.fitting import fitting_profile
from pipeline.repository import printers as repository
from pipeline.repository.printers import Deed, live_printer, printer_named
from pipeline.repository.writing import write_again

router = APIRouter(prefix="/v1/ops/printers", tags=["operation"])

_LISTING: dict[str, Any] = {
    **openapi.reading("printer_list"),
    "openapi_extra": {"parameters": openapi.MODE_FILTER},
}
Change = Callable[[Connection, Row[Any]], bool]
"""Changes a printer as it was read; False where somebody else changed it meanwhile. Raises `Permanent`."""


@router.get("", operation_id="list_printers", **_LISTING)
async def list_(request: Request, operator: Operator = Depends(key_holder)) -> Response:  # noqa: ARG001  # any may
    """By name, of live mail unless told otherwise."""
    query = Query(request, ("mode",))
    mode = query.get("mode", one_of(("live", "test"))) or "live"
    query.check()
    services = services_of(request)

    def read() -> list[dict[str, Any]]:
        with services.db.read() as tx:
            return [ops_views.printer(row._mapping) for row in repository.list_printers(tx, mode)]

    return json_answer(whole_list("/v1/ops/printers", await run_in_threadpool(read)))


@router.post("", operation_id="add_printer", **openapi.changing(PrinterIn, "printer", 409, status=201))
async def add(request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """What the profile leaves out has the defaults of a 13x19 digital press."""
    wanted = validated(PrinterIn, await read_json(request))
    profile, by = _checked(wanted.profile), deed(request, operator, wanted.reason)
    services = services_of(request)

    def save(tx: Connection) -> dict[str, Any]:
        try:
            added = repository.add_printer(tx, wanted.name, profile, by, ids=services.ids)
        except Permanent as error:
            raise _refused(error) from None
        if added is None:
            raise Problem("printer_exists", f"There is a printer {wanted.name} already.")
        return _shown(tx, wanted.name)

    return json_answer(await run_in_threadpool(write_again, services.db, save), 201)


@router.get("/{id}", operation_id="get_printer", **openapi.reading("printer"))
async def get(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:  # noqa: ARG001
    """A printer of live mail, with its whole profile."""
    services = services_of(request)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            return _shown(tx, id)

    return json_answer(await run_in_threadpool(read))


@router.patch("/{id}", operation_id="change_printer", **openapi.changing(PrinterChange, "printer", 409))
async def change(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Change fields of the profile, all or none of them. Batches that are frozen keep the old ones."""
    wanted = validated(PrinterChange, await read_json(request))
    by, ids = deed(request, operator, wanted.reason), services_of(request).ids

    def save(tx: Connection, row: Row[Any]) -> bool:
        if wanted.revision not in (None, row.revision):
            raise Problem("printer_changed", f"{row.name} is at revision {row.revision}.")
        profile = _checked(merged(row.profile, wanted.profile))
        if profile.model_dump(mode="json") == row.profile:
            return True
        return repository.edit_printer(tx, row, profile, by, ids=ids)

    return await _change(request, id, save)


@router.post("/{id}/suspend", operation_id="suspend_printer", **openapi.changing(ReasonIn, "printer", 409))
async def suspend(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """Give a printer no more batches. What was not handed over goes to another that can make it; the rest goes on."""
    return await _suspend(request, id, operator, off=False)


@router.post("/{id}/resume", operation_id="resume_printer", **openapi.changing(ReasonIn, "printer", 409))
async def resume(id: str, request: Request, operator: Operator = Depends(key_holder)) -> Response:
    """End a suspension."""
    return await _suspend(request, id, operator, off=True)


def merged(profile: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The profile with a merge patch on it (RFC 7396): objects are merged, other values replaced, null takes away."""
    result = dict(profile)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result


async def _suspend(request: Request, name: str, operator: Operator, *, off: bool) -> Response:
    by: Deed = deed(request, operator, validated(ReasonIn, await read_json(request)).reason)
    ids = services_of(request).ids

    def save(tx: Connection, row: Row[Any]) -> bool:
        if (row.suspended_at is None) == off:
            return True
        return repository.suspend_printer(tx, row, by, off=off, ids=ids)

    return await _change(request, name, save)


async def _change(request: Request, name: str, change: Change) -> Response:
    def save(tx: Connection) -> dict[str, Any]:
        row = _found(tx, name)
        try:
            if not change(tx, row):
                raise Problem("printer_changed")
        except Permanent as error:
            raise _refused(error) from None
        return _shown(tx, name)

    return json_answer(await run_in_threadpool(write_again, services_of(request).db, save))


def _shown(tx: Connection, name: str) -> dict[str, Any]:
    return ops_views.printer(_found(tx, name)._mapping)


def _found(tx: Connection, name: str) -> Row[Any]:
    """By its name or its id. Raises `Problem` for what is none of live mail's."""
    row: Row[Any] = found(printer_named(tx, "live", name) or live_printer(tx, name))
    return row


def _checked(profile: Any) -> PrinterProfile:
    """Raises `Problem` with a pointer to each wrong field."""
    try:
        return fitting_profile(profile)
    except Permanent as error:
        raise invalid(below("/profile", map(_worded, error.faults))) from None


def _refused(error: Permanent) -> Problem:
    """What other printers, or drops, do not allow."""
    return Problem(error.code, f"{error}.", faults=below("/profile", error.faults))


def _worded(one: Fault) -> Fault:
    """As a sentence, and with the remedy of its code where it has none."""
    said, remedy = (f"{text[:1].upper()}{text[1:]}." if text else "" for text in (one.detail, one.remedy))
    return replace(fault(one.code, one.pointer, said), **({"remedy": remedy} if remedy else {}))

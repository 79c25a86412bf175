"""/v1/mail: ordering a piece, following it, holding it, and calling it off."""

import tempfile
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Row
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, views
from api.artwork import Inspection
from api.auth import sender as key_holder
from api.bodies import Received, received
from api.desk import Brought, Desk
from api.door import admit_piece
from api.idempotency import once, refusal, replay
from api.paging import List
from api.problems import Problem
from api.queries import Query, at_most, one_of, some_of, time_of
from api.routes.answers import checked_id, found, json_answer
from api.routes.operators import holding
from api.routes.ops_holds import PROBLEMS
from api.schemas import METADATA_KEY, PieceIn, SideIn
from api.services import Services, request_id_of, services_of
from pipeline.lifecycle import Status
from pipeline.models.profile import Postage
from pipeline.press.mailing import Mailing
from pipeline.press.sheets.address_lines import printed_lines
from pipeline.products import PRODUCTS
from pipeline.repository import mail
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Known, Refused
from pipeline.repository.holds import HoldWish
from pipeline.repository.mail import MailFilter
from pipeline.repository.orders import Order
from pipeline.worker.holding import Held

router = APIRouter(prefix="/v1/mail", tags=["mail"])

_SIDES = ("front", "back")
_BOUNDS = ("gt", "gte", "lt", "lte")
_MOST_METADATA_FILTERS = 5


@router.post("", operation_id="create_mail", **openapi.creating(PieceIn, "mail", files=_SIDES))
async def create(request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Order one piece: JSON, or multipart with the JSON in the part `mail` and files in `front` and `back`."""
    desk: Desk = request.app.state.desk
    async with received(request, json_part="mail", file_parts=_SIDES) as body:
        piece = admit_piece(body.value, files=frozenset(body.files))
        order = _order(request, sender, piece, body)
        outcome = await desk.take(order, _brought(piece, body))
    if isinstance(outcome, Known):
        return replay(outcome)
    if isinstance(outcome, Refused):
        raise refusal(outcome)
    return Response(outcome.body, 201, {"Location": outcome.location}, media_type="application/json")


@router.get("", operation_id="list_mail", **openapi.listing("mail", openapi.MAIL_FILTERS))
async def list_(request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Pieces, newest first."""
    query = Query(request, ("status", "product", "external_id"), ("created", "metadata"))
    wanted = MailFilter(
        statuses=query.get("status", some_of([status.value for status in Status])) or (),
        product=query.get("product", one_of(PRODUCTS)),
        external_id=query.get("external_id", at_most(64)),
        accepted=query.family("created", lambda bound, text: time_of(text) if one_of(_BOUNDS)(bound) else None),
        metadata=query.family("metadata", _metadata),
    )
    limit = query.limit
    query.check()
    services = services_of(request)
    listed = List("/v1/mail", sender, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            rows = mail.list_pieces(tx, sender, wanted, page)
        return listed.body(page, rows, [_shown(services, row) for row in rows])

    return json_answer(await run_in_threadpool(read))


@router.get("/{id}", operation_id="get_mail", **openapi.reading("mail"))
async def get(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """One piece."""
    row = await run_in_threadpool(_find, request, sender, checked_id(id))
    return json_answer(_shown(services_of(request), row))


@router.get("/{id}/events", operation_id="list_mail_events", **openapi.reading("event_list"))
async def events(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Everything that happened to a piece, in sequence; webhooks tell of most of it."""

    def read() -> list[dict[str, Any]]:
        with services_of(request).db.read() as tx:
            found(mail.find_piece(tx, sender, checked_id(id)))
            return [views.event(row._mapping) for row in mail.piece_events(tx, sender, id)]

    shown = await run_in_threadpool(read)
    ends = {"has_more": False, "next_cursor": None, "previous_cursor": None}
    return json_answer({"object": "list", "url": f"/v1/mail/{id}/events", "data": shown, **ends})


@router.get("/{id}/proof", operation_id="get_mail_proof", **openapi.reading("proof", media_type="application/pdf"))
async def proof(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Both sides of a piece as they print, with what is known of it by now; 404 until its artwork is prepared."""
    inspection: Inspection = request.app.state.inspection
    made = await inspection.prove(partial(_prove, request, sender, checked_id(id)))
    return Response(made, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{id}.pdf"'})


@router.post("/{id}/cancel", operation_id="cancel_mail", **openapi.reading("mail", 409))
async def cancel(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Call a piece off, until it is frozen into a batch. Canceling it again changes nothing."""
    services, request_id = services_of(request), request_id_of(request)

    def run() -> Any:
        return mail.cancel(
            services.db,
            sender,
            checked_id(id),
            request_id=request_id,
            machine_clock=services.machine_clock,
            ids=services.ids,
        )

    row = found(await run_in_threadpool(run))
    if row.status != Status.CANCELED:
        detail = f"The piece is {row.status}."
        raise Problem("too_late_to_cancel", detail, extra={"mail_status": row.status})
    return json_answer(_shown(services_of(request), row))


@router.post("/{id}/hold", operation_id="hold_mail", **openapi.reading("mail", 409))
async def hold(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Keep a piece back until it is released. While its sender holds it, the time of its promise stands still."""
    wish = HoldWish("asked", f"request:{request_id_of(request)}", stops_count=True)
    ended = await run_in_threadpool(lambda: holding(request).hold(checked_id(id), wish, sender=sender))
    return await _after(request, sender, id, ended, fine=Held.HELD_ALREADY)


@router.post("/{id}/release", operation_id="release_mail", **openapi.reading("mail", 409))
async def release(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Let a piece that was held go on, with a new due time. What an operator holds, only an operator releases."""
    by = f"request:{request_id_of(request)}"
    ended = await run_in_threadpool(lambda: holding(request).release(checked_id(id), by, sender=sender))
    return await _after(request, sender, id, ended)


def _shown(services: Services, row: Row[Any]) -> dict[str, Any]:
    return views.mail(row._mapping, row._mapping, services.machine_clock())


async def _after(request: Request, sender: Sender, id: str, ended: Held, *, fine: Held | None = None) -> Response:
    if ended is not Held.DONE and ended is not fine:
        raise Problem(PROBLEMS[ended])
    row = await run_in_threadpool(_find, request, sender, id)
    return json_answer(_shown(services_of(request), row))


def _order(request: Request, sender: Sender, piece: PieceIn, body: Received) -> Order:
    return Order(
        sender=sender,
        request_id=request_id_of(request),
        once=once(request, "/v1/mail", body.value, {name: file.sha256 for name, file in body.files.items()}),
        product=piece.product,
        mail_class=piece.class_ or "first_class",
        deliverability=piece.deliverability or "normal",
        send_on=date.fromisoformat(piece.send_on) if piece.send_on else None,
        metadata=piece.metadata or {},
        external_id=piece.external_id,
        to=piece.to.fields(),
        from_=piece.from_.fields() if piece.from_ else None,
        front=_creative(piece.front) or "",
        back=_creative(piece.back),
        print_sides=piece.sides or "duplex",
    )


def _creative(side: SideIn | None) -> str | None:
    """The creative that a side names; a side that comes as a file has none yet."""
    return side.creative if side else None


def _brought(piece: PieceIn, body: Received) -> Brought:
    sides = {at: side for at, side in {"/front": piece.front, "/back": piece.back}.items() if side is not None}
    return Brought(
        files={f"/{name}": file for name, file in body.files.items()},
        texts={at: side.base64 for at, side in sides.items() if side.base64 is not None},
        html={at: side.html for at, side in sides.items() if side.html is not None},
        merge=piece.merge or {},
    )


def _find(request: Request, sender: Sender, piece_id: str) -> Any:
    with services_of(request).db.read() as tx:
        return found(mail.find_piece(tx, sender, piece_id))


def _prove(request: Request, sender: Sender, piece_id: str) -> bytes:
    services = services_of(request)
    with services.db.read() as tx:
        piece = found(mail.find_piece(tx, sender, piece_id))
        printing = found(mail.find_printing(tx, piece))
    product = PRODUCTS[piece.product]
    mailing = Mailing(
        address=printed_lines(piece.standardized or piece.given, product),
        return_address=printed_lines(piece.sender, product) if piece.sender else (),
        imb=piece.imb or "",
        mail_class=piece.mail_class,
        postage=Postage.model_validate(printing.postage) if printing.postage else None,
        sides=piece.print_sides or "duplex",
    )
    art = {side: services.storage.fetch(key) for side, key in printing.artwork.items()}
    with tempfile.TemporaryDirectory(prefix="mailstream-proof-") as folder:
        out = Path(folder, "proof.pdf")
        services.mail_proof(art, product, mailing, out)
        return out.read_bytes()


def _metadata(key: str, value: str) -> str:
    if not METADATA_KEY.fullmatch(key):
        raise ValueError("There are no metadata keys like that.")
    return at_most(500)(value)

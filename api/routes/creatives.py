"""/v1/creatives: artwork on its own, checked and stored once, to be used by many pieces."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from api import openapi, views
from api.artwork import Inspection, unpack, unread
from api.auth import sender as key_holder
from api.bodies import read_creative
from api.door import product_faults
from api.faults import fault, validated
from api.idempotency import once, refusal, replay
from api.pages import Page, template_fault, template_page
from api.paging import List
from api.problems import invalid
from api.queries import Query, one_of
from api.routes.answers import checked_id, found, json_answer
from api.schemas import CreativeIn, CreativePart
from api.services import Services, request_id_of, services_of
from api.uploads import Uploaded
from pipeline.ports import Note
from pipeline.press.html.merge import MergeError, fields
from pipeline.products import PRODUCTS
from pipeline.repository import answers, creatives
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Known, Once, Refused
from pipeline.repository.creatives import Stored, Upload
from pipeline.repository.writing import write_again

router = APIRouter(prefix="/v1/creatives", tags=["creatives"])


@router.post(
    "",
    operation_id="create_creative",
    **openapi.creating(CreativeIn, "creative", files=("file",), json_part="product"),
)
async def create(request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Upload artwork for one side of a product. The same bytes again give the same creative, with status 200.

    HTML with fields becomes a template: `merge_fields` says what `merge` of a piece that uses it has to hold.
    """
    services = services_of(request)
    async with _upload(request) as (product, file, value):
        key = once(request, "/v1/creatives", value, {"file": file.sha256})
        outcome = await _store(request, Upload(sender, request_id_of(request), key, product, unread(file)), file)
    if isinstance(outcome, Known):
        return replay(outcome)
    if isinstance(outcome, Refused):
        raise refusal(outcome)
    if outcome.new:
        services.doorbell.ring(Note("prepare", sender.mode))
    location = {"Location": f"/v1/creatives/{outcome.creative_id}"}
    return Response(outcome.body, 201 if outcome.new else 200, location, media_type="application/json")


@router.get("", operation_id="list_creatives", **openapi.listing("creative", openapi.PRODUCT_FILTER))
async def list_(request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """Creatives, newest first."""
    query = Query(request, ("product",))
    product = query.get("product", one_of(PRODUCTS))
    limit = query.limit
    query.check()
    services = services_of(request)
    listed = List("/v1/creatives", sender, query.filters, services.pepper)
    page = listed.page(limit, query.cursor)

    def read() -> dict[str, Any]:
        with services.db.read() as tx:
            rows = creatives.list_creatives(tx, sender, page, product=product)
        return listed.body(page, rows, [views.creative_body(row._mapping) for row in rows])

    return json_answer(await run_in_threadpool(read))


@router.get("/{id}", operation_id="get_creative", **openapi.reading("creative"))
async def get(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """One creative."""
    return json_answer(views.creative_body((await _find(request, sender, id))._mapping))


@router.get("/{id}/report", operation_id="get_creative_report", **openapi.reading("preflight_report"))
async def report(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """What preflight said of it, and why it was rejected if it was."""
    row = await _find(request, sender, id)
    return json_answer({"object": "preflight_report", "creative": row.id, "status": row.status, **row.report})


@router.get("/{id}/proof", operation_id="get_creative_proof", **openapi.reading("proof", media_type="image/png"))
async def proof(id: str, request: Request, sender: Sender = Depends(key_holder)) -> Response:
    """A picture of it as it will be printed; 404 until there is one."""
    row = await _find(request, sender, id)
    key = found(row.proof_key)
    path = await run_in_threadpool(services_of(request).storage.fetch, key)
    return FileResponse(path, media_type="image/png", filename=f"{id}.png")


@asynccontextmanager
async def _upload(request: Request) -> AsyncIterator[tuple[str, Uploaded, dict[str, str]]]:
    """Product, file, and what else makes the request the same one."""
    async with read_creative(request) as (value, file):
        if file is not None:
            product = _known_product(validated(CreativePart, value).product)
            yield product, file, {"product": product}
            return
        sent = validated(CreativeIn, value)
        product = _known_product(sent.product)
        with tempfile.TemporaryDirectory(prefix="mailstream-artwork-") as folder:
            unpacked = await run_in_threadpool(_unpack, sent, Path(folder))
            yield product, unpacked, {"product": product}


def _unpack(sent: CreativeIn, folder: Path) -> Uploaded:
    """Raises `Problem`."""
    ways = [name for name in ("base64", "html") if getattr(sent, name) is not None]
    if len(ways) != 1:
        code, detail = (
            ("invalid_value", "base64 and html are both given.") if ways else ("missing_field", "There is no artwork.")
        )
        raise invalid(
            [fault(code, "/html" if ways else "/base64", detail, "Give one of base64 and html, or send a file.")]
        )
    if sent.base64 is not None:
        return unpack(sent.base64, folder / "file", "/base64")
    try:
        if sent.merge and not fields(sent.html or ""):
            raise invalid([fault("merge_without_template", "/merge", "The HTML has no fields.")])
        return template_page(sent.html or "", sent.merge or {}, folder / "file.html")
    except MergeError as error:
        raise invalid([template_fault(error, "/html")]) from None


def _known_product(product: str) -> str:
    faults = list(product_faults(product))
    if faults:
        raise invalid(faults)
    return product


async def _store(request: Request, upload: Upload, file: Uploaded) -> Stored | Known | Refused:
    """The creative, committed; artwork that this account sent before is not inspected again."""
    services = services_of(request)
    inspection: Inspection = request.app.state.inspection
    known, seen = await run_in_threadpool(_look, services, upload)
    if known is not None:
        return known
    if not seen:
        # HTML stands in the body, and its pointer says where.
        at = "" if isinstance(file, Page) else "/file"
        passed, faults = await inspection.inspect({at: file}, upload.product)
        if faults:
            return Refused(faults[0].code, tuple(faults))
        artwork = await inspection.store(passed[at], file, upload.product, upload.sender)
        upload = Upload(upload.sender, upload.request_id, upload.once, upload.product, artwork)
    return await run_in_threadpool(_write, services, upload)


def _look(services: Services, upload: Upload) -> tuple[Known | Refused | None, bool]:
    """The answer that the request's key has, if any; and whether the same bytes are here already."""
    with services.db.read() as tx:
        known = _known(services, upload.sender, upload.once)
        same = creatives.same_creative(tx, upload.sender, upload.product, upload.artwork.sha256)
    return known, same is not None


def _known(services: Services, sender: Sender, once: Once | None) -> Known | Refused | None:
    if once is None:
        return None
    scope = (sender.account_id, sender.mode, once.key)
    with services.db.read() as tx:
        kept = answers.find(tx, {scope}, now=services.machine_clock())
    return answers.known_or_reused(once, kept[scope]) if kept else None


def _write(services: Services, upload: Upload) -> Stored | Known | Refused:
    return write_again(
        services.db,
        lambda tx: creatives.store_creative(
            tx, upload, render=views.creative_json, now=services.machine_clock(), ids=services.ids
        ),
    )


async def _find(request: Request, sender: Sender, creative_id: str) -> Any:
    def read() -> Any:
        with services_of(request).db.read() as tx:
            return found(creatives.find_creative(tx, sender, checked_id(creative_id)))

    return await run_in_threadpool(read)

"""/v1/products and /v1/errors: what can be ordered, and every way in which a request can fail."""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi, views
from api.auth import sender as key_holder
from api.problems import CODES, Problem, entry, registry
from api.routes.answers import json_answer
from api.services import services_of
from pipeline.press.proofs.template import write_template
from pipeline.products import PRODUCTS
from pipeline.repository.accounts import Sender
from pipeline.repository.prices import read_prices

router = APIRouter(prefix="/v1", tags=["reference"])


@router.get("/products", operation_id="list_products", **openapi.reading("product_list"))
async def products(request: Request, sender: Sender = Depends(key_holder)) -> Response:  # noqa: ARG001  # any sender may
    """What can be ordered: sizes, zones and prices."""

    def read() -> list[dict[str, Any]]:
        with services_of(request).db.read() as tx:
            return views.products(read_prices(tx))

    return json_answer(_all("/v1/products", await run_in_threadpool(read)))


@router.get(
    "/products/{id}/template",
    operation_id="get_product_template",
    **openapi.reading("template", media_type="application/pdf"),
)
async def template(id: str, sender: Sender = Depends(key_holder)) -> Response:  # noqa: ARG001  # any sender may
    """A PDF of the artwork's size, a page a side, with trim, safe line and zones drawn and named."""
    if id not in PRODUCTS:
        raise Problem("not_found")
    drawn = await run_in_threadpool(_template, id)
    headers = {"Content-Disposition": f'attachment; filename="{id}-template.pdf"'}
    return Response(drawn, media_type="application/pdf", headers=headers)


@lru_cache(maxsize=len(PRODUCTS))
def _template(name: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="mailstream-template-") as folder:
        out = Path(folder, "template.pdf")
        write_template(PRODUCTS[name], out)
        return out.read_bytes()


@router.get("/errors", operation_id="list_errors", **openapi.open_to_all("error_code_list"))
async def errors() -> Response:
    """Every code that an answer can carry."""
    return json_answer(_all("/v1/errors", registry()))


@router.get("/errors/{code}", operation_id="get_error", **openapi.open_to_all("error_code", 404))
async def error(code: str) -> Response:
    """One code; problems point here."""
    if code not in CODES:
        raise Problem("not_found")
    return json_answer(entry(code))


def _all(url: str, data: list[dict[str, Any]]) -> dict[str, Any]:
    ends = {"has_more": False, "next_cursor": None, "previous_cursor": None}
    return {"object": "list", "url": url, "data": data, **ends}

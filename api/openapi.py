"""What /openapi.json says of routes that read their bodies by themselves: bodies, parameters, answers, problems."""

from collections.abc import Collection, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.problems import CODES, MEDIA_TYPE
from api.schemas import METADATA_KEY
from pipeline.lifecycle import EVENT_TYPES, BatchStatus, Status
from pipeline.products import PRODUCTS

_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes it safe to send the request again: it is done once, for 30 days live, 24 hours in test.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_PAGING = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}},
    {"name": "cursor", "in": "query", "schema": {"type": "string", "maxLength": 1000}},
]


def _several(name: str, choices: Sequence[str]) -> dict[str, Any]:
    """A parameter with values separated by commas."""
    values = {"type": "array", "maxItems": len(choices), "items": {"type": "string", "enum": list(choices)}}
    return {"name": name, "in": "query", "style": "form", "explode": False, "schema": values}


_TIME = {"type": "string", "format": "date-time", "maxLength": 40}
PRODUCT_FILTER = [{"name": "product", "in": "query", "schema": {"type": "string", "enum": sorted(PRODUCTS)}}]
MODE_FILTER = [{"name": "mode", "in": "query", "schema": {"type": "string", "enum": ["live", "test"]}}]
BATCH_FILTERS = [
    *MODE_FILTER,
    {"name": "status", "in": "query", "schema": {"type": "string", "enum": [status.value for status in BatchStatus]}},
    {"name": "printer", "in": "query", "schema": {"type": "string", "minLength": 1, "maxLength": 40}},
]
ACK_FILTERS = [{"name": "faulty", "in": "query", "schema": {"type": "string", "enum": ["true", "false"]}}]
AUDIT_FILTERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "minLength": 1, "maxLength": 100}}
    for name in ("subject", "action", "who")
]
EVENT_FILTERS = [_several("types", sorted(EVENT_TYPES))]
MAIL_FILTERS = [
    _several("status", [status.value for status in Status]),
    *PRODUCT_FILTER,
    {"name": "external_id", "in": "query", "schema": {"type": "string", "maxLength": 64}},
    *({"name": f"created[{bound}]", "in": "query", "schema": _TIME} for bound in ("gt", "gte", "lt", "lte")),
    {
        "name": "metadata",
        "in": "query",
        "style": "deepObject",
        "explode": True,
        "schema": {
            "type": "object",
            "maxProperties": 5,
            "propertyNames": {"type": "string", "pattern": f"^{METADATA_KEY.pattern}$"},
            "additionalProperties": {"type": "string", "maxLength": 500},
        },
    },
]
_ALWAYS = (400, 401, 403, 405, 422, 500, 503)


def creating(
    model: type[BaseModel], answer: str, *, files: Sequence[str] = (), json_part: str = "mail", status: int = 201
) -> dict[str, Any]:
    """The keywords of a POST that makes something, from JSON or from multipart with these files."""
    bodies: dict[str, Any] = {"application/json": {"schema": _ref(model)}}
    if files:
        parts = {json_part: _ref(model)} if json_part == "mail" else {json_part: {"type": "string", "maxLength": 40}}
        parts |= {name: {"type": "string", "format": "binary"} for name in files}
        bodies["multipart/form-data"] = {"schema": {"type": "object", "properties": parts, "required": [json_part]}}
    more = {"parameters": [_KEY_PARAMETER], "requestBody": {"required": True, "content": bodies}}
    return {"openapi_extra": more, **_answers(answer, 409, 413, 415, status=status)}


def changing(model: type[BaseModel], answer: str, *statuses: int, status: int = 200) -> dict[str, Any]:
    """The keywords of a request with a JSON body that may be repeated safely."""
    body = {"required": True, "content": {"application/json": {"schema": _ref(model)}}}
    answers = _answers(answer, 404, 413, 415, *statuses, status=status)
    return {"openapi_extra": {"requestBody": body}, **answers}


def listing(answer: str, parameters: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"openapi_extra": {"parameters": [*parameters, *_PAGING]}, **_answers(f"{answer}_list")}


def reading(answer: str, *statuses: int, media_type: str = "application/json") -> dict[str, Any]:
    return _answers(answer, 404, *statuses, media_type=media_type)


def open_to_all(answer: str, *statuses: int) -> dict[str, Any]:
    """The keywords of a route that asks for no key."""
    return {**_answers(answer, *statuses, always=(405, 500)), "openapi_extra": {"security": []}}


def deleting() -> dict[str, Any]:
    return {"status_code": 204, "response_model": None, "responses": _problems((*_ALWAYS, 404))}


def install(app: FastAPI, models: Collection[type[BaseModel]]) -> None:
    """Let `app` describe itself, with the bodies that its routes read by themselves."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, models)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _describe(app: FastAPI, models: Collection[type[BaseModel]]) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for model in models:
        own = model.model_json_schema(ref_template="#/components/schemas/{model}", by_alias=True)
        schemas |= own.pop("$defs", {})
        schemas[model.__name__] = own
    schemas["Problem"] = _PROBLEM
    schema["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: ms_live_… or ms_test_…"},
        "basic": {"type": "http", "scheme": "basic", "description": "An API key as user name, no password"},
    }
    schema["security"] = [{"key": []}, {"basic": []}]
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"] = {
                code: answer for code, answer in operation["responses"].items() if not _is_fastapis(answer)
            }
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return schema


def _is_fastapis(answer: dict[str, Any]) -> bool:
    return "HTTPValidationError" in str(answer)


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _answers(
    answer: str,
    *statuses: int,
    status: int = 200,
    always: Sequence[int] = _ALWAYS,
    media_type: str = "application/json",
) -> dict[str, Any]:
    shown = {"description": answer, "content": {media_type: {"schema": {"type": "object"}}}}
    responses: dict[int | str, Any] = {status: shown, **_problems((*always, *statuses))}
    return {"status_code": status, "response_model": None, "responses": responses}


def _problems(statuses: Collection[int]) -> dict[int | str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _codes(status), "content": content} for status in sorted(set(statuses))}


def _codes(status: int) -> str:
    return ", ".join(sorted(name for name, code in CODES.items() if code.status == status))


_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "request_id", "retryable"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "instance", "remedy", "request_id", "doc_url"), _TEXT),
        "code": {"type": "string", "enum": sorted(CODES)},
        "status": {"type": "integer"},
        "param": {"type": ["string", "null"]},
        "retryable": {"type": "boolean"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "pointer", "detail", "remedy"],
                "properties": dict.fromkeys(("code", "pointer", "detail", "remedy"), _TEXT),
            },
        },
    },
}

"""The Idempotency-Key header, and the fingerprint that tells one request from another.

The key may come bare or as a quoted string (the IETF draft's way); both are the same key.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.problems import Problem
from pipeline.repository.answers import Known, Once, Refused

HEADER = "Idempotency-Key"
_BARE = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: Request) -> str | None:
    """Raises `Problem` when the key cannot be used, or there are two."""
    values = request.headers.getlist(HEADER)
    if not values:
        return None
    if len(values) > 1:
        raise Problem("malformed_idempotency_key", "The header Idempotency-Key was sent more than once.")
    text = values[0].strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not _BARE.fullmatch(text):
        raise Problem("malformed_idempotency_key")
    return text


def once(request: Request, route: str, value: Any, files: Mapping[str, str] | None = None) -> Once | None:
    """What makes a request the same one: method, route, the JSON whatever its order and spacing, file digests."""
    key = idempotency_key(request)
    if key is None:
        return None
    asked = [request.method, route, value, sorted((files or {}).items())]
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return Once(key, sha256(text.encode()).hexdigest())


def replay(known: Known) -> Response:
    """The first answer again, byte for byte."""
    headers = {"Idempotent-Replayed": "true", "Original-Request-Id": known.request_id}
    if known.location is not None:
        headers["Location"] = known.location
    return Response(known.body, known.status_code, headers, media_type="application/json")


def refusal(refused: Refused) -> Problem:
    headers = {"Retry-After": str(refused.retry_after_s)} if refused.retry_after_s is not None else {}
    extra = {"existing_id": refused.existing_id} if refused.existing_id is not None else {}
    return Problem(refused.code, refused.detail, faults=refused.faults, headers=headers, extra=extra)

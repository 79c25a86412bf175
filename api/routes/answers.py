"""The small things that routes share: answers in JSON, and ids from paths."""

import re
from typing import Any

from starlette.responses import Response

from api.problems import Problem
from api.views import to_json

_ID = re.compile(r"[a-z]{2}_[0-9a-hjkmnp-tv-z]{26}")


def json_answer(value: Any, status_code: int = 200) -> Response:
    return Response(to_json(value), status_code, media_type="application/json")


def checked_id(text: str) -> str:
    """An id that could be one of ours. Raises the same `Problem` as one that is not there."""
    if not _ID.fullmatch(text):
        raise Problem("not_found")
    return text


def found(row: Any) -> Any:
    """The row, or the `Problem` that it is not there; the same for what is somebody else's."""
    if row is None:
        raise Problem("not_found")
    return row

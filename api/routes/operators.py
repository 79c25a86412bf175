"""What operators' routes share: who acts and why, lists that belong to a key, and the actions' own machinery."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from api.auth import Operator
from api.paging import List
from api.services import services_of
from pipeline.repository.accounts import Sender
from pipeline.repository.printers import Deed
from pipeline.worker.holding import Holding


def deed(request: Request, operator: Operator, reason: str) -> Deed:
    """For the audit: an operator at the API is known by the key."""
    return Deed(f"key:{operator.key_id}", services_of(request).machine_clock(), reason)


def holding(request: Request) -> Holding:
    services = services_of(request)
    return Holding(services.db, services.machine_clock, services.ids)


def operators_list(url: str, operator: Operator, filters: Mapping[str, str], pepper: str) -> List:
    """A list whose cursors are this key's."""
    return List(url, Sender(operator.key_id, "op"), filters, pepper)


def whole_list(url: str, data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A list that has no pages."""
    ends = {"has_more": False, "next_cursor": None, "previous_cursor": None}
    return {"object": "list", "url": url, "data": list(data), **ends}

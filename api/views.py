"""What senders are shown. One function an object, from the columns of its rows; times are RFC 3339 in UTC."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from pipeline.lifecycle import PROMISE_OPEN, SlaState
from pipeline.products import PRODUCTS, Box, Product
from pipeline.repository.prices import CURRENCY, Price

Columns = Mapping[str, Any] | RowMapping


def to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def moment(at: datetime | None) -> str | None:
    """`2026-11-24T15:04:05.678Z`"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z" if at else None


def mail_json(piece: Columns, recipient: Columns) -> str:
    """A piece as it is when it is accepted."""
    return to_json(mail(piece, recipient, piece["accepted_at"]))


def mail(piece: Columns, recipient: Columns, now: datetime) -> dict[str, Any]:
    """One piece. All its times are line time: `now` for a live piece, its account's sandbox clock for a test piece."""
    return {
        "id": piece["id"],
        "object": "mail",
        "livemode": piece["mode"] == "live",
        "status": piece["status"],
        "product": piece["product"],
        "class": piece["mail_class"],
        "deliverability": piece["deliverability"],
        "to": recipient["given"],
        "from": recipient.get("sender"),
        "standardized": recipient.get("standardized"),
        "front": _side(piece["front_creative_id"]),
        "back": _side(piece["back_creative_id"]),
        "sheets": piece["sheets"],
        "sides": piece["print_sides"],
        "sla": _sla(piece, piece.get("line_now") or now),
        "send_on": piece["send_on"].isoformat() if piece["send_on"] else None,
        "cancelable_until": moment(piece["freeze_from"]),
        "mailed_at": moment(piece.get("mailed_at")),
        "price": {"cents": piece["price_cents"], "currency": CURRENCY},
        "tracking": {"imb": piece.get("imb")},
        "metadata": piece["metadata"],
        "external_id": piece["external_id"],
        "proof": f"/v1/mail/{piece['id']}/proof",
        "errors": piece.get("errors") or [],
        "created_at": moment(piece["accepted_at"]),
    }


def _sla(piece: Columns, now: datetime) -> dict[str, Any]:
    """`stage` is what the piece waits in, while its promise is open; `slack_s` what is left of it, or was when it was mailed.

    `mail_by` is the truck for which its batch is made, once it has one. While its sender holds it, its promise stands still since
    `stopped_at`: what is left of it stays, and `due_at` is known again when it is released. `cause` and `detail` say why it will
    be, or was, missed, as soon as that is known.
    """
    open_ = piece["status"] in PROMISE_OPEN
    told = piece["sla_state"] in (SlaState.AT_RISK, SlaState.BREACHED)
    stopped_at = piece.get("stopped_at") if open_ else None
    until = stopped_at or (now if open_ else piece.get("mailed_at"))
    return {
        "due_at": None if stopped_at else moment(piece["due_at"]),
        "mail_by": moment(piece.get("mail_by")) if open_ else None,
        "stopped_at": moment(stopped_at),
        "state": piece["sla_state"],
        "cause": piece.get("sla_cause") if told else None,
        "detail": piece.get("sla_detail") if told else None,
        "stage": piece["status"] if open_ else None,
        "slack_s": None if until is None else (piece["due_at"] - until) // timedelta(seconds=1),
    }


def creative_json(creative: Columns) -> str:
    return to_json(creative_body(creative))


def creative_body(creative: Columns) -> dict[str, Any]:
    proof = creative.get("proof_key") is not None
    return {
        "id": creative["id"],
        "object": "creative",
        "livemode": creative["mode"] == "live",
        "status": creative.get("status", "checked"),
        "product": creative["product"],
        "kind": creative["kind"],
        "sha256": creative["sha256"],
        "size_bytes": creative["size_bytes"],
        "pages": creative["report"].get("pages", 1),
        "merge_fields": creative["report"].get("merge_fields", []),
        "report": f"/v1/creatives/{creative['id']}/report",
        "proof": f"/v1/creatives/{creative['id']}/proof" if proof else None,
        "created_at": moment(creative["created_at"]),
    }


def event(row: Columns) -> dict[str, Any]:
    """`sequence` orders the events of one piece; `position` is the place in the log, once the event is published."""
    return {
        "id": row["id"],
        "object": "event",
        "livemode": row["mode"] == "live",
        "type": row["type"],
        "mail": row["piece_id"],
        "status": row["status"],
        "sequence": row["sequence"],
        "position": row["position"],
        "at": moment(row["at"]),
        "recorded_at": moment(row["recorded_at"]),
        "evidence": row["evidence"],
    }


def endpoint(row: Columns) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "webhook_endpoint",
        "livemode": row["mode"] == "live",
        "url": row["url"],
        "events": row["events"],
        "ordered": row["ordered"],
        "description": row["description"],
        "disabled_at": moment(row["disabled_at"]),
        "disabled_reason": row["disabled_reason"],
        "created_at": moment(row["created_at"]),
    }


def endpoint_with_secret_json(row: Columns) -> str:
    """The answer to its creation, the only one that shows the secret."""
    return to_json({**endpoint(row), "secret": row["secrets"][0]})


def delivery(row: Columns, tried: Sequence[Columns]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "delivery",
        "event": row["event_id"],
        "type": row["type"],
        "mail": row["piece_id"],
        "sequence": row["sequence"],
        "status": row["status"],
        "next_attempt_at": moment(row["next_attempt_at"]),
        "delivered_at": moment(row["delivered_at"]),
        "created_at": moment(row["created_at"]),
        "attempts": [_attempt(one) for one in tried],
    }


def clock(row: Columns) -> dict[str, Any]:
    return {
        "object": "sandbox_clock",
        "line_now": moment(row["line_now"]),
        "rate": row["rate"],
        "advance_to": moment(row["advance_to"]),
    }


def products(prices: Mapping[tuple[str, str], Price]) -> list[dict[str, Any]]:
    return [_product(product, prices) for product in PRODUCTS.values()]


def _product(product: Product, prices: Mapping[tuple[str, str], Price]) -> dict[str, Any]:
    classes = {mail_class: price for (name, mail_class), price in sorted(prices.items()) if name == product.name}
    return {
        "object": "product",
        "name": product.name,
        "title": product.title,
        "trim_in": [product.trim_width_in, product.trim_height_in],
        "artwork_in": [product.bleed_width_in, product.bleed_height_in],
        "bleed_in": product.bleed_in,
        "safe_in": product.safe_in,
        "min_ppi": product.min_ppi,
        "address_side": product.address_side,
        product.address_side: {
            "ink_free": _box(product.ink_free),
            "indicia": _box(product.indicia),
            "address": _box(product.address),
            "return_address": _box(product.return_address),
            "barcode_clear": _box(product.barcode_clear),
        },
        "glue": _box(product.glue),
        "sheet_mark": _box(product.sheet_mark),
        "folds": [vars(fold) for fold in product.folds],
        "most_sheets": product.most_sheets,
        "most_pages": product.most_pages,
        "stock": product.stock,
        "weight_oz": product.weight_oz,
        "caliper_in": product.caliper_in,
        "size_class": product.size_class,
        "template": f"/v1/products/{product.name}/template",
        "prices": {mail_class: _price(price) for mail_class, price in classes.items()},
    }


def _price(price: Price) -> dict[str, Any]:
    return {"cents": price.cents, "further_sheet_cents": price.further_sheet_cents, "currency": CURRENCY}


def _box(box: Box | None) -> dict[str, float] | None:
    """Inches, from the top left of the trim."""
    if box is None:
        return None
    return {"x_in": box.x_in, "y_in": box.y_in, "width_in": box.width_in, "height_in": box.height_in}


def _side(creative_id: str | None) -> dict[str, str] | None:
    if creative_id is None:
        return None
    return {"creative": creative_id, "proof": f"/v1/creatives/{creative_id}/proof"}


def _attempt(row: Columns) -> dict[str, Any]:
    return {
        "number": row["number"],
        "at": moment(row["at"]),
        "delivered": row["delivered"],
        "status_code": row["status_code"],
        "error": row["error"],
        "duration_ms": row["duration_ms"],
        "response": row["response"],
    }

"""What operators are shown: the board and the audit, with times in RFC 3339 and durations in seconds."""

from collections.abc import Sequence
from math import isinf
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from api.faults import below
from api.views import Columns, moment
from pipeline.errors import Fault
from pipeline.models.floor_hours import hour_warnings, hours_in_words
from pipeline.models.profile import PrinterProfile
from pipeline.models.profile_check import model_faults
from pipeline.repository.batch_reading import BatchDetails
from pipeline.sla.board import Miss, TruckRow
from pipeline.worker.board import Board, Doubled, Doubted, Stuck


def board(shown: Board) -> dict[str, Any]:
    """As `GET /v1/ops/sla/board` and `mailstream sla board --json` give it."""
    return {
        "object": "sla_board",
        "at": moment(shown.at),
        "planned_at": moment(shown.planned_at),
        "fresh": shown.fresh,
        "waiting": shown.waiting,
        "trucks": [_truck(row) for row in shown.trucks],
        "stuck": [_stuck(one) for one in shown.stuck],
        "held": [
            {
                "code": one.code,
                "name": one.name,
                "pieces": one.pieces,
                "since": moment(one.since),
                "age_s": round((shown.at - one.since).total_seconds()),
                "stops_count": one.stops_count,
                "example": one.example,
            }
            for one in shown.held
        ],
        "in_doubt": [_drop(one) for one in shown.doubted],
        "possible_duplicates": [_drop(one) for one in shown.doubled],
        "printers": [
            {"name": one.name, "state": one.state, "trouble": one.trouble, "last_ack_at": moment(one.heard_at)}
            for one in shown.printers
        ],
    }


def _truck(row: TruckRow) -> dict[str, Any]:
    return {
        "printer": row.printer,
        "truck": moment(row.truck),
        "zone": row.zone,
        "leaves_in_s": round(row.leaves_in_s),
        "light": row.light,
        "why": list(row.why),
        "latest_start": moment(row.latest_start),
        "last_reroute": moment(row.last_reroute),
        "steps": {step.value: count for step, count in row.steps.items()},
        "needed_per_hour": _rate(row.needed_per_hour),
        "made_per_hour": _rate(row.made_per_hour),
        "finish": moment(row.finish),
        "will_miss": _misses(row.misses),
        "reprints": row.reprints,
        "short": row.short,
        "ack_age_s": None if row.ack_age_s is None else round(row.ack_age_s),
        "batches": list(row.batches),
    }


def _drop(one: Doubted | Doubled) -> dict[str, Any]:
    return {
        "batch": one.batch_id,
        "drop": one.drop,
        "printer": one.printer,
        "pieces": one.pieces,
        "since": moment(one.since),
    }


def _rate(per_hour: float | None) -> int | None:
    """None also where no time is left, which JSON has no number for: `why` says so."""
    return None if per_hour is None or isinf(per_hour) else round(per_hour)


def _stuck(one: Stuck) -> dict[str, Any]:
    return {
        "product": one.key.product,
        "stock": one.key.stock,
        "class": one.key.mail_class,
        "sheets": one.key.sheets,
        "pieces": one.pieces,
        "first_due": moment(one.first_due),
        "code": one.cause.code,
        "cause": one.cause.detail,
        "will_miss": _misses(one.misses),
    }


def _misses(misses: Sequence[Miss]) -> list[dict[str, Any]]:
    return [{"account": miss.account, "pieces": miss.pieces} for miss in misses]


def audit(row: Columns) -> dict[str, Any]:
    """Who did what, when and why."""
    return {
        "id": row["id"],
        "object": "audit",
        "at": moment(row["at"]),
        "who": row["who"],
        "action": row["action"],
        "subject": row["subject"],
        "reason": row["reason"],
        "data": row["data"],
    }


def printer(row: Columns) -> dict[str, Any]:
    """With its whole profile; what is wrong with one that was kept by an older version stands in `faults`.

    Its `hours` are in words, and `warnings` say of which of them it may be a slip that they end on the next day.
    """
    profile, faults = _read(row)
    return {
        "id": row["id"],
        "object": "printer",
        "livemode": row["mode"] == "live",
        "name": row["name"],
        "state": "quarantined" if row["quarantined_at"] else "suspended" if row["suspended_at"] else "open",
        "revision": row["revision"],
        "suspended_at": moment(row["suspended_at"]),
        "quarantined_at": moment(row["quarantined_at"]),
        "last_ack_at": moment(row["last_ack_at"]),
        "trouble": row["trouble"],
        "trouble_since": moment(row["trouble_since"]),
        "created_at": moment(row["created_at"]),
        "profile": row["profile"],
        "hours": hours_in_words(profile.floor) if profile else None,
        "warnings": list(hour_warnings(profile.floor)) if profile else [],
        "faults": [fault.as_dict() for fault in faults],
    }


def _read(row: Columns) -> tuple[PrinterProfile | None, list[Fault]]:
    """A profile, or what is wrong with it."""
    try:
        return PrinterProfile.model_validate(row["profile"]), []
    except ValidationError as error:
        return None, below("/profile", model_faults(error))


def batch(row: Row[Any]) -> dict[str, Any]:
    """A batch as it is listed; `sheets` are press sheets of each of `sheets_per_piece`."""
    return {
        "id": row.id,
        "object": "batch",
        "livemode": row.mode == "live",
        "printer": row.printer,
        "class": row.mail_class,
        **{name: getattr(row, name) for name in _BATCH},
        **{name: moment(getattr(row, name)) for name in ("frozen_at", "mail_by", "due_at")},
    }


def batch_details(one: BatchDetails) -> dict[str, Any]:
    return {
        **batch(one.row),
        "by_status": one.by_status,
        "placements": one.placements,
        "drops": [
            {name: getattr(drop, name) for name in _DROP}
            | {name: moment(getattr(drop, name)) for name in ("handing_over_at", "sent_at", "silent_at")}
            | {"files": [{name: file[name] for name in ("name", "size", "sha256")} for file in drop.files]}
            for drop in one.drops
        ],
        "acks": [ack(row) for row in one.acks],
    }


def ack(row: Row[Any]) -> dict[str, Any]:
    """`named_stem` is the drop that the file names, `drop_stem` the one of which anything in it was good; `fault_count` counts all
    faults, of which `faults` has the first."""
    told = {name: getattr(row, name) for name in _ACK}
    return told | {"object": "ack"} | {name: moment(getattr(row, name)) for name in ("at", "received_at")}


_BATCH = (
    "status", "product", "stock", "pieces", "sheets", "sheets_per_piece", "revision", "reason",
)  # fmt: skip
_DROP = (
    "stem", "status", "revision", "pieces", "sheets", "digest", "last_error", "recall_state", "recall_by", "recall_reason",
)  # fmt: skip
_ACK = ("id", "named_stem", "drop_stem", "state", "name", "faults", "fault_count")


def hold(row: Columns) -> dict[str, Any]:
    """A piece that waits for a decision; one that is not ready yet is `created`, and held when it would be ready."""
    return {
        "id": row["id"],
        "object": "hold",
        "livemode": row["mode"] == "live",
        "mail": row["piece_id"],
        "account": row["account"],
        "status": row["status"],
        "code": row["code"],
        "by": row["by"],
        "note": row["note"],
        "stops_count": row["stops_count"],
        "since": moment(row["since"]),
    }


def suspension(row: Columns) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "suspension",
        "first": row["first"].isoformat(),
        "last": row["last"].isoformat(),
        "printer": row["printer"],
        "zip3": row["zip3"],
        "reason": row["reason"],
        "by": row["by"],
        "created_at": moment(row["created_at"]),
    }

"""Reading the carrier's answers (IV-MTR, piece by IMb): whatever is in them, a record is read or left out, and never breaks us."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from adapters.carriers.facility_time import scan_time
from pipeline.ports import Scan

log = structlog.get_logger()

_TRACKING_DIGITS = 20


class UnreadableError(ValueError):
    """The answer as a whole is not one that the interface knows."""


def read_scans(imb: str, body: Any) -> list[Scan]:
    """The scans in one answer, in its order. A piece not seen yet has `data` null. Raises `UnreadableError`."""
    if not isinstance(body, Mapping) or "data" not in body:
        raise UnreadableError("the answer has no data")
    data = body["data"]
    if data is None:
        return []
    if not isinstance(data, Mapping):
        raise UnreadableError("data is not an object")
    told = str(data.get("imb") or imb)
    if told[:_TRACKING_DIGITS] != imb[:_TRACKING_DIGITS]:
        log.warning("carrier.other_piece", serial=serial(imb), told=serial(told))
        return []
    records = data.get("scans") or []
    if not isinstance(records, list):
        raise UnreadableError("scans is not a list")
    return list(_readable(imb, records))


def serial(imb: str) -> str:
    """What logs may say of a barcode: the serial behind the mailer id, which has 9 digits where it begins with 9 and else 6."""
    return imb[14:20] if imb[5:6] == "9" else imb[11:20]


def _readable(imb: str, records: Iterable[Any]) -> Iterable[Scan]:
    for record in records:
        try:
            yield _scan(imb, record)
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            log.warning("carrier.scan_unreadable", serial=serial(imb), reason=type(error).__name__)


def _scan(imb: str, record: Mapping[str, Any]) -> Scan:
    state, zip_code = _text(record, "scan_facility_state"), _zip(record)
    code = _text(record, "scan_event_code")
    if not code:
        raise ValueError("no operation code")
    return Scan(
        imb=imb,
        at=scan_time(_text(record, "scan_date_time"), state, zip_code),
        code=code,
        phase=_text(record, "mail_phase"),
        handling=_text(record, "handling_event_type"),
        facility_zip=zip_code,
        facility_city=_text(record, "scan_facility_city"),
        facility_state=state,
        machine=_text(record, "machine_name"),
    )


def _text(record: Mapping[str, Any], name: str) -> str:
    """A field as text: numbers where strings are promised have been seen, and so have missing fields and nulls."""
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise TypeError(f"{name} is neither text nor a number")
    return str(value).replace("\x00", "").strip()


def _zip(record: Mapping[str, Any]) -> str:
    """Up to nine digits; a number has lost its leading zeros."""
    text = _text(record, "scan_facility_zip")
    return text.zfill(5) if text else ""

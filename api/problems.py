"""Problems: every answer that is not what was asked for, as problem+json (RFC 9457), from one closed registry.

`/v1/errors` serves the registry. A code is never reused for something else; a code that names a field's fault is also
the code of the whole answer when it comes first.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import Fault

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Code:
    """One kind of problem. `retryable` says whether the same request may succeed later."""

    status: int
    title: str
    remedy: str
    retryable: bool = False


class Problem(Exception):  # noqa: N818  # the word of RFC 9457
    """Ends a request. `detail` says what happened, to what; it carries no names, addresses or secrets."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


@dataclass(frozen=True)
class Rendered:
    """A problem as it goes out."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def invalid(faults: Sequence[Fault]) -> Problem:
    """The problem of a request whose content is wrong: all faults at once, under the code of the first."""
    first = faults[0].code
    code = first if first in CODES and CODES[first].status == 422 else "invalid_request"
    count = f"{len(faults)} things are wrong; the first: " if len(faults) > 1 else ""
    return Problem(code, count + faults[0].detail, faults=faults)


def render(problem: Problem, request_id: str) -> Rendered:
    code = CODES[problem.code]
    url = f"/v1/errors/{problem.code}"
    body: dict[str, Any] = {
        "type": url,
        "title": code.title,
        "status": code.status,
        "detail": problem.detail or code.title,
        "instance": f"urn:mailstream:request:{request_id}",
        "code": problem.code,
        "param": _param(problem.faults),
        "errors": [fault.as_dict() for fault in problem.faults],
        "remedy": code.remedy,
        "request_id": request_id,
        "doc_url": url,
        "retryable": code.retryable,
        **problem.extra,
    }
    headers = {"Content-Type": MEDIA_TYPE, **problem.headers}
    return Rendered(code.status, json.dumps(body, separators=(",", ":")).encode(), headers)


def registry() -> list[dict[str, Any]]:
    """All codes, as `/v1/errors` lists them."""
    return [entry(name) for name in sorted(CODES)]


def entry(name: str) -> dict[str, Any]:
    code = CODES[name]
    return {
        "object": "error_code",
        "code": name,
        "status": code.status,
        "title": code.title,
        "remedy": code.remedy,
        "retryable": code.retryable,
        "url": f"/v1/errors/{name}",
    }


def _param(faults: Sequence[Fault]) -> str | None:
    """The first faulty field, as `to.zip`."""
    return faults[0].pointer.strip("/").replace("/", ".") or None if faults else None


_REQUEST = {
    "malformed_json": Code(400, "The body is not JSON", "Send one JSON object in UTF-8."),
    "malformed_multipart": Code(400, "The body is not multipart/form-data", "Let an HTTP library write the parts."),
    "malformed_request": Code(400, "The request cannot be understood", "Compare it with /openapi.json."),
    "malformed_idempotency_key": Code(
        400, "The Idempotency-Key cannot be used", "Send one key of 1 to 255 visible ASCII characters, such as a UUID."
    ),
    "missing_key": Code(401, "No API key was sent", "Send Authorization: Bearer ms_test_… with the request."),
    "malformed_key": Code(401, "This is not an API key", "Copy the whole key: ms_test_ or ms_live_ and 42 characters."),
    "unknown_key": Code(401, "The API key is not known", "Use a key that this installation made."),
    "expired_key": Code(401, "The API key has expired", "Make a new key, and use that."),
    "revoked_key": Code(401, "The API key was revoked", "Make a new key, and use that."),
    "key_in_url": Code(
        401, "An API key was sent in the URL", "Revoke it, since URLs are logged; send keys in a header."
    ),
    "sender_key_required": Code(403, "This is for senders", "Use a key that begins with ms_live_ or ms_test_."),
    "operator_key_required": Code(403, "This is for operators", "Use a key that begins with ms_op_."),
    "test_key_required": Code(403, "This is for test mode", "Use a key that begins with ms_test_."),
    "not_found": Code(404, "There is no such thing", "Check the id, and that the key has the id's account and mode."),
    "unknown_route": Code(404, "There is no such route", "See /openapi.json for the routes."),
    "method_not_allowed": Code(405, "The route has no such method", "Use one of the methods that Allow lists."),
    "length_mismatch": Code(400, "The body ended early", "Send as many bytes as Content-Length says."),
    "body_too_large": Code(
        413, "The body is too large", "Files may have 25 MB each, JSON 8 MB; send files as multipart."
    ),
    "unsupported_media_type": Code(
        415, "The body's type is not supported", "Send application/json, or multipart/form-data to upload files."
    ),
}
_CONFLICT = {
    "idempotency_key_in_use": Code(409, "A request with this key is under way", "Send it again in a second.", True),
    "external_id_exists": Code(409, "The external_id is taken", "It is permanent: look at the piece that has it."),
    "too_late_to_cancel": Code(
        409, "The piece can no longer be canceled", "A piece can be canceled until it is frozen into a batch."
    ),
    "too_late_to_hold": Code(
        409, "The piece can no longer be held", "A piece can be held until it is frozen into a batch."
    ),
    "too_late_to_fail": Code(409, "The piece can no longer fail", "It is in the mail, or over: look at its status."),
    "held_already": Code(409, "The piece is held already", "Release it, or leave it as it is."),
    "not_held": Code(409, "The piece is not held", "Look at its status: it goes on by itself."),
    "held_by_operator": Code(409, "An operator holds the piece", "Ask whoever runs this service to release it."),
    "cannot_reroute": Code(409, "The batch cannot be sent there", "See detail; nothing was changed."),
    "printer_exists": Code(409, "There is a printer of that name", "Change that one, or choose another name."),
    "printer_changed": Code(409, "The printer was changed meanwhile", "Look at it, and send the change again."),
    "outbox_shared": Code(
        409, "Another printer has the same outbox", "Give each printer a folder, or an account, of its own."
    ),
    "drops_unspoken_of": Code(
        409, "The printer has drops that it never spoke of", "Wait for its word, or recall and settle their batches."
    ),
    "nothing_to_do": Code(409, "The batch has nothing of that kind", "Look at the board for where it is."),
    "too_many_endpoints": Code(409, "There are too many webhook endpoints", "Delete one that is not needed any more."),
}
_SERVER = {
    "internal_error": Code(500, "Something went wrong here", "Send it again, with the same Idempotency-Key.", True),
    "overloaded": Code(503, "Too many requests are waiting", "Send it again after Retry-After.", True),
    "database_unavailable": Code(503, "The database is not available", "Send it again after Retry-After.", True),
    "storage_unavailable": Code(503, "Files cannot be stored at the moment", "Send it again after Retry-After.", True),
    "html_unavailable": Code(
        503, "HTML cannot be made artwork here", "Send PDF, or ask whoever runs this service to install Pango."
    ),
    "not_ready": Code(503, "The service is not ready", "Wait, and look at /readyz again.", True),
}
_FIELD = {
    "invalid_request": Code(422, "The request is wrong", "Correct what errors lists."),
    "idempotency_key_reused": Code(422, "The key was used for another request", "Use a new key for each new request."),
    "missing_field": Code(422, "A field is missing", "Add the field."),
    "unknown_field": Code(422, "A field is unknown", "Remove it, or correct its spelling."),
    "unknown_parameter": Code(422, "A query parameter is unknown", "Remove it, or correct its spelling."),
    "invalid_parameter": Code(422, "A query parameter is wrong", "Correct it."),
    "invalid_cursor": Code(422, "The cursor is not one of ours", "Use next_cursor or previous_cursor as it came."),
    "cursor_mismatch": Code(422, "The cursor belongs to another list", "Keep the filters the same from page to page."),
    "wrong_type": Code(
        422, "A value has the wrong type", "Send the type that /openapi.json gives; nothing is converted."
    ),
    "invalid_value": Code(422, "A value is not allowed", "Use one of the values that /openapi.json gives."),
    "invalid_characters": Code(422, "A text has characters that cannot be used", "Remove control characters."),
    "too_short": Code(422, "A value is too short", "Give a longer value."),
    "too_long": Code(422, "A value is too long", "Shorten it."),
    "too_many_items": Code(422, "There are too many items", "Leave some out."),
    "out_of_range": Code(422, "A number is out of range", "Use a number within the bounds given."),
    "unknown_product": Code(422, "There is no such product", "Use a product that GET /v1/products lists."),
    "class_not_offered": Code(422, "The product is not mailed in this class", "See GET /v1/products."),
    "send_on_out_of_range": Code(422, "The send_on date is out of range", "Use a date from today to 180 days ahead."),
    "unsupported_side": Code(
        422, "A side comes in a way not supported yet", "Send a creative id, base64, html or a file."
    ),
    "merge_without_template": Code(422, "There is nothing to merge into", "Leave merge out: no side is a template."),
    "missing_merge_field": Code(
        422, "A field of the template has no value", "Give merge a value for it; it may be empty."
    ),
    "malformed_template": Code(
        422, "The template's fields cannot be read", "Write each as {{name}}: letters, digits, _."
    ),
    "invalid_base64": Code(422, "The base64 cannot be decoded", "Encode the file's bytes as standard base64."),
    "missing_file": Code(422, "A file is missing", "Add the file as a part of the multipart body."),
    "unexpected_part": Code(422, "A part of the body is not expected", "Send the parts that the route describes."),
    "back_not_taken": Code(
        422, "The product has no artwork for its back", "Put all pages into one file, the front, in their order."
    ),
    "sides_not_taken": Code(422, "The product is no document", "Leave sides out; it is for letters."),
    "too_many_sheets": Code(422, "The document takes too many sheets", "Print it duplex, or leave pages out."),
    "creative_not_found": Code(422, "There is no such creative", "Upload it with a key of the same account and mode."),
    "creative_product_mismatch": Code(422, "The creative is for another product", "Upload the artwork for this one."),
    "creative_rejected": Code(422, "The creative was rejected", "Read its report, correct the artwork, upload again."),
    "clock_backwards": Code(422, "The clock cannot go there", "Name a time ahead of the clock, up to 366 days."),
}
_ADDRESS = {
    "address_unprintable": Code(
        422, "The address cannot be printed", "Shorten or leave out lines; use Latin letters, digits and punctuation."
    ),
    "foreign_country": Code(
        422, "The address is not in the United States", "Mail goes to US states, territories and APO."
    ),
    "invalid_address": Code(422, "The address cannot be mailed to", "Correct the fields that errors lists."),
    "unknown_state": Code(422, "There is no such state", "Give two letters, such as ID or AE, or the state's name."),
    "invalid_zip": Code(422, "The ZIP is not a ZIP", "Give five digits, or nine as 83702-1234; leading zeros count."),
    "zip_not_in_state": Code(422, "The ZIP is not in the state", "Correct the ZIP or the state."),
    "missing_city": Code(422, "The city is missing", "Give the city."),
    "missing_street": Code(422, "The street is missing", "Give house number and street, or a PO box."),
    "missing_house_number": Code(422, "The house number is missing", "Add it in front of the street."),
    "missing_box_number": Code(422, "The number of the box is missing", "Add the number behind the word BOX."),
}
_ARTWORK = {
    "too_large": Code(422, "The file is too large", "Export it again: 300 to 450 ppi are enough, up to 25 MB."),
    "unsupported_file": Code(422, "The file is not PDF, PNG or JPEG", "Export the artwork as PDF, PNG or JPEG."),
    "html_loads_url": Code(
        422, "The HTML loads what is not in it", "Put pictures, fonts and style sheets into it, as data: URLs."
    ),
    "html_broken_part": Code(422, "A part of the HTML cannot be read", "Look at its pictures and style sheets."),
    "html_unreadable": Code(422, "The HTML cannot be made a page", "Simplify it, or send the artwork as PDF."),
    "font_not_embeddable": Code(422, "A font forbids that it be embedded", "Use another font."),
    "damaged_file": Code(422, "The file is damaged", "Export it again."),
    "damaged_image": Code(422, "A picture in the PDF is damaged", "Place it again, and export."),
    "decompression_bomb": Code(422, "The file unpacks to too much", "Export it again as a plain PDF or image."),
    "pdf_encrypted": Code(422, "The PDF is encrypted", "Save it without a password or restrictions."),
    "page_count": Code(422, "The PDF has the wrong number of pages", "Send one page for each side."),
    "too_complex": Code(422, "The file is too complex", "Flatten the artwork and export it again."),
    "wrong_page_size": Code(
        422, "The artwork has the wrong size", "Export it at the bleed size GET /v1/products gives."
    ),
    "low_resolution": Code(422, "The resolution is too low to print", "Use images of at least 300 ppi."),
    "unclear_layers": Code(
        422, "The PDF has layers that show in one place and not in another", "Flatten the layers, and export again."
    ),
    "unembedded_font": Code(422, "A font is not embedded", "Embed all fonts, or convert text to outlines."),
    "missing_glyph": Code(422, "A font lacks characters that are shown", "Set them in a font that has them."),
    "short_bleed": Code(422, "The bleed is not filled", "Let backgrounds run to the edges of the page."),
    "text_outside_safe_area": Code(422, "Text is too near to the trim", "Move it inside the safe area."),
    "white_overprints": Code(422, "White text is set to overprint", "Set white text to knock out."),
    "prints_differently": Code(422, "The artwork would print other than it looks", "Flatten it, and export again."),
    "ink_in_address_zone": Code(422, "Artwork lies where the address goes", "Leave the ink-free zone white."),
    "ink_in_glue_zone": Code(422, "Artwork lies where the glue goes", "Leave the glue zone white."),
    "ink_in_sheet_mark": Code(422, "Artwork lies where the sheet's mark goes", "Leave the mark's place white."),
}
_WEBHOOK = {
    "invalid_url": Code(422, "The URL cannot be a webhook's target", "Use a public https URL."),
}

CODES: dict[str, Code] = {**_REQUEST, **_CONFLICT, **_SERVER, **_FIELD, **_ADDRESS, **_ARTWORK, **_WEBHOOK}

"""From an order to the rows of a piece. Pure: what the database knows is in `Ground`.

The promise starts at acceptance, or at the start of `send_on` in the account's zone when that is later.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pipeline.address.recipient_hash import recipient_hash
from pipeline.errors import Fault
from pipeline.lifecycle import SlaState, Status
from pipeline.models.types import Ids
from pipeline.products import PRODUCTS, sheets_of
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Answer, Refused
from pipeline.repository.orders import Artwork, Order, Side
from pipeline.repository.prices import Price
from pipeline.repository.suspensions import Suspension, suspended_days

Render = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
"""The body of an answer, from the columns of a piece and those of its recipient."""


class DueAt(Protocol):
    """By when a piece must be mailed; see `pipeline.sla.calendar.due_at`."""

    def __call__(self, start: datetime, zone: ZoneInfo, *, promise: str, suspended: Collection[date]) -> datetime: ...


@dataclass(frozen=True)
class Terms:
    """What drafting needs and does not read by itself. `pepper` keys the hashes of recipients."""

    ids: Ids
    pepper: bytes
    due_at: DueAt
    render: Render


FURTHEST_SEND_ON = timedelta(days=180)
_AT_RISK_SHARE = 4
"""A piece that is not mailed when a quarter of its time is left is looked at."""

ArtworkScope = tuple[str, str, str, str]
"""Account, mode, product and content hash."""


@dataclass(frozen=True)
class KnownCreative:
    """A creative as intake sees it, with its pages; `unfit_for_address` is what stops it from being an address side.

    One with `merge_fields` is no side of a piece: the page that it becomes with the piece's values is.
    """

    account_id: str
    mode: str
    product: str
    status: str
    unfit_for_address: tuple[Fault, ...] = ()
    merge_fields: tuple[str, ...] = ()
    pages: int = 1


@dataclass(frozen=True)
class Ground:
    """What the orders of one transaction stand on.

    `line_now` is by account, for test mail; live mail goes by `now`. `artwork` gives every artwork its
    creative: one that exists, or an id for the one to be made, which is then in `new_artwork`.
    """

    now: datetime
    line_now: Mapping[str, datetime]
    prices: Mapping[tuple[str, str], Price]
    creatives: Mapping[str, KnownCreative]
    artwork: Mapping[ArtworkScope, str]
    new_artwork: frozenset[str]
    suspensions: Sequence[Suspension] = ()


@dataclass(frozen=True)
class Draft:
    """A piece that only has to be inserted, and the answer to its order."""

    order: Order
    piece: dict[str, Any]
    recipient: dict[str, Any]
    body: str

    @property
    def id(self) -> str:
        piece_id: str = self.piece["id"]
        return piece_id

    @property
    def location(self) -> str:
        return f"/v1/mail/{self.id}"

    @property
    def answer(self) -> Answer | None:
        order = self.order
        if order.once is None:
            return None
        sender = order.sender
        return Answer(sender.account_id, sender.mode, order.once, order.request_id, 201, self.body, self.location)


def draft(order: Order, ground: Ground, terms: Terms) -> Draft | Refused:
    """The piece that this order becomes, or everything that stands against it."""
    accepted_at = ground.now if order.sender.livemode else ground.line_now[order.sender.account_id]
    faults = (
        *_side_faults(order, ground),
        *sheet_faults(order, _pages(order, ground)),
        *_send_on_faults(order, accepted_at),
        *_price_faults(order, ground),
    )
    if faults:
        return Refused(faults[0].code, faults)
    piece = _piece(order, ground, accepted_at, terms)
    recipient = {
        "piece_id": piece["id"],
        "given": dict(order.to),
        "sender": dict(order.from_) if order.from_ else None,
        "keyed_hash": recipient_hash(order.to, terms.pepper),
    }
    return Draft(order, piece, recipient, terms.render(piece, recipient))


def artwork_scope(sender: Sender, product: str, artwork: Artwork) -> ArtworkScope:
    return sender.account_id, sender.mode, product, artwork.sha256


def _piece(order: Order, ground: Ground, accepted_at: datetime, terms: Terms) -> dict[str, Any]:
    sender = order.sender
    start = accepted_at if order.send_on is None else max(accepted_at, _start_of(order.send_on, sender))
    suspended = suspended_days(ground.suspensions, zip5=order.to.get("zip", "")[:5])
    due = terms.due_at(start, sender.zoneinfo, promise=sender.promise, suspended=suspended)
    product, sheets = PRODUCTS[order.product], _sheets(order, ground)
    return {
        "id": terms.ids.new("ml"),
        "account_id": sender.account_id,
        "mode": sender.mode,
        "status": Status.CREATED.value,
        "revision": 1,
        "request_id": order.request_id,
        "external_id": order.external_id,
        "product": order.product,
        "stock": product.stock,
        "mail_class": order.mail_class,
        "sheets": sheets,
        "print_sides": order.print_sides if product.is_document else None,
        "deliverability": order.deliverability,
        "front_creative_id": _creative_id(order, order.front, ground),
        "back_creative_id": None if order.back is None else _creative_id(order, order.back, ground),
        "metadata": dict(order.metadata),
        "price_cents": ground.prices[order.product, order.mail_class].of(sheets),
        "accepted_at": accepted_at,
        "send_on": order.send_on,
        "freeze_from": max(accepted_at + timedelta(seconds=sender.cancel_window_s), start),
        "due_at": due,
        "sla_state": SlaState.ON_TRACK.value,
        "alarm_at": due - (due - start) / _AT_RISK_SHARE,
        "created_at": ground.now,
    }


def _creative_id(order: Order, side: Side, ground: Ground) -> str:
    return side if isinstance(side, str) else ground.artwork[artwork_scope(order.sender, order.product, side)]


def _start_of(day: date, sender: Sender) -> datetime:
    return datetime.combine(day, time(), sender.zoneinfo).astimezone(UTC)


def _pages(order: Order, ground: Ground) -> int:
    """Of the front; 0 where nobody has counted them yet."""
    if isinstance(order.front, str):
        found = ground.creatives.get(order.front)
        return found.pages if found is not None else 0
    return int(order.front.report.get("pages", 0))


def _sheets(order: Order, ground: Ground) -> int:
    if not PRODUCTS[order.product].is_document:
        return 1
    return max(sheets_of(_pages(order, ground), order.print_sides), 1)


def sheet_faults(order: Order, pages: int) -> Iterator[Fault]:
    """Of a document of so many pages."""
    product, sheets = PRODUCTS[order.product], sheets_of(pages, order.print_sides)
    if product.is_document and sheets > product.most_sheets:
        both = sheets_of(pages, "duplex")
        remedy = f"Print it duplex, on {both} sheets" if both <= product.most_sheets else "Leave pages out"
        yield Fault(
            "too_many_sheets",
            "/sides" if both <= product.most_sheets else "/front",
            f"{pages} pages, printed {order.print_sides}, take {sheets} sheets; {product.title} takes {product.most_sheets}.",
            f"{remedy}.",
        )


def _side_faults(order: Order, ground: Ground) -> Iterator[Fault]:
    for pointer, side in order.sides.items():
        if isinstance(side, str):
            found = ground.creatives.get(side)
            faults = list(_creative_faults(order, found, f"{pointer}/creative"))
            yield from faults
            if not faults and found is not None and pointer[1:] == PRODUCTS[order.product].address_side:
                yield from (replace(one, pointer=f"{pointer}/creative") for one in found.unfit_for_address)


def _creative_faults(order: Order, found: KnownCreative | None, pointer: str) -> Iterator[Fault]:
    sender = order.sender
    if found is None or (found.account_id, found.mode) != (sender.account_id, sender.mode):
        yield Fault(
            "creative_not_found",
            pointer,
            "This account has no creative of that id in this mode.",
            "Upload the artwork with POST /v1/creatives, with a key of the same mode, and use the id it answers with.",
        )
    elif found.product != order.product:
        yield Fault(
            "creative_product_mismatch",
            pointer,
            f"The creative was checked as a {found.product}, and the piece is a {order.product}.",
            f"Upload the artwork again with product {order.product}.",
        )
    elif found.status == "rejected":
        yield Fault(
            "creative_rejected",
            pointer,
            "The creative could not be made ready for press.",
            "Read its report under /v1/creatives, correct the artwork and upload it again.",
        )
    else:
        for name in found.merge_fields:
            detail = f"The creative at {pointer} is a template with the field {name}."
            yield Fault("missing_merge_field", f"/merge/{name}", detail, "Send merge with a value for each field.")


def _send_on_faults(order: Order, accepted_at: datetime) -> Iterator[Fault]:
    if order.send_on is None:
        return
    today = accepted_at.astimezone(order.sender.zoneinfo).date()
    last = today + FURTHEST_SEND_ON
    if not today <= order.send_on <= last:
        yield Fault(
            "send_on_out_of_range",
            "/send_on",
            f"{order.send_on} does not lie from {today} to {last}, in the account's zone {order.sender.zone}.",
            f"Choose a date from today to {FURTHEST_SEND_ON.days} days ahead, or leave send_on out to mail now.",
        )


def _price_faults(order: Order, ground: Ground) -> Iterator[Fault]:
    if (order.product, order.mail_class) not in ground.prices:
        yield Fault(
            "class_not_offered",
            "/class",
            f"There is no price for {order.product} as {order.mail_class}.",
            "Use a class that GET /v1/products lists for the product.",
        )

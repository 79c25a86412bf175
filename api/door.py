"""What is refused at the door: everything about a piece that can be told from its body alone, all at once."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from api.faults import below, fault, schema_faults
from api.pages import missing_faults, template_fault
from api.problems import invalid
from api.schemas import AddressIn, PieceIn, SideIn
from pipeline.address.standardize import door_faults
from pipeline.errors import Fault
from pipeline.ports import Address
from pipeline.press.html.merge import MergeError, fields
from pipeline.press.sheets.address_lines import why_unprintable
from pipeline.products import PRODUCTS

_HOME = frozenset({"us", "usa", "u.s.", "u.s.a.", "united states", "united states of america"})


def admit_piece(value: Any, *, files: frozenset[str]) -> PieceIn:
    """The piece in a body; `files` are the sides that came as file parts. Raises `Problem` with all faults."""
    try:
        piece = PieceIn.model_validate(value)
    except ValidationError as error:
        raise invalid(_with_more(schema_faults(error), value)) from None
    faults = [
        *product_faults(piece.product),
        *(address_faults("/to", piece.to) or _print_faults("/to", piece.to, piece.product)),
        *(
            (address_faults("/from", piece.from_) or _print_faults("/from", piece.from_, piece.product))
            if piece.from_
            else ()
        ),
        *_side_faults("/front", piece.front, filed="front" in files),
        *(_side_faults("/back", piece.back, filed="back" in files) if piece.back else ()),
        *_document_faults(piece, two_sided=piece.back is not None or "back" in files),
        *_merge_faults(piece),
        *_date_faults(piece),
    ]
    if faults:
        raise invalid(faults)
    return piece


def product_faults(product: str) -> Iterator[Fault]:
    remedy = f"Use one of: {', '.join(sorted(PRODUCTS))}."
    if product not in PRODUCTS:
        yield fault("unknown_product", "/product", "There is no such product.", remedy)


def address_faults(at: str, address: AddressIn) -> list[Fault]:
    # Everything else about an address abroad would be measured by rules that are not its own.
    if address.country and address.country.strip().lower() not in _HOME:
        return [fault("foreign_country", f"{at}/country", "The country is not the United States.")]
    faults = below(at, door_faults(Address(**address.fields())))
    if not (address.name or address.company):
        detail = "Neither name nor company is given."
        faults.insert(0, fault("missing_field", f"{at}/name", detail, "Give a name, a company, or both."))
    return faults


def _print_faults(at: str, address: AddressIn, product: str) -> list[Fault]:
    """Of an address that the post takes, whether its lines can be printed."""
    if product not in PRODUCTS:
        return []
    why = why_unprintable(address.fields(), PRODUCTS[product], sender=at == "/from")
    return [] if why is None else [fault("address_unprintable", at, f"The address cannot be printed: {why}.")]


def side_as_given(side: SideIn | None, *, filed: bool) -> str | None:
    """In which way a side came: creative, base64, url, html or file."""
    return "file" if filed else next(iter(side.given()), None) if side else None


def _side_faults(at: str, side: SideIn | None, *, filed: bool) -> Iterator[Fault]:
    ways = [*(side.given() if side else ()), *(["file"] if filed else [])]
    remedy = 'Give {"creative": id}, {"base64": …} or {"html": …}, or send the file as a part of a multipart body.'
    if not ways:
        yield fault("missing_field", at, f"{at[1:]} has no artwork.", remedy)
    elif len(ways) > 1:
        yield fault(
            "invalid_value", at, f"{at[1:]} comes in more than one way: {', '.join(ways)}.", "Choose one of them."
        )
    elif ways[0] == "url":
        yield fault("unsupported_side", f"{at}/url", "Artwork by url is not supported yet.", remedy)


def _document_faults(piece: PieceIn, *, two_sided: bool) -> Iterator[Fault]:
    """A letter is one document; a card is two sides."""
    product = PRODUCTS.get(piece.product)
    if product is None:
        return
    if product.is_document and two_sided:
        yield fault("back_not_taken", "/back", f"{product.title} takes all its pages as one document, the front.")
    if piece.sides is not None and not product.is_document:
        yield fault(
            "sides_not_taken", "/sides", f"{product.title} has a front and a back, whatever is printed on them."
        )


def _merge_faults(piece: PieceIn) -> Iterator[Fault]:
    """What can be told of templates that came along; which creatives are templates is asked later."""
    asked: set[str] = set()
    sides = {"/front/html": piece.front, "/back/html": piece.back}
    for at, html in ((at, side.html) for at, side in sides.items() if side is not None and side.html is not None):
        try:
            asked |= fields(html)
        except MergeError as error:
            yield template_fault(error, at)
            return
    yield from missing_faults(asked, piece.merge or {})
    if piece.merge and not asked and not any(side and side.creative for side in sides.values()):
        yield fault("merge_without_template", "/merge", "No side of this piece is a template.")


def _date_faults(piece: PieceIn) -> Iterator[Fault]:
    if piece.send_on is None:
        return
    try:
        if len(piece.send_on) == len("2026-01-31"):
            date.fromisoformat(piece.send_on)
            return
    except ValueError:
        pass  # said just below
    yield fault("invalid_value", "/send_on", "send_on is not a date.", "Write it as YYYY-MM-DD.")


def _with_more(faults: list[Fault], value: Any) -> list[Fault]:
    """To the faults of the schema, those of the parts that it found nothing wrong with."""
    if not isinstance(value, Mapping):
        return faults
    more: list[Fault] = []
    product = value.get("product")
    if isinstance(product, str) and not _touched(faults, "/product"):
        more += product_faults(product)
    for name in ("to", "from"):
        if isinstance(value.get(name), Mapping) and not _touched(faults, f"/{name}"):
            more += address_faults(f"/{name}", AddressIn.model_validate(value[name]))
    return [*more, *faults]


def _touched(faults: list[Fault], at: str) -> bool:
    return any(one.pointer == at or one.pointer.startswith(at + "/") for one in faults)

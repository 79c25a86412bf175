"""What is wrong with a printer's profile, field by field, each with its remedy: the same for the command line and the API."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from pipeline.errors import Fault, Permanent
from pipeline.models.profile import PrinterProfile, Sandbox, Sftp
from pipeline.models.profile_sense import sense_faults
from pipeline.models.service_types import endorsement_faults
from pipeline.products import PRODUCTS

PRINTER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
"""It stands in paths and in logs."""

_TAGS = {"sftp": Sftp, "sandbox": Sandbox}
_FORMS = {
    "mailer_id": "give 6 digits, or 9 digits of which the first is a 9, as the USPS gave it",
    "stid_first_class": "give the 3 digits of a service type id",
    "stid_marketing": "give the 3 digits of a service type id",
    "phone": "give at least 7 digits, with spaces, dots, dashes or brackets between them, such as +1 208-555-0142",
    "email": "give one address, such as pressroom@example.com",
    "finisher_program": "give up to 6 digits",
    "fingerprints": "give SHA256: and 43 characters, as `ssh-keygen -lf` prints it for the printer's host key",
}
_CODES = {
    "literal_error": "invalid_value",
    "union_tag_invalid": "invalid_value",
    "value_error": "invalid_value",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_many_items",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}


def checked_profile(data: Any) -> PrinterProfile:
    """A profile that a live printer can have. Raises `Permanent("profile_invalid")` with every fault, by pointers into it."""
    try:
        profile = PrinterProfile.model_validate(data)
    except ValidationError as error:
        raise _invalid(model_faults(error)) from None
    faults = [
        Fault("unknown_product", f"/products/{at}", f"there is no product {name}", f"choose of {', '.join(PRODUCTS)}")
        for at, name in enumerate(profile.products)
        if name not in PRODUCTS
    ]
    faults += [replace(fault, pointer="/postage" + fault.pointer) for fault in endorsement_faults(profile.postage)]
    faults += _endorsements_out_of_sight(profile)
    faults += sense_faults(profile)
    if not isinstance(profile.transport, Sftp):
        detail = "sandbox is for test accounts only"
        faults.append(Fault("invalid_value", "/transport/kind", detail, "give an sftp transport"))
    if faults:
        raise _invalid(faults)
    return profile


def _endorsements_out_of_sight(profile: PrinterProfile) -> list[Fault]:
    """What goes into an envelope shows its endorsement on that; the window has no room for its clearance."""
    hidden = [name for name in profile.products if name in PRODUCTS and PRODUCTS[name].envelope]
    asked = [name for name in profile.classes if profile.postage.endorsement(name) != "none"]
    return [
        Fault(
            "invalid_value",
            f"/postage/endorsement_{mail_class}",
            f"{name} cannot bear an endorsement: it would stand behind the envelope",
            "set it to none and have the envelope printed with it, or leave this product or class to another printer",
        )
        for mail_class in asked
        for name in hidden
    ]


def model_faults(error: ValidationError) -> list[Fault]:
    """Each faulty field of a profile, or of a part of one. Remedies may be empty, where the detail says what is allowed."""
    found = error.errors(include_url=False, include_input=False, include_context=True)
    return [_fault(one) for one in found]


def as_line(fault: Fault) -> str:
    """A fault as the command line shows it: `postage.mailer_id: what; remedy`."""
    path = fault.pointer.strip("/").replace("/", ".") or "profile"
    return f"{path}: " + "; ".join(part for part in (fault.detail, fault.remedy) if part)


def _invalid(faults: Sequence[Fault]) -> Permanent:
    return Permanent("profile_invalid", "; ".join(map(as_line, faults)), faults=tuple(faults))


def _fault(found: Any) -> Fault:
    places = [place for at, place in enumerate(found["loc"]) if not (at == 1 and place in _TAGS)]
    pointer, kind = "".join(f"/{place}" for place in places), found["type"]
    if kind == "extra_forbidden":
        return Fault(
            "unknown_field", pointer, "there is no such field", f"there are {', '.join(_fields(found['loc']))}"
        )
    if kind == "missing":
        return Fault("missing_field", pointer, "is missing", "add it")
    form = next((_FORMS[place] for place in places if place in _FORMS), "")
    if kind == "string_pattern_mismatch" and form:
        return Fault("invalid_value", pointer, form, "")
    said = found["msg"].removeprefix("Value error, ")
    return Fault(_CODES.get(kind, "wrong_type"), pointer, said[:1].lower() + said[1:], "")


def _fields(loc: Sequence[Any]) -> list[str]:
    """The fields that there are, where one was given that is not."""
    model: type[BaseModel] = PrinterProfile
    for place in loc[:-1]:
        field = model.model_fields.get(place) if isinstance(place, str) else None
        kinds: tuple[Any, ...] = (
            (_TAGS.get(place),) if field is None else (field.annotation, *get_args(field.annotation))
        )
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return list(model.model_fields)

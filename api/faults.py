"""What pydantic finds wrong with a body, as faults with codes, JSON Pointers and remedies of ours."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api.problems import CODES, invalid
from api.schemas import CLEAN
from pipeline.errors import Fault

M = TypeVar("M", bound=BaseModel)

_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_many_items",
    "literal_error": "invalid_value",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}


def validated(model: type[M], value: Any) -> M:
    """Raises `Problem` with everything that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(schema_faults(error)) from None


def schema_faults(error: ValidationError) -> list[Fault]:
    # Inputs are left out: they may be somebody's address.
    found = error.errors(include_url=False, include_input=False, include_context=True)
    return [_fault(one["type"], pointer(one["loc"]), one["msg"], one.get("ctx", {})) for one in found]


def pointer(path: Iterable[str | int]) -> str:
    """An RFC 6901 pointer. Pydantic marks a dictionary's key with a last step `[key]`, which is no step of the body."""
    steps = [str(step) for step in path if step != "[key]"]
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def fault(code: str, at: str, detail: str, remedy: str = "") -> Fault:
    """A fault whose remedy is that of its code, unless a better one is known."""
    return Fault(code, at, detail, remedy or CODES[code].remedy)


def below(at: str, faults: Iterable[Fault]) -> list[Fault]:
    """Faults of a part of the body, with their pointers from its top."""
    return [replace(one, pointer=at + one.pointer) for one in faults]


def _fault(kind: str, at: str, message: str, context: dict[str, Any]) -> Fault:
    if kind == "string_pattern_mismatch":
        if context.get("pattern") == CLEAN:
            return fault("invalid_characters", at, "The text has control characters.")
        return fault("invalid_characters", at, "The text has characters that are not allowed here.")
    if kind == "missing":
        return fault("missing_field", at, f"{at.rpartition('/')[2]} is missing.")
    if kind == "extra_forbidden":
        return fault("unknown_field", at, f"There is no field {at.rpartition('/')[2][:60]} here.")
    # Kinds that are not pydantic's are codes of ours, from validators of ours.
    code = _CODES.get(kind) or (kind if kind in CODES else "wrong_type")
    return fault(code, at, message if message.endswith(".") else f"{message}.")

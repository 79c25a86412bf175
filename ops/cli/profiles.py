"""Printer profiles as an operator writes them: a JSON file, changes by `--set path=value`, and errors that name the field."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ops.cli.failure import CommandError, Exit
from pipeline.models.profile import PrinterProfile, Sandbox, Sftp
from pipeline.products import PRODUCTS

_TAGS = {"sftp": Sftp, "sandbox": Sandbox}
_FORMS = {
    "mailer_id": "6 digits, or 9 digits of which the first is a 9, as the USPS gave it",
    "stid_first_class": "the 3 digits of a service type id",
    "stid_marketing": "the 3 digits of a service type id",
    "fingerprints": "SHA256: and 43 characters, as `ssh-keygen -lf` prints it for the printer's host key",
}


def read_profile(path: str) -> PrinterProfile:
    """The profile in a JSON file, or on stdin for `-`. Raises `CommandError`."""
    text = sys.stdin.read() if path == "-" else Path(path).read_text()
    try:
        data = json.loads(text)
    except ValueError as error:
        raise CommandError(
            f"{'stdin' if path == '-' else path} is not JSON ({error}): write the profile as one JSON object"
        ) from error
    return checked(data)


def checked(data: Any, *, outcome: str = "nothing was changed") -> PrinterProfile:
    """A profile that a live printer can have. Raises `CommandError` with every faulty field."""
    with profile_faults("the profile has", outcome):
        profile = PrinterProfile.model_validate(data)
    unknown = [name for name in profile.products if name not in PRODUCTS]
    if unknown:
        raise CommandError(f"products: there is no product {', '.join(unknown)}; there are {', '.join(PRODUCTS)}")
    if not isinstance(profile.transport, Sftp):
        raise CommandError("transport.kind is sandbox, which only test accounts have: give an sftp transport")
    return profile


@contextmanager
def profile_faults(subject: str, outcome: str) -> Iterator[None]:
    """Turns what pydantic says of a profile, or of a part of one, into a `CommandError` with every faulty field."""
    try:
        yield
    except ValidationError as error:
        lines = fault_lines(error)
        count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
        raise CommandError(f"{subject} {count}; {outcome}", details=lines) from error


def fault_lines(error: ValidationError) -> tuple[str, ...]:
    """Each faulty field, with what to do."""
    return tuple(_fault(fault) for fault in error.errors(include_url=False, include_input=False))


def with_changes(profile: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The profile with each `path=value` set; a value that begins like JSON is read as JSON."""
    changed: dict[str, Any] = json.loads(json.dumps(profile))
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path:
            raise CommandError(f"--set {change}: write it as field.of.profile=value", Exit.USAGE)
        *parents, last = path.split(".")
        part = changed
        for name in parents:
            part = part.get(name) if isinstance(part, dict) else None  # type: ignore[assignment]
        if not isinstance(part, dict):
            raise CommandError(f"--set {change}: the profile has no field {'.'.join(parents)}", Exit.USAGE)
        part[last] = _value(path, text)
    return changed


def differences(before: dict[str, Any], after: dict[str, Any], at: str = "") -> list[tuple[str, Any, Any]]:
    """`(path, before, after)` of every field that differs."""
    found: list[tuple[str, Any, Any]] = []
    for name in sorted(before.keys() | after.keys()):
        path, one, other = f"{at}{name}", before.get(name), after.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, other, f"{path}.")
        elif one != other:
            found.append((path, one, other))
    return found


def _value(path: str, text: str) -> Any:
    if text != "null" and text[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"--set {path}: {text} is not JSON ({error})", Exit.USAGE) from error


def _fault(fault: Any) -> str:
    places = [str(place) for at, place in enumerate(fault["loc"]) if not (at == 1 and place in _TAGS)]
    path = ".".join(places)
    if fault["type"] == "extra_forbidden":
        return f"{path}: there is no such field; there are {', '.join(_siblings(fault['loc']))}"
    if fault["type"] == "missing":
        return f"{path}: is missing; add it"
    form = next((_FORMS[place] for place in places if place in _FORMS), None)
    if fault["type"] == "string_pattern_mismatch" and form is not None:
        return f"{path}: give {form}"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{path or 'profile'}: {said[:1].lower()}{said[1:]}"


def _siblings(loc: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = PrinterProfile
    for place in loc[:-1]:
        kind: Any = _TAGS.get(place) or (model.model_fields[place].annotation if place in model.model_fields else None)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            model = kind
    return list(model.model_fields)

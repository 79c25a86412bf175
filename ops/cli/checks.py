"""One thing that was looked at: whether it is as it should be, and what to do where it is not."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import typer

from ops.cli.failure import Exit
from ops.cli.output import print_json, print_table


@dataclass(frozen=True)
class Check:
    """`detail` says what was found, or the remedy."""

    name: str
    ok: bool
    detail: str


def tell(checks: Sequence[Check], as_json: bool) -> None:
    """Print them, one a line; exits 1 where one of them is wrong."""
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        print_table(("check", "", "detail"), [(one.name, "OK" if one.ok else "WRONG", one.detail) for one in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(Exit.FAILURE)

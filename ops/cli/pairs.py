"""Options of the form NAME=VALUE, which may come several times."""

from collections.abc import Iterable

from ops.cli.failure import CommandError, Exit


def pairs_given(pairs: Iterable[str], option: str, form: str) -> dict[str, str]:
    """What was given, by name. Raises `CommandError` with the option and its `form`, such as NAME=VALUE."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise CommandError(f"{option} {pair}: write it as {form}", Exit.USAGE)
        found[name] = value
    return found

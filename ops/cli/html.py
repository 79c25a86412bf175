"""HTML as a command's artwork: a file that ends in .html, whose fields are filled from options or from a recipient's row."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ops.cli.failure import CommandError
from ops.cli.pairs import pairs_given
from ops.cli.text_files import read_text
from pipeline.errors import Permanent
from pipeline.press.html.merge import MergeError, fields
from pipeline.press.process import child
from pipeline.press.report import Report
from pipeline.products import Product, Side


def is_html(file: Path) -> bool:
    return file.suffix.lower() in (".html", ".htm")


def read_html(file: Path) -> tuple[str, frozenset[str]]:
    """The text of a file and its fields. Raises `CommandError`."""
    try:
        html = read_text(str(file))
        return html, fields(html)
    except MergeError as error:
        raise CommandError(f"{file}: {error}") from error


def values_given(pairs: Iterable[str]) -> dict[str, str]:
    """The values of `--merge NAME=VALUE`."""
    return pairs_given(pairs, "--merge", "NAME=VALUE")


def make_page(html: str, product: Product, side: Side, out: Path) -> Report:
    """The page as PDF in `out`, where one could be made, and what preflight says of it."""
    source = out.with_suffix(".html")
    source.write_text(html, encoding="utf-8")
    try:
        return child.inspect_html(source, product, out, side)
    except Permanent as error:
        raise CommandError(str(error)) from error
    finally:
        source.unlink()


def samples(names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """A value for each field: the one given, or else its own name, to be looked at."""
    return {name: given.get(name, name) for name in names}

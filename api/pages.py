"""HTML on its way to artwork: its fields filled, written where the press finds it, and known by its content.

A page with somebody's values in it is as personal as an address: its digest is keyed, and it is told apart by its kind.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from api.faults import fault
from api.uploads import Uploaded
from pipeline.errors import Fault
from pipeline.press.html.merge import MergeError, fields, merge
from pipeline.repository.creatives import HTML, MERGED_HTML


@dataclass(frozen=True)
class Page(Uploaded):
    """HTML to be made artwork of. `field` is where it stands below its side; `template` is the file with its fields unfilled."""

    field: str
    kind: str = HTML
    merge_fields: tuple[str, ...] = ()
    template: Path | None = None

    @property
    def made(self) -> Path:
        """Where the press puts the artwork."""
        return self.path.with_suffix(".pdf")


def template_fault(error: MergeError, at: str) -> Fault:
    """What is wrong with a template by itself; `at` is its pointer."""
    return fault("malformed_template", at, f"{str(error)[0].upper()}{str(error)[1:]}.")


def missing_faults(names: Iterable[str], values: Mapping[str, str]) -> Iterator[Fault]:
    """A fault for each of the fields that has no value."""
    for name in sorted(set(names) - values.keys()):
        yield fault("missing_merge_field", f"/merge/{name}", f"The template has the field {name}, and merge has not.")


def merged_page(html: str, values: Mapping[str, str], path: Path, field: str, *, pepper: str) -> Page:
    """A side as one piece has it, written to `path`. Raises `MergeError`."""
    body = merge(html, values).encode()
    path.write_bytes(body)
    if fields(html):
        return Page(path, hmac.new(pepper.encode(), body, sha256).hexdigest(), len(body), field, MERGED_HTML)
    return Page(path, sha256(body).hexdigest(), len(body), field)


def template_page(html: str, samples: Mapping[str, str], path: Path) -> Page:
    """HTML on its own, written to `path`; a field without a sample is filled with its name, to be looked at."""
    names = tuple(sorted(fields(html)))
    path.write_text(merge(html, {name: name for name in names} | dict(samples)), encoding="utf-8")
    template = path.with_suffix(".template")
    template.write_text(html, encoding="utf-8")
    body = html.encode()
    return Page(path, sha256(body).hexdigest(), len(body), "html", HTML, names, template if names else None)

"""What of the artwork is the same for all rows of `mailstream impose`: prepared in processes beside the reading of addresses."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.cli.failure import CommandError
from ops.cli.html import is_html, make_page, read_html
from pipeline.press.process import child
from pipeline.press.report import Finding
from pipeline.products import Product, Side


@dataclass(frozen=True)
class Warned:
    """What lets artwork pass and has to be told. `side` is the piece's."""

    file: Path
    side: Side
    found: Finding

    def __str__(self) -> str:
        where = f" on page {self.found.page}" if (self.found.page or 1) > 1 else ""
        return f"warning {self.found.code}: {self.side} {self.file}{where}: {self.found.detail} {self.found.remedy}"

    def as_dict(self) -> dict[str, Any]:
        return {"file": str(self.file), "side": self.side, **self.found.as_dict()}


class SharedArtwork:
    """Each side is prepared in a process of its own; `ready` waits for all."""

    def __init__(self, files: Iterable[tuple[Side, Path]], product: Product, folder: Path) -> None:
        self._pool = ThreadPoolExecutor()
        self._prepared: dict[Side, Future[tuple[Path, list[Warned]]]] = {
            side: self._pool.submit(_prepare, path, product, side, folder / f"{side}.pdf") for side, path in files
        }

    def __enter__(self) -> "SharedArtwork":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def ready(self) -> dict[str, Path]:
        """By side, once it is prepared. Raises `CommandError` for what cannot be printed."""
        return {side: prepared.result()[0] for side, prepared in self._prepared.items()}

    def warnings(self) -> list[Warned]:
        """As `ready`."""
        return [one for prepared in self._prepared.values() for one in prepared.result()[1]]


def _prepare(artwork: Path, product: Product, side: Side, normalized: Path) -> tuple[Path, list[Warned]]:
    source = artwork
    if is_html(artwork):
        source = normalized
        report = make_page(read_html(artwork)[0], product, side, source)
    else:
        report = child.inspect(artwork, product, side)
    if not report.ok:
        lines = tuple(f"{fault.code}: {fault.detail} {fault.remedy}" for fault in report.findings)
        raise CommandError(f"{artwork} cannot be printed as {product.name}, {side}", details=lines)
    child.normalize(source, product, normalized)
    return normalized, [Warned(artwork, side, found) for found in report.warnings]

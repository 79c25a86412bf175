"""Artwork that comes with a request: unpacked, inspected in a child process, and stored once it has passed."""

import base64
import binascii
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from api.faults import below, fault
from api.pages import Page
from api.problems import Problem, invalid
from api.services import Services
from api.uploads import MOST_FILE_BYTES, Uploaded
from pipeline.errors import Fault, Permanent
from pipeline.press.report import Report
from pipeline.products import PRODUCTS
from pipeline.repository.accounts import Sender
from pipeline.repository.orders import Artwork

_INSPECTED_AT_ONCE = 4
# Apart from the rest: a page may take as long as its limits allow, and no file is to wait for it.
_RENDERED_AT_ONCE = 2


class Inspection:
    """Preflight, at most a few files at a time: each takes a process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._slots = anyio.CapacityLimiter(_INSPECTED_AT_ONCE)
        self._pages = anyio.CapacityLimiter(_RENDERED_AT_ONCE)

    async def inspect(self, files: Mapping[str, Uploaded], product: str) -> tuple[dict[str, Artwork], list[Fault]]:
        """By the pointers of the files: the artwork that passed, not yet stored, and what is wrong with the rest."""
        reports = {
            one.sha256: await self._look_at(one, product)
            for one in {one.sha256: one for one in files.values()}.values()
        }
        # The same file may be fit for one side and not for the other.
        there = f"/{PRODUCTS[product].address_side}"
        shown = {
            at: reports[one.sha256].on_address_side() if at == there else reports[one.sha256]
            for at, one in files.items()
        }
        faults = [found for at, report in shown.items() for found in below(_pointer(at, files[at]), report.findings)]
        passed = {at: _artwork(one, reports[one.sha256]) for at, one in files.items() if shown[at].ok}
        return passed, faults

    async def _look_at(self, file: Uploaded, product: str) -> Report:
        if not isinstance(file, Page):
            return await run_sync(self._services.inspect, file.path, PRODUCTS[product], limiter=self._slots)
        try:
            return await run_sync(
                self._services.inspect_html, file.path, PRODUCTS[product], file.made, limiter=self._pages
            )
        except Permanent as error:
            raise Problem(error.code, str(error)) from error

    async def prove(self, make: Callable[[], bytes]) -> bytes:
        """What `make` makes, in a process of its own; such processes are as few as those that inspect."""
        return await run_sync(make, limiter=self._slots)

    async def store(self, artwork: Artwork, file: Uploaded, product: str, sender: Sender) -> Artwork:
        """Put the file where its content says, so that storing it again changes nothing."""
        key, path = source_key(sender, artwork.sha256), file.path
        if isinstance(file, Page):
            if file.template is not None:
                template = template_key(sender, artwork.sha256)
                await run_sync(self._services.storage.put, template, file.template, limiter=self._slots)
            # The same HTML is another page on another product.
            key, path = f"{key}-{product}-page.pdf", file.made
        await run_sync(self._services.storage.put, key, path, limiter=self._slots)
        return Artwork(artwork.sha256, artwork.size_bytes, artwork.kind, artwork.report, key)


def source_key(sender: Sender, digest: str) -> str:
    return f"{sender.mode}/creatives/{sender.account_id}/{digest}"


def template_key(sender: Sender, digest: str) -> str:
    """Where the HTML of a creative with fields lies."""
    return f"{source_key(sender, digest)}.html"


def unpack(text: str, path: Path, at: str) -> Uploaded:
    """The file in a base64 text, written to `path`. Blocks; raises `Problem`."""
    try:
        body = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise invalid([fault("invalid_base64", at, "The text is not base64.")]) from None
    if len(body) > MOST_FILE_BYTES:
        raise Problem("body_too_large", f"The file at {at} has {len(body) / 1e6:.1f} MB.")
    path.write_bytes(body)
    return Uploaded(path, sha256(body).hexdigest(), len(body))


def unread(file: Uploaded) -> Artwork:
    """The artwork before anybody has looked at it."""
    return Artwork(file.sha256, file.size_bytes, "unknown", {}, "")


def _pointer(at: str, file: Uploaded) -> str:
    return f"{at}/{file.field}" if isinstance(file, Page) else at


def _artwork(file: Uploaded, report: Report) -> Artwork:
    if isinstance(file, Page):
        told = report.as_dict() | {"merge_fields": list(file.merge_fields)}
        return Artwork(file.sha256, file.size_bytes, file.kind, told, "")
    return Artwork(file.sha256, file.size_bytes, report.kind, report.as_dict(), "")

"""The desk: where an order that passed the door is taken, its artwork first, and the line is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Row
from starlette.concurrency import run_in_threadpool

from api import views
from api.artwork import Inspection, template_key, unpack, unread
from api.faults import below, fault
from api.pages import merged_page, missing_faults
from api.problems import Problem, invalid
from api.services import Services
from api.uploads import Uploaded
from api.writer import FullError, GroupWriter
from pipeline.errors import Fault
from pipeline.ports import Note
from pipeline.press.html.merge import fields
from pipeline.press.report import unfit_for_address
from pipeline.products import PRODUCTS
from pipeline.repository.answers import Known, Refused
from pipeline.repository.creatives import find_creatives, is_template, same_creative
from pipeline.repository.drafts import Terms, sheet_faults
from pipeline.repository.intake import Accepted, Intake, Outcome
from pipeline.repository.orders import Order, Side
from pipeline.sla.calendar import due_at


@dataclass(frozen=True)
class Brought:
    """What came along with an order, by the pointer of its side: files, texts in base64, HTML; and values for fields."""

    files: Mapping[str, Uploaded] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    html: Mapping[str, str] = field(default_factory=dict)
    merge: Mapping[str, str] = field(default_factory=dict)


class Desk:
    """One per process. `files` are by the pointer of their side, `/front` or `/back`."""

    def __init__(self, services: Services, inspection: Inspection) -> None:
        terms = Terms(services.ids, services.pepper.encode(), due_at, views.mail_json)
        self._services = services
        self._inspection = inspection
        self._intake = Intake(services.db, services.machine_clock, terms)
        self._writer: GroupWriter[Order, Outcome] = GroupWriter(self._intake.save)

    async def take(self, order: Order, brought: Brought) -> Outcome:
        """The outcome, committed. Raises `Problem` and `Transient`."""
        if brought != Brought():
            with TemporaryDirectory(prefix="mailstream-artwork-") as folder:
                files = await run_in_threadpool(self._unpack, order, brought, Path(folder))
                prepared = await self._prepare(order, files) if files else order
            if not isinstance(prepared, Order):
                return prepared
            order = prepared
        try:
            outcome = await self._writer.write(order)
        except FullError:
            raise Problem("overloaded", headers={"Retry-After": "1"}) from None
        self._tell(order, outcome)
        return outcome

    def close(self) -> None:
        """Save what is waiting."""
        self._writer.close()

    def _unpack(self, order: Order, brought: Brought, folder: Path) -> dict[str, Uploaded]:
        """Each side that is not a creative of its own, as a file. Raises `Problem`."""
        files = dict(brought.files)
        for at, text in brought.texts.items():
            files[at] = unpack(text, folder / at[1:], f"{at}/base64")
        for at, html in brought.html.items():
            path = folder / f"{at[1:]}.html"
            files[at] = merged_page(html, brought.merge, path, "html", pepper=self._services.pepper)
        if brought.merge:
            files |= self._filled(order, brought, folder)
        return files

    def _filled(self, order: Order, brought: Brought, folder: Path) -> dict[str, Uploaded]:
        """The sides of an order that are creatives with fields, filled. Raises `Problem`."""
        named = {at: side for at, side in order.sides.items() if isinstance(side, str) and side}
        with self._services.db.read() as tx:
            found = find_creatives(tx, order.sender, set(named.values()))
        templates = {at: found[side] for at, side in named.items() if side in found}
        templates = {at: row for at, row in templates.items() if is_template(row, order.product)}
        faults = list(missing_faults((name for row in templates.values() for name in _fields(row)), brought.merge))
        if not templates and not any(map(fields, brought.html.values())) and len(found) == len(set(named.values())):
            faults = [fault("merge_without_template", "/merge", "No side of this piece is a template.")]
        if faults:
            raise invalid(faults)
        filled: dict[str, Uploaded] = {}
        for at, row in templates.items():
            html = self._services.storage.fetch(template_key(order.sender, row.sha256)).read_text("utf-8")
            path = folder / f"{at[1:]}.html"
            filled[at] = merged_page(html, brought.merge, path, "creative", pepper=self._services.pepper)
        return filled

    async def _prepare(self, order: Order, files: Mapping[str, Uploaded]) -> Order | Known | Refused:
        """The order with its artwork inspected and stored; nothing is stored for an order that will not be taken."""
        order = _with_sides(order, {at: unread(file) for at, file in files.items()})
        foreseen = await run_in_threadpool(self._intake.foresee, order)
        if isinstance(foreseen, Known) or (foreseen is not None and not foreseen.faults):
            return foreseen
        sides, faults = await run_in_threadpool(self._known_artwork, order, files)
        fresh = {at: file for at, file in files.items() if at not in sides}
        passed, found = await self._inspection.inspect(fresh, order.product)
        front = passed.get("/front")
        more = sheet_faults(order, front.report["pages"]) if front else ()
        faults = [*(foreseen.faults if foreseen else ()), *faults, *found, *more]
        if faults:
            return Refused(faults[0].code, tuple(faults))
        for at, artwork in passed.items():
            sides[at] = await self._inspection.store(artwork, fresh[at], order.product, order.sender)
        return _with_sides(order, sides)

    def _known_artwork(self, order: Order, files: Mapping[str, Uploaded]) -> tuple[dict[str, Side], list[Fault]]:
        """Which of these files this account has sent before, and what became of them."""
        sides: dict[str, Side] = {}
        faults: list[Fault] = []
        with self._services.db.read() as tx:
            for at, file in files.items():
                row = same_creative(tx, order.sender, order.product, file.sha256)
                if row is not None:
                    sides[at] = row.id
                if row is not None and at[1:] == PRODUCTS[order.product].address_side:
                    faults += below(at, unfit_for_address(row.report))
                if row is not None and row.status == "rejected":
                    faults.append(fault("creative_rejected", at, f"The same file was rejected before, as {row.id}."))
        return sides, faults

    def _tell(self, order: Order, outcome: Outcome) -> None:
        if isinstance(outcome, Accepted):
            self._services.doorbell.ring(Note("standardize", order.sender.mode))
            if outcome.new_artwork:
                self._services.doorbell.ring(Note("prepare", order.sender.mode))


def _fields(template: Row[Any]) -> list[str]:
    names: list[str] = template.report["merge_fields"]
    return names


def _with_sides(order: Order, sides: Mapping[str, Any]) -> Order:
    return replace(order, **{at[1:]: side for at, side in sides.items()})

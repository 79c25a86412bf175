"""The desk: where an order that passed the door is taken, its artwork first, and the line is told."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.concurrency import run_in_threadpool

from api import views
from api.artwork import Inspection, unpack, unread
from api.faults import below, fault
from api.problems import Problem
from api.services import Services
from api.uploads import Uploaded
from api.writer import FullError, GroupWriter
from pipeline.errors import Fault
from pipeline.ports import Note
from pipeline.press.report import unfit_for_address
from pipeline.products import PRODUCTS
from pipeline.repository.answers import Known, Refused
from pipeline.repository.creatives import same_creative
from pipeline.repository.drafts import Terms
from pipeline.repository.intake import Accepted, Intake, Outcome
from pipeline.repository.orders import Order, Side
from pipeline.sla.calendar import due_at


class Desk:
    """One per process. `files` are by the pointer of their side, `/front` or `/back`."""

    def __init__(self, services: Services, inspection: Inspection) -> None:
        terms = Terms(services.ids, services.pepper.encode(), due_at, views.mail_json)
        self._services = services
        self._inspection = inspection
        self._intake = Intake(services.db, services.machine_clock, terms)
        self._writer: GroupWriter[Order, Outcome] = GroupWriter(self._intake.save)

    async def take(self, order: Order, files: Mapping[str, Uploaded], texts: Mapping[str, str]) -> Outcome:
        """The outcome, committed. `texts` are the sides that came as base64. Raises `Problem` and `Transient`."""
        if files or texts:
            with ExitStack() as stack:
                prepared = await self._prepare(order, {**files, **await _unpack_all(texts, stack)})
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

    async def _prepare(self, order: Order, files: Mapping[str, Uploaded]) -> Order | Known | Refused:
        """The order with its artwork inspected and stored; nothing is stored for an order that will not be taken."""
        order = _with_sides(order, {at: unread(file) for at, file in files.items()})
        foreseen = await run_in_threadpool(self._intake.foresee, order)
        if isinstance(foreseen, Known) or (foreseen is not None and not foreseen.faults):
            return foreseen
        sides, faults = await run_in_threadpool(self._known_artwork, order, files)
        fresh = {at: file for at, file in files.items() if at not in sides}
        passed, found = await self._inspection.inspect(fresh, order.product)
        faults = [*(foreseen.faults if foreseen else ()), *faults, *found]
        if faults:
            return Refused(faults[0].code, tuple(faults))
        for at, artwork in passed.items():
            sides[at] = await self._inspection.store(artwork, fresh[at].path, order.sender)
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


def _with_sides(order: Order, sides: Mapping[str, Any]) -> Order:
    return replace(order, **{at[1:]: side for at, side in sides.items()})


async def _unpack_all(texts: Mapping[str, str], stack: ExitStack) -> dict[str, Uploaded]:
    if not texts:
        return {}
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="mailstream-artwork-")))
    return {at: await run_in_threadpool(unpack, text, folder / at[1:], f"{at}/base64") for at, text in texts.items()}

"""A scenario file: what arrives, who prints, and what goes wrong. `fixtures/scenarios/README.md` says what each field means."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from pipeline.errors import Permanent
from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.sla.lots import BatchKey
from pipeline.sla.presses import Pace, Press

_STOCK = "cover_120lb"
_CLASSES = ("first_class", "marketing")
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Surge(_Part):
    at: time
    pieces: int = Field(ge=0)
    minutes: int = Field(default=1, ge=1)
    product: str


class Arrivals(_Part):
    zone: str
    hourly_share: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=24, max_length=24)
    surges: tuple[Surge, ...] = ()


class ProductPace(_Part):
    n_up: int = Field(ge=1)
    sheets_per_hour: float = Field(gt=0)
    cents_per_sheet: float = Field(ge=0)


class ScenarioPrinter(_Part):
    name: str
    zone: str
    products: dict[str, ProductPace] = Field(min_length=1)
    hours: tuple[tuple[time, time], ...] = Field(min_length=1)
    trucks: tuple[time, ...]
    lead_minutes: int = Field(ge=0)
    setup_minutes_per_batch: int = Field(ge=0)
    setup_cents_per_batch: float = Field(ge=0)
    max_sheets_per_batch: int = Field(ge=1)
    ack_minutes: tuple[float, float]
    spoilage: float = Field(ge=0, lt=1)

    def press(self) -> Press:
        """As the planner sees it, without any work."""
        (opens, closes), *more = self.hours
        floor = Floor(
            zone=self.zone,
            opens=opens,
            closes=closes,
            extra_hours=tuple(more),
            trucks=self.trucks,
            lead_minutes=self.lead_minutes,
            sheets_per_hour=max(1, int(max(pace.sheets_per_hour for pace in self.products.values()))),
            setup_minutes=self.setup_minutes_per_batch,
            max_sheets_per_batch=self.max_sheets_per_batch,
            ack_minutes=-int(-self.ack_minutes[1] // 1),
            cost_cents_per_sheet=min(pace.cents_per_sheet for pace in self.products.values()),
            spoilage=self.spoilage,
        )
        profile = PrinterProfile(
            products=tuple(self.products),
            stocks=(_STOCK,),
            transport=Sandbox(),
            postage=Postage(method="meter", mailer_id="100000"),
            floor=floor,
        )
        paces = {
            name: Pace(pace.n_up, pace.sheets_per_hour, pace.cents_per_sheet) for name, pace in self.products.items()
        }
        return Press(self.name, None, profile, paces)


class Fault(_Part):
    """`from` and `truck` are local times of the printer, on the day `day` after the start."""

    printer: str
    kind: Literal["outage", "slow_ack", "late_truck", "mail_unit_closed"]
    from_: time = Field(default=time(), alias="from")
    hours: float = Field(default=0, ge=0)
    factor: float = Field(default=1, ge=0)
    truck: time = time()
    minutes: float = Field(default=0, ge=0)
    day: int = Field(default=0, ge=0)


class Scenario(_Part):
    name: str
    what: str = ""
    start: date
    days: int = Field(default=1, ge=1, le=7)
    drain_hours: float = Field(default=48, ge=0)
    pieces: int = Field(ge=0)
    promise: Literal["default", "clock"] = "default"
    arrivals: Arrivals
    products: dict[str, Share] = Field(min_length=1)
    classes: dict[Literal["first_class", "marketing"], Share] = Field(min_length=1)
    creative_late_share: Share = 0.0
    printers: tuple[ScenarioPrinter, ...]
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "Scenario":
        names = {printer.name for printer in self.printers}
        if len(names) < len(self.printers):
            raise ValueError("two printers have the same name")
        strangers = {fault.printer for fault in self.faults} - names
        if strangers:
            raise ValueError(f"faults of printers that there are none of: {', '.join(sorted(strangers))}")
        if not sum(self.products.values()) or not sum(self.classes.values()):
            raise ValueError("products and classes need a share that is not 0")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.arrivals.zone)

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.start, time(), self.zone).astimezone(UTC)

    @property
    def arrivals_end(self) -> datetime:
        return datetime.combine(self.start + timedelta(days=self.days), time(), self.zone).astimezone(UTC)

    def batch_keys(self) -> list[BatchKey]:
        """Every batch key, in a fixed order; a surge may bring a product of its own."""
        products = dict.fromkeys([*self.products, *(surge.product for surge in self.arrivals.surges)])
        classes = [name for name in _CLASSES if name in self.classes]
        return [BatchKey("live", None, product, _STOCK, name, 1) for product in products for name in classes]


def read_scenario(path: Path) -> Scenario:
    """Raises `Permanent("bad_scenario")` that says which fields are wrong; OSError where there is no such file."""
    try:
        return Scenario.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, one['loc'])) or 'the file'}: {_told(one)}" for one in error.errors())
        raise Permanent("bad_scenario", f"{path.name}: {'; '.join(faults)}") from error


def _told(fault: ErrorDetails) -> str:
    return "there is no such field" if fault["type"] == "extra_forbidden" else fault["msg"]

"""A chart of a simulated day: backlog, busy presses and printed pieces of each policy, with the trucks, as a PNG."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageDraw

from pipeline.sla.report_tables import percent
from pipeline.sla.shifts import shifts
from pipeline.sla.simulation.compare import Comparison
from pipeline.sla.simulation.run import Outcome

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _GAP = 1200, 220, 90, 20, 60, 40
_COLORS = ("#0b6e4f", "#c8553d", "#4a6fa5")
_INK, _GRID, _TRUCK = "#222222", "#dddddd", "#b8a000"

Reading = Callable[[tuple[float, int, int, int]], int]
_PANELS: tuple[tuple[str, Reading], ...] = (
    ("pieces waiting for a batch", lambda sample: sample[1]),
    ("presses at work", lambda sample: sample[2]),
    ("pieces printed, on their way to a truck or with the carrier", lambda sample: sample[3]),
)


def plot(comparison: Comparison, path: Path) -> None:
    """Writes the file; its ending says which format of Pillow's it gets."""
    image = Image.new("RGB", (_WIDTH, _TOP + len(_PANELS) * (_PANEL + _GAP)), "white")
    draw = ImageDraw.Draw(image)
    first, last = _span(comparison.outcomes)
    draw.text((_LEFT, 12), f"{comparison.scenario.name}, seed {comparison.seed}", fill=_INK)
    for at, outcome in enumerate(comparison.outcomes):
        legend = f"{outcome.policy}: kept {percent(outcome.kept_share)} %, waste {100 * outcome.sheet_waste:.2f} %"
        draw.text((_LEFT + 340 * at, 32), legend, fill=_COLORS[at])
    for row, (title, reading) in enumerate(_PANELS):
        panel = _Panel(draw, _TOP + row * (_PANEL + _GAP) + 18, first, last)
        highest = max((reading(sample) for outcome in comparison.outcomes for sample in outcome.samples), default=0)
        panel.frame(title, highest, _trucks(comparison, first, last))
        for at, outcome in enumerate(comparison.outcomes):
            panel.curve([(sample[0], reading(sample)) for sample in outcome.samples], highest, _COLORS[at])
    image.save(path)


class _Panel:
    """One chart, its upper edge at `top`, over the times from `first` to `last`."""

    def __init__(self, draw: ImageDraw.ImageDraw, top: float, first: float, last: float) -> None:
        self._draw, self._top, self._first, self._last = draw, top, first, last

    def frame(self, title: str, highest: int, trucks: Sequence[float]) -> None:
        bottom = self._top + _PANEL
        for hour in _hours(self._first, self._last):
            self._draw.line((self._x(hour), self._top, self._x(hour), bottom), fill=_GRID)
            label = datetime.fromtimestamp(hour, UTC).strftime("%d %H:%M")
            self._draw.text((self._x(hour) - 16, bottom + 3), label, fill=_INK)
        for truck in trucks:
            self._draw.line((self._x(truck), bottom - 8, self._x(truck), bottom), fill=_TRUCK, width=2)
        self._draw.rectangle((_LEFT, self._top, _WIDTH - _RIGHT, bottom), outline=_INK)
        self._draw.text((_LEFT, self._top - 14), f"{title} (UTC; ticks below are trucks)", fill=_INK)
        self._draw.text((8, self._top), f"{highest:,}", fill=_INK)
        self._draw.text((8, bottom - 12), "0", fill=_INK)

    def curve(self, points: Sequence[tuple[float, int]], highest: int, color: str) -> None:
        height = _PANEL / max(highest, 1)
        line = [(self._x(at), self._top + _PANEL - value * height) for at, value in points]
        if len(line) > 1:
            self._draw.line(line, fill=color, width=2)

    def _x(self, at: float) -> float:
        return _LEFT + (at - self._first) / (self._last - self._first) * (_WIDTH - _LEFT - _RIGHT)


def _span(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    times = [sample[0] for outcome in outcomes for sample in outcome.samples]
    return min(times), max(max(times), min(times) + 3600.0)


def _hours(first: float, last: float) -> Iterator[float]:
    """About twelve labels."""
    step = max(3600.0, (last - first) // 12 // 3600 * 3600.0)
    at = -(-first // step) * step
    while at <= last:
        yield at
        at += step


def _trucks(comparison: Comparison, first: float, last: float) -> list[float]:
    trucks = [
        truck
        for printer in comparison.scenario.printers
        for truck in shifts(printer.press().floor, comparison.scenario.starts_at).trucks
    ]
    return sorted({truck for truck in trucks if first <= truck <= last})

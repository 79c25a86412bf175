"""The charts of the report on the promise, drawn once for both the page and the PDF."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.graphics.charts.barcharts import HorizontalBarChart, VerticalBarChart
from reportlab.graphics.charts.legends import Legend
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor

WIDTH_PT = 520
_ROW_PT, _HOURS_PT = 22, 170
_LEFT_PT, _RIGHT_PT = 130, 40
_FONT, _SIZE = "Helvetica", 8
KEPT, EXCUSED, MISSED = "#0b6e4f", "#c9a227", "#b3261e"
_PERCENTILES = (("p50", "#9ec5ab"), ("p90", "#4a8f6d"), ("p99", "#0b4f3a"))


@dataclass(frozen=True)
class Chart:
    """A drawing with the heading above it, and what it says, in words, for those who cannot see it."""

    title: str
    says: str
    drawing: Drawing


def charts(shown: Mapping[str, Any]) -> list[Chart]:
    """Of a report as `Report.as_dict` gives it. A chart that would be empty is left out."""
    drawn = [_by_hour(shown["by"]["hour"]), _times(shown["stages"])]
    drawn += [_missed_by(name, shown["by"][name]) for name in ("printer", "product", "account")]
    drawn.append(_causes(shown["causes"]))
    return [chart for chart in drawn if chart is not None]


def _by_hour(hours: Mapping[str, Any]) -> Chart | None:
    if not hours:
        return None
    names = ("kept", "excused", "missed")
    drawing, chart = Drawing(WIDTH_PT, _HOURS_PT), VerticalBarChart()
    chart.data = [[tally[name] for tally in hours.values()] for name in names]
    chart.categoryAxis.style = "stacked"
    chart.x, chart.y, chart.width, chart.height = 50, 24, WIDTH_PT - 60, _HOURS_PT - 50
    highest = max(map(sum, zip(*chart.data, strict=True)))
    _plain(chart, [hour.removesuffix(":00") for hour in hours], (KEPT, EXCUSED, MISSED), largest=highest)
    chart.groupSpacing = 4
    drawing.add(chart)
    drawing.add(_legend(zip(names, (KEPT, EXCUSED, MISSED), strict=True), drawing.height))
    worst = max(hours, key=lambda hour: hours[hour]["missed"])
    most = f"most were missed of those accepted at {worst}" if hours[worst]["missed"] else "none was missed"
    return Chart("Promises by hour of acceptance", f"Kept, excused and missed by hour; {most}.", drawing)


def _times(stages: Mapping[str, Any]) -> Chart | None:
    known = {name: times for name, times in stages.items() if times["count"]}
    if not known:
        return None
    data = [[times[f"{name}_s"] / 3600 for times in known.values()] for name, _ in _PERCENTILES]
    colors = [color for _, color in _PERCENTILES]
    drawing = _rows(data, list(known), colors, unit="h", bars=3)
    slowest = max(known, key=lambda name: known[name]["p90_s"])
    return Chart("Hours in each stage", f"At the 90th percentile pieces were longest in {slowest}.", drawing)


def _missed_by(name: str, groups: Mapping[str, Any]) -> Chart | None:
    missed = {key: _missed_percent(tally) for key, tally in groups.items() if tally["kept_share"] is not None}
    if not any(missed.values()):
        return None
    worst = dict(sorted(missed.items(), key=lambda one: -one[1])[:_MOST])
    left_off = f" These are the worst {_MOST} of {len(missed)}." if len(missed) > _MOST else ""
    first = next(iter(worst))
    drawing = _rows([list(worst.values())], list(worst), [MISSED], unit="%")
    return Chart(
        f"Missed by {name}", f"The largest share was missed by {first}, {worst[first]:.2f} %.{left_off}", drawing
    )


def _missed_percent(tally: Mapping[str, Any]) -> float:
    """In hundredths, rounded up: one in a million is not none."""
    hundredths = -(-10_000 * tally["missed"] // (tally["kept"] + tally["missed"]))
    return float(hundredths) / 100


_MOST = 12
"""Bars of one chart: the worst groups; the tables have all of them."""


def _causes(causes: Mapping[str, int]) -> Chart | None:
    if not causes:
        return None
    drawing = _rows([list(causes.values())], list(causes), [MISSED], unit="")
    first = next(iter(causes))
    return Chart("Causes of misses", f"The most common cause is {first}, of {causes[first]} pieces.", drawing)


def _rows(
    data: Sequence[Sequence[float]],
    names: Sequence[str],
    colors: Sequence[str],
    *,
    unit: str,
    bars: int = 1,
) -> Drawing:
    """Horizontal bars, the first name on top, with the value written behind each."""
    height = _ROW_PT * len(names) * (1.6 if bars > 1 else 1)
    drawing, chart = Drawing(WIDTH_PT, height + (30 if bars > 1 else 8)), HorizontalBarChart()
    chart.data = [list(reversed(row)) for row in data]
    chart.x, chart.y, chart.width, chart.height = _LEFT_PT, 4, WIDTH_PT - _LEFT_PT - _RIGHT_PT, height
    most = max((max(row) for row in data), default=0.0)
    _plain(chart, list(reversed(names)), colors, largest=most)
    chart.valueAxis.visible = False
    chart.barLabels.fontName, chart.barLabels.fontSize = _FONT, _SIZE - 1
    chart.barLabels.boxAnchor, chart.barLabels.dx = "w", 3
    chart.barLabelFormat = {"%": "%.2f %%", "h": "%.2f h"}.get(unit, "%d")
    drawing.add(chart)
    if bars > 1:
        drawing.add(_legend(_PERCENTILES, drawing.height))
    return drawing


def _plain(chart: Any, names: Sequence[str], colors: Sequence[str], *, largest: float) -> None:
    """No frames and ticks: what is to be read is the bars."""
    chart.categoryAxis.categoryNames = list(names)
    chart.valueAxis.valueMin, chart.valueAxis.valueMax = 0, largest * 1.02 or 1
    for axis in (chart.categoryAxis, chart.valueAxis):
        axis.visibleTicks = False
        axis.strokeColor = HexColor("#999999")
        axis.labels.fontName, axis.labels.fontSize = _FONT, _SIZE
    for at, color in enumerate(colors):
        chart.bars[at].fillColor, chart.bars[at].strokeColor = HexColor(color), None


def _legend(entries: Iterable[tuple[str, str]], top: float) -> Legend:
    legend = Legend()
    legend.colorNamePairs = [(HexColor(color), name) for name, color in entries]
    legend.x, legend.y, legend.boxAnchor = WIDTH_PT - _RIGHT_PT, top, "ne"
    legend.fontName, legend.fontSize, legend.alignment = _FONT, _SIZE, "right"
    legend.columnMaximum, legend.deltax, legend.dxTextSpace, legend.strokeWidth = 1, 60, 4, 0
    return legend

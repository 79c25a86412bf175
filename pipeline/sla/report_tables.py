"""The tables of the report on the promise, as the page and the PDF show them: headings and rows of text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from pipeline.sla.report import DIMENSIONS, Verdict

_COUNTS = tuple(verdict.value for verdict in Verdict)
_TIMES = ("p50_s", "p90_s", "p99_s")
_EPSILON = 1e-6  # a share of 0.29 is no less
NOTHING = "–"  # a dash, where there is nothing to count


@dataclass(frozen=True)
class Table:
    """Cells are text; all columns but the first `words` are numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


def tables(shown: Mapping[str, Any], zone: tzinfo) -> Iterator[Table]:
    """Of a report as `Report.as_dict` gives it; times are shown in `zone`. Empty tables are left out."""
    every = (*_groups(shown), *details(shown), _stages_by(shown, "account"), _misses(shown, zone))
    return (table for table in every if table.rows)


def details(shown: Mapping[str, Any]) -> Iterator[Table]:
    """What is not a count of promises: how long each stage took, what printers spoiled, and why promises were missed."""
    every = (_stages(shown), _stages_by(shown, "printer"), _printers(shown), _causes(shown))
    return (table for table in every if table.rows)


def _groups(shown: Mapping[str, Any]) -> Iterator[Table]:
    for name in DIMENSIONS:
        rows = [(key, *_tally(tally)) for key, tally in shown["by"][name].items()]
        yield Table(f"By {name}", (name, *_COUNTS, "kept %", "p50", "p90", "p99"), rows)


def _tally(tally: Mapping[str, Any]) -> list[str]:
    counts = [f"{tally[name]:,}" for name in _COUNTS]
    return [*counts, percent(tally["kept_share"]), *_durations(tally["accepted_to_mailed"])]


def _stages(shown: Mapping[str, Any]) -> Table:
    rows = [(stage, f"{times['count']:,}", *_durations(times)) for stage, times in shown["stages"].items()]
    return Table("Time in each stage", ("stage", "pieces", "p50", "p90", "p99"), rows)


def _stages_by(shown: Mapping[str, Any], name: str) -> Table:
    rows = [
        (key, stage, f"{times['count']:,}", *_durations(times))
        for key, stages in shown["stages_by"][name].items()
        for stage, times in stages.items()
        if times["count"]
    ]
    return Table(f"Time in each stage by {name}", (name, "stage", "pieces", "p50", "p90", "p99"), rows, words=2)


def _printers(shown: Mapping[str, Any]) -> Table:
    heads = ("printer", "made", "spoiled", "spoiled %", "maybe twice", "scanned", "first scan p50", "p90", "p99")
    rows = [
        (
            name,
            f"{one['made']:,}",
            f"{one['spoiled']:,}",
            percent(one["spoiled_share"]),
            f"{one['possible_duplicates']:,}",
            f"{one['first_scan_lag']['count']:,}",
            *_durations(one["first_scan_lag"]),
        )
        for name, one in shown["printers"].items()
    ]
    return Table(
        "What printers spoiled, what may be mailed twice, and the time from their word to the first scan", heads, rows
    )


def _causes(shown: Mapping[str, Any]) -> Table:
    rows = [(cause, f"{count:,}") for cause, count in shown["causes"].items()]
    return Table("Causes of misses", ("cause", "pieces"), rows)


def _misses(shown: Mapping[str, Any], zone: tzinfo) -> Table:
    heads = ("piece", "account", "printer", "due", "mailed", "cause", "detail", "excuse")
    rows = [
        (
            miss["piece_id"],
            miss["account"],
            miss["printer"] or NOTHING,
            _moment(miss["due_at"], zone),
            _moment(miss["mailed_at"], zone),
            miss["cause"],
            miss["detail"],
            miss["excuse"] or NOTHING,
        )
        for miss in shown["misses"]
    ]
    left_off = f" ({shown['misses_left_off']:,} more)" if shown["misses_left_off"] else ""
    return Table(f"Each miss{left_off}", heads, rows, words=len(heads))


def percent(share: float | None) -> str:
    """In thousandths, rounded down: what was missed is to be seen."""
    if share is None:
        return NOTHING
    whole, thousandths = divmod(int(share * 100_000 + _EPSILON), 1_000)
    return f"{whole}.{thousandths:03d}".rstrip("0").rstrip(".")


def _durations(times: Mapping[str, int | None]) -> list[str]:
    return [duration(times[name]) for name in _TIMES]


def duration(seconds: int | None) -> str:
    """`3:05:10`, as people read times."""
    if seconds is None:
        return NOTHING
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def _moment(at: datetime | None, zone: tzinfo) -> str:
    return NOTHING if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"

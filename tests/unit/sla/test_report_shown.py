"""What a report shows of a share: never "on time" when something was not."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sla.report import Report, Tally, Verdict
from pipeline.sla.report_charts import charts
from pipeline.sla.report_tables import NOTHING, percent


def tally(kept: int, missed: int) -> Tally:
    made = Tally()
    made.verdicts[Verdict.KEPT], made.verdicts[Verdict.MISSED] = kept, missed
    return made


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_single_miss_is_seen_among_any_number(kept: int, missed: int) -> None:
    share = tally(kept, missed).kept_share
    assert share is not None
    assert share <= kept / (kept + missed)
    assert share < 1
    assert float(percent(share)) < 100


def test_what_was_all_kept_is_100_percent() -> None:
    assert percent(tally(3_000_000, 0).kept_share) == "100"
    assert percent(tally(0, 0).kept_share) == NOTHING


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.99996, "99.996"), (0.999999, "99.999"), (0.99999996, "99.999"), (0.29, "29"), (0.5, "50"), (0.0, "0")],
)
def test_a_share_is_rounded_down(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_a_chart_shows_one_miss_in_a_million() -> None:
    report = Report(ZoneInfo("UTC"))
    for name, key in (("printer", "north"), ("hour", f"{datetime(2026, 3, 3, 15, tzinfo=UTC):%H}:00")):
        report.groups[name][key] = tally(999_999, 1)
    says = {chart.title: chart.says for chart in charts(report.as_dict())}
    assert says["Missed by printer"] == "The largest share was missed by north, 0.01 %."

"""Reading what the carrier tells: odd records, and local times."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from adapters.carriers.facility_time import scan_time, zone_of
from adapters.carriers.scan_records import UnreadableError, read_scans, serial
from pipeline.ports import Scan

FIXTURES = Path(__file__).parents[3] / "fixtures/scans"
IMB = "0031089999900000000194107123401"


def read(name: str) -> list[Scan]:
    return read_scans(IMB, json.loads((FIXTURES / f"{name}.json").read_text()))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_every_fixture_is_explained() -> None:
    named = (FIXTURES / "README.md").read_text()
    assert [path.name for path in FIXTURES.glob("*.json") if f"`{path.name}`" not in named] == []


def test_a_plain_answer() -> None:
    assert read("plain") == [
        Scan(
            imb=IMB,
            at=utc(2026, 11, 3, 7, 2, 4),
            code="919",
            phase="Phase 3c- Destination Sequenced Carrier Sortation",
            handling="A",
            facility_zip="10199",
            facility_city="NEW YORK",
            facility_state="NY",
            machine="DBCS-051",
        )
    ]


@pytest.mark.parametrize("name", ["miss", "no-scans-field", "scans-null", "other-piece"])
def test_no_scans(name: str) -> None:
    assert read(name) == []


@pytest.mark.parametrize("name", ["missing-fields", "nulls"])
def test_only_time_operation_and_place_are_needed(name: str) -> None:
    [scan] = read(name)
    assert (scan.code, scan.phase, scan.handling, scan.facility_city, scan.machine) == ("919", "", "", "", "")


def test_numbers_are_read_as_text() -> None:
    [scan] = read("numbers-for-text")
    assert (scan.code, scan.facility_zip) == ("919", "02205")


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("no-place", [utc(2026, 11, 3, 10, 2, 4)]),
        ("unknown-state", [utc(2026, 11, 3, 8, 2, 4)]),
        ("with-offset", [utc(2026, 11, 3, 7, 2, 4), utc(2026, 11, 3, 7, 2, 4, 123_000)]),
        ("autumn-hour", [utc(2026, 11, 1, 6, 30)]),
        ("spring-gap", [utc(2026, 3, 8, 6, 30)]),
        ("split-state", [utc(2026, 11, 3, 9, 2, 4), utc(2026, 11, 3, 8, 2, 4)]),
        ("without-routing", [utc(2026, 11, 3, 7, 2, 4)]),
    ],
)
def test_times_are_utc(name: str, times: list[datetime]) -> None:
    assert [scan.at for scan in read(name)] == times


def test_records_that_cannot_be_read_are_left_out_and_logged_by_serial() -> None:
    with capture_logs() as logs:
        [scan] = read("unreadable-records")
    assert scan.code == "918"
    assert Counter(log["event"] for log in logs) == {"carrier.scan_unreadable": 9}
    assert {log["serial"] for log in logs} == {"000000001"}
    assert IMB not in str(logs)
    assert "yesterday" not in str(logs)


def test_an_answer_about_another_piece_is_told() -> None:
    with capture_logs() as logs:
        assert read("other-piece") == []
    assert [log["event"] for log in logs] == ["carrier.other_piece"]


def test_repeated_scans_are_all_told() -> None:
    assert [scan.code for scan in read("repeated")] == ["919", "919", "918"]


def test_no_nul_reaches_the_database() -> None:
    assert read("nul-byte")[0].facility_city == "NEW YORK"


@pytest.mark.parametrize("name", ["data-is-a-list", "no-data", "scans-is-text"])
def test_what_is_no_answer_says_so(name: str) -> None:
    with pytest.raises(UnreadableError):
        read(name)


@pytest.mark.parametrize("body", [None, [], "miss", 7])
def test_nor_is_any_other_json(body: object) -> None:
    with pytest.raises(UnreadableError):
        read_scans(IMB, body)


def test_the_serial_stands_behind_a_mailer_id_of_six_or_nine_digits() -> None:
    assert serial("00310" + "123456" + "000000042" + "94107") == "000000042"
    assert serial("00310" + "912345678" + "000042" + "94107") == "000042"


@pytest.mark.parametrize(
    ("state", "zip_code", "zone"),
    [
        ("NY", "10199", "America/New_York"),
        ("ny", "", "America/New_York"),
        ("AZ", "85026", "America/Phoenix"),
        ("HI", "96820", "Pacific/Honolulu"),
        ("AK", "99599", "America/Anchorage"),
        ("PR", "00920", "America/Puerto_Rico"),
        ("GU", "96921", "Pacific/Guam"),
        ("FL", "32501", "America/Chicago"),
        ("FL", "33630", "America/New_York"),
        ("TN", "37950", "America/New_York"),
        ("TN", "37230", "America/Chicago"),
        ("IN", "46401", "America/Chicago"),
        ("ID", "83815", "America/Los_Angeles"),
        ("SD", "57701", "America/Denver"),
        ("", "80266", "America/Denver"),
        ("", "", "America/Los_Angeles"),
    ],
)
def test_zones(state: str, zip_code: str, zone: str) -> None:
    assert zone_of(state, zip_code) == ZoneInfo(zone)


def test_arizona_keeps_its_time_in_summer() -> None:
    assert scan_time("2026-07-01T12:00:00", "AZ", "85026") == utc(2026, 7, 1, 19)

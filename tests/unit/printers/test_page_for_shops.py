"""ops/printers.md says what drops are really like: its tables and samples are held against the code."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from pipeline.models.ack_files import CSV_COLUMNS, read_acks
from pipeline.models.ack_format import AckBody, AckState
from pipeline.models.profile import Imposition, Postage, Sftp
from pipeline.press.job import Imposed, Job
from pipeline.press.sheets.manifest import COLUMNS
from pipeline.stages.impose import ready_body

PAGE = (Path(__file__).parents[3] / "ops" / "printers.md").read_text()
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def samples(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def table(first: str) -> list[str]:
    """The first column of the table that is headed so, without its quotes."""
    rows = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip().strip("`") for row in rows]


def test_the_manifests_columns_are_all_there_in_their_order() -> None:
    assert tuple(table("column")) == COLUMNS


def test_the_sample_of_a_ready_file_has_its_keys() -> None:
    postage = Postage(mailer_id="123456", method="meter")
    job = Job(
        "bt_1_r00", "bt_1", 0, "postcard_4x6", "first_class", NOW, NOW, "UTC", "", "", Imposition(), postage, {}, ()
    )  # fmt: skip
    real = json.loads(ready_body(job, Imposed((), 1, 1), [{"name": "a", "size": 1, "sha256": "b"}]))
    [sample] = [json.loads(one) for one in samples("json") if "files" in one]
    assert sample.keys() == real.keys()
    assert sample["files"][0].keys() == real["files"][0].keys()


def test_the_samples_of_acknowledgements_can_be_read() -> None:
    [body] = [one for one in samples("json") if "spoiled" in one]
    for name, sample in (("a.json", body), ("a.csv", samples("csv")[0])):
        reading = read_acks(name, sample.replace("…", "x").encode())
        assert reading.faults == ()
        assert reading.acks
    assert samples("csv")[0].splitlines()[0] == ",".join(CSV_COLUMNS)
    assert set(table("field")) == set(AckBody.model_fields)
    assert table("state") == list(AckState.__args__)  # type: ignore[attr-defined]


def test_as_many_connections_as_it_says() -> None:
    words = {1: "one", 2: "two", 3: "three", 4: "four"}
    connections, channels = (words[Sftp.model_fields[name].default] for name in ("connections", "channels"))
    assert f"to {connections} connections with up to {channels} channels each" in PAGE
    assert Sftp.model_fields["connections"].default * Sftp.model_fields["channels"].default <= 10

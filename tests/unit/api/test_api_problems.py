"""The registry of problems, and how a body's faults are told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.faults import fault, pointer, validated
from api.problems import CODES, Problem, invalid, registry, render
from api.schemas import AddressIn, PieceIn
from pipeline.errors import Fault

_USES = re.compile(r'\b(?:Problem|_unauthorized|fault|Refused|Fault)\(\s*"([a-z_0-9]+)"')
_OF_PRINTERS = {"acks.py", "ack_checks.py"}
"""Where faults are of a printer's acknowledgement, which is quarantined with them and never answered over HTTP."""
_SOURCES = [
    path
    for path in (*Path("api").rglob("*.py"), *Path("pipeline/repository").glob("*.py"))
    if path.name not in _OF_PRINTERS
]


def test_every_code_in_use_is_in_the_registry() -> None:
    used = {code for path in _SOURCES for code in _USES.findall(path.read_text())}
    assert len(used) > 30
    assert used <= set(CODES)


def test_the_registry_tells_all_of_each_code() -> None:
    for one in registry():
        assert one["title"]
        assert not one["title"].endswith(".")
        assert one["remedy"].endswith(".")
        assert 400 <= one["status"] < 600
        assert one["retryable"] is False or one["status"] in (409, 500, 503)


def test_a_problem_has_both_conventions() -> None:
    faults = [Fault("missing_field", "/to/zip", "zip is missing.", "Add it."), Fault("too_long", "/a", "b", "c")]
    rendered = render(invalid(faults), "req_1")
    body = json.loads(rendered.body)
    assert (rendered.status, body["code"], body["param"]) == (422, "missing_field", "to.zip")
    assert body["type"] == body["doc_url"] == "/v1/errors/missing_field"
    assert body["errors"] == [one.as_dict() for one in faults]
    assert body["request_id"] == "req_1"


def test_a_code_from_elsewhere_is_told_within_a_known_one() -> None:
    assert invalid([Fault("from_tomorrow", "/front", "x", "y")]).code == "invalid_request"


def test_pointers_follow_rfc_6901() -> None:
    assert pointer(["metadata", "a/b~c", "[key]"]) == "/metadata/a~1b~0c"
    assert pointer(["events", 0]) == "/events/0"
    assert pointer([]) == ""


def test_nothing_that_was_sent_is_repeated() -> None:
    secret = "Rosebud\x00 Lane"
    address = {"name": secret, "line1": 5, "city": "x" * 99, "state": secret, "zip": "", secret: 1}
    with pytest.raises(Problem) as caught:
        validated(AddressIn, address)
    told = [(one.detail, one.remedy) for one in caught.value.faults if one.code != "unknown_field"]
    assert len(told) == 5
    assert "Rosebud" not in str(told)


@pytest.mark.parametrize("value", [None, 1, "x", [], {"to": []}, {"metadata": [], "front": 1, "merge": 2}])
def test_any_body_has_an_answer(value: Any) -> None:
    with pytest.raises(Problem) as caught:
        validated(PieceIn, value)
    assert {one.code for one in caught.value.faults} <= set(CODES)


def test_a_fault_has_its_codes_remedy() -> None:
    assert fault("missing_field", "/a", "b").remedy == CODES["missing_field"].remedy

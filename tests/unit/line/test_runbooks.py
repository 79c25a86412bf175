"""Every alarm names a runbook that is there and speaks of it; and every runbook belongs to an alarm."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RUNBOOKS = {page.stem: page.read_text() for page in (ROOT / "ops" / "runbooks").glob("*.md")}
_LEVELS = {"warning", "error", "critical", "exception"}
_CODE = re.compile(r"[a-z]+(\.[a-z_]+)+")
_PAGE = re.compile(r"[a-z]+(-[a-z]+)+")


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if level in _LEVELS:
                yield level, node


def _alarms() -> set[tuple[str, str]]:
    """Each alarm's code with its runbook: as the call has them, or as a tuple of the same module that the call is given."""
    found = set()
    for file in sorted((ROOT / "pipeline").rglob("*.py")):
        tree = ast.parse(file.read_text())
        for level, call in _calls(tree):
            runbook = next((one.value for one in call.keywords if one.arg == "runbook"), None)
            if isinstance(runbook, ast.Constant):
                assert isinstance(call.args[0], ast.Constant), f"{file}:{call.lineno}"
                found.add((str(call.args[0].value), str(runbook.value)))
            elif runbook is not None:
                found |= set(_pairs(tree))
            else:
                assert level == "warning", f"{file}:{call.lineno} is an alarm without a runbook"
    return found


def _pairs(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            texts = [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if len(texts) == 2 and _CODE.fullmatch(texts[0]) and _PAGE.fullmatch(texts[1]):
                yield texts[0], texts[1]


ALARMS = sorted(_alarms())


def test_the_alarms_are_found_however_they_are_raised() -> None:
    """One with constants, one from a table, one from a tuple: without these the other tests would hold of nothing."""
    assert {
        ("promises.breached", "promises-missed"),
        ("printer.host_key_changed", "printer-host-key-changed"),
        ("reconcile.never_scanned", "never-scanned"),
    } <= set(ALARMS)


@pytest.mark.parametrize(("code", "page"), ALARMS)
def test_every_alarm_has_its_runbook(code: str, page: str) -> None:
    assert page in RUNBOOKS
    assert f"`{code}`" in RUNBOOKS[page]


def test_every_runbook_belongs_to_an_alarm_and_is_built_alike() -> None:
    assert set(RUNBOOKS) == {page for _, page in ALARMS}
    for name, text in RUNBOOKS.items():
        assert text.startswith(f"# {name}\n")
        assert [part for part in ("**See.**", "**Decide.**", "**Fix.**") if part in text] == [
            "**See.**",
            "**Decide.**",
            "**Fix.**",
        ]

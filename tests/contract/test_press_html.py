"""HTML in a press child: what it may not load or take, and that nobody else waits for it."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import Permanent
from pipeline.press.process import child
from pipeline.press.process.press import Press
from pipeline.products import POSTCARD_4X6
from tests.unit.press.conftest import CREATIVES
from tests.unit.press.html_pages import LOADS, greeting, written
from tests.unit.press.seeing import render

_VARIABLES = "".join(f"--a{at}: var(--a{at - 1}) var(--a{at - 1});" for at in range(1, 60))
HOSTILE: dict[str, tuple[Callable[[], str], set[str]]] = {
    "pages without end": (lambda: "<p style='break-before: page'>x" * 20_000, {"too_complex"}),
    "a huge table": (lambda: f"<table>{('<tr>' + '<td>x' * 20) * 5_000}</table>", {"too_complex"}),
    "variables that double": (
        lambda: f"<style>p {{ --a0: x; {_VARIABLES} font: var(--a59) }}</style><p>x",
        {"too_complex"},
    ),
    "deep nesting": (lambda: "<div>" * 5_000, {"too_complex"}),
    "brackets in a style": (lambda: f"<style>a {{ b: {'(' * 50_000} }}</style>", {"too_complex"}),
    "selectors in selectors": (lambda: f"<style>{':is(' * 300}a{')' * 300} {{}}</style>", {"too_complex"}),
    "escapes without end": (lambda: "<style>" + "\\" * 100_000 + "</style>", set()),
    "comments without end": (lambda: "<style>" + "/*" * 50_000 + "</style>", set()),
    "many rules": (
        lambda: f"<style>{''.join(f'a{at} > b ~ c:nth-child(2n+1) {{ top: 0 }}' for at in range(2_000))}",
        set(),
    ),
    "a page of a mile": (lambda: "<style>@page { size: 63360in }</style>x", {"wrong_page_size"}),
    "type of no end": (lambda: "<p style='font-size: 1e30in'>x", {"html_unreadable"}),
    "a card of half a mile": (lambda: "<div style='height: 30000in'>", set()),
}


def test_html_becomes_in_a_child_what_it_becomes_here(tmp_path: Path) -> None:
    out, source = tmp_path / "out.pdf", written(tmp_path / "page.html", greeting())
    report = child.inspect_html(source, POSTCARD_4X6, out)
    assert (report.ok, report.kind, report.findings) == (True, "html", ())
    assert sorted(tmp_path.iterdir()) == [out, source]
    child.normalize(out, POSTCARD_4X6, tmp_path / "normal.pdf")
    assert render(tmp_path / "normal.pdf").tobytes() == render(out).tobytes()


@pytest.mark.parametrize("case", ["picture by http", "picture by file", "SVG in data", "import", "frame"])
def test_what_it_would_load_is_named(tmp_path: Path, case: str) -> None:
    html, named = LOADS[case]
    report = child.inspect_html(written(tmp_path / "page.html", html), POSTCARD_4X6, tmp_path / "out.pdf")
    assert [(one.code, named in one.detail) for one in report.findings] == [("html_loads_url", True)]
    assert not (tmp_path / "out.pdf").exists()


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_html_ends_in_a_finding(tmp_path: Path, case: str) -> None:
    build, codes = HOSTILE[case]
    source = written(tmp_path / "page.html", build())
    report = child.inspect_html(source, POSTCARD_4X6, tmp_path / "out.pdf")
    assert {one.code for one in report.findings} == codes
    assert all(one.remedy for one in report.findings)
    assert {file.name for file in tmp_path.iterdir()} <= {"page.html", "out.pdf"}


def test_others_are_served_while_a_page_uses_up_its_time(tmp_path: Path) -> None:
    # The first page loads the renderer, which is not what this is about.
    child.inspect_html(written(tmp_path / "good.html", greeting()), POSTCARD_4X6, tmp_path / "good.pdf")
    source = written(tmp_path / "page.html", "<p style='break-before: page'>x" * 20_000)
    # Where others had to wait, none of these would do; a machine that stands still may spoil one of them.
    assert any(_served_beside(source, tmp_path) for _ in range(3))


def _served_beside(source: Path, tmp_path: Path) -> bool:
    """Whether the page was still under way when others had been served."""
    codes: list[str] = []

    def hostile() -> None:
        report = child.inspect_html(source, POSTCARD_4X6, tmp_path / "out.pdf")
        codes.extend(one.code for one in report.findings)

    busy = threading.Thread(target=hostile)
    busy.start()
    assert child.inspect(CREATIVES / "harbor-back.pdf", POSTCARD_4X6).ok
    assert child.inspect_html(tmp_path / "good.html", POSTCARD_4X6, tmp_path / "good.pdf").ok
    beside = busy.is_alive()
    busy.join()
    assert codes == ["too_complex"]
    return beside


def test_without_pango_html_alone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Press((sys.executable, "-c", _WITHOUT_PANGO))
    monkeypatch.setattr(child, "PRESS", bare)
    try:
        with pytest.raises(Permanent, match="apt-get install libpangoft2") as caught:
            child.inspect_html(written(tmp_path / "page.html", "x"), POSTCARD_4X6, tmp_path / "out.pdf")
        assert caught.value.code == "html_unavailable"
        assert child.inspect(CREATIVES / "harbor-back.pdf", POSTCARD_4X6).ok
    finally:
        bare.close()


_WITHOUT_PANGO = """
import sys
sys.modules["weasyprint"] = None
from pipeline.press.process.__main__ import main
main()
"""

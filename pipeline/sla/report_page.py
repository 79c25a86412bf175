"""The report on the promise as a page and as a PDF: what it says first, then the charts, then every table."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from reportlab.graphics import renderSVG
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import landscape, letter
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.platypus import Flowable, KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from pipeline.sla.report import Shown
from pipeline.sla.report_charts import Chart, charts
from pipeline.sla.report_tables import Table, percent, tables

_STYLES = getSampleStyleSheet()
_CELL = ParagraphStyle("cell", parent=_STYLES["BodyText"], fontSize=7, leading=8.5)
_HEADING = ParagraphStyle("heading", parent=_STYLES["Heading3"], keepWithNext=1)
_NUMBER = ParagraphStyle("number", parent=_CELL, alignment=2)
_RULED = TableStyle([
    ("LINEBELOW", (0, 0), (-1, -1), 0.25, HexColor("#bbbbbb")),
    ("BACKGROUND", (0, 0), (-1, 0), HexColor("#eef2f0")),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
])  # fmt: skip
_CSS = """
:root { color-scheme: light dark; --ink: #1c1c1c; --paper: #ffffff; --line: #d7d7d7; --soft: #f4f6f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --paper: #16191a; --line: #3a3f41; --soft: #202425; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 1100px;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.2rem 0 }
.tiles div { background: var(--soft); border-radius: .5rem; padding: .6rem 1rem; min-width: 6rem }
.tiles b { display: block; font-size: 1.5rem } .tiles .missed b { color: #b3261e } .tiles .kept b { color: #0b6e4f }
figure { margin: 0; background: #ffffff; border: 1px solid var(--line); border-radius: .5rem; padding: .75rem }
figure svg { max-width: 100%; height: auto } figcaption { color: #555555; font-size: .85rem }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .85rem }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
th.word, td.word { text-align: left }
"""


def _tiles(shown: Shown) -> list[tuple[str, str]]:
    """What is read first: a name and a figure."""
    total = shown.report["total"]
    counts = [(name, f"{total[name]:,}") for name in ("kept", "excused", "missed", "open", "void")]
    return [("kept %", percent(total["kept_share"])), *counts]


def write_page(shown: Shown, path: Path) -> None:
    """One HTML file that needs nothing else."""
    path.write_text("".join(_page(shown)), encoding="utf-8")


def _page(shown: Shown) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(shown.title)}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{_CSS}</style></head><body>'
    yield f"<h1>{escape(shown.title)}</h1><p>{escape(shown.scope)}</p>"
    yield '<div class="tiles">'
    yield from (f'<div class="{name.split()[0]}"><b>{figure}</b>{escape(name)}</div>' for name, figure in _tiles(shown))
    yield '</div><div class="charts">'
    yield from map(_figure, charts(shown.report))
    yield "</div>"
    for table in tables(shown.report, shown.zone):
        yield from _html_table(table)
    yield "</body></html>\n"


def _figure(chart: Chart) -> str:
    svg = renderSVG.drawToString(chart.drawing)
    svg = svg[svg.index("<svg") :]  # without the prologue of a file of its own
    caption = f"<figcaption>{escape(chart.says)}</figcaption>"
    return f'<figure role="img" aria-label="{escape(chart.says)}"><strong>{escape(chart.title)}</strong>{svg}{caption}</figure>'


def _html_table(table: Table) -> Iterator[str]:
    yield f'<h2>{escape(table.title)}</h2><div class="wide"><table><thead><tr>'
    yield from _cells("th", table, table.heads)
    yield "</tr></thead><tbody>"
    for row in table.rows:
        yield "<tr>"
        yield from _cells("td", table, row)
        yield "</tr>"
    yield "</tbody></table></div>"


def _cells(tag: str, table: Table, cells: Any) -> Iterator[str]:
    for at, cell in enumerate(cells):
        word = ' class="word"' if at < table.words else ""
        yield f"<{tag}{word}>{escape(cell)}</{tag}>"


def write_pdf(shown: Shown, path: Path) -> None:
    """The same to print, on US letter."""
    document = SimpleDocTemplate(
        str(path), pagesize=landscape(letter), title=shown.title, subject=shown.scope, invariant=1,
        leftMargin=36, rightMargin=36, topMargin=36, bottomMargin=36,
    )  # fmt: skip
    document.build(list(_story(shown, document.width)), onFirstPage=_number, onLaterPages=_number)


def _number(canvas: Any, document: Any) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(document.pagesize[0] - 36, 20, f"page {document.page}")


def _story(shown: Shown, width: float) -> Iterator[Flowable]:
    yield Paragraph(escape(shown.title), _STYLES["Title"])
    yield Paragraph(escape(shown.scope), _STYLES["BodyText"])
    told = _tiles(shown)
    tiles = [[Paragraph(f"<b>{figure}</b><br/>{escape(name)}", _STYLES["BodyText"]) for name, figure in told]]
    yield LongTable(tiles, colWidths=[width / len(told)] * len(told))
    for chart in charts(shown.report):
        heading = Paragraph(escape(chart.title), _HEADING)
        yield KeepTogether([heading, Paragraph(escape(chart.says), _CELL), chart.drawing])
    for table in tables(shown.report, shown.zone):
        yield Spacer(0, 8)
        yield Paragraph(escape(table.title), _HEADING)
        yield _pdf_table(table, width)


def _pdf_table(table: Table, width: float) -> LongTable:
    def line(cells: Any) -> list[Paragraph]:
        return [Paragraph(escape(cell), _CELL if at < table.words else _NUMBER) for at, cell in enumerate(cells)]

    drawn = LongTable([line(table.heads), *map(line, table.rows)], colWidths=_widths(table, width), repeatRows=1)
    drawn.setStyle(_RULED)
    return drawn


def _widths(table: Table, width: float) -> list[float]:
    """By the longest cell of each column, none narrower than a time of day, none wider than a third of the page."""
    longest = [max(len(cell) for cell in column) for column in zip(table.heads, *table.rows, strict=True)]
    shares = [min(max(size, 6), 40) for size in longest]
    return [width * share / sum(shares) for share in shares]

"""Makes artwork from HTML and CSS, and inspects it as any other.

Nothing is loaded, neither from the network nor from this machine: pictures and fonts come as `data:` URLs. What comes out is a
PDF of the product's bleed size. Reads hostile input: run it in a child process with limits (`pipeline.press.process.child`).
"""

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.errors import Permanent
from pipeline.press.html.typefaces import use_own_fonts
from pipeline.press.preflight import inspect as preflight
from pipeline.press.report import Finding, Report, finding, warning
from pipeline.products import Product, Side

if TYPE_CHECKING:
    from pipeline.press.html.render import LoadsError, Page

_INSIDE = "Put pictures, fonts and style sheets into the HTML itself, as data: URLs and <style>."
_SIMPLER = "Simplify the HTML, or send the artwork as PDF."
_MOST_SHOWN = 80


def inspect_html(source: Path, product: Product, out: Path, side: Side | None = None) -> Report:
    """The page of an HTML file in UTF-8 as PDF in `out`, and what preflight says of it; nothing in `out` if nothing came of it.

    Raises `Permanent("html_unavailable")` where WeasyPrint or what it stands on is missing.
    """
    renderer = load_renderer(out.parent)
    size = f"size: {product.bleed_width_in}in {product.bleed_height_in}in"
    try:
        page = renderer.render(source.read_text("utf-8"), f"@page {{ {size}; margin: 0 }} body {{ margin: 0 }}")
    except renderer.LoadsError as error:
        return Report("html", tuple(_loads(error)))
    except RecursionError:
        return Report("html", (finding("too_complex", "The HTML is nested too deeply.", _SIMPLER),))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - WeasyPrint fails in any way on HTML that it did not foresee
        detail = f"The renderer fails on the HTML: {type(error).__name__}."
        return Report("html", (finding("html_unreadable", detail, _SIMPLER),))
    if page.pages > product.most_pages:
        return Report("html", (_page_count(page, product),), pages=page.pages)
    out.write_bytes(page.pdf)
    report = replace(preflight.inspect(out, product, side), kind="html")
    return (_named(report, page.missing) if page.missing else report).with_more(_of_page(page))


def _named(report: Report, missing: str) -> Report:
    """With the characters that have no glyph by their names, which only the HTML knows, at the place that preflight found."""
    names = ", ".join(f"U+{ord(one):04X}" for one in missing[:10])
    remedy = "Leave them out, or bring a font that has them along: @font-face with a data: URL."
    named = finding("missing_glyph", f"No font at hand has {names}.", remedy)
    found = [one for one in report.findings if one.code == named.code]
    others = tuple(one for one in report.findings if one.code != named.code)
    placed = replace(found[0], detail=named.detail, remedy=remedy) if found else named
    return replace(report, findings=(*others, placed))


def load_renderer(folder: Path) -> Any:
    """`pipeline.press.html.render`, set to the fonts of ours. `folder` has to stay for as long as pages are made."""
    use_own_fonts(folder)
    try:
        return importlib.import_module("pipeline.press.html.render")
    except (ImportError, OSError) as error:
        # OSError: the package is there, and the text engine that it loads is not.
        raise Permanent(
            "html_unavailable",
            "artwork from HTML needs Pango: apt-get install libpangoft2-1.0-0 libharfbuzz-subset0, or make setup",
        ) from error


def _loads(error: "LoadsError") -> Iterator[Finding]:
    for url in dict.fromkeys(map(_shown, error.urls)):
        if url == "data:":
            yield finding("html_broken_part", "A data: URL in the HTML cannot be read.", "Encode it again.")
        else:
            yield finding("html_loads_url", f"The HTML loads {url}, and nothing is loaded.", _INSIDE)


def _shown(url: str) -> str:
    """A URL as far as it helps to find it; one without a scheme as it stands in the HTML."""
    parts = urlsplit(url)
    text = url.removeprefix("https://relative.invalid/") if parts.hostname == "relative.invalid" else url
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _page_count(page: "Page", product: Product) -> Finding:
    most = product.most_pages
    detail = f"The HTML fills {page.pages} pages; {product.title} takes {most}."
    return finding(
        "page_count",
        detail,
        "Make it shorter or smaller, or hide what runs over: overflow: hidden.",
        measured=f"{page.pages} pages",
        required=f"at most {most}",
    )


def _of_page(page: "Page") -> Iterator[Finding]:
    for family in page.restricted:
        remedy = "Use a font whose licence allows embedding."
        yield finding("font_not_embeddable", f"The font {family} forbids that it be embedded.", remedy)
    if page.broken:
        remedy = "Look for a picture that does not open in a browser, and export it as PNG, JPEG or SVG."
        yield finding("html_broken_part", "A picture or style sheet in the HTML cannot be read.", remedy)
    if page.scripted:
        remedy = "Write what the script would draw into the HTML."
        yield warning("html_script", "The HTML holds a script or canvas; scripts are not run.", remedy)

"""WeasyPrint, with nothing but the text of the page to work from.

To be imported after `html_fonts.use_own_fonts`, and only where Pango is installed: WeasyPrint loads both as it is imported.
"""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pydyf
import weasyprint
from fontTools.ttLib import TTFont
from PIL import ImageFile
from weasyprint.urls import FatalURLFetchingError, URLFetcher

from pipeline.press.html.loads import named_elsewhere
from pipeline.press.html.typefaces import FONT_FILES

# WeasyPrint has Pillow take pictures that are cut short, in all of the process: other artwork in it would pass so.
ImageFile.LOAD_TRUNCATED_IMAGES = False

# What stands in the HTML without a scheme would otherwise be left out without a word.
NOWHERE = "https://relative.invalid/"

_SCRIPTED = ("script", "canvas")
# OS/2 fsType: may not be embedded at all, unless another of the lowest four bits allows it.
_RESTRICTED, _USAGE = 0x2, 0xF
# Black as CSS has it would be mixed from four inks: blurred small type, and more ink than the paper takes.
_PURE_BLACK = {b"0 0 0 rg": b"0 g", b"0 0 0 RG": b"0 G"}


@dataclass(frozen=True)
class Page:
    """What became of some HTML. `missing` are characters in no font, `restricted` fonts that may not be embedded.

    `broken`: a picture or style sheet in it could not be read; `scripted`: part of it would be drawn by a script.
    """

    pdf: bytes
    pages: int
    missing: str = ""
    restricted: tuple[str, ...] = ()
    broken: bool = False
    scripted: bool = False


class LoadsError(Exception):
    """These URLs are not in the HTML; one that is "data:" is, and cannot be read."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        super().__init__("the HTML loads what is not in it")
        self.urls = urls


def render(html: str, css: str) -> Page:
    """The page as PDF; `css` gives way to what the HTML says itself. Raises `LoadsError`, and whatever WeasyPrint raises."""
    fetcher = _OnlyData()
    with _errors_told() as lost:
        try:
            page = weasyprint.HTML(string=html, url_fetcher=fetcher, base_url=NOWHERE)
            document = page.render(stylesheets=[weasyprint.CSS(string=css)], presentational_hints=True)
            pdf = document.write_pdf(finisher=_blacken)
        except FatalURLFetchingError as error:
            raise LoadsError(tuple(fetcher.refused)) from error
    # A picture in a picture is passed over without a word to us: what was asked for counts, not what was raised.
    if loads := (*fetcher.refused, *named_elsewhere(page.etree_element)):
        raise LoadsError(loads)
    fonts = document.fonts.values()
    return Page(
        pdf=pdf,
        pages=len(document.pages),
        missing="".join(sorted({chr(code) for font in fonts for code in font.missing})),
        restricted=tuple(sorted({font.family for font in fonts if _is_restricted(font.file_content)})),
        broken=bool(lost),
        scripted=any(element.tag in _SCRIPTED for element in page.etree_element.iter()),
    )


class _OnlyData(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Gives what a `data:` URL holds, or a font of ours; notes every other URL, and ends the rendering."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols=("data", "file"), allow_redirects=False, fail_on_errors=True)
        self.refused: list[str] = []

    def fetch(self, url: str, headers: Any = None) -> Any:
        try:
            if url[:5].lower() == "data:" or _is_own_font(url):
                return super().fetch(url, headers)
        except Exception as error:
            # A data: URL may hold anything, and fail in any way.
            self.refused.append("data:")
            raise FatalURLFetchingError("a data: URL cannot be read") from error
        self.refused.append(url)
        raise FatalURLFetchingError("the URL is not in the HTML")


def _is_own_font(url: str) -> bool:
    """`local()` in a style sheet leads to the file of a font."""
    parts = urlsplit(url)
    return parts.scheme == "file" and Path(url2pathname(parts.path)) in FONT_FILES


class _Told(logging.Handler):
    """Collects what WeasyPrint leaves out: it says so in its log alone, as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(str(record.msg))


@contextmanager
def _errors_told() -> Iterator[list[str]]:
    """Messages are kept from the log itself: they quote the page, and with it somebody's name."""
    log, told = logging.getLogger("weasyprint"), _Told()
    kept, log.handlers, log.propagate = log.handlers, [told], False
    try:
        yield told.records
    finally:
        log.handlers = kept


def _blacken(_document: Any, pdf: Any) -> None:
    for obj in pdf.objects:
        if isinstance(obj, pydyf.Stream):
            obj.stream = [_PURE_BLACK.get(one, one) if isinstance(one, bytes) else one for one in obj.stream]


def _is_restricted(font: bytes) -> bool:
    with TTFont(io.BytesIO(font), lazy=True) as read:
        return "OS/2" in read and read["OS/2"].fsType & _USAGE == _RESTRICTED

"""Makes a page of artwork from HTML and CSS, by WeasyPrint, which has to be installed for it.

Nothing is loaded, neither from the network nor from this machine: pictures come as `data:` URLs. What comes out is a PDF like
any other, to be inspected and normalized. Reads hostile input: for a child process with limits.
"""

import importlib
from typing import Any

from pipeline.errors import Permanent
from pipeline.products import Product

# What stands in the HTML without a scheme would otherwise be left out without a word.
_NOWHERE = "https://relative.invalid/"


def page_from_html(html: str, product: Product) -> bytes:
    """One page of the product's bleed size, as PDF.

    Raises `Permanent`: `html_unavailable` where WeasyPrint or what it stands on is missing, `html_loads_url` for anything that
    is not in the text itself, `page_count` where the content runs over the page.
    """
    weasyprint = _weasyprint()
    urls = importlib.import_module("weasyprint.urls")
    fetcher = urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True)
    size = f"@page {{ size: {product.bleed_width_in}in {product.bleed_height_in}in; margin: 0 }} body {{ margin: 0 }}"
    try:
        page = weasyprint.HTML(string=html, url_fetcher=fetcher, base_url=_NOWHERE)
        document = page.render(stylesheets=[weasyprint.CSS(string=size)])
        made: bytes = document.write_pdf()
    except urls.FatalURLFetchingError as error:
        raise Permanent(
            "html_loads_url",
            "the HTML loads what is not in it, or a data: URL that cannot be read; put pictures in as data:",
        ) from error
    if len(document.pages) != 1:
        raise Permanent("page_count", f"the HTML fills {len(document.pages)} pages; a side takes one")
    return made


def _weasyprint() -> Any:
    try:
        return importlib.import_module("weasyprint")
    except (ImportError, OSError) as error:
        # OSError: the package is there, and the text engine that it loads is not.
        raise Permanent(
            "html_unavailable",
            "artwork from HTML needs WeasyPrint and Pango: pip install weasyprint, apt install libpango",
        ) from error

"""What becomes of a folder of PDF files, each as artwork of its own size: `python -m tests.corpus FOLDER [--json FILE]`.

For whoever has odd files at hand. Each file's first page goes through preflight, is prepared, imposed one-up, held against the
PDF/X-4 checklist and compared with its source, in a child of the press process with the limits that artwork has. Prints
how many were opened, refused (by reason), alike and different, and names what should not happen: a crash, a bug, a file
that is accepted and then prints otherwise or breaks a rule.
"""

import argparse
import json
import resource
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2
from fontTools.ttLib import TTLibError

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.artbox import NoBoxError, view
from pipeline.press.creative.normalize import normalize
from pipeline.press.limits import MALFORMED, limit_qpdf
from pipeline.press.opening import open_artwork
from pipeline.press.picture import render
from pipeline.press.preflight.inspect import inspect
from pipeline.press.preflight.likeness import TOLERATED, original_page, share_off
from pipeline.press.process import zygote
from pipeline.press.process.press import Press, TooHeavyError
from pipeline.press.process.steps import CODES, NORMALIZE
from pipeline.press.sheets.impose import impose
from pipeline.products import POSTCARD_4X6, PRODUCTS, Box, Product
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.x4_checker import violations

PPI = 96
BLEED_IN = 0.125
# The smallest pages are taken as cards without bleed.
SMALLEST_IN, SMALLEST_WITH_BLEED_IN, LARGEST_IN = 0.25, 1.0, 48.0
# Findings of a size, a place or a quality that hinder neither preparing nor comparing.
SOFT = frozenset({
    "coarse_image", "ink_in_address_zone", "low_resolution", "missing_glyph", "page_count", "short_bleed",
    "text_outside_safe_area", "unembedded_font", "white_overprints",
})  # fmt: skip
# Longer than the real one, since it does three of them and more.
STEP = replace(NORMALIZE, cpu_s=60, wall_s=120)
# No rule, since the checker stopped; and what only a file that was refused for it can break.
_UNKNOWN, _FONTS = 0, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, help="where to write what was found, file by file")
    given = parser.parse_args()
    files = sorted(given.folder.rglob("*.pdf"))
    # It is started in the root folder, and finds the tests by their path.
    start = f"import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r}); from tests.corpus import serve; serve()"
    press = Press((sys.executable, "-c", start))
    try:
        with ThreadPoolExecutor(2) as pool:
            found = dict(zip(files, pool.map(lambda file: _asked(press, file), files), strict=True))
    finally:
        press.close()
    if given.json:
        given.json.write_text(json.dumps({str(file): said for file, said in found.items()}, indent=1))
    for line in _summary(found):
        print(line)  # noqa: T201 - this is what it is for


def _asked(press: Press, file: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        try:
            request = {"source": str(file.absolute()), "folder": folder}
            reply, ending = press.ask(STEP, json.dumps(request).encode())
        except TooHeavyError as error:
            return {"ended": str(error)}
    if ending.get("late") or ending.get("exit") != 0:
        return {"ended": "late" if ending.get("late") else f"exit {ending.get('exit')}"}
    said = json.loads(reply)
    return dict(said["done"]) if "done" in said else {"ended": json.dumps(said)}


def _summary(found: dict[Path, dict[str, Any]]) -> Iterator[str]:
    refused = Counter(code for said in found.values() for code in said.get("findings", ()))
    shares = [said["share"] for said in found.values() if said.get("share") is not None]
    yield f"{len(found)} files, {sum('share' in said for said in found.values())} prepared and compared"
    yield f"accepted: {sum(said.get('ok', False) for said in found.values())}"
    yield f"alike: {sum(share <= TOLERATED for share in shares)}, different: {sum(share > TOLERATED for share in shares)}"
    for what in ("cpu_s", "peak_mb"):
        most, worst = max(((said.get(what, 0), file.name) for file, said in found.items()), default=(0, ""))
        yield f"most {what}: {most:g} ({worst})"
    yield from (f"  {count:5} {code}" for code, count in refused.most_common())
    for file, said in found.items():
        wrong = [said["ended"]] if "ended" in said else _wrong(said)
        if wrong:
            yield f"{file.name}: {'; '.join(wrong)}"


def _wrong(said: dict[str, Any]) -> list[str]:
    broken = [
        f"breaks rule {rule}: {what}"
        for rule, what in said.get("broken", ())
        if said["ok"] or rule not in (_UNKNOWN, _FONTS)
    ]
    wrong = list(dict.fromkeys(broken))
    if said["ok"] and said.get("printed", 0) > TOLERATED:
        wrong.append(f"accepted, and {said['printed']:.1%} prints otherwise")
    return wrong + ([f"bug: {said['bug']}"] if "bug" in said else [])


def examine(request: dict[str, Any]) -> dict[str, Any]:
    """In the child: what becomes of the file, and what that took."""
    said = _examined(Path(request["source"]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return said | {"cpu_s": round(used.ru_utime + used.ru_stime, 2), "peak_mb": used.ru_maxrss >> 10}


def _examined(source: Path) -> dict[str, Any]:
    """What preflight says, how far what is prepared and printed is from the source, which rules it breaks."""
    limit_qpdf()
    try:
        product = _product_of(source)
    except (*MALFORMED, NoBoxError):
        # It says itself what is wrong with such a file.
        return {"ok": False, "findings": [one.code for one in inspect(source, POSTCARD_4X6).findings]}
    if product is None:
        return {"ok": False, "findings": ["no size of any product"]}
    report = inspect(source, product)
    codes = [one.code for one in report.findings]
    said: dict[str, Any] = {"ok": report.ok, "findings": codes, "warnings": [one.code for one in report.warnings]}
    return said | (_compared(source, product) if set(codes) <= SOFT | {"prints_differently"} else {})


def _product_of(source: Path) -> Product | None:
    """A card of the first page's size; None where that is none that could be mailed."""
    with open_artwork(source) as pdf:
        seen = view(pdf.pages[0])
    page_in = [side / 72 for side in seen.size_pt(seen.visible)]
    bleed_in = BLEED_IN if min(page_in) >= SMALLEST_WITH_BLEED_IN else 0.0
    width, height = (side - 2 * bleed_in for side in page_in)
    if not (min(width, height) >= SMALLEST_IN and max(width, height) <= LARGEST_IN):
        return None
    corner = Box(0, 0, 0.1, 0.1)
    product = replace(
        POSTCARD_4X6, name="corpus", trim_width_in=width, trim_height_in=height, bleed_in=bleed_in, ink_free=corner,
        indicia=None, face=Box(0, 0, width, height),
    )  # fmt: skip
    PRODUCTS[product.name] = product
    return product


def _compared(source: Path, product: Product) -> dict[str, Any]:
    normal = Path("normal.pdf").absolute()
    try:
        normalize(source, product, normal, page=0)
        with open_artwork(source) as pdf:
            seen = view(pdf.pages[0])
        original = original_page(source, seen, product, PPI, 0)
        share = share_off(original, render(normal, PPI))
        sheets = _printed(normal, product)
        return {"share": share, "printed": share_off(original, render(sheets, PPI)), "broken": _broken(sheets)}
    except (Permanent, pypdfium2.PdfiumError) as error:
        return {"bug": f"{type(error).__name__} {error}"}


def _broken(sheets: Path) -> list[tuple[int, str]]:
    try:
        return violations(sheets)
    except (*MALFORMED, struct.error, AssertionError, TTLibError) as error:
        return [(0, f"cannot be checked: {type(error).__name__}")]


def _printed(normal: Path, product: Product) -> Path:
    imposition = Imposition(mode="one_up")
    [piece] = make_pieces(1, imposition, back=None)
    return impose(
        make_job({"front": normal}, [piece], imposition=imposition, product=product.name), normal.parent
    ).files[0]


def serve() -> None:
    """The press process, with its one step."""
    zygote.main({CODES[STEP.name]: STEP}, {STEP.name: examine})


if __name__ == "__main__":
    main()

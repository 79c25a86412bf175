"""The press steps, each in a child process of its own with limits, whatever the file contains.

A child is forked from a zygote that has imported everything (`zygote`), in a few milliseconds instead of half
a second. Threads may call side by side. A zygote that was killed is started again; one belongs to one process and dies with it.

Every step raises `Transient` when no child could be started, and nothing of a child that failed is left behind.
"""

import contextlib
import json
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import Permanent, PortError, Transient
from pipeline.press.file_kind import sniff
from pipeline.press.job import Imposed, Job
from pipeline.press.mailing import Mailing
from pipeline.press.process.press import PRESS, TooHeavyError
from pipeline.press.process.steps import IMPOSE, INSPECT, NORMALIZE, PIECES, PROOF, RENDER, Step
from pipeline.press.process.wire import imposed_from_dict, job_as_dict, permanent_from_dict
from pipeline.press.report import Report, finding
from pipeline.press.sheets.pieces import spool
from pipeline.products import POSTCARD_4X6, Product, Side

_SIMPLER = "Simplify the HTML, or send the artwork as PDF."
_REMEDY = "Flatten the artwork to one image, or simplify it, and export it again."


class PressBugError(RuntimeError):
    """A press step failed in a way that nobody foresaw. Says where, and nothing of the file."""


def inspect(path: Path, product: Product, side: Side | None = None) -> Report:
    """As `pipeline.press.preflight.inspect`; a file that takes the child down has the finding `too_complex`."""
    with tempfile.TemporaryDirectory(prefix="mailstream-press-") as folder:
        try:
            reply = _run(INSPECT, {"source": _absolute(path), "product": product.name, "side": side}, folder)
        except TooHeavyError as error:
            return Report(sniff(path), (finding("too_complex", f"Reading the file failed: it {error}.", _REMEDY),))
    return Report.from_dict(reply)


def inspect_html(path: Path, product: Product, out: Path, side: Side | None = None) -> Report:
    """As `pipeline.press.html_page.inspect_html`; HTML that takes the child down has the finding `too_complex`."""
    with tempfile.TemporaryDirectory(prefix=".press-", dir=out.parent) as folder:
        try:
            reply = _run(RENDER, {"source": _absolute(path), "product": product.name, "side": side}, folder)
        except TooHeavyError as error:
            return Report("html", (finding("too_complex", f"Setting the page failed: it {error}.", _SIMPLER),))
        made = Path(folder, "out")
        if made.exists():
            made.replace(out)
    return Report.from_dict(reply)


def try_html() -> Report:
    """What becomes of an empty page. Raises `Permanent("html_unavailable")` where something is missing for it."""
    with tempfile.TemporaryDirectory(prefix="mailstream-press-") as folder:
        page = Path(folder, "page.html")
        page.write_text("<p>", encoding="utf-8")
        return inspect_html(page, POSTCARD_4X6, page.with_suffix(".pdf"))


def normalize(source: Path, product: Product, out: Path) -> None:
    """As `pipeline.press.creative.normalize`. Raises `Permanent("creative_too_heavy")` where it takes the child down."""
    _make(NORMALIZE, source, product, out)


def proof(normalized: Path, product: Product, out_png: Path) -> None:
    """The proof of one creative, as a front. Raises `Permanent("creative_too_heavy")` where it takes the child down."""
    _make(PROOF, normalized, product, out_png)


def marked_proof(source: Path, product: Product, side: Side, report: Report, out: Path) -> None:
    """As `pipeline.press.marked_proof.marked_proof`, a PNG or PDF by `out`'s ending. Raises as `proof` does."""
    png = out.suffix.lower() == ".png"
    more = {"side": side, "report": report.as_dict(), "png": png}
    _make(PROOF, source, product, out, marked=more)


def mail_proof(art: Mapping[Side, Path | None], product: Product, mailing: Mailing, out: Path) -> None:
    """Both sides of one piece as they will print, as PDF. Raises as `proof` does, and as imposing does."""
    sides = {side: _absolute(path) if path else None for side, path in art.items()}
    _make(PROOF, next(path for path in art.values() if path), product, out, mail={"art": sides, **mailing.as_dict()})


def impose(job: Job, out_dir: Path) -> Imposed:
    """As `pipeline.press.impose.impose`. Raises `Permanent("drop_too_heavy")` where it takes the child down."""
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".press-", dir=out_dir) as folder:
        spool(job.pieces, Path(folder, PIECES))
        try:
            made = imposed_from_dict(_run(IMPOSE, {"job": job_as_dict(job)}, folder), Path(folder, "out"))
        except TooHeavyError as error:
            raise Permanent("drop_too_heavy", f"imposing {job.stem} failed: it {error}") from error
        files = tuple(file.replace(out_dir / file.name) for file in made.files)
    return Imposed(files, made.sheets, made.pieces)


def warm_up(*, html: bool = False) -> None:
    """Start the zygote ahead of the first job, which would otherwise wait for its imports; with those for HTML, where asked.

    Those come a second later, and would hold up whatever else is asked of the zygote while it reads them.
    """
    PRESS.start()
    if html:
        threading.Thread(target=_try_html_quietly, name="press-warm-up", daemon=True).start()


def _try_html_quietly() -> None:
    # What is missing is told to whoever sends HTML, and by `doctor`.
    with contextlib.suppress(PortError):
        try_html()


def _make(step: Step, source: Path, product: Product, out: Path, **more: Any) -> None:
    with tempfile.TemporaryDirectory(prefix=".press-", dir=out.parent) as folder:
        try:
            _run(step, {"source": _absolute(source), "product": product.name} | more, folder)
        except TooHeavyError as error:
            fault = finding("too_complex", f"Preparing the artwork failed: it {error}.", _REMEDY)
            raise Permanent(
                "creative_too_heavy", f"the artwork cannot be prepared: it {error}", faults=(fault,)
            ) from error
        Path(folder, "out").replace(out)


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _run(step: Step, request: dict[str, Any], folder: str) -> Any:
    """What the step gives back. Raises `TooHeavyError`, and what the step raised."""
    # The child works in that folder and not in ours; before Python 3.12 a temporary folder's name may be relative.
    answer, ending = PRESS.ask(step, json.dumps(request | {"folder": _absolute(Path(folder))}).encode())
    if "failed" in ending:
        raise Transient("press_unavailable", f"no press process could be forked: {ending['failed']}")
    if ending["late"]:
        raise TooHeavyError(f"took more than {step.wall_s:g} s")
    if ending["exit"] != 0:
        raise TooHeavyError(f"needed more than {step.memory_bytes >> 20} MB or {step.cpu_s} s of computing, or crashed")
    reply = _parsed(answer)
    if "permanent" in reply:
        raise permanent_from_dict(reply["permanent"])
    if "heavy" in reply:
        raise TooHeavyError(f"needed more than {step.memory_bytes >> 20} MB of memory")
    if "bug" in reply:
        raise PressBugError(f"press step {step.name}: {reply['bug']}")
    return reply["done"]


def _parsed(answer: bytes) -> dict[str, Any]:
    """A child that was taken over may say anything; what is no reply counts as a crash."""
    try:
        reply = json.loads(answer)
    except ValueError as error:
        raise TooHeavyError("crashed") from error
    if not isinstance(reply, dict):
        raise TooHeavyError("crashed")
    return reply

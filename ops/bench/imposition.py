"""Imposition: pieces a second, resident memory and bytes a piece, 8-up on both sides with address and barcode for each piece.

`python -m ops.bench.imposition [--peers]`. Each measurement runs in a process of its own, so that its peak memory is its own.
Pieces lie on disk, as the press process has them. `child` is the whole way of a drop: job to JSON, press process, files back. The
peers do the same job (`imposition_peers`), in an environment of their own in var/bench, which the first run fills.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf

from ops.bench import imposition_peers
from ops.bench.figures import Figure, print_figures
from ops.bench.imposition_peers import PEERS
from pipeline.address.imb import encode, tracking_code
from pipeline.models.profile import Imposition, Postage
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import bleed_rect
from pipeline.press.job import Job, Placed
from pipeline.press.process import child
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import lay_out, places_in_order
from pipeline.press.sheets.pieces import SpooledPieces, spool
from pipeline.products import POSTCARD_4X6

TITLE = "Imposition, 8-up on both sides"
_CREATIVES = Path(__file__).parents[2] / "fixtures" / "creatives"
_DISTINCT_BYTES = 125_000
_NAMES = ("ADA LOVELACE", "KATHERINE JOHNSON", "MARIA GOEPPERT MAYER", "CHIEN-SHIUNG WU", "GRACE HOPPER")
_STREETS = ("185 BERRY ST STE 6100", "1600 PENNSYLVANIA AVE NW", "742 EVERGREEN TER", "4059 MT LEE DR", "PO BOX 1912")
_CITIES = (
    "SAN FRANCISCO CA 94107-1234",
    "WASHINGTON DC 20500-0003",
    "SPRINGFIELD OR 97477-5512",
    "BOISE ID 83702-0100",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", action="store_true", help="other tools at the same job")
    parser.add_argument("--run", nargs=2, metavar=("WHAT", "PIECES"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        print(json.dumps(_RUNS[asked.run[0]](int(asked.run[1]))))  # noqa: T201
        return
    print_figures(TITLE, measure(peers=asked.peers))


def measure(*, peers: bool = True) -> list[Figure]:
    """One process after the other."""
    runs = [("shared", 20_000), ("shared", 200_000), ("child", 20_000), ("distinct", 2_000)]
    told = {(what, pieces): _run(what, pieces) for what, pieces in runs}
    found = [_figure(*run, told[run]) for run in runs]
    growth = told["shared", 200_000]["cpu_s"] / told["shared", 20_000]["cpu_s"]
    found.append(Figure("t(200,000) / t(20,000)", f"{growth:.1f}", goal="<= 10.5"))
    return found + (_measure_peers(told["shared", 20_000]["cpu_s"] / 20_000) if peers else [])


def _run(what: str, pieces: int) -> dict[str, float]:
    command = [sys.executable, "-m", "ops.bench.imposition", "--run", what, str(pieces)]
    told: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def _figure(what: str, pieces: int, told: dict[str, float]) -> Figure:
    # What the press process computes is not ours: its way is told by the clock on the wall.
    per = "wall_s" if what == "child" else "cpu_s"
    measured = f"{pieces / told[per]:8,.0f} pieces/s{'' if what == 'child' else '/core'}"
    beside = f"wall {told['wall_s']:.2f} s, peak {told['peak_mb']:.0f} MB, {told['bytes'] / pieces:,.0f} bytes a piece"
    return Figure(f"{what} {pieces:,}", measured, beside, _GOALS.get((what, pieces), ""))


_GOALS = {
    ("shared", 20_000): ">= 20,000, <= 100 MB, <= 200 bytes",
    ("shared", 200_000): "<= 100 MB, <= 200 bytes",
    ("distinct", 2_000): ">= 1,000, <= 100 MB",
}


def _shared(count: int) -> dict[str, float]:
    return _measure(count, _shared_artwork, impose)


def _child(count: int) -> dict[str, float]:
    child.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        # The first child waits for the imports.
        child.inspect(_CREATIVES / "harbor-front.pdf", POSTCARD_4X6)
        job = _job(count, _shared_artwork(Path(folder), 1), Path(folder, "pieces"))
        return _timed(lambda: sum(file.stat().st_size for file in child.impose(job, Path(folder, "out")).files[:1]))


def _distinct(count: int) -> dict[str, float]:
    return _measure(count, _distinct_artwork, impose)


def _measure(
    count: int, artwork: Callable[[Path, int], dict[str, Path]], how: Callable[[Job, Path], object]
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        job = _job(count, artwork(Path(folder), count), Path(folder, "pieces"))
        out = Path(folder, "out")

        def run() -> int:
            how(job, out)
            return sum(file.stat().st_size for file in out.glob("bench_r00*.pdf") if file.stem[-1].isdigit())

        return _timed(run)


def _timed(run: Callable[[], int]) -> dict[str, float]:
    """Processor time too, since others may share the machine."""
    wall, cpu = time.perf_counter(), time.process_time()
    size = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall_s": wall, "cpu_s": cpu, "bytes": size, "peak_mb": _peak_kb() / 1024}


def _peak_kb() -> int:
    """Since this program was started: what `getrusage` says counts what the parent held when it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _shared_artwork(folder: Path, _: int) -> dict[str, Path]:
    art = {}
    for side in ("front", "back"):
        art[side] = folder / f"{side}.pdf"
        normalize(_CREATIVES / f"harbor-{side}.pdf", POSTCARD_4X6, art[side])
    return art


def _distinct_artwork(folder: Path, count: int) -> dict[str, Path]:
    """One front for each piece, of 125 KB: noise that no compression makes smaller, told apart by its first pixels."""
    noise = random.Random(1).randbytes(_DISTINCT_BYTES)
    art = _shared_artwork(folder, 1)
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(450, 306))
        image = pdf.make_stream(noise, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=500, Height=250)
        image.BitsPerComponent, image.ColorSpace = 8, pikepdf.Name.DeviceGray
        page = pdf.pages[0].obj
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Art=image))
        page.Contents = pdf.make_stream(b"q 450 0 0 306 0 0 cm /Art Do Q")
        for number in range(count):
            image.write(number.to_bytes(4) + noise[4:])
            art[f"front{number}"] = folder / f"front{number}.pdf"
            pdf.save(art[f"front{number}"], object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return art


def _job(count: int, artwork: dict[str, Path], spooled: Path) -> Job:
    imposition = Imposition(max_sheets_per_file=10**6)
    places = places_in_order(count, POSTCARD_4X6, imposition)
    distinct = len(artwork) > 2
    spool((_piece(at, place, f"front{at}" if distinct else "front") for at, place in enumerate(places)), spooled)
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    postage = Postage(mailer_id="123456", permit_number="1042", permit_city="Boise", permit_state="ID")
    return Job(
        stem="bench_r00", batch_id="bench", revision=0, product=POSTCARD_4X6.name, mail_class="first_class", frozen_at=moment,
        mail_by=moment, zone="UTC", printer="bench", contact="", imposition=imposition, postage=postage, artwork=artwork,
        pieces=SpooledPieces(spooled),
    )  # fmt: skip


def _piece(number: int, place: tuple[int, int, int], front: str) -> Placed:
    return Placed(
        piece_id=f"ml_{number:026}",
        sheet=place[0],
        slot=place[1],
        stack_position=place[2],
        imb=tracking_code("310", "123456", number) + f"{94107123400 + number % 100}",
        address=(_NAMES[number % 5], f"{number} {_STREETS[number % 5]}", _CITIES[number % 4]),
        return_address=("HARBOR BOOKS", "3 QUAY ST", "BOISE ID 83702"),
        front=front,
        back="back",
        recipient_hash=f"{number:064x}",
    )


def _measure_peers(ours_s: float) -> list[Figure]:
    """`ours_s` is what one of our pieces took. A peer's own start is not counted."""
    python = _peers_python()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        art = _shared_artwork(Path(folder), 1)
        for name, (title, _, pieces) in PEERS.items():
            job, out = Path(folder, "job.json"), Path(folder, f"{name}.pdf")
            job.write_text(json.dumps(_peer_job(pieces, art, Path(folder, "pieces"))))
            command = [str(python), "-I", imposition_peers.__file__, name, str(job), str(out)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            each_s, size = told["cpu_s"] / pieces, f"{told['bytes'] / pieces:,.0f} bytes a piece"
            beside = f"{size}; ours is {each_s / ours_s:.0f} times as fast"
            found.append(Figure(f"{title}, {pieces:,}", f"{1 / each_s:8,.0f} pieces/s/core", beside))
    return found


def _peers_python() -> Path:
    folder = Path("var/bench/imposition-peers")
    python, stamp = folder.absolute() / "bin" / "python", folder / "installed"
    wanted = "\n".join(imposition_peers.PINNED)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *imposition_peers.PINNED], check=True)
        stamp.write_text(wanted)
    return python


def _peer_job(count: int, artwork: dict[str, Path], spooled: Path) -> imposition_peers.Job:
    job = _job(count, artwork, spooled)
    layout, bleed = lay_out(POSTCARD_4X6, job.imposition), bleed_rect(POSTCARD_4X6)
    sheets: list[list[Any]] = [[] for _ in range(-(-count // layout.n_up))]
    for at, piece in enumerate(job.pieces):
        sheets[at // layout.n_up].append([encode(piece.imb[:20], piece.imb[20:]), piece.address])
    sides = {"front": layout.front, "back": layout.back}
    return {
        "artwork": {side: str(path) for side, path in artwork.items()},
        "sheet": [layout.sheet.width_pt, layout.sheet.height_pt],
        "bleed": [bleed.width_pt, bleed.height_pt],
        "slots": {name: [[slot.rect.x_pt, slot.rect.y_pt] for slot in side.slots] for name, side in sides.items()},
        "sheets": sheets,
    }


_RUNS: dict[str, Callable[[int], dict[str, float]]] = {"shared": _shared, "child": _child, "distinct": _distinct}


if __name__ == "__main__":
    main()

"""Press steps in a child process: what they give back, what they may not take, and what is left when they die."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Permanent, Transient
from pipeline.models.profile import Imposition
from pipeline.press.creative import normalize as creative
from pipeline.press.preflight import inspect as preflight
from pipeline.press.process import child
from pipeline.press.process.press import Press
from pipeline.press.process.steps import INSPECT, PROOF, Step
from pipeline.press.sheets import impose
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile
from tests.unit.press.conftest import CREATIVES, GOOD
from tests.unit.press.jobs import make_job, make_pieces
from tests.waiting import is_running, until


@pytest.fixture
def no_leftovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which must be empty again afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("name", [*GOOD, "bad-72dpi.png", "bad-encrypted.pdf", "bad-text-named.pdf"])
def test_inspect_says_in_a_child_what_it_says_here(no_leftovers: Path, name: str) -> None:
    assert child.inspect(CREATIVES / name, POSTCARD_4X6) == preflight.inspect(CREATIVES / name, POSTCARD_4X6)
    assert list(no_leftovers.iterdir()) == []


def test_normalize_writes_the_same_bytes_in_a_child(tmp_path: Path) -> None:
    here, there = tmp_path / "here.pdf", tmp_path / "there.pdf"
    creative.normalize(CREATIVES / "harbor-front.pdf", POSTCARD_4X6, here)
    child.normalize(CREATIVES / "harbor-front.pdf", POSTCARD_4X6, there)
    assert here.read_bytes() == there.read_bytes()
    assert sorted(tmp_path.iterdir()) == [here, there]


def test_proof_makes_a_picture(tmp_path: Path) -> None:
    normal, proof = tmp_path / "normal.pdf", tmp_path / "proof.png"
    child.normalize(CREATIVES / "harbor-front.pdf", POSTCARD_4X6, normal)
    child.proof(normal, POSTCARD_4X6, proof)
    assert proof.read_bytes().startswith(b"\x89PNG")
    assert sorted(tmp_path.iterdir()) == [normal, proof]


def test_impose_writes_the_same_files_in_a_child(tmp_path: Path) -> None:
    art = {"front": tmp_path / "front.pdf", "back": tmp_path / "back.pdf"}
    for side, source in art.items():
        child.normalize(CREATIVES / f"harbor-{side}.pdf", POSTCARD_4X6, source)
    job = make_job(art, make_pieces(20, Imposition()))
    here, there = impose.impose(job, tmp_path / "here"), child.impose(job, tmp_path / "there")
    assert (here.sheets, here.pieces) == (there.sheets, there.pieces)
    assert [file.name for file in here.files] == [file.name for file in there.files]
    assert [file.read_bytes() for file in here.files] == [file.read_bytes() for file in there.files]
    assert sorted((tmp_path / "there").iterdir()) == sorted(there.files)


def test_files_may_be_named_from_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("front.pdf").write_bytes((CREATIVES / "harbor-front.pdf").read_bytes())
    child.normalize(Path("front.pdf"), POSTCARD_4X6, Path("normal.pdf"))
    child.proof(Path("normal.pdf"), POSTCARD_4X6, Path("proof.png"))
    job = make_job({"front": Path("normal.pdf"), "back": Path("normal.pdf")}, make_pieces(20, Imposition()))
    made = child.impose(job, Path("out"))
    assert sorted(Path("out").iterdir()) == sorted(made.files)
    assert Path("proof.png").exists()


def test_what_a_step_refuses_comes_back_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(Permanent) as caught:
        child.normalize(hostile.no_pages(tmp_path / "artwork.pdf"), POSTCARD_4X6, tmp_path / "out.pdf")
    assert caught.value.code == "unreadable_artwork"
    pieces = [make_pieces(1, Imposition())[0]._replace(back=None, front="art", address=("山田",))]
    art = {"art": tmp_path / "art.pdf"}
    child.normalize(CREATIVES / "harbor-front.pdf", POSTCARD_4X6, art["art"])
    with pytest.raises(Permanent, match="ml_00001") as refused:
        child.impose(make_job(art, pieces), tmp_path / "drop")
    assert refused.value.code == "address_unprintable"
    assert list((tmp_path / "drop").iterdir()) == []


def test_a_bug_says_where_and_nothing_of_the_job(tmp_path: Path) -> None:
    pieces = [piece._replace(slot=99) for piece in make_pieces(1, Imposition())]
    with pytest.raises(child.PressBugError, match=r"press step impose: ValueError at tally\.py:\d+") as caught:
        child.impose(make_job({}, pieces), tmp_path / "drop")
    assert "LOVELACE" not in str(caught.value)


HOSTILE: dict[str, tuple[Callable[[Path], Path], set[str]]] = {
    "flate bomb": (hostile.flate_bomb, {"decompression_bomb"}),
    "form bomb": (hostile.form_bomb, {"too_complex"}),
    "deep arrays": (hostile.deep_arrays, {"damaged_file", "too_complex", ""}),
    "png bomb": (hostile.png_header_bomb, {"decompression_bomb"}),
    "wrong types": (hostile.wrong_types, {"damaged_file"}),
    "page tree loop": (hostile.page_tree_loop, {"damaged_file"}),
    "10,000 pages": (hostile.many_pages, {"page_count"}),
    "damaged table": (hostile.damaged_table, {"damaged_file"}),
    "fine tiles": (hostile.fine_tiles, {"too_complex"}),
    "masks in masks": (hostile.masks_in_masks, {"too_complex"}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_ends_in_a_finding_and_harms_no_other(tmp_path: Path, case: str) -> None:
    build, codes = HOSTILE[case]
    report = child.inspect(build(tmp_path / "artwork.pdf"), POSTCARD_4X6)
    assert {found.code for found in report.findings} <= codes
    assert "" in codes or not report.ok
    assert child.inspect(CREATIVES / "harbor-back.pdf", POSTCARD_4X6).ok


MISDEEDS = (sys.executable, "-I", str(Path(__file__).with_name("press_misdeeds.py")))


@pytest.fixture(scope="module")
def misused() -> Iterator[Press]:
    """A press whose children do what they are asked, under tight limits."""
    press = Press(MISDEEDS)
    yield press
    press.close()


def _do(press: Press, folder: Path, deed: str, path: Path | None = None) -> tuple[Any, dict[str, Any]]:
    """A sleeper has three seconds; the others would have half a minute."""
    request = {"deed": deed, "folder": str(folder), "path": str(path)}
    reply, ending = press.ask(PROOF if deed == "sleep" else INSPECT, json.dumps(request).encode())
    return json.loads(reply) if reply else None, ending


def test_a_child_has_nothing_but_its_job(misused: Press, tmp_path: Path) -> None:
    reply, ending = _do(misused, tmp_path, "tell")
    told = reply["done"]
    assert ending == {"exit": 0, "late": False}
    assert told["group"] == told["pid"]
    # Python itself sets LC_CTYPE where the locale was not to its liking.
    assert set(told["environment"]) - {"LC_CTYPE"} == {"LANG", "PATH", "TMPDIR"}
    assert told["folder"] == told["temporary"] == str(tmp_path)
    assert told["open"] == [0, 1, 2, 3]
    assert told["core"] == 0
    assert "" not in told["path"]


@pytest.mark.parametrize(
    ("deed", "signals"),
    [
        ("spin", {signal.SIGXCPU, signal.SIGKILL}),
        ("write", {signal.SIGXFSZ}),
        ("abort", {signal.SIGABRT}),
        ("sleep", {signal.SIGKILL}),
    ],
)
def test_a_child_beyond_its_limits_is_ended(
    misused: Press, tmp_path: Path, deed: str, signals: set[signal.Signals]
) -> None:
    reply, ending = _do(misused, tmp_path, deed, tmp_path / "noted")
    assert reply is None
    assert -ending["exit"] in signals
    assert ending["late"] == (deed == "sleep")
    assert not list(tmp_path.glob("core*"))


def test_memory_beyond_the_limit_is_refused(misused: Press, tmp_path: Path) -> None:
    reply, _ = _do(misused, tmp_path, "eat")
    assert reply == {"heavy": "memory"}


def test_what_a_child_leaves_behind_ends_with_it(misused: Press, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    _, ending = _do(misused, tmp_path, "leave_one_behind", noted)
    assert ending["exit"] == -signal.SIGABRT
    left = int(noted.read_text())
    until(lambda: not is_running(left))


@pytest.mark.parametrize("deed", ["abort", "spin", "eat", "leave_quietly", "chatter"])
def test_artwork_that_takes_the_child_down_is_a_finding_with_a_remedy(
    misused: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    monkeypatch.setattr(child, "PRESS", _Insisting(misused, deed))
    report = child.inspect(CREATIVES / "harbor-front.pdf", POSTCARD_4X6)
    assert [found.code for found in report.findings] == ["too_complex"]
    assert report.kind == "pdf"
    assert report.findings[0].remedy
    with pytest.raises(Permanent) as caught:
        child.normalize(CREATIVES / "harbor-front.pdf", POSTCARD_4X6, tmp_path / "out.pdf")
    assert caught.value.code == "creative_too_heavy"
    assert [fault.code for fault in caught.value.faults] == ["too_complex"]
    with pytest.raises(Permanent) as heavy:
        child.impose(make_job({}, make_pieces(1, Imposition())), tmp_path / "drop")
    assert heavy.value.code == "drop_too_heavy"
    assert list(tmp_path.iterdir()) == [tmp_path / "drop"]
    assert list((tmp_path / "drop").iterdir()) == []


class _Insisting(Press):
    """Asks for one misdeed, whatever the step."""

    def __init__(self, press: Press, deed: str) -> None:
        super().__init__(MISDEEDS)
        self._inner, self._deed = press, deed

    def ask(self, step: Step, request: bytes) -> tuple[bytes, dict[str, Any]]:  # noqa: ARG002
        asked = {"deed": self._deed, "folder": json.loads(request)["folder"]}
        return self._inner.ask(INSPECT, json.dumps(asked).encode())


def test_a_zygote_that_was_killed_is_started_again(misused: Press, tmp_path: Path) -> None:
    first = _do(misused, tmp_path, "tell")[0]["done"]["zygote"]
    assert _do(misused, tmp_path, "tell")[0]["done"]["zygote"] == first
    os.kill(first, signal.SIGKILL)
    second = _do(misused, tmp_path, "tell")[0]["done"]["zygote"]
    assert second != first


def test_a_job_whose_zygote_was_killed_is_done_again(misused: Press, tmp_path: Path) -> None:
    reply, ending = _do(misused, tmp_path, "kill_the_zygote_once", tmp_path / "marker")
    assert (reply, ending["exit"]) == ({"done": "second time"}, 0)


def test_a_job_that_kills_every_zygote_is_given_up(misused: Press, tmp_path: Path) -> None:
    with pytest.raises(Transient) as caught:
        _do(misused, tmp_path, "kill_the_zygote")
    assert caught.value.code == "press_stopped"


def test_a_child_dies_with_its_zygote(misused: Press, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    sleeper = threading.Thread(target=_do, args=(misused, tmp_path, "sleep", noted))
    sleeper.start()
    until(noted.exists, "the child did not start")
    pid = int(noted.read_text())
    noted.unlink()
    os.kill(_do(misused, tmp_path, "tell")[0]["done"]["zygote"], signal.SIGKILL)
    until(lambda: not is_running(pid))
    sleeper.join()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("/nowhere/python",), "press_unavailable"),
        ((sys.executable, "-I", "-c", "raise SystemExit(1)"), "press_stopped"),
    ],
)
def test_a_press_that_does_not_start_is_tried_again_later(command: tuple[str, ...], code: str) -> None:
    press = Press(command)
    with pytest.raises(Transient) as caught:
        press.ask(INSPECT, b"{}")
    press.close()
    assert caught.value.code in {code, "press_unavailable"}


def test_a_press_that_was_never_asked_is_not_waited_for() -> None:
    """A command that starts it and then is used wrongly ends at once, though the press process would go on importing."""
    slow = "import sys, time; sys.stdin.read(); time.sleep(1)"
    press = Press((sys.executable, "-I", "-c", slow))
    press.start()
    popen = press._popen
    assert popen is not None
    press.close()
    assert popen.returncode == -signal.SIGKILL


def test_threads_ask_side_by_side(tmp_path: Path) -> None:
    wrong: list[str] = []

    def inspect(name: str, codes: list[str]) -> None:
        found = [fault.code for fault in child.inspect(CREATIVES / name, POSTCARD_4X6).findings]
        if found != codes:
            wrong.append(f"{name}: {found}")

    cases = [("harbor-front.pdf", []), ("bad-72dpi.png", ["low_resolution"]), ("bad-encrypted.pdf", ["pdf_encrypted"])]
    threads = [threading.Thread(target=inspect, args=case) for case in cases * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


_PARENT = """
import json, os, sys
from pathlib import Path
from pipeline.press.process.press import Press
from pipeline.press.process.steps import INSPECT

press = Press(json.loads(sys.argv[1]))

def zygote():
    reply, _ = press.ask(INSPECT, json.dumps({"deed": "tell", "folder": sys.argv[2]}).encode())
    return json.loads(reply)["done"]["zygote"]

print(zygote(), flush=True)
if os.fork() == 0:
    print(zygote(), flush=True)
    press.close()
    os._exit(0)
os.wait()
print(zygote(), flush=True)
sys.stdin.read()
press.close()
"""


def test_a_forked_process_has_a_zygote_of_its_own_and_all_end_with_their_parents(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _PARENT, json.dumps(MISDEEDS), str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        first, forked, again = (int(parent.stdout.readline()) for _ in range(3))
        assert first == again != forked
        until(lambda: not is_running(forked))
        parent.kill()
        until(lambda: not is_running(first))

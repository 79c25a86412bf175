"""Files of one batch written at the same time: as if one after the other, whatever becomes of a fork."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.models.profile import Imposition
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.side_by_side import side_by_side
from tests.unit.press.jobs import make_job, make_pieces


def write(file: Path) -> None:
    file.write_text(str(os.getpid()))


def die_in_a_fork(file: Path, here: int) -> None:
    if os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    write(file)


@pytest.mark.parametrize("at_once", [1, 2, 3, 9])
def test_every_task_is_done_once(tmp_path: Path, at_once: int) -> None:
    files = [tmp_path / str(number) for number in range(7)]

    def append(file: Path) -> None:
        with file.open("a") as out:
            out.write("done ")

    side_by_side([partial(append, file) for file in files], at_once)
    assert [file.read_text() for file in files] == ["done "] * 7


def test_some_are_done_in_forks(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(4)]
    side_by_side([partial(write, file) for file in files], 2)
    assert len({file.read_text() for file in files}) > 1


def test_what_dies_in_a_fork_is_done_here(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(4)]
    side_by_side([partial(die_in_a_fork, file, os.getpid()) for file in files], 3)
    assert {file.read_text() for file in files} == {str(os.getpid())}


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The forks that were made, by pid."""
    fork, pids = os.fork, list[int]()

    def noted() -> int:
        pid = fork()
        if pid:
            pids.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", noted)
    return pids


def is_left(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("wrong", range(3))
def test_an_error_is_raised_and_no_fork_is_left(wrong: int, forked: list[int]) -> None:
    def fail() -> None:
        raise ValueError("not on this sheet")

    tasks: list[Callable[[], None]] = [lambda: None] * 3
    tasks[wrong] = fail
    with pytest.raises(ValueError, match="not on this sheet"):
        side_by_side(tasks, 3)
    assert len(forked) == 2
    assert not any(map(is_left, forked))


def test_an_error_here_ends_the_forks(forked: list[int]) -> None:
    def wait_in_a_fork(here: int = os.getpid()) -> None:
        if os.getpid() != here:
            signal.pause()
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        side_by_side([wait_in_a_fork] * 3, 3)
    assert len(forked) == 2
    assert not any(map(is_left, forked))


def test_the_sheets_are_the_same_bytes(tmp_path: Path, artwork: dict[str, Path]) -> None:
    imposition = Imposition(max_sheets_per_file=4)
    job = make_job(artwork, make_pieces(200, imposition), imposition=imposition)
    one, many = impose(job, tmp_path / "one"), impose(job, tmp_path / "many", at_once=3)
    assert len(one.files) > 6
    assert [file.read_bytes() for file in one.files] == [file.read_bytes() for file in many.files]

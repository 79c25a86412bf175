"""Jobs, results and failures on their way through JSON."""

import json
from pathlib import Path

from pipeline.errors import Fault, Permanent
from pipeline.models.profile import Imposition
from pipeline.press.job import Imposed
from pipeline.press.process.wire import (
    imposed_as_dict,
    imposed_from_dict,
    job_as_dict,
    job_from_dict,
    permanent_as_dict,
    permanent_from_dict,
)
from tests.unit.press.jobs import make_job, make_pieces


def test_a_job_comes_through_as_it_was() -> None:
    imposition = Imposition(back_turn="short_edge", gutter_in=0.1)
    job = make_job({"front": Path("/art/front.pdf")}, make_pieces(5, imposition, back=None), imposition=imposition)
    assert job_from_dict(json.loads(json.dumps(job_as_dict(job))), job.pieces) == job


def test_artwork_is_named_by_its_whole_path() -> None:
    job = make_job({"front": Path("front.pdf")}, make_pieces(1, Imposition()))
    assert job_from_dict(job_as_dict(job), job.pieces).artwork == {"front": Path.cwd() / "front.pdf"}


def test_a_result_names_files_in_the_callers_folder_and_no_other() -> None:
    imposed = Imposed((Path("/press/out/a.pdf"), Path("/press/out/a.csv")), sheets=3, pieces=20)
    told = json.loads(json.dumps(imposed_as_dict(imposed)))
    assert imposed_from_dict(told, Path("/mine")) == Imposed((Path("/mine/a.pdf"), Path("/mine/a.csv")), 3, 20)
    assert imposed_from_dict(told | {"files": ["../../etc/passwd"]}, Path("/mine")).files == (Path("/mine/passwd"),)


def test_a_failure_keeps_its_code_and_its_faults() -> None:
    fault = Fault("too_complex", "", "It is too much.", "Make it less.")
    error = permanent_from_dict(
        json.loads(json.dumps(permanent_as_dict(Permanent("code", "message", faults=(fault,)))))
    )
    assert (error.code, str(error), error.faults) == ("code", "message", (fault,))

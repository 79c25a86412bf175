"""Normalized artwork, made once for all tests."""

from pathlib import Path

import pytest

from pipeline.press.creative.normalize import normalize
from pipeline.products import POSTCARD_4X6

CREATIVES = Path(__file__).parents[3] / "fixtures" / "creatives"
GOOD = ("harbor-front.pdf", "harbor-back.pdf", "cedar-checkup.jpg", "cedar-welcome.png")


@pytest.fixture(scope="session")
def normalized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each accepted fixture by its stem."""
    folder = tmp_path_factory.mktemp("artwork")
    made = {Path(name).stem: folder / f"{Path(name).stem}.pdf" for name in GOOD}
    for name in GOOD:
        normalize(CREATIVES / name, POSTCARD_4X6, made[Path(name).stem])
    return made


@pytest.fixture
def artwork(normalized: dict[str, Path]) -> dict[str, Path]:
    """What jobs of `jobs.make_pieces` refer to."""
    return {"front": normalized["harbor-front"], "back": normalized["harbor-back"]}

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.api.world import World, world


@pytest.fixture
def api(database_url: str, tmp_path: Path) -> Iterator[World]:
    """The API on a fresh database, once on each kind."""
    with world(database_url, tmp_path) as made:
        yield made

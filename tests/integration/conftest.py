"""What tests of parts together need."""

from collections.abc import Iterator

import pytest

from ops.migrations import upgrade
from pipeline.repository.database import Database


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """An empty database with every table, once on each kind, as an installation makes it."""
    upgrade(database_url)
    database = Database(database_url)
    yield database
    database.dispose()

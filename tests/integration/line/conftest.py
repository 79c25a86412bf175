"""One database of each kind for a module, empty for every test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from pipeline.repository.database import Database
from tests.integration.line.world import World

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from _database(request, tmp_path_factory, request.param)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    """A world on an empty database, once on each kind."""
    empty(database)
    return World(database, tmp_path)


@pytest.fixture(scope="module")
def shared_postgresql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from _database(request, tmp_path_factory, "postgresql")


@pytest.fixture
def concurrent_world(shared_postgresql: Database, tmp_path: Path) -> World:
    """A world where several transactions can be under way at once: PostgreSQL only, since SQLite has one writer."""
    empty(shared_postgresql)
    return World(shared_postgresql, tmp_path)


def _database(request: pytest.FixtureRequest, folders: pytest.TempPathFactory, kind: str) -> Iterator[Database]:
    if kind == "sqlite":
        url, name = f"sqlite:///{folders.mktemp('line') / 'mailstream.db'}", None
    else:
        server = request.getfixturevalue("postgres_server")
        name = f"line_{next(_numbers)}"
        url = server.create_database(name)
    db = Database(url)
    SQLModel.metadata.create_all(db.engine)
    yield db
    db.dispose()
    if name is not None:
        server.drop_database(name)


def empty(db: Database) -> None:
    # Row by row: TRUNCATE makes a new file for every table and index, which takes a second.
    with db.write() as tx:
        for table in reversed(SQLModel.metadata.sorted_tables):
            tx.execute(table.delete())

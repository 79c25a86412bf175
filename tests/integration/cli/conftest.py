"""One installation of each kind of database for a module."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.repository.database import Database
from tests.integration.cli.terminal import Terminal

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A migrated installation, once on each kind of database; the tests of a module share it."""
    home = tmp_path_factory.mktemp("home")
    if request.param == "sqlite":
        yield _migrated(Terminal(home, {"MAILSTREAM_DATABASE_URL": f"sqlite:///{home}/mailstream.db"}))
        return
    server = request.getfixturevalue("postgres_server")
    name = f"cli_{next(_numbers)}"
    yield _migrated(Terminal(home, {"MAILSTREAM_DATABASE_URL": server.create_database(name)}))
    server.drop_database(name)


@pytest.fixture
def database(terminal: Terminal) -> Iterator[Database]:
    """The database of the installation."""
    db = Database(terminal.env["MAILSTREAM_DATABASE_URL"])
    yield db
    db.dispose()


@pytest.fixture
def bare(tmp_path: Path) -> Terminal:
    """A home where nothing is yet."""
    return Terminal(tmp_path / "home")


def _migrated(terminal: Terminal) -> Terminal:
    assert terminal.json("migrate") == {"changed": True}
    return terminal

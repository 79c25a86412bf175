"""The migrations make exactly the tables of `pipeline.models`, once, whoever else is migrating."""

import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateIndex
from sqlmodel import SQLModel

from ops.migrations import is_current, upgrade
from pipeline.models.tables import Placement
from pipeline.models.types import system_ids
from pipeline.repository.database import Database
from pipeline.repository.tables import accounts

_POSTGRESQL_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


def test_an_empty_database_gets_every_table_column_type_and_index(db: Database) -> None:
    with db.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    assert Placement.__tablename__ in inspect(db.engine).get_table_names()


def test_partial_indexes_have_the_conditions_of_the_models(db: Database, database_url: str) -> None:
    # Alembic compares no WHERE: each definition is compared with that of a database which the models made themselves.
    with db.write() as tx:
        theirs = _index_definitions(tx)
        for table in SQLModel.metadata.sorted_tables:
            for index in table.indexes:
                index.drop(tx)
                tx.execute(CreateIndex(index))
        ours = _index_definitions(tx)
    assert theirs == ours
    assert sum(" where " in definition for definition in ours.values()) >= 10


def test_foreign_keys_are_those_of_the_models(db: Database) -> None:
    inspector = inspect(db.engine)
    for table in SQLModel.metadata.sorted_tables:
        wanted = {(key.parent.name, key.target_fullname) for key in table.foreign_keys}
        found = {
            (key["constrained_columns"][0], f"{key['referred_table']}.{key['referred_columns'][0]}")
            for key in inspector.get_foreign_keys(table.name)
        }
        assert found == wanted, table.name


def test_a_database_is_current_once_it_is_migrated(database_url: str) -> None:
    assert not is_current(database_url)
    upgrade(database_url)
    assert is_current(database_url)


def test_a_second_upgrade_keeps_what_is_there(db: Database, database_url: str) -> None:
    row = {"id": system_ids().new("ac"), "name": "ada", "zone": "UTC", "cancel_window_s": 1, "promise": "default"}
    with db.write() as tx:
        tx.execute(accounts.insert(), [{**row, "created_at": datetime(2026, 11, 24, tzinfo=UTC)}])
    upgrade(database_url)
    with db.read() as tx:
        assert tx.execute(text("SELECT name FROM accounts")).scalars().all() == ["ada"]


def test_processes_that_migrate_at_once_take_turns(database_url: str) -> None:
    code = "import sys; from ops.migrations import upgrade; upgrade(sys.argv[1])"

    def run(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code, database_url], capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(run, range(3)))
    assert [(done.returncode, done.stderr) for done in runs] == [(0, "")] * 3
    assert is_current(database_url)


def test_a_migration_that_fails_leaves_nothing(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as tx:
        tx.execute(text("CREATE TABLE pieces (id VARCHAR PRIMARY KEY)"))
    with pytest.raises(Exception, match="pieces"):
        upgrade(database_url)
    assert inspect(database.engine).get_table_names() == ["pieces"]
    database.dispose()


def test_a_path_with_a_percent_sign_can_be_migrated(tmp_path: Path) -> None:
    path = tmp_path / "50%.db"
    upgrade(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() is not None
    connection.close()


def _index_definitions(tx: Connection) -> dict[str, str]:
    """By name, in small letters and with single spaces."""
    if tx.dialect.name == "sqlite":
        rows = tx.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    else:
        rows = tx.execute(text(_POSTGRESQL_INDEXES))
    return {row[0]: re.sub(r"\s+", " ", row[1]).lower() for row in rows if row[0].startswith(("ix_", "ux_"))}

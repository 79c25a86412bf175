"""The schema's history, and the one way to bring a database up to date with it.

Alembic is set up in code, so that it works from a wheel without an `alembic.ini`. A change of the tables in
`pipeline.models` needs a migration: `python -m ops.migrations "Say what changes"` writes one into `versions/` from what
differs between the last migration and the tables, to be read and corrected by hand. Migrations go forward only: the way
back is the backup that was made before. Until a first version is released,
`python -m ops.migrations --first` writes the first migration anew instead.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pipeline.repository.database import Database
from pipeline.repository.writing import take_turn

FOLDER = Path(__file__).parent
_LOCK = 0x6D61696C  # any number will do that nothing else locks in this database


def upgrade(database_url: str) -> None:
    """Bring the database to the newest schema, all steps in one transaction. Does nothing where it is there already.

    Processes that start at once take turns: by an advisory lock on PostgreSQL, by the write lock on SQLite.
    """
    database = Database(database_url, pool_size=1)
    try:
        with database.write() as tx:
            take_turn(tx, _LOCK)
            command.upgrade(config(tx), "head")
    finally:
        database.dispose()


def is_current(database_url: str) -> bool:
    """Whether the database has the newest schema; False for an empty one."""
    database = Database(database_url, pool_size=1)
    try:
        with database.read() as tx:
            return at_head(tx)
    finally:
        database.dispose()


def at_head(tx: Connection) -> bool:
    heads = ScriptDirectory.from_config(config()).get_heads()
    return set(MigrationContext.configure(tx).get_current_heads()) == set(heads)


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings; `connection` is what `env.py` runs on, inside its transaction."""
    settings = Config()
    # Alembic interpolates its settings: a percent sign in the path has to be doubled.
    settings.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    settings.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    settings.attributes["connection"] = connection
    return settings

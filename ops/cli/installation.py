"""This installation, for commands that work on it directly: its settings and its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.cli.failure import CommandError
from pipeline.repository.database import Database
from pipeline.worker.settings import Settings, read_settings

DATABASE_KINDS = ("sqlite:///", "postgresql+psycopg://")
DATABASE_URLS = "sqlite:////path/to/file.db or postgresql+psycopg://USER:PASSWORD@HOST/NAME"


@dataclass(frozen=True)
class Installation:
    settings: Settings
    db: Database


@contextmanager
def installation() -> Iterator[Installation]:
    """The settings and an open database. Raises `CommandError` where there is no database yet."""
    settings = read_settings()
    check_database_url(settings.database_url)
    path = sqlite_path(settings.database_url)
    if path is not None and not path.exists():
        raise CommandError(f"there is no database at {path}: run `mailstream migrate`, or set MAILSTREAM_HOME")
    db = Database(settings.database_url, pool_size=1)
    try:
        yield Installation(settings, db)
    finally:
        db.dispose()


def check_database_url(database_url: str) -> None:
    """Raises `CommandError` for a kind of database that MailStream has nothing to do with."""
    if not database_url.startswith(DATABASE_KINDS):
        raise CommandError(f"MAILSTREAM_DATABASE_URL is not understood: give {DATABASE_URLS}")


def sqlite_path(database_url: str) -> Path | None:
    """The file of a SQLite database; None for another kind."""
    scheme, _, path = database_url.partition(":///")
    return Path(path) if scheme.startswith("sqlite") else None

"""What Alembic runs: our tables, on the connection that `ops.migrations` gives it, in its transaction."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from pipeline.models import tables as models
from pipeline.models.types import UtcDateTime

TARGET = SQLModel.metadata
assert models.Piece.__tablename__ in TARGET.tables  # noqa: S101  # importing the models is what registers them


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Column types in plain SQLAlchemy: a migration must not change when a class of ours does."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, AutoString):
        return "sa.String()"
    if isinstance(item, JSON):
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


context.configure(connection=context.config.attributes["connection"], target_metadata=TARGET, render_item=_render)
with context.begin_transaction():
    context.run_migrations()

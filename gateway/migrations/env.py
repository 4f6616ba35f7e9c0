"""How Alembic runs our migrations: on the connection it is handed, in batches on SQLite."""

from alembic import context
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from kernel.database import UtcDateTime

connection = context.config.attributes["connection"]


def _render(kind: str, item: object, autogen: object) -> str | bool:
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from kernel.database import UtcDateTime")  # type: ignore[attr-defined]
        return "UtcDateTime()"
    return False


context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_render,  # type: ignore[arg-type]
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
# The connection's transactions are begun by our own event hook, so the commit is ours too.
connection.commit()

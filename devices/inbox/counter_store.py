"""How many messages met which end."""

from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from devices.inbox.model import Reason
from devices.inbox.tables import InboxCountRow
from kernel.statements import Prepared, table_of


def count(session: Session, outcomes: Mapping[str, int]) -> None:
    """Add to the counters. Called last in a transaction: every batch writes the same few rows."""
    met = [{"outcome": outcome, "count": outcomes[outcome]} for outcome in sorted(outcomes) if outcomes[outcome]]
    _added(session.get_bind().dialect.name).run(session, *met)


@lru_cache(maxsize=2)
def _added(dialect: str) -> Prepared:
    table = table_of(InboxCountRow)
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    added = {"count": table.c["count"] + insert.excluded["count"]}
    return Prepared(insert.on_conflict_do_update(index_elements=["outcome"], set_=added))


def counts(session: Session) -> dict[str, int]:
    """How many messages met each end so far: ``accepted`` and every reason, 0 where none did."""
    found = {row.outcome: row.count for row in session.exec(select(InboxCountRow))}
    return {outcome: found.get(outcome, 0) for outcome in ("accepted", *(r.value for r in Reason))}

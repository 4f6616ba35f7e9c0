"""Keeping figures: a row for each page that answers a question, world time says how old they are."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from kernel.localtime import local_day
from metrics.kept.tables import KeptFiguresRow

#: No page shows figures older than this.
OLDEST = timedelta(minutes=15)
#: A question nobody asked for so long is forgotten.
FORGOTTEN_AFTER = timedelta(days=7)
#: The first page of an answer; the others are named after their technology.
FIRST = ""
#: How exactly it is known when a question was last asked: not every look at a page writes.
_ASKED_WITHIN = timedelta(hours=1)
_TABLE: Table = SQLModel.metadata.tables[str(KeptFiguresRow.__tablename__)]


def question_id(question: Mapping[str, Any]) -> str:
    """The same for the same question, 64 characters."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def kept_figures(
    session: Session, question: Mapping[str, Any], now: datetime, oldest: timedelta = OLDEST, page: str = FIRST
) -> str | None:
    """The figures that answer a question, as they were stored; ``None`` where there are none or they are too old.

    Those of another local day are too old: what a period covers moves at midnight.
    """
    row = session.get(KeptFiguresRow, (question_id(question), page))
    if row is None or local_day(row.computed_at) != local_day(now):
        return None
    return row.figures if timedelta() <= now - row.computed_at <= oldest else None


def keep(
    session: Session,
    question: Mapping[str, Any],
    pages: Mapping[str, str],
    *,
    computed_at: datetime,
    asked_at: datetime | None,
) -> None:
    """Store the pages of an answer in place of those before. ``asked_at`` is absent where nobody asked just now.

    Two processes that answered the same question at once both keep: the newer figures stay. Whoever writes takes the
    first page before the others, so that nobody waits for somebody who waits for him.
    """
    rows = [
        {
            "question_id": question_id(question),
            "page": page,
            "question": dict(question),
            "computed_at": computed_at,
            "asked_at": asked_at or computed_at,
            "figures": figures,
        }
        for page, figures in sorted(pages.items())
    ]
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = make(_TABLE)
    told, before = statement.excluded, _TABLE.c
    newer = told.computed_at >= before.computed_at
    changes = {name: case((newer, told[name]), else_=before[name]) for name in ("computed_at", "figures")}
    if asked_at is not None:
        changes["asked_at"] = case((told.asked_at > before.asked_at, told.asked_at), else_=before.asked_at)
    statement = statement.on_conflict_do_update(index_elements=["question_id", "page"], set_=changes)
    session.connection().execute(statement, rows)


def is_note_due(session: Session, question: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is not known yet that a kept answer was wanted within the hour."""
    row = session.get(KeptFiguresRow, (question_id(question), FIRST))
    return row is not None and now - row.asked_at > _ASKED_WITHIN


def note_asked(session: Session, question: Mapping[str, Any], now: datetime) -> None:
    """Remember that somebody wanted a kept answer, whichever page of it."""
    row = session.get(KeptFiguresRow, (question_id(question), FIRST), with_for_update=True)
    if row is not None:
        row.asked_at = max(row.asked_at, now)
        session.add(row)


def asked_questions(session: Session, at_most: int) -> list[dict[str, Any]]:
    """What was asked, the newest question first."""
    query = select(col(KeptFiguresRow.question)).where(col(KeptFiguresRow.page) == FIRST)
    query = query.order_by(col(KeptFiguresRow.asked_at).desc(), col(KeptFiguresRow.question_id))
    return [dict(question) for question in session.execute(query.limit(at_most)).scalars()]


def forget(session: Session, now: datetime) -> None:
    """Delete every page of what nobody asked for in :data:`FORGOTTEN_AFTER`."""
    row = KeptFiguresRow
    old = select(col(row.question_id)).where(col(row.page) == FIRST, col(row.asked_at) < now - FORGOTTEN_AFTER)
    # First pages first, as in keeping; one that is being kept just now is wanted after all.
    wanted = old.order_by(col(row.question_id)).with_for_update(skip_locked=True)
    forgotten = list(session.execute(wanted).scalars())
    if forgotten:
        session.execute(delete(row).where(col(row.question_id).in_(forgotten)))

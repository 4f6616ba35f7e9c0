"""Figures that were computed ahead: two processes keep, read and forget them at once, and none of them fails."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from kernel.database import Database
from metrics.kept.store import FIRST, FORGOTTEN_AFTER, asked_questions, forget, keep, kept_figures
from tests.databases import until_it_waits

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
QUESTION = {"period": "golive", "unit_ids": ["nord"]}


def put(database: Database, figures: str, at: datetime, pages: list[str]) -> None:
    with database.writing() as session:
        keep(session, QUESTION, dict.fromkeys(pages, figures), computed_at=at, asked_at=None)


def forget_at(database: Database, now: datetime) -> None:
    with database.writing() as session:
        forget(session, now)


@pytest.mark.parametrize(("first", "second"), [(AT, LATER), (LATER, AT)])
def test_two_who_answered_the_same_question_at_once_both_keep_and_the_newer_figures_stay(
    database: Database, first: datetime, second: datetime
) -> None:
    pages = [FIRST, "keys"]
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as session:
            keep(session, QUESTION, dict.fromkeys(pages, f"{first}"), computed_at=first, asked_at=None)
            session.flush()
            other = pool.submit(put, database, f"{second}", second, pages)
            until_it_waits(database, other)
        other.result(timeout=20)
    with database.reading() as session:
        assert [kept_figures(session, QUESTION, LATER, page=page) for page in pages] == [f"{LATER}"] * 2


def test_what_is_kept_anew_while_it_would_be_forgotten_stays_and_nobody_waits_for_the_other(
    database: Database,
) -> None:
    """Its first page lies behind the others: whoever deleted in that order would hold what the other comes to."""
    put(database, "before", AT, ["keys"])
    put(database, "before", AT, [FIRST])
    now = AT + FORGOTTEN_AFTER + timedelta(minutes=1)
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as session:
            keep(session, QUESTION, {FIRST: "anew"}, computed_at=now, asked_at=now)
            session.flush()
            other = pool.submit(forget_at, database, now)
            until_it_waits(database, other)
            keep(session, QUESTION, {"keys": "anew"}, computed_at=now, asked_at=now)
        other.result(timeout=20)
    with database.reading() as session:
        assert [kept_figures(session, QUESTION, now, page=page) for page in (FIRST, "keys")] == ["anew"] * 2
    forget_at(database, now + FORGOTTEN_AFTER + timedelta(minutes=1))
    with database.reading() as session:
        assert asked_questions(session, 5) == []
        assert kept_figures(session, QUESTION, now, page="keys") is None

"""Prepared statements: what goes in and comes out is what the classes of the tables would give, on either database."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from sqlmodel import select as select_rows

from kernel.database import Database
from kernel.statements import Prepared, table_of
from kernel.tables import DailyRootRow, JobRow, SealRow
from tests.kernel.facts import AT

_JOB, _SEAL = table_of(JobRow), table_of(SealRow)
_ADD = Prepared(insert(_JOB))
_FIND = Prepared(
    select(_JOB.c.id, _JOB.c.arguments, _JOB.c.progress_ratio, _JOB.c.cancel_requested, _JOB.c.requested_at)
    .where(_JOB.c.state == bindparam("state"), _JOB.c.kind == "plan-day")
    .order_by(_JOB.c.id)
)
_CHANGE = Prepared(update(_JOB).where(_JOB.c.id == bindparam("of_job"), _JOB.c.state == "waiting"))


def _job(job_id: str, **more: Any) -> dict[str, Any]:
    return {"id": job_id, "kind": "plan-day", "arguments": {"ø": [1]}, "state": "waiting", "requested_at": AT, **more}


def test_what_is_written_and_read_has_the_types_of_its_columns(database: Database) -> None:
    with database.writing() as session:
        assert _ADD.run(session, _job("one", progress_ratio=0.5, cancel_requested=True)) == 1
    with database.reading() as session:
        assert _FIND.rows(session, {"state": "waiting"}) == [("one", {"ø": [1]}, 0.5, True, AT)]
        (row,) = session.exec(select_rows(JobRow)).all()
        assert (row.arguments, row.progress_ratio, row.requested_at) == ({"ø": [1]}, 0.5, AT)
        assert (row.result, row.ended_at) == (None, None)
        assert _FIND.first(session, {"state": "done"}) is None


def test_bytes_and_days_go_through_both_databases_unchanged(database: Database) -> None:
    seal = {"number": 1, "from_position": 1, "to_position": 2, "sealed_at": AT, "earliest_at": AT}
    octets = {"root": b"\x00\xff", "prev": b"", "hash": b"h", "leaves": b"l", "salts": b"s"}
    root = {"day": date(2026, 11, 25), "last_seal": 1, "text": "æ", "exported_at": AT}
    with database.writing() as session:
        Prepared(insert(_SEAL)).run(session, {**seal, **octets})
        Prepared(insert(table_of(DailyRootRow))).run(session, root)
    with database.reading() as session:
        assert Prepared(select(_SEAL.c.root, _SEAL.c.prev)).rows(session, {}) == [(b"\x00\xff", b"")]
        days = Prepared(select(*table_of(DailyRootRow).c)).rows(session, {})
        assert days == [tuple(root.values())]


def test_columns_nobody_gives_a_value_have_their_plain_default(database: Database) -> None:
    with database.writing() as session:
        _ADD.run(session, _job("one"), _job("two"))
        found = _FIND.rows(session, {"state": "waiting"})
    assert [(row[0], row[2], row[3]) for row in found] == [("one", 0.0, False), ("two", 0.0, False)]


def test_a_change_writes_the_columns_it_is_given_and_says_how_many_rows_it_met(database: Database) -> None:
    with database.writing() as session:
        _ADD.run(session, _job("one"), _job("two"))
        assert _CHANGE.run(session, {"of_job": "one", "state": "running", "progress_ratio": 0.25}) == 1
        assert _CHANGE.run(session, {"of_job": "one", "state": "done"}) == 0
        assert _CHANGE.run(session, {"of_job": "two", "error_code": "late"}) == 1
        rows = session.exec(select_rows(JobRow).order_by(col(JobRow.id))).all()
        assert [(row.state, row.progress_ratio, row.error_code) for row in rows] == [
            ("running", 0.25, None),
            ("waiting", 0.0, "late"),
        ]
        gone = Prepared(delete(_JOB).where(_JOB.c.id == bindparam("of_job")).returning(_JOB.c.kind))
        assert gone.rows(session, {"of_job": "two"}) == [("plan-day",)]


def test_it_sees_what_the_session_had_still_to_write_and_is_undone_with_it(database: Database) -> None:
    def half_done() -> None:
        with database.writing() as session:
            session.add(JobRow(**_job("row")))
            assert [row[0] for row in _FIND.rows(session, {"state": "waiting"})] == ["row"]
            _ADD.run(session, _job("prepared"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    with database.reading() as session:
        assert _FIND.rows(session, {"state": "waiting"}) == []


def test_a_drivers_error_is_told_as_any_statements_is_and_shows_no_value(database: Database) -> None:
    twice = [_job("twice", arguments={"name": "Karen Holm"})] * 2
    with database.writing() as session, pytest.raises(IntegrityError) as caught:
        _ADD.run(session, *twice)
    assert "INSERT INTO job" in str(caught.value)
    assert "Karen Holm" not in str(caught.value)


def test_a_value_that_is_missing_is_not_guessed(database: Database) -> None:
    with database.reading() as session, pytest.raises(KeyError, match="state"):
        _FIND.rows(session, {})

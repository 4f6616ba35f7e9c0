"""A fact sent again, even while the first is still under way, happens once (both databases)."""

import json
from threading import Barrier, Thread
from typing import Any

import pytest
from fastapi.responses import JSONResponse

from gateway.deps import once
from gateway.errors import EdgeError
from kernel.database import Database
from tests.kernel.facts import set_tally, tallies, tally, units_on


def _answer(given: Any) -> Any:
    return json.loads(bytes(given.body)) if isinstance(given, JSONResponse) else given


def test_the_same_fact_sent_by_two_connections_at_once_happens_once(database: Database) -> None:
    units, together, answers = units_on(database), Barrier(4), list[Any]()

    def send() -> None:
        together.wait(10)
        with units.begin() as work:

            def act() -> dict[str, int]:
                set_tally(work.session, tally(work.session, lock=True) + 1)
                return {"count": tally(work.session)}

            answers.append(_answer(once(work, "uuid", "carer", "begin v1", act)))

    with tallies(database):
        threads = [Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        with database.reading() as session:
            assert tally(session) == 1
    assert answers == [{"count": 1}] * 4


def test_a_fact_that_was_refused_may_be_sent_again_with_its_key(database: Database) -> None:
    """Only answers are remembered: a refusal left nothing behind, its key included."""
    units = units_on(database)

    def refused() -> None:
        raise EdgeError(409, "not_now", "Ikke nu.", "Not now.")

    with pytest.raises(EdgeError), units.begin() as work:
        once(work, "uuid", "carer", "begin v1", refused)
    with units.begin() as work:
        assert _answer(once(work, "uuid", "carer", "begin v1", lambda: {"now": True})) == {"now": True}


def test_without_a_key_every_sending_counts(database: Database) -> None:
    with units_on(database).begin() as work:
        given = iter((1, 2))
        assert [once(work, None, "carer", "x", lambda: next(given)) for _ in range(2)] == [1, 2]


def test_a_status_is_remembered_with_its_answer(database: Database) -> None:
    units = units_on(database)
    for _ in range(2):
        with units.begin() as work:
            given = once(work, "k" * 96, "o" * 64, "made", lambda: {"id": 1}, status=201)
            assert (given.status_code, _answer(given)) == (201, {"id": 1})

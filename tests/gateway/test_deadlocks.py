"""Two requests that wait for each other's rows: the database ends one, and both are answered as if nothing happened."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Event

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text
from sqlmodel import select

from gateway import errors
from gateway.auth import public
from gateway.deps import PartsDep, WorkDep
from gateway.observation import TRIED_AGAIN
from gateway.routing import Router
from gateway.web_server import WebServer
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import UnitsOfWork, Work
from tests.gateway.web import Person
from tests.kernel.facts import AT, noted


class _Parts:
    """Just what units of work need."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.units = UnitsOfWork(database, SimulatedWorldClock(AT))


class Crossing:
    """An application with two rows, and requests that take them in any order, meeting half-way the first time."""

    def __init__(self, database: Database) -> None:
        with database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE swing (id INTEGER PRIMARY KEY, times INTEGER)"))
            connection.execute(text("INSERT INTO swing VALUES (1, 0), (2, 0)"))
        self.database = database
        self.both_hold_one = Barrier(2)
        self.held = Event()
        router = Router(dependencies=[Depends(public)])
        router.post("/count/{first}/{second}", status_code=201)(self._count)
        router.post("/keep-and-count/{first}/{second}", status_code=201)(self._keep_and_count)
        app = FastAPI()
        app.state.parts = _Parts(database)
        errors.install(app)
        app.include_router(router)
        self.server = WebServer(app, "127.0.0.1", 0)
        self.server.start()

    def post(self, path: str) -> tuple[int, str]:
        """Status and code of a request on a connection of its own."""
        person = Person(self.server.port)
        try:
            answer = person.post(path)
            return answer.status, answer.code
        finally:
            person.close()

    def times(self) -> list[int]:
        """How often each row was counted."""
        with self.database.reading() as session:
            return [int(n) for n in session.execute(text("SELECT times FROM swing ORDER BY id")).scalars()]

    def told(self) -> list[str]:
        """What was recorded and committed."""
        with self.database.reading() as session:
            return [str(row.data["text"]) for row in session.exec(select(EventRow)).all()]

    def _count(self, first: int, second: int, work: WorkDep) -> dict[str, str]:
        self._take(work, first)
        with suppress(BrokenBarrierError):
            # SQLite lets the other in only after this one; so does everybody the second time.
            self.both_hold_one.wait(3.0)
        self._take(work, second)
        work.record(noted(f"{first} then {second}"))
        return {"said": "counted"}

    def _keep_and_count(self, first: int, second: int, parts: PartsDep) -> dict[str, str]:
        with parts.units.begin() as work:
            work.record(noted("kept"))
        with parts.units.begin() as work:
            self._take(work, first)
            self.held.set()
            self.both_hold_one.wait(10.0)
            self._take(work, second)
        return {"said": "counted"}

    @staticmethod
    def _take(work: Work, door: int) -> None:
        work.session.execute(text("UPDATE swing SET times = times + 1 WHERE id = :id"), {"id": door})


@pytest.fixture
def crossing(database: Database) -> Iterator[Crossing]:
    made = Crossing(database)
    yield made
    made.server.stop()


def test_both_of_two_that_wait_for_each_other_are_done_once(crossing: Crossing) -> None:
    before = TRIED_AGAIN._value.get()
    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(crossing.post, ["/count/1/2", "/count/2/1"]))

    assert answers == [(201, ""), (201, "")]
    assert crossing.times() == [2, 2]
    assert sorted(crossing.told()) == ["1 then 2", "2 then 1"]
    assert TRIED_AGAIN._value.get() - before == (0 if crossing.database.is_sqlite else 1)


def test_what_was_committed_already_is_not_done_twice_and_the_answer_says_try_again(crossing: Crossing) -> None:
    if crossing.database.is_sqlite:
        return
    with ThreadPoolExecutor(1) as pool, crossing.database.engine.connect() as other:
        # The other is patient: the request is the one that is ended.
        other.execute(text("SET deadlock_timeout = '60s'"))
        other.execute(text("UPDATE swing SET times = times + 10 WHERE id = 2"))
        answer = pool.submit(crossing.post, "/keep-and-count/1/2")
        assert crossing.held.wait(10.0)
        crossing.both_hold_one.wait(10.0)
        other.execute(text("UPDATE swing SET times = times + 10 WHERE id = 1"))
        other.commit()
        assert answer.result(30.0) == (503, "database_busy")

    assert crossing.times() == [10, 10]
    assert crossing.told() == ["kept"]

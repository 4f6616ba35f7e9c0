"""A commit that fails is told as an error: never an answer that says it was stored (design §6, traps)."""

from collections.abc import Iterator

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text
from sqlmodel import select

from gateway import errors
from gateway.auth import public
from gateway.deps import WorkDep
from gateway.web_server import WebServer
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.tables import EventRow
from kernel.work import UnitsOfWork
from tests.gateway.web import Person
from tests.kernel.facts import AT, noted, texts_after


class _Parts:
    """Just what one unit of work a request needs."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.units = UnitsOfWork(database, SimulatedWorldClock(AT))


@pytest.fixture
def person(database: Database) -> Iterator[Person]:
    """An application whose database refuses some rows only at commit: a deferred constraint."""
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        connection.execute(
            text("CREATE TABLE child (parent_id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
        )
    app = FastAPI()
    app.state.parts = _Parts(database)
    errors.install(app)

    @app.post("/children/{parent_id}", status_code=201, dependencies=[Depends(public)])
    def child(parent_id: int, work: WorkDep) -> dict[str, str]:
        work.session.execute(text("INSERT INTO child VALUES (:id)"), {"id": parent_id})
        work.record(noted(f"child of {parent_id}"))
        return {"said": "stored"}

    @app.post("/last-words", status_code=201, dependencies=[Depends(public)])
    def last_words(work: WorkDep) -> dict[str, str]:
        work.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return {"said": "stored"}

    server = WebServer(app, "127.0.0.1", 0)
    server.start()
    made = Person(server.port)
    yield made
    made.close()
    server.stop()


def _children(database: Database) -> int:
    with database.reading() as session:
        return int(session.execute(text("SELECT count(*) FROM child")).scalar_one())


def _told(database: Database) -> list[str]:
    with database.reading() as session:
        return [str(row.data["text"]) for row in session.exec(select(EventRow))]


def test_a_commit_that_fails_answers_500_and_never_201(person: Person, database: Database) -> None:
    answer = person.post("/children/404")

    assert answer.status == 500
    assert answer.code == "internal"
    assert b"stored" not in answer.content
    assert b"FOREIGN KEY" not in answer.content, "nothing of the inside leaks"
    assert _children(database) == 0
    assert _told(database) == []


def test_the_same_request_is_201_once_the_database_can_keep_it(person: Person, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO parent VALUES (1)"))

    answer = person.post("/children/1")

    assert (answer.status, answer.json) == (201, {"said": "stored"})
    assert _children(database) == 1
    assert _told(database) == ["child of 1"]
    assert texts_after(database, 0) == [], "its position comes later, from the sequencer"


def test_a_database_that_goes_away_meanwhile_is_told_as_busy_and_the_next_request_is_served(
    person: Person, database: Database
) -> None:
    if database.is_sqlite:
        return
    answer = person.post("/last-words")

    assert (answer.status, answer.code) == (503, "database_busy")
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO parent VALUES (5)"))
    assert person.post("/children/5").status == 201

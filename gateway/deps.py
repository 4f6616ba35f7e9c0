"""What routers ask for: the parts, one unit of work a request, the answer to a repeated fact."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlmodel import Session

from gateway.errors import EdgeError
from gateway.parts import Parts
from kernel.tables import AnsweredRow
from kernel.work import Work


async def get_parts(request: Request) -> Parts:
    """The parts of this process. It waits for nothing, so it needs no thread of its own."""
    return parts_of(request)


def parts_of(request: Request) -> Parts:
    """The same for who holds a request already."""
    parts: Parts = request.app.state.parts
    return parts


def get_work(request: Request) -> Iterator[Work]:
    """One unit of work: committed before the answer leaves (the scope below sees to it)."""
    with parts_of(request).units.begin() as work:
        yield work


def get_reading(request: Request) -> Iterator[Session]:
    """A session for reading only."""
    with parts_of(request).database.reading() as session:
        yield session


PartsDep = Annotated[Parts, Depends(get_parts)]
# Without scope="function" the commit would run after the answer, and a failed commit would still say 201.
WorkDep = Annotated[Work, Depends(get_work, scope="function")]
ReadDep = Annotated[Session, Depends(get_reading, scope="function")]
FactKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=96)]


def once(work: Work, key: str | None, owner: str, about: str, act: Callable[[], Any], status: int = 200) -> Any:
    """Do a fact once: a repeat with the same key gets the first answer and does nothing.

    Parameters
    ----------
    key
        The tablet's own id of the fact; without one the fact is simply done.
    owner
        Who sends it: keys of different people never meet.
    about
        What is told. The same key for something else is a mistake of the sender, not a repeat.

    Raises
    ------
    EdgeError
        ``key_used_otherwise``.
    """
    if key is None:
        return act()
    answered, body = answer_once(work, key, owner, about, act, status)
    return JSONResponse(body, status_code=answered)


def answer_once(
    work: Work, key: str, owner: str, about: str, act: Callable[[], Any], status: int = 200
) -> tuple[int, Any]:
    """As :func:`once`, for an answer that carries several: the status and the body in JSON's types."""
    full = hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()
    _wait_for_turn(work.session, full)
    known = work.session.get(AnsweredRow, full)
    if known is not None:
        if known.body["about"] != about:
            raise EdgeError(
                422,
                "key_used_otherwise",
                "Den nøgle (Idempotency-Key) er brugt til noget andet. Send igen med en ny.",
                "That Idempotency-Key was used for something else. Send again with a new one.",
            )
        return known.status, known.body["answer"]
    body = jsonable_encoder(act())
    work.session.add(AnsweredRow(key=full, status=status, body={"about": about, "answer": body}, at=work.now))
    return status, body


def _wait_for_turn(session: Session, key: str) -> None:
    # A tablet on a bad network sends the same fact again while the first is still under way. SQLite admits one
    # writer anyway; PostgreSQL would let both begin, and one would fail on the key.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def own_carer(carer_id: str | None) -> str:
    """The carer behind a tablet session."""
    if carer_id is None:
        raise EdgeError(403, "not_a_carer", "Kun en medarbejder kan det.", "Only a carer can do that.")
    return carer_id

"""Consumers: idempotent readers of the log that remember their own position in the same transaction."""

from collections.abc import Collection, Sequence
from typing import Protocol

from sqlmodel import Session, select

from kernel.events import StoredEvent
from kernel.log import latest_position, read_after
from kernel.tables import ConsumerRow
from kernel.work import UnitsOfWork, Work


class Consumer(Protocol):
    """Reads the log in order and keeps what it needs."""

    name: str
    #: the types it wants; ``None`` for all
    event_types: Collection[str] | None

    def consume(self, work: Work, events: Sequence[StoredEvent]) -> None:
        """Take in a batch. Runs in the transaction that also moves the consumer's position."""
        ...


def position_of(session: Session, name: str) -> int:
    """How far a consumer has come, 0 if it never ran."""
    row = session.exec(select(ConsumerRow).where(ConsumerRow.name == name)).first()
    return 0 if row is None else row.position


def advance(units: UnitsOfWork, consumer: Consumer, batch: int = 2_000) -> int:
    """Let a consumer take in at most one batch. Returns how many events it was given.

    The position moves in the consumer's own transaction: a crash repeats the batch or none of it.
    """
    with units.database.reading() as session:
        head = latest_position(session)
        if position_of(session, consumer.name) >= head:
            return 0
    with units.begin() as work:
        row = work.session.exec(select(ConsumerRow).where(ConsumerRow.name == consumer.name).with_for_update()).first()
        if row is None:
            row = ConsumerRow(name=consumer.name, position=0)
            work.session.add(row)
        events = read_after(work.session, row.position, batch, consumer.event_types)
        if events:
            consumer.consume(work, events)
        last = events[-1].position if events else 0
        # A full batch may leave more behind; a short one has seen everything up to the head.
        row.position = last if len(events) == batch else max(head, last, row.position)
    return len(events)


def catch_up(units: UnitsOfWork, consumer: Consumer, batch: int = 2_000) -> int:
    """Let a consumer read until it has seen the whole log. Returns how many events it was given."""
    total = 0
    while True:
        with units.database.reading() as session:
            behind = position_of(session, consumer.name) < latest_position(session)
        if not behind:
            return total
        total += advance(units, consumer, batch)

"""Consumers: idempotent readers of the log that remember their own position in the same transaction."""

from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

from sqlmodel import Session, col, select

from kernel.database import Database
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


ConsumerT = TypeVar("ConsumerT", bound=Consumer)


def position_of(session: Session, name: str) -> int:
    """How far a consumer has come, 0 if it never ran."""
    row = session.exec(select(ConsumerRow).where(ConsumerRow.name == name)).first()
    return 0 if row is None else row.position


def behind(database: Database, consumers: Sequence[ConsumerT]) -> list[ConsumerT]:
    """Those who have not read to the end of the log, asked in one go."""
    if not consumers:
        return []
    with database.reading() as session:
        head = latest_position(session)
        names = [consumer.name for consumer in consumers]
        found = session.exec(select(ConsumerRow.name, ConsumerRow.position).where(col(ConsumerRow.name).in_(names)))
        reached = dict(found.all())
    return [consumer for consumer in consumers if reached.get(consumer.name, 0) < head]


def advance(units: UnitsOfWork, consumer: Consumer, batch: int = 2_000) -> int:
    """Let a consumer take in at most one batch. Returns how many events it was given.

    The position moves in the consumer's own transaction: a crash repeats the batch or none of it.
    """
    with units.database.reading() as session:
        head = latest_position(session)
        if position_of(session, consumer.name) >= head:
            return 0
    with units.begin() as work:
        row = _locked_row(work.session, consumer.name)
        events = read_after(work.session, row.position, batch, consumer.event_types)
        if events:
            consumer.consume(work, events)
        last = events[-1].position if events else 0
        # A full batch may leave more behind; a short one has seen everything up to the head.
        row.position = last if len(events) == batch else max(head, last, row.position)
    return len(events)


def advance_together(units: UnitsOfWork, consumers: Sequence[Consumer], batch: int = 2_000) -> int:
    """Let those who have read least take in one batch, read from the log once for all of them.

    Their positions move in one transaction, with what each of them kept of the batch: a crash repeats it for all or
    for none. Each gets the types it wants and nothing else.

    Returns
    -------
    int
        How many events were read; less than ``batch`` where those who had read least have now seen the whole log.
    """
    with units.database.reading() as session:
        head = latest_position(session)
        reached = {consumer.name: position_of(session, consumer.name) for consumer in consumers}
    lowest = min(reached.values(), default=head)
    if lowest >= head:
        return 0
    group = sorted((c for c in consumers if reached[c.name] == lowest), key=lambda consumer: consumer.name)
    with units.begin() as work:
        # In the order of names: two processes that lock the same rows never wait for each other in a circle.
        rows = {consumer.name: _locked_row(work.session, consumer.name) for consumer in group}
        group = [consumer for consumer in group if rows[consumer.name].position == lowest]
        if not group:
            # Somebody else was faster; there may be more to read.
            return batch
        events = read_after(work.session, lowest, batch, _wanted(group))
        for consumer in group:
            wanted = consumer.event_types
            mine = events if wanted is None else [event for event in events if event.event_type in wanted]
            if mine:
                consumer.consume(work, mine)
        last = events[-1].position if events else 0
        for row in rows.values():
            if row.position == lowest:
                row.position = last if len(events) == batch else max(head, last, lowest)
    return len(events)


def catch_up_together(units: UnitsOfWork, consumers: Sequence[Consumer], batch: int = 2_000) -> None:
    """Let consumers read until each has seen the whole log."""
    while behind(units.database, consumers):
        advance_together(units, consumers, batch)


def catch_up(units: UnitsOfWork, consumer: Consumer, batch: int = 2_000) -> int:
    """Let a consumer read until it has seen the whole log. Returns how many events it was given."""
    total = 0
    while True:
        with units.database.reading() as session:
            behind = position_of(session, consumer.name) < latest_position(session)
        if not behind:
            return total
        total += advance(units, consumer, batch)


def _locked_row(session: Session, name: str) -> ConsumerRow:
    row = session.exec(select(ConsumerRow).where(ConsumerRow.name == name).with_for_update()).first()
    if row is None:
        row = ConsumerRow(name=name, position=0)
        session.add(row)
    return row


def _wanted(consumers: Sequence[Consumer]) -> Collection[str] | None:
    """Every type one of them wants; ``None`` where one wants all."""
    found: set[str] = set()
    for consumer in consumers:
        if consumer.event_types is None:
            return None
        found.update(consumer.event_types)
    return found

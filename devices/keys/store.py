"""Queries on the tables of the doors. No decisions here, and no commits."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import Select, and_, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from devices.inbox.tables import ReportRow
from devices.keys.opening import OpeningState
from devices.keys.schemas import DoorOpening, DoorRight, LockFacts, Observation, OpeningIds
from devices.keys.tables import (
    DoorOpenedRow,
    DoorRow,
    GrantRow,
    LockPayloadRow,
    LockRow,
    OpeningRow,
    RightRow,
)

ACTIVE = "active"
WITHDRAWN = "withdrawn"

_Item = TypeVar("_Item")
_CHUNK = 500
_LEEWAY = timedelta(seconds=60)
"""A lock forgives this much clock drift at the end of a grant, so its revocation lives as much longer."""


def lock_facts(session: Session, lock_id: str) -> LockFacts | None:
    """What is known of a mounted lock; ``None`` for an unknown or retired one."""
    found = session.execute(
        select(LockRow, col(DoorRow.unit_id))
        .join(DoorRow, col(DoorRow.door_id) == col(LockRow.door_id))
        .where(col(LockRow.lock_id) == lock_id, col(LockRow.retired_at).is_(None))
    ).first()
    if found is None:
        return None
    row, unit_id = found
    return LockFacts(
        lock_id=row.lock_id,
        door_id=row.door_id,
        unit_id=unit_id,
        public_key=row.public_key,
        epoch=row.epoch,
        battery_mv=row.battery_mv,
        clock_state=row.clock_state,
        bolt_state=row.bolt_state,
    )


def lock_for_update(session: Session, lock_id: str) -> tuple[LockRow, str] | None:
    """The row of a mounted lock and its unit, held until the transaction ends: one writer extends a chain."""
    found = session.execute(
        select(LockRow, col(DoorRow.unit_id))
        .join(DoorRow, col(DoorRow.door_id) == col(LockRow.door_id))
        .where(col(LockRow.lock_id) == lock_id, col(LockRow.retired_at).is_(None))
        .with_for_update(of=LockRow)
    ).first()
    return None if found is None else (found[0], found[1])


def locks_of_doors(session: Session, door_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The mounted locks of each door, ordered by id."""
    found: dict[str, list[str]] = {}
    for chunk in _chunks(sorted(set(door_ids))):
        rows = session.execute(
            select(col(LockRow.door_id), col(LockRow.lock_id))
            .where(col(LockRow.door_id).in_(chunk), col(LockRow.retired_at).is_(None))
            .order_by(col(LockRow.lock_id))
        )
        for door_id, lock_id in rows:
            found.setdefault(door_id, []).append(lock_id)
    return {door_id: tuple(locks) for door_id, locks in found.items()}


def active_rights(session: Session, day: date, carer_ids: Collection[str]) -> list[DoorRight]:
    """The rights in force of these carers on this day, by opening time, then visit."""
    rights: list[DoorRight] = []
    for chunk in _chunks(sorted(set(carer_ids))):
        rows = session.execute(
            select(*_RIGHT_COLUMNS).where(
                col(RightRow.carer_id).in_(chunk), col(RightRow.day) == day, col(RightRow.state) == ACTIVE
            )
        )
        rights.extend(DoorRight(*row) for row in rows)
    return sorted(rights, key=lambda right: (right.opens_at, right.visit_id, right.door_id))


def active_right(session: Session, carer_id: str, visit_id: str, door_id: str) -> DoorRight | None:
    """The right in force of this carer to this door for this visit."""
    row = session.execute(
        select(*_RIGHT_COLUMNS).where(
            col(RightRow.visit_id) == visit_id,
            col(RightRow.carer_id) == carer_id,
            col(RightRow.door_id) == door_id,
            col(RightRow.state) == ACTIVE,
        )
    ).first()
    return None if row is None else DoorRight(*row)


def rights_in_force(session: Session, right_ids: Collection[str]) -> set[str]:
    """Which of these rights are in force."""
    found: set[str] = set()
    for chunk in _chunks(sorted(set(right_ids))):
        found |= set(
            session.scalars(
                select(col(RightRow.right_id)).where(col(RightRow.right_id).in_(chunk), col(RightRow.state) == ACTIVE)
            )
        )
    return found


def insert_rights(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write many rights at once."""
    if rows:
        session.execute(insert(RightRow), rows)


def carry_rights(session: Session, right_ids: Iterable[str], route_id: str, route_version: int) -> None:
    """Let unchanged rights follow to the next version of their route."""
    for chunk in _chunks(list(right_ids)):
        session.execute(
            update(RightRow)
            .where(col(RightRow.right_id).in_(chunk))
            .values(route_id=route_id, route_version=route_version)
        )


def withdraw_rights(session: Session, right_ids: Iterable[str], now: datetime) -> None:
    """Take rights out of force."""
    for chunk in _chunks(list(right_ids)):
        session.execute(
            update(RightRow)
            .where(col(RightRow.right_id).in_(chunk), col(RightRow.state) == ACTIVE)
            .values(state=WITHDRAWN, withdrawn_at=now)
        )


def revoke_grants_of_rights(session: Session, right_ids: Iterable[str], now: datetime) -> set[str]:
    """Revoke every grant of these rights that could still open. Returns the doors concerned."""
    doors: set[str] = set()
    for chunk in _chunks(list(right_ids)):
        doors |= _revoke(session, col(GrantRow.right_id).in_(chunk), now)
    return doors


def revoke_grants_of_shift(session: Session, shift_id: str, now: datetime) -> set[str]:
    """Revoke every grant of a shift that could still open. Returns the doors concerned."""
    return _revoke(session, col(GrantRow.shift_id) == shift_id, now)


def raise_crl_version(session: Session, lock_ids: Iterable[str]) -> None:
    """Say that these locks need a newer revocation list. The version only rises."""
    for chunk in _chunks(sorted(set(lock_ids))):
        session.execute(
            update(LockRow).where(col(LockRow.lock_id).in_(chunk)).values(crl_version=col(LockRow.crl_version) + 1)
        )


def revoke_grants_below(session: Session, door_id: str, epoch: int, now: datetime) -> None:
    """Revoke the grants to a door that a raised epoch has voided already, so that nobody hands them out."""
    _revoke(session, and_(col(GrantRow.door_id) == door_id, col(GrantRow.epoch) < epoch), now)


def highest_epoch(session: Session, door_id: str) -> int:
    """The highest epoch of the mounted locks of a door."""
    query = select(func.max(col(LockRow.epoch))).where(
        col(LockRow.door_id) == door_id, col(LockRow.retired_at).is_(None)
    )
    return session.scalar(query) or 0


def mounted_locks(session: Session, lock_ids: Iterable[str]) -> list[LockRow]:
    """The mounted ones among these locks as they are stored now, ordered by id."""
    found: list[LockRow] = []
    for chunk in _chunks(sorted(set(lock_ids))):
        query = select(LockRow).where(col(LockRow.lock_id).in_(chunk), col(LockRow.retired_at).is_(None))
        found.extend(session.scalars(query.order_by(col(LockRow.lock_id)).execution_options(populate_existing=True)))
    return found


def revoked_ctis(session: Session, door_ids: Iterable[str], now: datetime) -> dict[str, list[tuple[int, bytes]]]:
    """Revoked grants to each door that are not over yet, each with its epoch."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    for chunk in _chunks(sorted(set(door_ids))):
        rows = session.execute(
            select(col(GrantRow.door_id), col(GrantRow.epoch), col(GrantRow.cti)).where(
                col(GrantRow.door_id).in_(chunk),
                col(GrantRow.expires_at) > now - _LEEWAY,
                col(GrantRow.revoked_at).is_not(None),
            )
        )
        for door_id, epoch, cti in rows:
            found.setdefault(door_id, []).append((epoch, bytes(cti)))
    return found


def grants(session: Session, ctis: Collection[bytes]) -> dict[bytes, GrantRow]:
    """What these ctis stand for; unknown ones are left out."""
    found: dict[bytes, GrantRow] = {}
    for chunk in _chunks(sorted(set(ctis))):
        for row in session.scalars(select(GrantRow).where(col(GrantRow.cti).in_(chunk))):
            found[bytes(row.cti)] = row
    return found


def grants_of_right(session: Session, right_id: str, shift_id: str) -> list[GrantRow]:
    """The grants minted for a right in one shift, oldest first."""
    return list(
        session.scalars(
            select(GrantRow)
            .where(col(GrantRow.right_id) == right_id, col(GrantRow.shift_id) == shift_id)
            .order_by(col(GrantRow.minted_at), col(GrantRow.cti))
        )
    )


def opening_for_update(session: Session, opening_id: str) -> OpeningRow | None:
    """An opening, held until the transaction ends."""
    return session.scalars(select(OpeningRow).where(col(OpeningRow.opening_id) == opening_id).with_for_update()).first()


def openings_awaiting(session: Session, states: Collection[OpeningState], tapped_before_s: float) -> list[OpeningRow]:
    """Openings in these states that were tapped before a moment of link time, oldest first. Holds none of them."""
    return list(session.scalars(_awaiting(states, tapped_before_s)))


def openings_free_for_update(
    session: Session, states: Collection[OpeningState], tapped_before_s: float
) -> list[OpeningRow]:
    """The same, held until the transaction ends. One that somebody else holds is being settled: it is left out."""
    return list(session.scalars(_awaiting(states, tapped_before_s).with_for_update(skip_locked=True)))


def _awaiting(states: Collection[OpeningState], tapped_before_s: float) -> Select[Any]:
    return (
        select(OpeningRow)
        .where(col(OpeningRow.state).in_(sorted(states)), col(OpeningRow.tapped_wall_s) < tapped_before_s)
        .order_by(col(OpeningRow.tapped_wall_s), col(OpeningRow.opening_id))
    )


def any_awaiting(session: Session, states: Collection[OpeningState], tapped_before_s: float) -> bool:
    """Whether :func:`openings_awaiting` would find any, without holding anything."""
    query = (
        select(col(OpeningRow.opening_id))
        .where(col(OpeningRow.state).in_(sorted(states)), col(OpeningRow.tapped_wall_s) < tapped_before_s)
        .limit(1)
    )
    return session.scalars(query).first() is not None


def latest_opening(session: Session, visit_id: str, shift_id: str) -> OpeningRow | None:
    """The last opening of a shift at a visit."""
    return session.scalars(
        select(OpeningRow)
        .where(col(OpeningRow.visit_id) == visit_id, col(OpeningRow.shift_id) == shift_id)
        .order_by(col(OpeningRow.tapped_wall_s).desc(), col(OpeningRow.opening_id))
        .limit(1)
    ).first()


def openings_for_update(session: Session, lock_id: str, opening_ids: Collection[str]) -> dict[str, OpeningRow]:
    """Openings at one lock, held until the transaction ends; ids of others are left out."""
    if not opening_ids:
        return {}
    rows = session.scalars(
        select(OpeningRow)
        .where(col(OpeningRow.opening_id).in_(sorted(opening_ids)), col(OpeningRow.lock_id) == lock_id)
        .order_by(col(OpeningRow.opening_id))
        .with_for_update()
    )
    return {row.opening_id: row for row in rows}


def first_told(session: Session, lock_id: str, openings: Mapping[tuple[int, int], str | None]) -> set[tuple[int, int]]:
    """Note physical openings by ``(boot, seq)``. Returns those that nobody had told of before."""
    if not openings:
        return set()
    told = insert_ignoring(
        session,
        DoorOpenedRow,
        [
            {"lock_id": lock_id, "boot": boot, "seq": seq, "opening_id": opening_id}
            for (boot, seq), opening_id in sorted(openings.items())
        ],
        ["lock_id", "boot", "seq"],
        ["boot", "seq"],
    )
    return {(int(boot), int(seq)) for boot, seq in told}


def keep_payloads(session: Session, lock_id: str, payloads: Mapping[int, tuple[bytes, bytes]]) -> None:
    """Keep the erasable part of events: number to salt and payload."""
    if payloads:
        insert_ignoring(
            session,
            LockPayloadRow,
            [
                {"lock_id": lock_id, "seq": seq, "salt": salt, "payload": payload}
                for seq, (salt, payload) in sorted(payloads.items())
            ],
            ["lock_id", "seq"],
            ["seq"],
        )


def recorded_events(session: Session, lock_id: str, from_seq: int, to_seq: int) -> list[bytes]:
    """The signed events of a lock that are stored with these numbers."""
    return list(
        session.scalars(
            select(col(ReportRow.payload)).where(
                col(ReportRow.device_id) == lock_id,
                col(ReportRow.name) == "evt",
                col(ReportRow.seq).between(from_seq, to_seq),
            )
        )
    )


def insert_ignoring(
    session: Session,
    row: type[SQLModel],
    values: Sequence[Mapping[str, Any]],
    unique: Sequence[str],
    returning: Sequence[str],
) -> list[Any]:
    """Insert rows, leave those whose ``unique`` columns are taken, and return the columns of the new ones."""
    if not values:
        return []
    table = SQLModel.metadata.tables[str(row.__tablename__)]
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    session.flush()
    # The rows are parameters and no part of the statement: it is compiled once and split by the driver.
    return list(
        session.execute(
            statement.on_conflict_do_nothing(index_elements=list(unique)).returning(
                *(table.c[name] for name in returning)
            ),
            list(values),
        )
    )


def opening_view(row: OpeningRow) -> DoorOpening:
    """A stored opening as the services hand it out."""
    return DoorOpening(
        opening_id=row.opening_id,
        ids=OpeningIds(row.door_id, row.lock_id, row.visit_id, row.shift_id, row.carer_id, row.unit_id),
        state=OpeningState(row.state),
        requested_at=row.requested_at,
        tapped_wall_s=row.tapped_wall_s,
        code=row.code,
        facts=row.facts,
        by_lock=row.by_lock,
        late=row.late,
        settled_at=row.settled_at,
        sent_wall_s=row.sent_wall_s,
        cti=row.cti,
        nonce=row.nonce,
        motor_ms=row.motor_ms,
        observation=cast("Observation | None", row.observation),
    )


_RIGHT_COLUMNS = (
    col(RightRow.right_id),
    col(RightRow.door_id),
    col(RightRow.visit_id),
    col(RightRow.carer_id),
    col(RightRow.unit_id),
    col(RightRow.route_id),
    col(RightRow.route_version),
    col(RightRow.opens_at),
    col(RightRow.closes_at),
)


def _revoke(session: Session, which: Any, now: datetime) -> set[str]:
    revoked = session.execute(
        update(GrantRow)
        .where(which, col(GrantRow.revoked_at).is_(None), col(GrantRow.expires_at) > now - _LEEWAY)
        .values(revoked_at=now)
        .returning(col(GrantRow.door_id))
    )
    return set(revoked.scalars())


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Both databases bound the number of values in one statement."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]

"""Queries on the tables of the doors. No decisions here, and no commits."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from devices.inbox.tables import ReportRow
from devices.keys.schemas import DoorRight, LockFacts
from devices.keys.tables import (
    DoorOpenedRow,
    DoorRow,
    LockIssuerEpochRow,
    LockPayloadRow,
    LockRow,
    RightRow,
)
from kernel.statements import Prepared, ask, table_of

ACTIVE = "active"
WITHDRAWN = "withdrawn"

_OPENED = table_of(DoorOpenedRow).c
_TOLD = Prepared(
    select(_OPENED.boot, _OPENED.seq).where(
        _OPENED.lock_id == bindparam("lock_id"),
        _OPENED.seq.between(bindparam("from_seq"), bindparam("to_seq")),
    )
)

_Item = TypeVar("_Item")
_CHUNK = 500


def lock_facts(session: Session, lock_id: str) -> LockFacts | None:
    """What is known of a mounted lock; ``None`` for an unknown or retired one."""
    return facts_of_locks(session, {lock_id}).get(lock_id)


def facts_of_locks(session: Session, lock_ids: Collection[str]) -> dict[str, LockFacts]:
    """The same of many locks, by lock id; unknown and retired ones are left out."""
    rows = session.execute(
        select(LockRow, col(DoorRow.unit_id))
        .join(DoorRow, col(DoorRow.door_id) == col(LockRow.door_id))
        .where(col(LockRow.lock_id).in_(sorted(lock_ids)), col(LockRow.retired_at).is_(None))
    )
    return {
        row.lock_id: LockFacts(
            lock_id=row.lock_id,
            door_id=row.door_id,
            unit_id=unit_id,
            public_key=row.public_key,
            epoch=row.epoch,
            battery_mv=row.battery_mv,
            clock_state=row.clock_state,
            bolt_state=row.bolt_state,
        )
        for row, unit_id in rows
    }


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
    """All mounted locks one needs to get through each door: its own, by id, then those of its stairwell.

    A door without a lock of its own is left out.
    """
    doors = sorted(set(door_ids))
    ways = stairwells(session, doors)
    locks = locks_on_doors(session, {*doors, *ways.values()})
    return {door: (*locks[door], *locks.get(ways.get(door, ""), ())) for door in doors if door in locks}


def ways_through(session: Session, door_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The locks one tap opens, by door: the first of the door itself, then all of its stairwell.

    A door without a lock of its own is left out.
    """
    doors = set(door_ids)
    own = locks_on_doors(session, doors)
    every = locks_of_doors(session, own)
    return {door: (own[door][0], *(one for one in every[door] if one not in own[door])) for door in own}


def highest_epoch_on_way(session: Session, door_id: str) -> int:
    """The epoch a grant for a door must carry now."""
    return highest_epoch(session, [door_id, *stairwells(session, [door_id]).values()])


def stairwells(session: Session, door_ids: Iterable[str]) -> dict[str, str]:
    """The stairwell of each of these doors that has one."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(set(door_ids))):
        query = select(col(DoorRow.door_id), col(DoorRow.stairwell_id)).where(
            col(DoorRow.door_id).in_(chunk), col(DoorRow.stairwell_id).is_not(None)
        )
        for door_id, stairwell_id in session.execute(query):
            found[door_id] = stairwell_id  # noqa: PERF403
    return found


def doors_behind(session: Session, stairwell_ids: Iterable[str], *, also_former: bool = False) -> dict[str, list[str]]:
    """The doors one gets to through each of these, or did until the way was changed."""
    found: dict[str, list[str]] = {}
    for chunk in chunks(sorted(set(stairwell_ids))):
        for column in (col(DoorRow.stairwell_id), *((col(DoorRow.former_stairwell_id),) if also_former else ())):
            query = select(column, col(DoorRow.door_id)).where(column.in_(chunk))
            for stairwell_id, door_id in session.execute(query.order_by(col(DoorRow.door_id))):
                found.setdefault(stairwell_id, []).append(door_id)
    return found


def locks_on_doors(session: Session, door_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The mounted locks that hang on each door itself, ordered by id."""
    found: dict[str, list[str]] = {}
    for chunk in chunks(sorted(set(door_ids))):
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
    for chunk in chunks(sorted(set(carer_ids))):
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
    for chunk in chunks(sorted(set(right_ids))):
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
    for chunk in chunks(list(right_ids)):
        session.execute(
            update(RightRow)
            .where(col(RightRow.right_id).in_(chunk))
            .values(route_id=route_id, route_version=route_version)
        )


def withdraw_rights(session: Session, right_ids: Iterable[str], now: datetime) -> None:
    """Take rights out of force."""
    for chunk in chunks(list(right_ids)):
        session.execute(
            update(RightRow)
            .where(col(RightRow.right_id).in_(chunk), col(RightRow.state) == ACTIVE)
            .values(state=WITHDRAWN, withdrawn_at=now)
        )


def raise_crl_version(session: Session, lock_ids: Iterable[str]) -> None:
    """Say that these locks need a newer revocation list. The version only rises."""
    for chunk in chunks(sorted(set(lock_ids))):
        session.execute(
            update(LockRow).where(col(LockRow.lock_id).in_(chunk)).values(crl_version=col(LockRow.crl_version) + 1)
        )


def highest_epoch(session: Session, door_ids: Iterable[str]) -> int:
    """The highest epoch of the mounted locks of these doors."""
    query = select(func.max(col(LockRow.epoch))).where(
        col(LockRow.door_id).in_(sorted(set(door_ids))), col(LockRow.retired_at).is_(None)
    )
    return session.scalar(query) or 0


def mounted_locks(session: Session, lock_ids: Iterable[str]) -> list[LockRow]:
    """The mounted ones among these locks as they are stored now, ordered by id."""
    found: list[LockRow] = []
    for chunk in chunks(sorted(set(lock_ids))):
        query = select(LockRow).where(col(LockRow.lock_id).in_(chunk), col(LockRow.retired_at).is_(None))
        found.extend(session.scalars(query.order_by(col(LockRow.lock_id)).execution_options(populate_existing=True)))
    return found


def locks_with_list_due(session: Session, wall_s: float) -> list[LockRow]:
    """Mounted locks whose list had to be confirmed by now, held; one that somebody else looks at is left out."""
    query = select(LockRow).where(col(LockRow.crl_due_wall_s) <= wall_s, col(LockRow.retired_at).is_(None))
    return list(session.scalars(query.order_by(col(LockRow.lock_id)).with_for_update(skip_locked=True)))


def any_list_due(session: Session, wall_s: float) -> bool:
    """Whether :func:`locks_with_list_due` would find any, without holding anything."""
    query = select(col(LockRow.lock_id)).where(col(LockRow.crl_due_wall_s) <= wall_s, col(LockRow.retired_at).is_(None))
    return session.scalars(query.limit(1)).first() is not None


def issuer_epochs(session: Session, lock_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """The epochs of other issuers than ours, by lock and issuer."""
    found: dict[str, dict[str, int]] = {}
    for chunk in chunks(sorted(set(lock_ids))):
        for row in session.scalars(select(LockIssuerEpochRow).where(col(LockIssuerEpochRow.lock_id).in_(chunk))):
            found.setdefault(row.lock_id, {})[row.issuer] = row.epoch
    return found


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


def told_before(session: Session, lock_id: str, numbers: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which of these physical openings, by ``(boot, seq)``, the log has been told of. Notes nothing."""
    if not numbers:
        return set()
    seqs = [seq for _, seq in numbers]
    found = _TOLD.rows(session, {"lock_id": lock_id, "from_seq": min(seqs), "to_seq": max(seqs)})
    return {(int(boot), int(seq)) for boot, seq in found} & set(numbers)


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
    statement = _ignoring(session.get_bind().dialect.name, row, tuple(unique), tuple(returning))
    if len(values) == 1:
        return statement.rows(session, values[0])
    # The rows are parameters and no part of the statement: it is compiled once and split by the driver.
    return list(ask(session, statement.statement, list(values)))


@lru_cache(maxsize=64)
def _ignoring(dialect: str, row: type[SQLModel], unique: tuple[str, ...], returning: tuple[str, ...]) -> Prepared:
    table = table_of(row)
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    columns = (table.c[name] for name in returning)
    return Prepared(statement.on_conflict_do_nothing(index_elements=list(unique)).returning(*columns))


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


def chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Both databases bound the number of values in one statement."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]

"""Openings as they are stored: questions and writes, on columns. No decisions here, and no commits.

Somebody stands in front of a door and waits for these, so each is put together once (:mod:`kernel.statements`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlmodel import Session

from devices.keys import grant_store
from devices.keys.opening import OpeningState
from devices.keys.schemas import DoorOpening, GrantIssued, OpeningIds
from devices.keys.tables import GrantRow, OpeningRow
from kernel.statements import Prepared, ask, table_of

_HELD = "omsorgstid_held_openings"
_T = table_of(OpeningRow)
_C = _T.c

#: what :func:`opening_in` reads, in its order
COLUMNS = (
    _C.opening_id,
    _C.door_id,
    _C.lock_id,
    _C.visit_id,
    _C.shift_id,
    _C.carer_id,
    _C.unit_id,
    _C.state,
    _C.requested_at,
    _C.tapped_wall_s,
    _C.code,
    _C.facts,
    _C.by_lock,
    _C.late,
    _C.settled_at,
    _C.sent_wall_s,
    _C.settled_wall_s,
    _C.second_by_wall_s,
    _C.cti,
    _C.nonce,
    _C.motor_ms,
    _C.observation,
    _C.basis,
    _C.vendor,
    _C.act_id,
    _C.on_way,
)
_ANY = select(*COLUMNS)
_ONE = _ANY.where(_C.opening_id == bindparam("opening_id"))
_FOUND = Prepared(_ONE)
_HOLD = Prepared(_ONE.with_for_update())
_HOLD_AT_LOCK = Prepared(_ONE.where(_C.lock_id == bindparam("lock_id")).with_for_update())
_ANSWERED = Prepared(
    select(*COLUMNS, *grant_store.COLUMNS)
    .select_from(_T.outerjoin(table_of(GrantRow), table_of(GrantRow).c.cti == bindparam("cti")))
    .where(_C.opening_id == bindparam("opening_id"), _C.lock_id == bindparam("lock_id"))
    .with_for_update(of=_T)
)
_HOLD_MANY = (
    _ANY.where(_C.opening_id.in_(bindparam("opening_ids", expanding=True)), _C.lock_id == bindparam("lock_id"))
    .order_by(_C.opening_id)
    .with_for_update()
)
_LATEST = Prepared(
    _ANY.where(_C.visit_id == bindparam("visit_id"), _C.shift_id == bindparam("shift_id"), _C.on_way.is_(False))
    .order_by(_C.tapped_wall_s.desc(), _C.opening_id)
    .limit(1)
)
_ADD = Prepared(insert(_T))
#: of the columns it is given
_CHANGE = Prepared(update(_T).where(_C.opening_id == bindparam("of_opening")))
_CHALLENGED = Prepared(
    update(_T).where(_C.opening_id == bindparam("of_opening"), _C.state == OpeningState.REQUESTED.value)
)


def opening_in(row: Sequence[Any]) -> DoorOpening:
    """The opening a row of :data:`COLUMNS` holds; what follows them is left to who asked for it."""
    state, cti, nonce = row[7], row[18], row[19]
    return DoorOpening(
        row[0],
        OpeningIds(row[1], row[2], row[3], row[4], row[5], row[6]),
        OpeningState(state),
        requested_at=row[8],
        tapped_wall_s=row[9],
        code=row[10],
        facts=row[11],
        by_lock=row[12],
        late=row[13],
        settled_at=row[14],
        sent_wall_s=row[15],
        settled_wall_s=row[16],
        second_by_wall_s=row[17],
        cti=None if cti is None else bytes(cti),
        nonce=None if nonce is None else bytes(nonce),
        motor_ms=row[20],
        observation=row[21],
        basis=row[22],
        vendor=row[23],
        act_id=row[24],
        on_way=row[25],
    )


def add(session: Session, opening: DoorOpening) -> None:
    """Store an opening that has just begun, or was refused at once."""
    ids = opening.ids
    _ADD.run(
        session,
        {
            "opening_id": opening.opening_id,
            "door_id": ids.door_id,
            "lock_id": ids.lock_id,
            "visit_id": ids.visit_id,
            "shift_id": ids.shift_id,
            "carer_id": ids.carer_id,
            "unit_id": ids.unit_id,
            "state": opening.state.value,
            "code": opening.code,
            "facts": dict(opening.facts),
            "late": opening.late,
            "requested_at": opening.requested_at,
            "settled_at": opening.settled_at,
            "tapped_wall_s": opening.tapped_wall_s,
            "settled_wall_s": opening.settled_wall_s,
            "by_lock": opening.by_lock,
            "basis": opening.basis,
            "vendor": opening.vendor,
            "act_id": opening.act_id,
            "on_way": opening.on_way,
        },
    )


def change(session: Session, after: DoorOpening, columns: Mapping[str, Any]) -> None:
    """Write what has changed of a stored opening; ``after`` is how it stands then."""
    _CHANGE.run(session, {"of_opening": after.opening_id, **columns})
    held: dict[str, DoorOpening] | None = session.info.get(_HELD)
    if held is None or after.opening_id not in held:
        return
    if session.in_nested_transaction():
        del held[after.opening_id]  # what a savepoint undoes would still be remembered
    else:
        held[after.opening_id] = after


def keep_nonce(session: Session, opening_id: str, nonce: bytes) -> bool:
    """Let an opening that still waits for its challenge have it. Returns whether it did wait."""
    challenged = {"state": OpeningState.CHALLENGED.value, "nonce": nonce}
    return _CHALLENGED.run(session, {"of_opening": opening_id, **challenged}) == 1


def opening(session: Session, opening_id: str) -> DoorOpening | None:
    """An opening as it stands."""
    row = _FOUND.first(session, {"opening_id": opening_id})
    return None if row is None else opening_in(row)


def opening_for_update(session: Session, opening_id: str) -> DoorOpening | None:
    """An opening, held until the transaction ends."""
    row = _HOLD.first(session, {"opening_id": opening_id})
    return None if row is None else opening_in(row)


def openings_awaiting(session: Session, states: Collection[OpeningState], tapped_before_s: float) -> list[DoorOpening]:
    """Openings in these states that were tapped before a moment of link time, oldest first. Holds none of them."""
    return [opening_in(row) for row in ask(session, _awaiting(states, tapped_before_s))]


def openings_free_for_update(
    session: Session, states: Collection[OpeningState], tapped_before_s: float
) -> list[DoorOpening]:
    """The same, held until the transaction ends. One that somebody else holds is being settled: it is left out."""
    query = _awaiting(states, tapped_before_s).with_for_update(skip_locked=True)
    return [opening_in(row) for row in ask(session, query)]


def latest_opening(session: Session, visit_id: str, shift_id: str) -> DoorOpening | None:
    """The last opening of a shift at a visit's door itself."""
    row = _LATEST.first(session, {"visit_id": visit_id, "shift_id": shift_id})
    return None if row is None else opening_in(row)


def openings_for_update(session: Session, lock_id: str, opening_ids: Collection[str]) -> dict[str, DoorOpening]:
    """Openings at one lock, held until the transaction ends; ids of others are left out.

    What the transaction holds already is not asked for again, except in a savepoint: that lets go what it holds.
    """
    held: dict[str, DoorOpening] = {} if session.in_nested_transaction() else session.info.setdefault(_HELD, {})
    unmet = [opening_id for opening_id in sorted(opening_ids) if opening_id not in held]
    for row in _hold(session, lock_id, unmet):
        held[row[0]] = opening_in(row)
    found = (held.get(opening_id) for opening_id in sorted(opening_ids))
    return {one.opening_id: one for one in found if one is not None and one.ids.lock_id == lock_id}


def answered_opening(
    session: Session, lock_id: str, opening_id: str, cti: bytes | None
) -> tuple[DoorOpening, GrantIssued | None] | None:
    """The opening a lock has answered, held as above, and what the grant it names stands for."""
    row = _ANSWERED.first(session, {"lock_id": lock_id, "opening_id": opening_id, "cti": cti})
    if row is None:
        return None
    opening, grant = opening_in(row), row[len(COLUMNS) :]
    if not session.in_nested_transaction():
        session.info.setdefault(_HELD, {})[opening_id] = opening
    return opening, None if grant[0] is None else grant_store.grant_in(grant)


def _hold(session: Session, lock_id: str, opening_ids: Sequence[str]) -> Iterable[Sequence[Any]]:
    if len(opening_ids) == 1:  # of one act at a door
        return _HOLD_AT_LOCK.rows(session, {"opening_id": opening_ids[0], "lock_id": lock_id})
    return ask(session, _HOLD_MANY, {"opening_ids": opening_ids, "lock_id": lock_id}) if opening_ids else ()


def _awaiting(states: Collection[OpeningState], tapped_before_s: float) -> Select[Any]:
    return (
        select(*COLUMNS)
        .where(_C.state.in_(sorted(states)), _C.tapped_wall_s < tapped_before_s)
        .order_by(_C.tapped_wall_s, _C.opening_id)
    )

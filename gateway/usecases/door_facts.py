"""What an act at a door is judged by, each in one question: session, shift, visit, consent, locks and right.

The rules stay where they are (``devices/keys/rules.py``) and see frozen facts. The questions are put together once;
what they join belongs to three packages, and who stands in front of a door waits for one answer instead of five.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, bindparam, select
from sqlmodel import Session

from devices.keys import grant_store, opening_store, tap_facts
from devices.keys.model import RightFacts
from devices.keys.schemas import DoorOpening, GrantIssued
from devices.keys.tables import GrantRow, OpeningRow
from devices.keys.tap_facts import Way, right_in, way_in
from gateway.auth import HOLDS, Who, holds_values, over
from gateway.parts import Parts
from kernel.statements import Prepared, table_of
from scheduling.register.tables import ConsentRow
from scheduling.shifts import IS_NOW, now_values
from scheduling.tables import ShiftRow, VisitRow

#: below this the motor is not tried: the door might be left half open
BATTERY_EMPTY_MV = 4_400
CONSENT = "electronic_key"

_SHIFT, _VISIT, _CONSENT = table_of(ShiftRow), table_of(VisitRow), table_of(ConsentRow)
_OPENING, _GRANT = table_of(OpeningRow), table_of(GrantRow)


@dataclass(frozen=True, slots=True)
class Planned:
    """Of a visit, what a door is opened by."""

    id: str
    door_id: str | None
    unit_id: str
    day: date
    carer_id: str | None
    start_at: datetime
    end_at: datetime
    required_competences: frozenset[str]

    @classmethod
    def of(cls, row: VisitRow) -> "Planned":
        """From its row."""
        return cls(
            row.id,
            row.door_id,
            row.unit_id,
            row.day,
            row.carer_id,
            row.start_at or row.window_open_at,
            row.end_at or row.window_close_at,
            frozenset(row.required_competences),
        )


@dataclass(frozen=True, slots=True)
class TapFacts:
    """What was read for one tap. ``visit`` is ``None`` where there is none of that id."""

    session_holds: bool
    shift_id: str
    shift_day: date
    shift_state: str
    visit: Planned | None
    consents: tuple[tuple[date, date | None], ...]
    way: Way
    right: RightFacts | None


@dataclass(frozen=True, slots=True)
class ProofFacts:
    """What was read for one proof: the opening, held, and the grant that was shown, if it may be used."""

    session_holds: bool
    opening: DoorOpening
    grant: GrantIssued | None


_SHIFT_COLUMNS = (HOLDS, _SHIFT.c.id, _SHIFT.c.day, _SHIFT.c.state)
_VISIT_COLUMNS = (
    _VISIT.c.id,
    _VISIT.c.door_id,
    _VISIT.c.unit_id,
    _VISIT.c.day,
    _VISIT.c.carer_id,
    _VISIT.c.start_at,
    _VISIT.c.end_at,
    _VISIT.c.window_open_at,
    _VISIT.c.window_close_at,
    _VISIT.c.required_competences,
)
_CONSENT_COLUMNS = (_CONSENT.c.id, _CONSENT.c.given_on, _CONSENT.c.withdrawn_on)
_AT_VISIT = len(_SHIFT_COLUMNS)
_AT_CONSENT = _AT_VISIT + len(_VISIT_COLUMNS)
_AT_WAY = _AT_CONSENT + len(_CONSENT_COLUMNS)

_TAP = Prepared(
    select(*_SHIFT_COLUMNS, *_VISIT_COLUMNS, *_CONSENT_COLUMNS, *tap_facts.COLUMNS)
    .select_from(
        tap_facts.joined(
            _SHIFT.outerjoin(_VISIT, _VISIT.c.id == bindparam("visit_id")).outerjoin(
                _CONSENT, and_(_CONSENT.c.citizen_id == _VISIT.c.citizen_id, _CONSENT.c.kind == CONSENT)
            ),
            door_id=bindparam("door_id"),
            visit_id=bindparam("visit_id"),
            carer_id=bindparam("carer_id"),
            shift_id=_SHIFT.c.id,
        )
    )
    .where(_SHIFT.c.carer_id == bindparam("carer_id"), IS_NOW)
    .order_by(_SHIFT.c.day)
)
_MAY_BE_USED = and_(
    _GRANT.c.shift_id == _OPENING.c.shift_id,
    _GRANT.c.token == bindparam("token"),
    _GRANT.c.revoked_at.is_(None),
    _GRANT.c.expires_at > bindparam("now"),
)
_PROOF = Prepared(
    select(*opening_store.COLUMNS, HOLDS, *grant_store.COLUMNS)
    .select_from(_OPENING.outerjoin(_GRANT, _MAY_BE_USED))
    .where(_OPENING.c.opening_id == bindparam("opening_id"))
    .with_for_update(of=_OPENING)
)
_AT_HOLDS = len(opening_store.COLUMNS)
_STILL = Prepared(select(HOLDS))


def tap_facts_of(
    session: Session, parts: Parts, who: Who, door_id: str, visit_id: str, now: datetime
) -> TapFacts | None:
    """The facts of a tap; ``None`` where the carer has no shift now."""
    values = {"visit_id": visit_id, "door_id": door_id, **now_values(now), **holds_values(parts, who)}
    found = _TAP.rows(session, values)
    rows = [row for row in found if row[1] == found[0][1]]
    if not rows:
        return None
    first, ways = rows[0], [row[_AT_WAY:] for row in rows]
    way = way_in(ways, door_id, BATTERY_EMPTY_MV)
    return TapFacts(
        session_holds=bool(first[0]),
        shift_id=first[1],
        shift_day=first[2],
        shift_state=first[3],
        visit=_planned(first[_AT_VISIT:_AT_CONSENT]),
        consents=tuple({row[_AT_CONSENT]: (row[_AT_CONSENT + 1], row[_AT_CONSENT + 2]) for row in rows}.values())
        if first[_AT_CONSENT] is not None
        else (),
        way=way,
        # one grant is for every lock on the way, and carries the highest of their epochs
        right=right_in(ways, way.epoch),
    )


def proof_facts_of(
    session: Session, parts: Parts, who: Who, opening_id: str, token: bytes, now: datetime
) -> ProofFacts | None:
    """The facts of a proof, the opening held until the transaction ends; ``None`` where there is no such opening."""
    values = {"opening_id": opening_id, "token": token, "now": now, **holds_values(parts, who)}
    row = _PROOF.first(session, values)
    if row is None:
        return None
    grant = row[_AT_HOLDS + 1 :]
    return ProofFacts(
        bool(row[_AT_HOLDS]),
        opening_store.opening_in(row),
        None if grant[0] is None else grant_store.grant_in(grant),
    )


def require_still(session: Session, parts: Parts, who: Who, found: TapFacts | ProofFacts | None) -> None:
    """Turn away who showed a session before that holds no longer.

    Raises
    ------
    EdgeError
        ``not_signed_in``, or why the session was ended.
    """
    if found is None:
        holds = any(still for (still,) in _STILL.rows(session, holds_values(parts, who)))
    else:
        holds = found.session_holds
    if not holds:
        raise over(parts, session, who)


def _planned(row: Sequence[Any]) -> Planned | None:
    visit_id, door_id, unit_id, day, carer_id, start_at, end_at, window_open_at, window_close_at, competences = row
    if visit_id is None:
        return None
    return Planned(
        visit_id,
        door_id,
        unit_id,
        day,
        carer_id,
        start_at or window_open_at,
        end_at or window_close_at,
        frozenset(competences),
    )

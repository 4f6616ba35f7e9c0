"""Emergencies (nødkald): a carer goes in without a planned visit, says why, and somebody looks at it afterwards.

The order is the one of every grant: the statement is committed, the signer finds it in the log, the grant is stored.
Nothing here lets anybody in by itself.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session, col, select

from devices.alarms.model import NewAlarm
from devices.alarms.service import raise_alarm
from devices.events import DoorOpened, EmergencyOutcome, EmergencyReason, EmergencyRequested, EmergencyReviewed
from devices.keys import service, store
from devices.keys.emergency_errors import EmergencyError
from devices.keys.rules import EMERGENCY, PREPARED
from devices.keys.schemas import GrantIssued
from devices.keys.signer.model import Basis, MintRequest
from devices.keys.tables import EmergencyRow, GrantRow, LockRow
from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.localtime import clock_text
from kernel.work import Work

REVIEW_WITHIN = timedelta(hours=24)
"""From the request to the review; later a planner gets a task. Assumption, a municipality may want less."""

OFFLINE = "offline"
"""The reason of an opening that a spoken code let in: what the carer told the planner is not known here."""


@dataclass(frozen=True, slots=True)
class NewEmergency:
    """Who wants in where, and why."""

    door_id: str
    citizen_id: str
    unit_id: str
    carer_id: str
    shift_id: str
    reason: EmergencyReason


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency as its reader sees it. ``review_by_at`` is when it becomes a task."""

    emergency_id: str
    door_id: str
    citizen_id: str | None
    unit_id: str
    carer_id: str
    shift_id: str
    reason: str
    requested_at: datetime
    closes_at: datetime
    opened_at: datetime | None
    outcome: str | None
    note: str | None
    reviewed_at: datetime | None
    reviewed_by_role: str | None
    review_by_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "review_by_at", self.requested_at + REVIEW_WITHIN)


def request_emergency(work: Work, new: NewEmergency) -> Emergency:
    """Write an emergency down, tell the log, and raise its alarm. Commit it before the signer is asked.

    Tapped again while it lasts, by the same shift at the same door, it is the same emergency.
    """
    known = work.session.exec(
        select(EmergencyRow).where(
            EmergencyRow.shift_id == new.shift_id,
            EmergencyRow.door_id == new.door_id,
            col(EmergencyRow.reviewed_at).is_(None),
            col(EmergencyRow.closes_at) > work.now,
            EmergencyRow.reason != OFFLINE,
        )
    ).first()
    if known is not None:
        return _view(known)
    row = _keep(work, new, new_id(), new.reason, work.now + EMERGENCY)
    work.record(
        EmergencyRequested(
            at=work.now,
            unit_id=new.unit_id,
            carer_id=new.carer_id,
            emergency_id=row.emergency_id,
            door_id=new.door_id,
            citizen_id=new.citizen_id,
            shift_id=new.shift_id,
            reason=new.reason,
        )
    )
    return _view(row)


def emergency_request(session: Session, emergency: Emergency, holder_thumbprint: bytes) -> MintRequest:
    """What to ask the signer for.

    Raises
    ------
    EmergencyError
        ``no_lock_there``.
    """
    locks = store.locks_of_doors(session, [emergency.door_id]).get(emergency.door_id, ())
    if not locks:
        raise EmergencyError("no_lock_there")
    epochs = session.exec(select(LockRow.epoch).where(col(LockRow.lock_id).in_(locks))).all()
    return MintRequest(
        route_id=emergency.emergency_id,
        route_version=0,
        visit_id=emergency.emergency_id,
        door_id=emergency.door_id,
        lock_ids=locks,
        carer_id=emergency.carer_id,
        shift_id=emergency.shift_id,
        holder_thumbprint=holder_thumbprint,
        epoch=max(epochs),
        basis=Basis.EMERGENCY,
    )


def held_grant(session: Session, emergency: Emergency, request: MintRequest, now: datetime) -> GrantIssued | None:
    """The good grant an emergency has already, so that a second tap asks the signer for nothing."""
    return next(
        (
            grant
            for grant in service.tablet_grants(session, emergency.shift_id, now)
            if (grant.right_id, grant.holder_thumbprint, grant.epoch)
            == (emergency.emergency_id, request.holder_thumbprint, request.epoch)
        ),
        None,
    )


def note_opened(work: Work, opened: DoorOpened) -> None:
    """The lock says that it opened for an emergency, or for a prepared door: then it is one from now on.

    A stairwell on the way is loud as well; opened is the emergency only by its own door.
    """
    if opened.emergency_id is None or opened.door_id is None:
        return
    row = work.session.get(EmergencyRow, opened.emergency_id) or _from_prepared(work, opened)
    if row is not None and row.opened_at is None and row.door_id == opened.door_id:
        row.opened_at = opened.at
        # Looked at before it opened: what was judged was another thing. The first judgement stays in the log.
        row.reviewed_at, row.reviewed_by_role, row.outcome = None, None, None
        work.session.add(row)
        work.session.flush()


def review(work: Work, emergency_id: str, outcome: EmergencyOutcome, note: str, by_role: str) -> Emergency:
    """A planner or a manager has looked at it.

    Raises
    ------
    KernelError
        ``not_found``.
    EmergencyError
        ``already_reviewed``; ``review_note_missing`` where it was not in order and nobody says why.
    """
    row = work.session.get(EmergencyRow, emergency_id, with_for_update=True)
    if row is None:
        raise KernelError("not_found", what="Nødåbningen")
    if row.reviewed_at is not None:
        raise EmergencyError("already_reviewed", clock=clock_text(row.reviewed_at))
    if outcome == "not_ok" and not note.strip():
        raise EmergencyError("review_note_missing")
    row.outcome, row.note = outcome, note.strip() or None
    row.reviewed_at, row.reviewed_by_role = work.now, by_role
    work.session.add(row)
    work.record(
        EmergencyReviewed(
            at=work.now,
            unit_id=row.unit_id,
            carer_id=row.carer_id,
            emergency_id=row.emergency_id,
            door_id=row.door_id,
            outcome=outcome,
            by_role=by_role,
            waited_s=round((work.now - row.requested_at).total_seconds()),
        )
    )
    return _view(row)


def find_emergency(session: Session, emergency_id: str) -> Emergency:
    """One emergency. Raises ``not_found``."""
    row = session.get(EmergencyRow, emergency_id)
    if row is None:
        raise KernelError("not_found", what="Nødåbningen")
    return _view(row)


def emergencies(session: Session, unit_ids: Collection[str], *, reviewed: bool, limit: int = 100) -> list[Emergency]:
    """Emergencies of some units: those that wait for a review, the oldest first, or the reviewed ones, newest first."""
    query = select(EmergencyRow).where(col(EmergencyRow.unit_id).in_(sorted(unit_ids)))
    if reviewed:
        query = query.where(col(EmergencyRow.reviewed_at).is_not(None)).order_by(
            col(EmergencyRow.reviewed_at).desc(), col(EmergencyRow.emergency_id)
        )
    else:
        query = query.where(col(EmergencyRow.reviewed_at).is_(None)).order_by(
            col(EmergencyRow.requested_at), col(EmergencyRow.emergency_id)
        )
    return [_view(row) for row in session.exec(query.limit(limit)).all()]


def escalate_overdue(work: Work) -> list[Emergency]:
    """Those that waited too long for their review, each returned once."""
    rows: Sequence[EmergencyRow] = work.session.exec(
        select(EmergencyRow)
        .where(
            col(EmergencyRow.reviewed_at).is_(None),
            col(EmergencyRow.escalated_at).is_(None),
            col(EmergencyRow.requested_at) <= work.now - REVIEW_WITHIN,
        )
        .order_by(col(EmergencyRow.requested_at), col(EmergencyRow.emergency_id))
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.escalated_at = work.now
        work.session.add(row)
    return [_view(row) for row in rows]


def any_overdue(session: Session, now: datetime) -> bool:
    """Whether :func:`escalate_overdue` would find any, without holding anything."""
    query = select(EmergencyRow.emergency_id).where(
        col(EmergencyRow.reviewed_at).is_(None),
        col(EmergencyRow.escalated_at).is_(None),
        col(EmergencyRow.requested_at) <= now - REVIEW_WITHIN,
    )
    return session.exec(query.limit(1)).first() is not None


def _from_prepared(work: Work, opened: DoorOpened) -> EmergencyRow | None:
    grant = work.session.exec(
        select(GrantRow).where(
            GrantRow.right_id == opened.emergency_id,
            GrantRow.door_id == (opened.behind_door_id or opened.door_id),
            GrantRow.basis == Basis.PREPARED.value,
        )
    ).first()
    if grant is None:
        return None
    closes_at = grant.minted_at + PREPARED
    # One preparation covers many doors; each is looked at by itself, with the stairwell on its way.
    known = work.session.exec(
        select(EmergencyRow).where(
            EmergencyRow.shift_id == grant.shift_id,
            EmergencyRow.door_id == grant.door_id,
            EmergencyRow.reason == OFFLINE,
            EmergencyRow.closes_at == closes_at,
            # what opens after somebody has looked is looked at again
            col(EmergencyRow.reviewed_at).is_(None),
        )
    ).first()
    if known is not None:
        return known
    new = NewEmergency(grant.door_id, "", grant.unit_id, grant.carer_id, grant.shift_id, "other")
    return _keep(work, new, new_id(), OFFLINE, closes_at, requested_at=opened.at)


def _keep(
    work: Work,
    new: NewEmergency,
    emergency_id: str,
    reason: str,
    closes_at: datetime,
    requested_at: datetime | None = None,
) -> EmergencyRow:
    row = EmergencyRow(
        emergency_id=emergency_id,
        door_id=new.door_id,
        citizen_id=new.citizen_id or None,
        unit_id=new.unit_id,
        carer_id=new.carer_id,
        shift_id=new.shift_id,
        reason=reason,
        requested_at=requested_at or work.now,
        closes_at=closes_at,
    )
    work.session.add(row)
    work.session.flush()
    raise_alarm(
        work,
        NewAlarm(
            kind="emergency_opening",
            unit_id=new.unit_id,
            door_id=new.door_id,
            severity="critical",
            facts={"reason": reason, "emergency_id": emergency_id},
        ),
    )
    return row


def _view(row: EmergencyRow) -> Emergency:
    return Emergency(
        emergency_id=row.emergency_id,
        door_id=row.door_id,
        citizen_id=row.citizen_id,
        unit_id=row.unit_id,
        carer_id=row.carer_id,
        shift_id=row.shift_id,
        reason=row.reason,
        requested_at=row.requested_at,
        closes_at=row.closes_at,
        opened_at=row.opened_at,
        outcome=cast("EmergencyOutcome | None", row.outcome),
        note=row.note,
        reviewed_at=row.reviewed_at,
        reviewed_by_role=row.reviewed_by_role,
    )

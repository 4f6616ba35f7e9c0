"""Nødkald: any carer on duty into any home of her unit, at once, with a reason, loud, and looked at afterwards.

Three short transactions with the signer between the first two: the statement is in the log before the signer is
asked, the grant is stored before the lock is.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, or_, select

from devices.events import DoorOpened, EmergencyReason
from devices.keys import emergency as keys
from devices.keys import openings, service, store
from devices.keys.emergency import Emergency, EmergencyError, NewEmergency
from devices.keys.model import RightFacts, VisitFacts
from devices.keys.rights import revoke_shift
from devices.keys.schemas import DoorOpening, GrantIssued, GrantsKept, OpeningIds
from devices.keys.service import GrantWanted
from devices.keys.signer.model import Basis, MintRequest, NotMinted
from devices.keys.vendors.store import native_locks
from gateway.auth import Role
from gateway.parts import Parts
from gateway.usecases.citizens import note_access
from gateway.usecases.doors import BATTERY_EMPTY_MV, CONSENT, await_challenge, tell_locks
from kernel.events import Event
from kernel.localtime import local_day
from kernel.work import UnitsOfWork, Work
from scheduling import shifts
from scheduling.consents import withdrawn_citizens
from scheduling.errors import SchedulingError
from scheduling.register.tables import CitizenRow
from scheduling.tables import ShiftRow
from scheduling.tasks import NewTask, raise_task

SHOWN = 12
#: fewer letters would list half the unit
FEWEST_LETTERS = 2


@dataclass(frozen=True, slots=True)
class Entered:
    """An emergency, the grant for its door, and the opening that was begun with it."""

    emergency: Emergency
    grant: GrantIssued
    opening: DoorOpening


@dataclass(frozen=True, slots=True)
class Home:
    """Where a carer may have to go: one citizen of her unit with a lock on the door."""

    citizen_id: str
    name: str
    address: str
    door_id: str


def find_homes(session: Session, carer_id: str, on: datetime, text: str) -> list[Home]:
    """Citizens of the carer's unit by name or address, those with a lock, by name; at most :data:`SHOWN`.

    Raises
    ------
    SchedulingError
        ``shift_not_begun``: who is not on duty looks nobody up.
    """
    shift = _begun(session, carer_id, on)
    wanted = text.strip()
    if len(wanted) < FEWEST_LETTERS:
        return []
    pattern = f"%{wanted.replace('%', '').replace('_', '')}%"
    rows = session.exec(
        select(CitizenRow)
        .where(
            CitizenRow.unit_id == shift.unit_id,
            col(CitizenRow.door_id).is_not(None),
            or_(col(CitizenRow.name).ilike(pattern), col(CitizenRow.address).ilike(pattern)),
        )
        .order_by(col(CitizenRow.name), col(CitizenRow.id))
        .limit(SHOWN)
    ).all()
    locked = native_locks(session, [row.door_id for row in rows if row.door_id])
    return [Home(r.id, r.name, r.address, r.door_id) for r in rows if r.door_id is not None and locked.get(r.door_id)]


def enter(parts: Parts, carer_id: str, citizen_id: str, reason: EmergencyReason) -> Entered:
    """Say why, get the grant, begin the opening: what the second tap does.

    Raises
    ------
    SchedulingError
        ``shift_not_begun``.
    EmergencyError
        Why this door is not opened in this way.
    SignerError
        If the signer does not answer: no grant without it. The emergency stands in the log.
    """
    tapped_s = time.time()
    with parts.units.begin() as work:
        shift = _begun(work.session, carer_id, work.now)
        citizen = _citizen(work, shift, citizen_id)
        holder = bytes.fromhex(shift.holder_thumbprint or "")
        if not holder:
            raise EmergencyError("key_missing")
        new = NewEmergency(citizen.door_id or "", citizen.id, shift.unit_id, carer_id, shift.id, reason)
        emergency = keys.request_emergency(work, new)
        note_access(work, Role.CARER, citizen.id, "emergency", "emergency")
        request = keys.emergency_request(work.session, emergency, holder)
        held = keys.held_grant(work.session, emergency, request, work.now)
    grant = held or _minted(parts, request)
    with parts.units.begin() as work:
        opening = _begin(work, emergency, grant, tapped_s)
    return Entered(emergency, grant, await_challenge(parts, opening))


def note_openings(work: Work, events: Iterable[Event]) -> None:
    """What locks say of doors opened in an emergency, in the transaction that takes it in."""
    for event in events:
        if isinstance(event, DoorOpened):
            keys.note_opened(work, event)


def escalate(units: UnitsOfWork) -> int:
    """Give emergencies that waited too long for their review to the planner. Returns how many."""
    with units.database.reading() as session:
        if not keys.any_overdue(session, units.clock.now()):
            return 0
    with units.begin() as work:
        overdue = keys.escalate_overdue(work)
        for each in overdue:
            raise_task(
                work,
                NewTask(
                    "emergency_unreviewed",
                    each.unit_id,
                    citizen_id=each.citizen_id,
                    facts={"emergency_id": each.emergency_id},
                ),
            )
    return len(overdue)


def citizens_of(session: Session, emergencies: Collection[Emergency]) -> dict[str, CitizenRow]:
    """The citizens by door: an opening by a spoken code names the door alone."""
    doors = sorted({each.door_id for each in emergencies})
    rows = session.exec(select(CitizenRow).where(col(CitizenRow.door_id).in_(doors))).all()
    return {row.door_id: row for row in rows if row.door_id is not None}


def _minted(parts: Parts, request: MintRequest) -> GrantIssued:
    (result,) = parts.grants.mint([request])
    if isinstance(result, NotMinted):
        raise EmergencyError("no_emergency_grant", why=result.code.value)
    with parts.units.begin() as work:
        # Held until the end: a shift that ends meanwhile either sees this grant or is seen here.
        shift = work.session.get(ShiftRow, request.shift_id, with_for_update=True)
        kept: GrantsKept = service.keep_unplanned(work, [GrantWanted(request.route_id, request)], [result])
        over = shift is None or shift.state != "begun"
        locks = revoke_shift(work, request.shift_id) if over else frozenset[str]()
    tell_locks(parts, locks)
    if over:
        raise SchedulingError("shift_ended")
    return kept.issued[0]


def _begin(work: Work, emergency: Emergency, grant: GrantIssued, tapped_s: float) -> DoorOpening:
    lock_id = store.locks_of_doors(work.session, [emergency.door_id])[emergency.door_id][0]
    facts = VisitFacts(
        now_at=work.now,
        carer=emergency.carer_id,
        planned_carer=None,
        planned_start_at=emergency.requested_at,
        planned_end_at=emergency.closes_at,
        # Asked before the emergency was written down; taken back since, the grants are gone with it.
        consent_active=True,
        right=RightFacts(grant.epoch, grant.expires_at, None),
        door=service.door_facts(work.session, lock_id, BATTERY_EMPTY_MV),
    )
    ids = OpeningIds(
        door_id=emergency.door_id,
        lock_id=lock_id,
        visit_id=emergency.emergency_id,
        shift_id=emergency.shift_id,
        carer_id=emergency.carer_id,
        unit_id=emergency.unit_id,
    )
    return openings.request_opening(work, facts=facts, ids=ids, wall_s=tapped_s, basis=Basis.EMERGENCY)


def _begun(session: Session, carer_id: str, now: datetime) -> ShiftRow:
    shift = shifts.shift_of(session, carer_id, local_day(now))
    if shift is None or shift.state != "begun":
        raise SchedulingError("shift_not_begun")
    return shift


def _citizen(work: Work, shift: ShiftRow, citizen_id: str) -> CitizenRow:
    citizen = work.session.get(CitizenRow, citizen_id)
    if citizen is None or citizen.unit_id != shift.unit_id:
        raise EmergencyError("other_units_citizen")
    # A vendor's cloud knows planned visits only: its doors keep no promise for an emergency.
    if citizen.door_id is None or not native_locks(work.session, [citizen.door_id]):
        raise EmergencyError("no_lock_there")
    if withdrawn_citizens(work.session, {citizen.id}, CONSENT, local_day(work.now)):
        raise EmergencyError("no_consent_there")
    return citizen

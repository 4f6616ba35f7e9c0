"""Nødkald: any carer on duty into any home of her unit, at once, with a reason, loud, and looked at afterwards.

Three short transactions with the signer between the first two: the statement is in the log before the signer is
asked, the grant is stored before the lock is.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, or_, select

from devices.events import DoorOpened, EmergencyReason
from devices.keys import emergency as keys
from devices.keys import openings, service, store
from devices.keys.emergency import Emergency, NewEmergency
from devices.keys.emergency_errors import EmergencyError
from devices.keys.model import RightFacts, VisitFacts
from devices.keys.rights import revoke_shift
from devices.keys.schemas import DoorOpening, GrantIssued, GrantsKept, OpeningIds
from devices.keys.service import GrantWanted
from devices.keys.signer.model import Basis, MintRequest, NotMinted
from devices.keys.stairwells import keys_on_ways
from devices.keys.vendors.store import acting_locks
from gateway.auth import Role
from gateway.grants import held_ready
from gateway.parts import HeldGrant, Parts
from gateway.usecases.challenges import await_challenges
from gateway.usecases.citizens import note_access
from gateway.usecases.door_facts import BATTERY_EMPTY_MV, CONSENT
from gateway.usecases.doors import tell_locks
from kernel.errors import KernelError
from kernel.events import Event
from kernel.ids import new_id
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
    """An emergency, the grant for its door, and the openings begun with it: the door's own, then those on the way."""

    emergency: Emergency
    grant: HeldGrant
    openings: tuple[DoorOpening, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a carer may have to go: one citizen of her unit with a lock on the door.

    ``opens``: whether that lock opens in an emergency; a vendor's does not.
    """

    citizen_id: str
    name: str
    address: str
    door_id: str
    opens: bool = True


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
    acting = acting_locks(session, [row.door_id for row in rows if row.door_id])
    return [
        Home(r.id, r.name, r.address, r.door_id, acting[r.door_id].is_native)
        for r in rows
        if r.door_id is not None and r.door_id in acting
    ]


def enter(
    parts: Parts, carer_id: str, citizen_id: str, reason: EmergencyReason, lock_ids: Collection[str] | None = None
) -> Entered:
    """Say why, get the grant, begin the openings: what the second tap does.

    Parameters
    ----------
    lock_ids
        Which of the door's locks and those on the way to it; all of them where it says nothing. After an act that
        came half way a tablet names what has certainly not moved.

    Raises
    ------
    SchedulingError
        ``shift_not_begun``.
    KernelError
        ``not_found`` where no such lock is on the way.
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
        way = keys_on_ways(work.session, [emergency.door_id]).get(emergency.door_id, ())
        begun = _begin(work, emergency, grant, tapped_s, [one for one, _ in way if lock_ids is None or one in lock_ids])
    return Entered(emergency, held_ready(grant, way, emergency.requested_at), tuple(await_challenges(parts, begun)))


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


def _begin(
    work: Work, emergency: Emergency, grant: GrantIssued, tapped_s: float, lock_ids: Sequence[str]
) -> list[DoorOpening]:
    """An opening for each of these locks. What is refused for the door is not asked of the way."""
    if not lock_ids:
        raise KernelError("not_found", what="Låsen")
    own = store.locks_on_doors(work.session, [emergency.door_id]).get(emergency.door_id, ())
    act_id = new_id() if len(store.ways_through(work.session, [emergency.door_id])[emergency.door_id]) > 1 else None
    tapped: list[DoorOpening] = []
    for lock_id in lock_ids:
        on_way = lock_id not in own
        facts = _facts(work, emergency, grant, lock_id)
        tapped.append(
            openings.request_opening(
                work,
                facts=facts,
                ids=_ids(emergency, lock_id),
                wall_s=tapped_s,
                basis=Basis.EMERGENCY,
                act_id=act_id,
                on_way=on_way,
            )
        )
        if tapped[0].state == "refused" and not on_way:
            break
    return tapped


def _facts(work: Work, emergency: Emergency, grant: GrantIssued, lock_id: str) -> VisitFacts:
    return VisitFacts(
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


def _ids(emergency: Emergency, lock_id: str) -> OpeningIds:
    return OpeningIds(
        door_id=emergency.door_id,
        lock_id=lock_id,
        visit_id=emergency.emergency_id,
        shift_id=emergency.shift_id,
        carer_id=emergency.carer_id,
        unit_id=emergency.unit_id,
    )


def _begun(session: Session, carer_id: str, now: datetime) -> ShiftRow:
    shift = shifts.shift_now(session, carer_id, now)
    if shift is None or shift.state != "begun":
        raise SchedulingError("shift_not_begun")
    return shift


def _citizen(work: Work, shift: ShiftRow, citizen_id: str) -> CitizenRow:
    citizen = work.session.get(CitizenRow, citizen_id)
    if citizen is None or citizen.unit_id != shift.unit_id:
        raise EmergencyError("other_units_citizen")
    lock = acting_locks(work.session, [citizen.door_id or ""]).get(citizen.door_id or "")
    if lock is None:
        raise EmergencyError("no_lock_there")
    # A vendor's cloud knows planned visits only: its doors keep no promise for an emergency.
    if not lock.is_native:
        raise EmergencyError("vendors_lock_there")
    if withdrawn_citizens(work.session, {citizen.id}, CONSENT, local_day(work.now)):
        raise EmergencyError("no_consent_there")
    return citizen

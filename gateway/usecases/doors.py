"""Opening a door online: facts of two domains, intent, the lock's challenge, the tablet's proof (design §3).

Each step is one short transaction; none is open while a lock is waited for or a motor turns.
"""

import time

import structlog
from sqlmodel import Session, col, select

from devices.keys import openings, revocations, service, store
from devices.keys.model import VisitFacts
from devices.keys.opening import SEND_WITHIN_S
from devices.keys.schemas import DoorOpening, OpeningIds
from gateway.parts import Parts
from kernel.errors import KernelError
from kernel.localtime import local_day
from kernel.work import Work
from scheduling import shifts
from scheduling.errors import SchedulingError
from scheduling.register.tables import CompetenceRow, ConsentRow
from scheduling.tables import RouteChangeRow, RouteRow, ShiftRow, VisitRow

log = structlog.get_logger(__name__)

#: below this the motor is not tried: the door might be left half open
BATTERY_EMPTY_MV = 4_400
CONSENT = "electronic_key"


def request_opening(parts: Parts, carer_id: str, door_id: str, visit_id: str) -> DoorOpening:
    """A carer tapped *Lås op*: judged, stored, and where allowed the lock is asked for its challenge.

    Raises
    ------
    SchedulingError
        ``shift_not_begun``.
    KernelError
        ``not_found`` where the visit or a lock on the door does not exist.
    """
    tapped_s = time.time()
    with parts.units.begin() as work:
        shift = shifts.shift_of(work.session, carer_id, local_day(work.now))
        if shift is None or shift.state != "begun":
            raise SchedulingError("shift_not_begun")
        visit = work.session.get(VisitRow, visit_id)
        locks = store.locks_of_doors(work.session, [door_id]).get(door_id, ())
        if visit is None or visit.door_id != door_id or not locks:
            raise KernelError("not_found", what="Døren")
        ids = OpeningIds(
            door_id=door_id,
            lock_id=locks[0],
            visit_id=visit_id,
            shift_id=shift.id,
            carer_id=carer_id,
            unit_id=visit.unit_id,
        )
        facts = _facts(work, carer_id, shift, visit, ids)
        opening = openings.request_opening(work, facts=facts, ids=ids, wall_s=tapped_s)
    if opening.state != "requested":
        return opening
    challenge = parts.doors.challenge(
        ids.lock_id,
        openings.challenge_request(opening),
        openings.request_id(opening.opening_id),
        SEND_WITHIN_S - 0.5,
    )
    with parts.units.begin() as work:
        if challenge is None:
            # The sweeper judges the deadline: what is not challenged in time expires there.
            return openings.find_opening(work.session, opening.opening_id)
        return openings.challenged(work, opening.opening_id, challenge, time.time())


def give_proof(
    parts: Parts, carer_id: str, opening_id: str, *, token: bytes, holder_key: bytes, proof: bytes
) -> DoorOpening:
    """The tablet signed the challenge: release the command, once, after commit.

    Raises
    ------
    KernelError
        ``not_found`` where the opening is not this carer's.
    OpeningError
        ``grant_not_for_opening`` where the token is none of the shift's.
    """
    with parts.units.begin() as work:
        shift_id = own_opening(work, carer_id, opening_id).ids.shift_id
        grants = service.tablet_grants(work.session, shift_id, work.now)
        cti = next((g.cti for g in grants if g.token == token), b"")
        outcome = openings.proof_given(
            work, opening_id, cti=cti, holder_key=holder_key, proof=proof, wall_s=time.time()
        )
    if outcome.command is not None:
        parts.doors.send([outcome.command])
    return outcome.opening


def own_opening(work: Work, carer_id: str, opening_id: str) -> DoorOpening:
    """An opening of this carer. Raises ``not_found`` for anybody else's."""
    opening = openings.find_opening(work.session, opening_id)
    if opening.ids.carer_id != carer_id:
        raise KernelError("not_found", what="Åbningen")
    return opening


def tell_locks(parts: Parts, lock_ids: frozenset[str]) -> None:
    """Send locks their new revocation lists, after the change of rights has committed.

    Never raises: the change stands whatever becomes of the message, and a lock that was not reached gets its
    present list at its next birth.
    """
    if not lock_ids:
        return
    try:
        with parts.units.begin() as work:
            lists = revocations.revocation_lists(work, lock_ids, parts.service_key)
        taken = parts.doors.send(lists)
    except Exception:  # whatever it is, it must not turn a change that is stored into an error
        log.exception("locks_not_told", lock_count=len(lock_ids))
        return
    if not taken:
        log.warning("locks_not_told", lock_count=len(lock_ids))


def _facts(work: Work, carer_id: str, shift: ShiftRow, visit: VisitRow, ids: OpeningIds) -> VisitFacts:
    session = work.session
    door = service.door_facts(session, ids.lock_id, BATTERY_EMPTY_MV)
    moved = None if visit.carer_id == carer_id else _moved(session, carer_id, shift, visit.id)
    return VisitFacts(
        now_at=work.now,
        carer=carer_id,
        planned_carer=visit.carer_id,
        planned_start_at=visit.start_at or visit.window_open_at,
        planned_end_at=visit.end_at or visit.window_close_at,
        consent_active=consent_active(session, visit.citizen_id, visit),
        right=service.right_facts(
            session,
            carer_id=carer_id,
            visit_id=visit.id,
            door_id=ids.door_id,
            shift_id=shift.id,
            epoch=door.epoch,
        ),
        door=door,
        required_competences=frozenset(visit.required_competences),
        held_competences=_held(session, carer_id, shift),
        moved_at=moved.at if moved else None,
        moved_reason=moved.reason if moved else None,
    )


def consent_active(session: Session, citizen_id: str, visit: VisitRow) -> bool:
    """Whether the citizen has said yes to the electronic key and not taken it back."""
    rows = session.exec(select(ConsentRow).where(ConsentRow.citizen_id == citizen_id, ConsentRow.kind == CONSENT)).all()
    given = [r for r in rows if r.given_on <= visit.day]
    return any(r.withdrawn_on is None or r.withdrawn_on > visit.day for r in given)


def _held(session: Session, carer_id: str, shift: ShiftRow) -> frozenset[str]:
    rows = session.exec(select(CompetenceRow).where(CompetenceRow.carer_id == carer_id)).all()
    return frozenset(r.code for r in rows if r.valid_until_on is None or r.valid_until_on >= shift.day)


def _moved(session: Session, carer_id: str, shift: ShiftRow, visit_id: str) -> RouteChangeRow | None:
    changes = session.exec(
        select(RouteChangeRow)
        .join(RouteRow, col(RouteRow.id) == col(RouteChangeRow.route_id))
        .where(RouteRow.carer_id == carer_id, RouteRow.day == shift.day)
        .order_by(col(RouteChangeRow.version).desc())
    ).all()
    return next((c for c in changes if visit_id in c.left), None)

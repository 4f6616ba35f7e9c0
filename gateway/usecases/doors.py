"""Opening a door online: facts of two domains, intent, the lock's challenge, the tablet's proof (design §3).

Each step is one short transaction; none is open while a lock is waited for or a motor turns.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

import structlog
from sqlmodel import Session, col, select

from devices.keys import openings, release, revocations
from devices.keys.model import DoorFacts, RightFacts, VisitFacts
from devices.keys.schemas import DoorOpening, OpeningIds
from devices.keys.vendors.model import NATIVE
from gateway.auth import Who
from gateway.parts import Parts
from gateway.usecases.challenges import handed_back
from gateway.usecases.door_facts import CONSENT, Planned, TapFacts, proof_facts_of, require_still, tap_facts_of
from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.register.tables import CompetenceRow, ConsentRow
from scheduling.tables import RouteChangeRow, RouteRow, ShiftRow, VisitRow

log = structlog.get_logger(__name__)


def request_opening(
    parts: Parts,
    who: Who,
    carer_id: str,
    door_id: str,
    visit_id: str,
    lock_ids: Collection[str] | None = None,
    *,
    at_own_locks: bool = False,
) -> list[DoorOpening]:
    """A carer tapped *Lås op*: judged and stored. Its locks are asked next (:mod:`gateway.usecases.challenges`).

    Nothing happens here at a door another maker's lock acts on.

    Parameters
    ----------
    lock_ids
        Which of the door's locks and those on the way to it; all of them where it says nothing. After an act that
        came half way a tablet names what has certainly not moved.
    at_own_locks
        Also where another maker is in charge of the door: its lock is not there.

    Returns
    -------
    list
        One opening a lock: the door's own first, then those on the way. What is refused for the door is not asked
        of the way. Empty where the lock is another maker's.

    Raises
    ------
    EdgeError
        ``not_signed_in``, or why the session was ended.
    SchedulingError
        ``shift_not_begun``.
    KernelError
        ``not_found`` where the visit or such a lock on the door does not exist.
    """
    tapped_s = time.time()
    # Its readers are woken by the lock's answer.
    with parts.door_turns, parts.units.begin(calmly=True) as work:
        found = tap_facts_of(work.session, parts, who, door_id, visit_id, work.now)
        require_still(work.session, parts, who, found)
        if found is None or found.shift_state != "begun":
            raise SchedulingError("shift_not_begun")
        way, visit = found.way, found.visit
        if way.vendor != NATIVE and not at_own_locks:
            return []
        wanted = [lock for lock in way.locks if lock_ids is None or lock in lock_ids]
        if visit is None or visit.door_id != door_id or not wanted:
            raise KernelError("not_found", what="Døren")
        whose = OpeningIds(door_id, "", visit_id, found.shift_id, carer_id, visit.unit_id)
        act_id = new_id() if len(way.locks) > 1 else None
        facts = _facts(work, carer_id, found, visit, way.locks[wanted[0]])
        tapped: list[DoorOpening] = []
        for ids in (replace(whose, lock_id=lock_id) for lock_id in wanted):
            on_way = ids.lock_id != next(iter(way.locks))
            of_lock = replace(facts, door=way.locks[ids.lock_id])
            tapped.append(
                openings.request_opening(work, facts=of_lock, ids=ids, wall_s=tapped_s, act_id=act_id, on_way=on_way)
            )
            if tapped[0].state == "refused" and not on_way:
                break
    return tapped


def give_proof(
    parts: Parts,
    who: Who,
    carer_id: str,
    opening_id: str,
    *,
    token: bytes,
    holder_key: bytes,
    proof: bytes,
    challenge: tuple[bytes, bytes] | None = None,
) -> DoorOpening | None:
    """The tablet signed the challenge: release the command, once, after commit.

    ``None`` where the lock is another maker's, and nothing is done.

    Parameters
    ----------
    challenge
        The nonce the tablet was handed out, and its seal (:mod:`gateway.challenge_seals`).

    Raises
    ------
    EdgeError
        ``not_signed_in``, or why the session was ended.
    KernelError
        ``not_found`` where the opening is not this carer's.
    OpeningError
        ``grant_not_for_opening`` where the token is none of the shift's; ``challenge_not_for_opening`` where the nonce
        was given for another.
    """
    with parts.door_turns, parts.units.begin() as work:
        found = proof_facts_of(work.session, parts, who, opening_id, token, work.now)
        require_still(work.session, parts, who, found)
        if found is None or found.opening.ids.carer_id != carer_id:
            raise KernelError("not_found", what="Åbningen")
        if found.opening.vendor != NATIVE:
            return None
        opening = found.opening if challenge is None else handed_back(parts, found.opening, *challenge)
        outcome = release.released(work, opening, found.grant, holder_key=holder_key, proof=proof, wall_s=time.time())
    if outcome.command is not None:
        parts.doors.hand_over([outcome.command])
    return outcome.opening


def own_opening(session: Session, carer_id: str, opening_id: str) -> DoorOpening:
    """An opening of this carer. Raises ``not_found`` for anybody else's."""
    opening = openings.find_opening(session, opening_id)
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


def _facts(work: Work, carer_id: str, found: TapFacts, visit: Planned, door: DoorFacts) -> VisitFacts:
    active = _consent_active(found.consents, max(visit.day, local_day(work.now)))
    return _visit_facts(work, carer_id, found.shift_day, visit, door, found.right, consent_active=active)


def visit_facts(
    work: Work, carer_id: str, shift: ShiftRow, visit: VisitRow, door: DoorFacts, right: RightFacts | None
) -> VisitFacts:
    """What the rules ask of both domains, whoever's lock is on the door."""
    rows = work.session.exec(
        select(ConsentRow).where(ConsentRow.citizen_id == visit.citizen_id, ConsentRow.kind == CONSENT)
    ).all()
    active = _consent_active([(row.given_on, row.withdrawn_on) for row in rows], max(visit.day, local_day(work.now)))
    return _visit_facts(work, carer_id, shift.day, Planned.of(visit), door, right, consent_active=active)


def _visit_facts(
    work: Work,
    carer_id: str,
    day: date,
    visit: Planned,
    door: DoorFacts,
    right: RightFacts | None,
    *,
    consent_active: bool,
) -> VisitFacts:
    session = work.session
    moved = None if visit.carer_id == carer_id else _moved(session, carer_id, day, visit.id)
    return VisitFacts(
        now_at=work.now,
        carer=carer_id,
        planned_carer=visit.carer_id,
        planned_start_at=visit.start_at,
        planned_end_at=visit.end_at,
        consent_active=consent_active,
        right=right,
        door=door,
        required_competences=visit.required_competences,
        held_competences=_held(session, carer_id, day) if visit.required_competences else frozenset(),
        moved_at=moved.at if moved else None,
        moved_reason=moved.reason if moved else None,
    )


def _consent_active(consents: Sequence[tuple[date, date | None]], day: date) -> bool:
    """Whether the citizen has said yes to the electronic key and not taken it back."""
    return any(given_on <= day and (withdrawn_on is None or withdrawn_on > day) for given_on, withdrawn_on in consents)


def _held(session: Session, carer_id: str, day: date) -> frozenset[str]:
    rows = session.exec(select(CompetenceRow).where(CompetenceRow.carer_id == carer_id)).all()
    return frozenset(r.code for r in rows if r.valid_until_on is None or r.valid_until_on >= day)


def _moved(session: Session, carer_id: str, day: date, visit_id: str) -> RouteChangeRow | None:
    changes = session.exec(
        select(RouteChangeRow)
        .join(RouteRow, col(RouteRow.id) == col(RouteChangeRow.route_id))
        .where(RouteRow.carer_id == carer_id, RouteRow.day == day)
        .order_by(col(RouteChangeRow.version).desc())
    ).all()
    return next((c for c in changes if visit_id in c.left), None)

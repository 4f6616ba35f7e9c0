"""What a citizen decides, and who has looked: consents withdrawn across the domains, the log of access.

Withdrawing a consent ends what it allowed in the same transaction: no door right, no look of a relative, no screen
visit outlives it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from sqlmodel import Session, col, select

from devices.keys.schemas import RightsChange
from devices.keys.withdrawals import close_door
from gateway.auth import Role, Who
from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.sessions import end_sessions
from gateway.tables import CitizenAccessRow, IdentityRow
from gateway.usecases.plans import restore_all_rights
from kernel.work import Work
from scheduling.consents import give_consent, withdraw_consent
from scheduling.register.tables import CitizenRow
from scheduling.shifts import days_now, visit_of_now
from scheduling.tables import VisitRow
from scheduling.tasks import NewTask, raise_task
from video.interruptions import stop_calls
from video.model import Room

#: a page that is read again and again is one look
_SAME_LOOK = timedelta(minutes=15)
_IN_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What the end of a consent did."""

    kind: str
    rights: RightsChange = field(default_factory=RightsChange)
    #: relatives who can no longer look
    relatives: int = 0
    #: visits of today that somebody now has to find another way for
    visits: int = 0
    #: calls that were hung up, or wait for no second try any more; their pages are told after the commit
    calls: tuple[Room, ...] = ()


def withdraw(work: Work, citizen_id: str, kind: str) -> Withdrawn:
    """Take a consent back, and end what it allowed in the same transaction.

    Raises
    ------
    SchedulingError
        ``consent_not_given``.
    """
    citizen = withdraw_consent(work, citizen_id, kind)
    if kind == "electronic_key" and citizen.door_id is not None:
        visits = _ask_for_another_key(work, citizen)
        return Withdrawn(kind, rights=close_door(work, citizen.door_id), visits=visits)
    if kind == "relative":
        return Withdrawn(kind, relatives=_end_relatives(work, citizen_id))
    if kind == "screen":
        calls = tuple(stop_calls(work, citizen_id))
        return Withdrawn(kind, visits=_hand_over_screen_visits(work, citizen), calls=calls)
    return Withdrawn(kind)


def give_again(work: Work, citizen_id: str, kind: str) -> RightsChange:
    """Say yes again. The routes of today get their right to the door back in the same transaction.

    Raises
    ------
    SchedulingError
        ``consent_not_asked``.
    """
    citizen = give_consent(work, citizen_id, kind)
    if kind == "electronic_key" and citizen.door_id is not None:
        return restore_all_rights(work, citizen.door_id, min(days_now(work.session, work.now)))
    return RightsChange()


def note_look(parts: Parts, read: Session, who: Who, citizen_id: str, what: str, purpose: str) -> None:
    """Write down that somebody looks at a citizen's data: role, what and why, never who.

    The same role at the same thing within a quarter of an hour is one look. A citizen looking at her own data is
    none, nor is her own screen.

    Parameters
    ----------
    read
        The session the data are read in. It lets go of its connection first: a request that holds one and waits for
        another can, forty at once, wait for itself.
    """
    if who.role in (Role.CITIZEN, Role.KIOSK):
        return
    read.commit()
    with parts.units.begin() as work:
        note_access(work, who.role, citizen_id, what, purpose)


def note_found(parts: Parts, read: Session, who: Who, citizen_ids: Collection[str]) -> None:
    """Write down for everybody a search has shown that she was found: before the list is given away, once a quarter of
    an hour, however many letters are typed. ``read`` as in :func:`note_look`.
    """
    if citizen_ids:
        read.commit()
        with parts.units.begin() as work:
            note_many(work, who.role, citizen_ids, "search", "emergency")


def note_access(work: Work, role: Role, citizen_id: str, what: str, purpose: str) -> None:
    """The same within a transaction that does more."""
    seen = work.session.exec(
        select(CitizenAccessRow.id).where(
            CitizenAccessRow.citizen_id == citizen_id,
            CitizenAccessRow.role == role.value,
            CitizenAccessRow.what == what,
            col(CitizenAccessRow.at) > work.now - _SAME_LOOK,
        )
    ).first()
    if seen is None:
        work.session.add(
            CitizenAccessRow(citizen_id=citizen_id, at=work.now, role=role.value, what=what, purpose=purpose)
        )


def note_many(work: Work, role: Role, citizen_ids: Collection[str], what: str, purpose: str) -> None:
    """The same for everybody on a list, in two statements a few hundred citizens."""
    wanted, seen = sorted(citizen_ids), set[str]()
    for start in range(0, len(wanted), _IN_CHUNK):
        query = select(CitizenAccessRow.citizen_id).where(
            col(CitizenAccessRow.citizen_id).in_(wanted[start : start + _IN_CHUNK]),
            CitizenAccessRow.role == role.value,
            CitizenAccessRow.what == what,
            col(CitizenAccessRow.at) > work.now - _SAME_LOOK,
        )
        seen |= set(work.session.exec(query).all())
    work.session.add_all(
        CitizenAccessRow(citizen_id=citizen_id, at=work.now, role=role.value, what=what, purpose=purpose)
        for citizen_id in wanted
        if citizen_id not in seen
    )


def own_citizen(session: Session, who: Who) -> CitizenRow:
    """The one citizen a session is about.

    Raises
    ------
    EdgeError
        ``pin_needed`` on a kiosk whose PIN was not typed just now: whoever passes the table must not read who comes
        and when; ``no_such_citizen`` where the register has nobody.
    """
    if who.role is Role.KIOSK and who.surface != "citizen":
        raise EdgeError(
            403,
            "pin_needed",
            "Tast koden for at se, hvem der kommer.",
            "Type the code to see who comes.",
        )
    citizen = session.get(CitizenRow, who.citizen_id) if who.citizen_id else None
    if citizen is None:
        raise EdgeError(
            404,
            "no_such_citizen",
            "Vi kan ikke finde dig i registret. Ring til hjemmeplejen.",
            "We cannot find you in the register. Call the home care.",
        )
    return citizen


def _end_relatives(work: Work, citizen_id: str) -> int:
    """Relatives are signed out; without the consent none of them gets in again (``auth.may_look``)."""
    rows = work.session.exec(
        select(IdentityRow).where(IdentityRow.citizen_id == citizen_id, IdentityRow.role == Role.RELATIVE.value)
    ).all()
    end_sessions(work, [row.id for row in rows], "consent_withdrawn")
    return len(rows)


def _ask_for_another_key(work: Work, citizen: CitizenRow) -> int:
    """Today's visits go on by the agreed key or the bell; a planner sees to it that there is one."""
    rows = work.session.exec(
        select(VisitRow).where(
            visit_of_now(work.session, work.now),
            VisitRow.unit_id == citizen.unit_id,
            VisitRow.citizen_id == citizen.id,
            VisitRow.mode == "physical",
            VisitRow.state == "planned",
            col(VisitRow.carer_id).is_not(None),
        )
    ).all()
    for row in rows:
        task = NewTask("key_needed", row.unit_id, visit_id=row.id, citizen_id=citizen.id, carer_id=row.carer_id)
        raise_task(work, task)
    return len(rows)


def _hand_over_screen_visits(work: Work, citizen: CitizenRow) -> int:
    rows = work.session.exec(
        select(VisitRow).where(
            visit_of_now(work.session, work.now),
            VisitRow.unit_id == citizen.unit_id,
            VisitRow.citizen_id == citizen.id,
            VisitRow.mode == "screen",
            VisitRow.state == "planned",
        )
    ).all()
    for row in rows:
        raise_task(
            work,
            NewTask(
                "screen_needs_physical",
                row.unit_id,
                visit_id=row.id,
                citizen_id=citizen.id,
                carer_id=row.carer_id,
                facts={"why": "consent_withdrawn"},
            ),
        )
    return len(rows)

"""A citizen's consents: whether one holds on a day, and taking it back.

A withdrawn consent stays as a row, so that a past day can be explained (GDPR art. 7(3): withdrawing is as easy as
giving, and does not make unlawful what was done before).
"""

from datetime import date

from sqlmodel import Session, col, select

from kernel.localtime import local_day
from kernel.work import Work
from scheduling.errors import SchedulingError
from scheduling.events import CitizenEnrolled, CitizenLeft
from scheduling.register.tables import CitizenRow, ConsentRow

#: what a consent is to: kind to the technology the benefit ledger knows it by, none where it is no technology
TECHNOLOGY_OF = {"electronic_key": "electronic_key", "screen": "screen"}


def consents_of(session: Session, citizen_id: str) -> list[ConsentRow]:
    """Every consent a citizen has given, those withdrawn too, oldest first."""
    query = select(ConsentRow).where(ConsentRow.citizen_id == citizen_id)
    return list(session.exec(query.order_by(col(ConsentRow.given_on), col(ConsentRow.id))).all())


def consent_holds(session: Session, citizen_id: str, kind: str, on: date) -> bool:
    """Whether the citizen has said yes by that day and not taken it back."""
    query = select(ConsentRow).where(ConsentRow.citizen_id == citizen_id, ConsentRow.kind == kind)
    return any(holds_on(row, on) for row in session.exec(query).all())


def holds_on(row: ConsentRow, on: date) -> bool:
    """Whether one consent holds on a day. The day it is withdrawn it holds no more."""
    return row.given_on <= on and (row.withdrawn_on is None or row.withdrawn_on > on)


def withdrawn_citizens(session: Session, citizen_ids: set[str], kind: str, on: date) -> set[str]:
    """Those who have taken a consent back and not given it again. Who was never asked is not among them."""
    rows = session.exec(
        select(ConsentRow).where(col(ConsentRow.citizen_id).in_(sorted(citizen_ids)), ConsentRow.kind == kind)
    ).all()
    held = {r.citizen_id for r in rows if holds_on(r, on)}
    return {r.citizen_id for r in rows if r.withdrawn_on is not None and r.withdrawn_on <= on} - held


def give_consent(work: Work, citizen_id: str, kind: str) -> CitizenRow:
    """Say yes again, from today on.

    Raises
    ------
    SchedulingError
        ``consent_not_asked`` where it was never given before: a first yes is asked for by a person.
    """
    citizen = work.session.get(CitizenRow, citizen_id)
    known = [r for r in consents_of(work.session, citizen_id) if r.kind == kind]
    if citizen is None or not known:
        raise SchedulingError("consent_not_asked")
    today = local_day(work.now)
    if any(holds_on(r, today) for r in known):
        return citizen
    work.session.add(ConsentRow(citizen_id=citizen_id, kind=kind, given_on=today))
    work.session.flush()
    technology = TECHNOLOGY_OF.get(kind)
    if technology is not None:
        work.record(CitizenEnrolled(at=work.now, unit_id=citizen.unit_id, citizen_id=citizen_id, technology=technology))
    return citizen


def withdraw_consent(work: Work, citizen_id: str, kind: str) -> CitizenRow:
    """Take a consent back from today on. What it allowed ends with the caller's transaction.

    Raises
    ------
    SchedulingError
        ``consent_not_given`` where there is none that holds.
    """
    today = local_day(work.now)
    rows = [r for r in consents_of(work.session, citizen_id) if r.kind == kind and holds_on(r, today)]
    citizen = work.session.get(CitizenRow, citizen_id)
    if not rows or citizen is None:
        raise SchedulingError("consent_not_given")
    for row in rows:
        row.withdrawn_on = today
    work.session.flush()
    technology = TECHNOLOGY_OF.get(kind)
    if technology is not None:
        work.record(CitizenLeft(at=work.now, unit_id=citizen.unit_id, citizen_id=citizen_id, technology=technology))
    return citizen

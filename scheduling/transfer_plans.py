"""The inventory of two-person transfers: surveyed, converted to one carer where that is allowed, given back to two.

Source: 003:7914-7918: every transfer by two is gone through, so that one carer does it as a rule and the right aids
are there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, cast

from sqlmodel import Session, col, select

from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError
from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.competences import approved
from scheduling.events import TransferPlanned
from scheduling.model import AidState
from scheduling.register.tables import CitizenRow
from scheduling.rules import COMPETENCE_OF, Breach
from scheduling.tables import ShiftRow, TransferPlanRow
from scheduling.transfer_rules import PlannedTransfer, RotaPart, may_be_done_by_one, rota_lacks

Situation = Literal["bed_chair", "toilet", "bath", "turning", "other"]
SITUATIONS: tuple[Situation, ...] = ("bed_chair", "toilet", "bath", "turning", "other")
AIDS = ("lift", "turning", "none")
MOST_PER_DAY = 24
_PARTS = ("day", "evening", "night")


class TransferPlanError(DomainError):
    """What can be wrong with a plan for a transfer; each sentence says why one carer is too few."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "transfer_plan_exists": ErrorText(
            ErrorKind.CONFLICT,
            "Den forflytning er allerede kortlagt for borgeren. Ret den i listen.",
            "That transfer is in the citizen's inventory already. Change it in the list.",
        ),
        "transfer_citizen": ErrorText(
            ErrorKind.INVALID,
            "Ingen borger i enheden har nummer {found}. Se nummeret i listen.",
            "No citizen of the unit has number {found}. See the number in the list.",
        ),
        "one_carer_needs_aid": ErrorText(
            ErrorKind.CONFLICT,
            "Uden loftlift eller vendesystem kræver forflytningen to medarbejdere.",
            "Without a ceiling lift or turning system the transfer takes two carers.",
        ),
        "aid_missing": ErrorText(
            ErrorKind.CONFLICT,
            "Borgeren har ikke {aid_da} i drift. Få udstyret monteret, før én medarbejder kan gøre det alene.",
            "The citizen has no {aid_en} in use. Have one mounted before one carer can do it alone.",
        ),
        "aid_not_approved": ErrorText(
            ErrorKind.CONFLICT,
            "{aid_da} er ikke godkendt til én medarbejder: {problem_da}. Få udstyret i orden først.",
            "The {aid_en} is not approved for one carer: {problem_en}. Have it put right first.",
        ),
        "rota_without_competence": ErrorText(
            ErrorKind.CONFLICT,
            "Ingen på {part_da} har gyldigt kursus i {aid_da}. Sæt en på, der har, eller lad to gøre det.",
            "Nobody on the {part_en} has a valid course in the {aid_en}. Put on somebody who has, or let two do it.",
        ),
    }


#: the words of an error's facts, Danish and English
_AIDS = {"lift": ("loftlift", "ceiling lift"), "turning": ("vendesystem", "turning system"), "none": ("–", "–")}
_SHIFTS = {
    "day": ("dagvagten", "day shift"),
    "evening": ("aftenvagten", "evening shift"),
    "night": ("nattevagten", "night shift"),
}
_PROBLEMS = {
    "inspection_overdue": (
        "hovedeftersynet skulle være lavet senest {due_on}",
        "its main inspection was due on {due_on}",
    ),
    "inspection_failed": (
        "udstyret blev ikke godkendt ved sidste hovedeftersyn",
        "it failed its latest main inspection",
    ),
    "fault_open": ("udstyret melder en fejl, som ikke er rettet", "it reports a fault that is not mended"),
}


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A kind of transfer found in the survey; ``citizen_number`` is the number planners use."""

    unit_id: str
    citizen_number: int
    situation: Situation
    aid: str
    times_per_day: int
    carers_before: Literal[1, 2] = 2


def survey(work: Work, new: NewTransfer) -> TransferPlanRow:
    """Put a kind of transfer into the inventory.

    Raises
    ------
    TransferPlanError
        ``transfer_citizen``, ``transfer_plan_exists``.
    """
    query = select(CitizenRow.id).where(CitizenRow.unit_id == new.unit_id, CitizenRow.short == new.citizen_number)
    citizen_id = work.session.exec(query).first()
    if citizen_id is None:
        raise TransferPlanError("transfer_citizen", found=new.citizen_number)
    same = select(TransferPlanRow.plan_id).where(
        TransferPlanRow.citizen_id == citizen_id, TransferPlanRow.situation == new.situation
    )
    if work.session.exec(same).first() is not None:
        raise TransferPlanError("transfer_plan_exists")
    row = TransferPlanRow(
        plan_id=new_id(),
        unit_id=new.unit_id,
        citizen_id=citizen_id,
        situation=new.situation,
        aid=new.aid,
        times_per_day=new.times_per_day,
        carers_before=new.carers_before,
        carers_planned=new.carers_before,
        surveyed_on=local_day(work.now),
    )
    return _told(work, row)


def convert(work: Work, plan_id: str, aids: Sequence[AidState]) -> TransferPlanRow:
    """Plan a transfer for one carer, if aid and rota allow it.

    Parameters
    ----------
    aids
        The citizen's lifts and turning systems as they stand now.

    Raises
    ------
    KernelError
        ``not_found``.
    TransferPlanError
        Why one carer is too few.
    """
    row = plan_of(work.session, plan_id, for_update=True)
    today = local_day(work.now)
    refuse(may_be_done_by_one(row.aid, aids, rota_of(work.session, row.unit_id, today)))
    if row.carers_planned == 2:
        row.carers_planned, row.converted_on = 1, today
        _told(work, row)
    return row


def give_back(work: Work, plan_id: str) -> TransferPlanRow:
    """Two carers do it again. Raises ``not_found``."""
    row = plan_of(work.session, plan_id, for_update=True)
    if row.carers_planned == 1:
        row.carers_planned, row.converted_on = 2, None
        _told(work, row)
    return row


def plan_of(session: Session, plan_id: str, *, for_update: bool = False) -> TransferPlanRow:
    """One row of the inventory. Raises ``not_found``."""
    row = session.get(TransferPlanRow, plan_id, with_for_update=for_update or None)
    if row is None:
        raise KernelError("not_found", what="Forflytningen")
    return row


def inventory(session: Session, unit_ids: Collection[str]) -> list[TransferPlanRow]:
    """The inventory of some units, by unit, citizen and situation."""
    query = select(TransferPlanRow).where(col(TransferPlanRow.unit_id).in_(sorted(unit_ids)))
    order = (col(TransferPlanRow.unit_id), col(TransferPlanRow.citizen_id), col(TransferPlanRow.situation))
    return list(session.exec(query.order_by(*order)))


def planned(rows: Sequence[TransferPlanRow]) -> list[PlannedTransfer]:
    """Rows as the rules see them."""
    return [PlannedTransfer(r.citizen_id, r.aid, r.times_per_day, r.carers_before, r.carers_planned) for r in rows]


def aids_for_one(session: Session, unit_id: str) -> set[str]:
    """The kinds of aid that a unit's plans for one carer rest on."""
    query = select(TransferPlanRow.aid).where(TransferPlanRow.unit_id == unit_id, TransferPlanRow.carers_planned == 1)
    return {aid for aid in session.exec(query) if aid in COMPETENCE_OF}


def rota_of(session: Session, unit_id: str, on: date) -> list[RotaPart]:
    """The parts of a unit's rota on a day, each with who may use what alone."""
    query = select(ShiftRow.kind, ShiftRow.carer_id).where(
        ShiftRow.unit_id == unit_id, ShiftRow.day == on, ShiftRow.state != "cancelled"
    )
    return parts_of(session, session.exec(query).all(), on)


def parts_of(session: Session, shifts: Sequence[tuple[str, str]], on: date) -> list[RotaPart]:
    """Parts of a rota from pairs of shift kind and carer."""
    carers = {carer_id for _, carer_id in shifts}
    may = {aid: frozenset(approved(session, carers, code, on)) for aid, code in COMPETENCE_OF.items()}
    found = []
    for part in _PARTS:
        on_duty = frozenset(carer_id for kind, carer_id in shifts if kind == part)
        if on_duty:
            found.append(RotaPart(part, on_duty, may))
    return found


def require_rota(session: Session, unit_id: str, shifts: Sequence[tuple[str, str]], on: date) -> None:
    """Refuse a rota on which somebody would have to do alone what nobody there has learnt.

    Raises
    ------
    TransferPlanError
        ``rota_without_competence``.
    """
    aids = aids_for_one(session, unit_id)
    if aids:
        refuse(rota_lacks(aids, parts_of(session, shifts, on)))


def refuse(breach: Breach | None) -> None:
    """Turn a broken rule into the error a person reads."""
    if breach is None:
        return
    facts: dict[str, object] = dict(breach.facts)
    aid = _AIDS[str(facts.get("aid") or facts.get("kind"))]
    problem = _PROBLEMS.get(str(facts.get("problem")), ("", ""))
    part = _SHIFTS.get(str(facts.get("part")), ("", ""))
    for place, language in enumerate(("da", "en")):
        facts[f"aid_{language}"], facts[f"part_{language}"] = aid[place], part[place]
        facts[f"problem_{language}"] = problem[place].format_map(facts)
    if breach.code == "aid_not_approved":
        facts["aid_da"] = aid[0].capitalize()
    raise TransferPlanError(breach.code, **facts)


def _told(work: Work, row: TransferPlanRow) -> TransferPlanRow:
    work.session.add(row)
    work.session.flush()
    work.record(
        TransferPlanned(
            at=work.now,
            plan_id=row.plan_id,
            citizen_id=row.citizen_id,
            unit_id=row.unit_id,
            situation=cast(Situation, row.situation),
            times_per_day=row.times_per_day,
            carers_before=cast("Literal[1, 2]", row.carers_before),
            carers=cast("Literal[1, 2]", row.carers_planned),
        )
    )
    return row

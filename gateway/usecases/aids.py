"""Tells a planned day how the lifts and turning systems at its citizens stand, in the same transaction."""

from collections.abc import Iterable
from dataclasses import replace

from sqlmodel import Session

from devices.transfers.inspection import Aid
from devices.transfers.upkeep import aids_of
from kernel.ids import CitizenId
from scheduling.model import AidState, Day
from scheduling.rules import COMPETENCE_OF


def with_aids(session: Session, day: Day) -> Day:
    """The day with the aids of the citizens whose visits need one; the same day where none does."""
    codes = set(COMPETENCE_OF.values())
    citizens = {v.citizen_id for v in day.visits if v.required_competences & codes}
    if not citizens:
        return day
    found = aids_of(session, citizens, day.on)
    return replace(day, aids={CitizenId(citizen_id): states(aids) for citizen_id, aids in found.items()})


def states(aids: Iterable[Aid]) -> tuple[AidState, ...]:
    """Aids in the words of scheduling."""
    return tuple(AidState(a.device_id, a.kind, a.problem, a.due_on) for a in aids)

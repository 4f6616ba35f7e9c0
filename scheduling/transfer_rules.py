"""From two carers to one: when a plan for one is refused, and how much of a residence's work has been converted.

What can be expected is in the source: 003:7922-7925 tells of up to 60 % of the two-person transfers in the first
year and up to 75 % in the second to fourth, as experience of other municipalities. Those are ceilings somebody
else reached, shown beside one's own share and never used as it. Pure: no session, no clock.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from scheduling.model import AidState
from scheduling.rules import COMPETENCE_OF, Breach, Fact, Weight

FIRST_YEAR_SHARE = 0.60
LATER_SHARE = 0.75
#: the source speaks of four years and of nothing after them
YEARS_TOLD = 4


@dataclass(frozen=True, slots=True)
class PlannedTransfer:
    """One kind of transfer of one citizen, with how many do it. ``aid`` is ``lift``, ``turning`` or ``none``."""

    citizen_id: str
    aid: str
    times_per_day: int
    carers_before: int
    carers_planned: int


@dataclass(frozen=True, slots=True)
class RotaPart:
    """Carers who are on duty together, and those of them who have learnt each kind of aid."""

    name: str
    carer_ids: frozenset[str]
    approved: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversion:
    """How many two-person transfers a day there were, and how many of them one carer does now."""

    two_person_per_day: int
    converted_per_day: int
    citizens: int

    @property
    def share(self) -> float | None:
        """Converted of all, 0 to 1; ``None`` where there were none to convert."""
        return self.converted_per_day / self.two_person_per_day if self.two_person_per_day else None


def may_be_done_by_one(aid: str, aids: Sequence[AidState], rota: Sequence[RotaPart]) -> Breach | None:
    """Whether a transfer can be planned for one carer: an approved aid, and in every part of the rota a carer for it.

    Parameters
    ----------
    aids
        The citizen's own.
    rota
        The parts of the day that are known; an empty rota refuses nobody, its own import will.
    """
    code = COMPETENCE_OF.get(aid)
    if code is None:
        return _hard("one_carer_needs_aid", aid=aid)
    own = [a for a in aids if a.kind == aid]
    if not own:
        return _hard("aid_missing", aid=aid)
    if all(a.problem is not None for a in own):
        worst = own[0]
        due = "" if worst.due_on is None else worst.due_on.isoformat()
        return _hard("aid_not_approved", kind=aid, device_id=worst.device_id, problem=worst.problem or "", due_on=due)
    return rota_lacks({aid}, rota)


def rota_lacks(aids: Collection[str], rota: Sequence[RotaPart]) -> Breach | None:
    """The first part of a rota in which nobody may use an aid alone that a plan for one carer rests on."""
    for part in rota:
        for aid in sorted(aids):
            if not part.approved.get(aid, frozenset()) & part.carer_ids:
                return _hard("rota_without_competence", aid=aid, part=part.name, missing=COMPETENCE_OF[aid])
    return None


def conversion_of(plans: Sequence[PlannedTransfer]) -> Conversion:
    """What was converted, weighted by how often it is done: one bath is not eight times to the toilet."""
    before = [p for p in plans if p.carers_before == 2]
    return Conversion(
        sum(p.times_per_day for p in before),
        sum(p.times_per_day for p in before if p.carers_planned == 1),
        len({p.citizen_id for p in before}),
    )


def told_share(begun_on: date, on: date) -> float | None:
    """The most the source tells of on a day of a conversion that began on another, ``None`` after its four years."""
    if on < begun_on:
        return None
    years = on.year - begun_on.year - ((on.month, on.day) < (begun_on.month, begun_on.day))
    if years >= YEARS_TOLD:
        return None
    return FIRST_YEAR_SHARE if years == 0 else LATER_SHARE


def _hard(code: str, **facts: Fact) -> Breach:
    return Breach(code, Weight.HARD, facts)

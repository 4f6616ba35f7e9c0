"""Why this carer got this visit: plain facts with codes and numbers, for a sentence elsewhere.

Facts are about the visit, the way and the time. They never grade a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kernel.ids import CarerId, VisitId
from scheduling import rules
from scheduling.model import Carer, Day, Plan, Visit, VisitMode
from scheduling.rules import Fact


@dataclass(frozen=True, slots=True)
class Reason:
    """One fact: a stable code and its numbers (minutes as ``*_min``, counts as ``*_count``)."""

    code: str
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The facts behind one allocation. ``carer_id`` is ``None`` for a visit nobody does.

    ``others`` counts the carers of the unit who may not do the visit, by the code of the rule.
    """

    visit_id: VisitId
    carer_id: CarerId | None
    reasons: tuple[Reason, ...]
    others: Mapping[str, int]


def explain(day: Day, plan: Plan, visit_id: VisitId) -> Explanation:
    """Why the visit is where it is.

    Raises
    ------
    ValueError
        If the visit is unknown.
    """
    visit = day.visit_by_id.get(visit_id)
    if visit is None:
        raise ValueError(f"Expected a visit of the day, got {visit_id}.")
    acting = day.acting_unit
    unit = acting.get(visit.unit_id, visit.unit_id)
    colleagues = [carer for carer in day.carers if acting.get(carer.unit_id, carer.unit_id) == unit]
    forbidden = {carer.id: rules.may_do(day, visit, carer) for carer in colleagues}
    others: Counter[str] = Counter()
    for breaches in forbidden.values():
        others.update(breach.code for breach in breaches)
    carer_id = plan.carer_of.get(visit_id)
    able_count = sum(1 for breaches in forbidden.values() if not breaches)
    asked = Reason("able_carers", {"able_count": able_count, "carer_count": len(colleagues)})
    if carer_id is None:
        why = next((u.reason for u in plan.unallocated if u.visit_id == visit_id), "not_planned")
        return Explanation(visit_id, None, (Reason("unallocated", {"reason": why}), asked), others)
    carer = day.carer_by_id[carer_id]
    reasons = (*_bound(visit), asked, *_wishes(day, visit, carer), *_way(day, plan, visit, carer))
    return Explanation(visit_id, carer_id, (*reasons, *_company(day, plan, visit)), others)


def _bound(visit: Visit) -> Iterator[Reason]:
    if visit.begun:
        yield Reason("begun", {})
    elif visit.pinned_carer_id is not None:
        yield Reason("pinned_to_carer", {"carer_id": visit.pinned_carer_id})
    if visit.pinned_start_at is not None and not visit.begun:
        yield Reason("pinned_to_start", {"start_at": visit.pinned_start_at})


def _wishes(day: Day, visit: Visit, carer: Carer) -> Iterator[Reason]:
    regular = day.citizen_by_id[visit.citizen_id].preferences.regular_carer_ids
    if carer.id in regular:
        yield Reason("regular_carer", {"carer_id": carer.id})
    elif regular:
        yield Reason("not_a_regular_carer", {"regular_count": len(regular)})


def _way(day: Day, plan: Plan, visit: Visit, carer: Carer) -> Iterator[Reason]:
    stops = plan.route_of[carer.id].stops
    index = next(i for i, stop in enumerate(stops) if stop.visit_id == visit.id)
    stop = stops[index]
    if visit.mode is VisitMode.SCREEN:
        yield Reason("no_travel_by_screen", {})
    elif index:
        before = day.visit_by_id[stops[index - 1].visit_id]
        same_home = before.citizen_id == visit.citizen_id
        code = "same_citizen_before" if same_home else "travel_from_previous"
        yield Reason(code, {"travel_min": stop.travel_min, "previous_visit_id": before.id})
    else:
        yield Reason("first_of_shift", {"travel_min": stop.travel_min, "starts_from": carer.starts_from.value})
    if stop.late_min > 0:
        yield Reason("starts_late", {"late_min": stop.late_min})
    else:
        yield Reason("starts_in_window", {"wait_min": stop.wait_min})


def _company(day: Day, plan: Plan, visit: Visit) -> Iterator[Reason]:
    pair = day.pair_of.get(visit.id)
    if pair is None:
        return
    other = pair.second_id if visit.id == pair.first_id else pair.first_id
    together = "together" if pair.simultaneous else "in_sequence"
    yield Reason(f"double_visit_{together}", {"other_visit_id": other, "other_carer_id": plan.carer_of[other]})

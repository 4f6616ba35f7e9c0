"""The routes of typical days: what the past of the demo is lived on, without planning each day anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.demo.municipality import Municipality
from scheduling.model import Day, Plan
from scheduling.publishing import RouteDraft, StopDraft
from scheduling.solver import solve_day

#: moves of the planner for each visit: enough for routes a planner would publish, few enough for a start in seconds
MOVES_PER_VISIT = 21
WEEKEND = 5


@dataclass(frozen=True, slots=True)
class TemplateStop:
    """One stop of a typical day: the number of the visit and its minutes from the start of the shift."""

    visit_number: int
    start_min: float
    end_min: float
    travel_min: float


@dataclass(frozen=True, slots=True)
class Template:
    """The routes of a typical day, by slot of the rota."""

    routes: tuple[tuple[TemplateStop, ...], ...]

    @classmethod
    def of(cls, day: Day, plan: Plan) -> "Template":
        """What a planned day says about all days like it."""
        number = {v.id: i for i, v in enumerate(day.visits)}
        routes = [
            tuple(
                TemplateStop(number[s.visit_id], s.start_min, s.end_min, s.travel_min)
                for s in plan.route_of[c.id].stops
            )
            for c in day.carers
        ]
        return cls(tuple(routes))

    def drafts(self, day: Day) -> list[RouteDraft]:
        """The routes for a day of the same kind."""
        return [
            RouteDraft(
                carer.id,
                carer.unit_id,
                tuple(
                    StopDraft(
                        day.visits[s.visit_number].id,
                        day.instant(s.start_min),
                        day.instant(s.end_min),
                        s.travel_min,
                        s.visit_number,
                    )
                    for s in route
                ),
            )
            for carer, route in zip(day.carers, self.routes, strict=True)
        ]

    def travel_min(self) -> dict[int, float]:
        """Planned travel to each visit, by its number."""
        return {s.visit_number: s.travel_min for route in self.routes for s in route}


class Templates:
    """The typical days of a municipality: one for each weekday where screens differ, one for the weekend."""

    def __init__(self, by_kind: Mapping[int, Template]) -> None:
        self._by_kind = dict(by_kind)

    @classmethod
    def planned(cls, municipality: Municipality, first_on: date) -> "Templates":
        """Plan one day of each kind, in the week that begins on a day."""
        by_kind: dict[int, Template] = {}
        for on in (first_on + timedelta(days=n) for n in range(7)):
            kind = _kind(on)
            if kind in by_kind:
                continue
            if kind != WEEKEND and by_kind.keys() - {WEEKEND} and not municipality.screen_days:
                # Without screens one weekday is like another.
                by_kind[kind] = next(t for k, t in sorted(by_kind.items()) if k != WEEKEND)
                continue
            day = municipality.day(on)
            by_kind[kind] = Template.of(day, solve_day(day, moves=MOVES_PER_VISIT * len(day.visits)))
        return cls(by_kind)

    def of(self, on: date) -> Template:
        """The typical day a date is lived by."""
        return self._by_kind[_kind(on)]


def _kind(on: date) -> int:
    return min(on.weekday(), WEEKEND)

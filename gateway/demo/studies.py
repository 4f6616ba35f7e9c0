"""The nulpunktsmålinger of the demo: the files a municipality measured before each technology, as bytes.

They are written by generators of their own. The ledger never sees these generators or their figures; it has the
files, through the same import as anybody's, and compares with them what the events tell.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

from gateway.demo.behaviour import LivedShift, PlannedStop, live_shift, time_study_minutes
from gateway.demo.municipality import SHIFT_START, Municipality
from gateway.demo.templates import Templates
from kernel.localtime import at_local
from scheduling.model import VisitMode
from scheduling.publishing import RouteDraft

#: routes made by hand were this much longer between visits than the planned ones (domain facts: 10 to 44 % less)
HAND_MADE_DETOUR_RATIO = 1.33
#: longer than this between two visits is a break and not a way
LONGEST_WAY = timedelta(minutes=60)


def keys_csv(municipality: Municipality, from_on: date, to_on: date) -> bytes:
    """Every day shift of a period, its minutes at the base and on the way there."""
    rows = []
    for on in _days(from_on, to_on):
        for unit, slot in municipality.slots(weekend=on.weekday() >= 5):
            carer = municipality.carer_of_slot(unit, slot, on)
            base, leg = time_study_minutes(municipality.stream("study", on, carer))
            row = (municipality.units[unit].id, on.isoformat(), "day", municipality.carers[carer][0])
            rows.append((*row, _comma(base), _comma(leg)))
    return _file(("unit", "date", "shift_kind", "carer", "base_minutes", "base_leg_minutes"), rows)


def screen_csv(municipality: Municipality, templates: Templates, weeks: int, before_on: date) -> bytes:
    """Every citizen-week of the last whole weeks before a day: minutes of care and travel, all of it physical.

    Parameters
    ----------
    weeks
        How many weeks were measured.
    before_on
        The day the screens came into use.
    """
    end_on = before_on - timedelta(days=before_on.weekday())
    week_of = _physical_weeks(municipality, templates, end_on)
    rows = []
    for first_on in (end_on - timedelta(weeks=n) for n in range(weeks, 0, -1)):
        year, week, _ = first_on.isocalendar()
        for citizen, visits in sorted(week_of.items()):
            random = municipality.stream("screen_study", first_on, citizen)
            visit_min = travel_min = 0.0
            for duration_min, planned_travel_min in visits:
                # As visits are lived: half a minute inside the door before the first thing is done.
                visit_min += 0.5 + duration_min * random.lognormvariate(-0.03, 0.16)
                travel_min += planned_travel_min * random.lognormvariate(-0.02, 0.2)
            who = municipality.citizens[citizen]
            row = (who.unit_id, f"{year}-W{week:02}", who.id)
            rows.append((*row, _comma(round(visit_min, 1)), _comma(round(travel_min, 1))))
    return _file(("unit", "week", "citizen", "visit_minutes", "travel_minutes"), rows)


def transfers_csv(municipality: Municipality, from_on: date, to_on: date) -> bytes:
    """Every resident-day of a period: how long a second carer was with the resident."""
    residences = municipality.residences
    rows = [
        (
            r.unit_id,
            on.isoformat(),
            r.id,
            _comma(residences.second_carer_minutes_before(on, r)),
            r.component,
        )
        for on in _days(from_on, to_on)
        for r in residences.residents
    ]
    return _file(("unit", "date", "resident", "second_carer_minutes", "technology"), rows)


def routing_csv(municipality: Municipality, templates: Templates, from_on: date, to_on: date) -> bytes:
    """Every carer-day of a period: ways between consecutive visits, and minutes from one to the next.

    The carers live their days as today, on routes that somebody made by hand.
    """
    rows = []
    for on in _days(from_on, to_on):
        day = municipality.day(on)
        screens = {v.id for v in day.visits if v.mode is VisitMode.SCREEN}
        for draft in templates.of(on).drafts(day):
            stops = _by_hand(draft)
            if not stops:
                continue
            lived = live_shift(
                municipality.stream("routing_study", on, draft.carer_id),
                municipality.stream("habit", draft.carer_id),
                at_local(on, SHIFT_START),
                stops,
            )
            ways = list(_ways(lived, screens))
            if ways:
                minutes = sum(ways, timedelta()).total_seconds() / 60
                rows.append((draft.unit_id, on.isoformat(), draft.carer_id, len(ways), _comma(round(minutes, 1))))
    return _file(("unit", "date", "carer", "legs", "travel_minutes"), rows)


def _physical_weeks(
    municipality: Municipality, templates: Templates, monday_on: date
) -> dict[int, list[tuple[float, float]]]:
    """The visits of a week of each screen citizen as they were, all physical: minutes planned, and of travel.

    Planned travel to a visit that is by screen today is the mean over the weekdays on which it still is not.
    """
    found: dict[int, list[tuple[float, float]]] = {citizen: [] for citizen in municipality.screen_days}
    weekdays = [monday_on + timedelta(days=n) for n in range(5)]
    travel = {on: templates.of(on).travel_min() for on in weekdays}
    for number, (_, wish) in enumerate(municipality.weekday_wishes):
        if wish.citizen in found:
            physical = [travel[on][number] for on in weekdays if not municipality.is_by_screen(on, wish)]
            found[wish.citizen] += [(wish.duration_min, sum(physical) / len(physical))] * len(weekdays)
    on_weekends = templates.of(monday_on + timedelta(days=5)).travel_min()
    for number, (_, wish) in enumerate(municipality.weekend_wishes):
        if wish.citizen in found:
            found[wish.citizen] += [(wish.duration_min, on_weekends[number])] * 2
    return found


def _by_hand(draft: RouteDraft) -> list[PlannedStop]:
    later_min, stops = 0.0, []
    for stop in draft.stops:
        travel_min = stop.travel_min * HAND_MADE_DETOUR_RATIO
        later_min += travel_min - stop.travel_min
        starts_at = stop.start_at + timedelta(minutes=later_min)
        length_s = (stop.end_at - stop.start_at).total_seconds()
        stops.append(PlannedStop(stop.visit_id, starts_at, length_s, travel_min, None))
    return stops


def _ways(lived: LivedShift, screens: Collection[str]) -> Iterator[timedelta]:
    physical = [s for s in lived.stops if s.visit_id not in screens]
    for before, after in pairwise(physical):
        by_screen = sum(
            (
                s.ends_at - s.arrives_at
                for s in lived.stops
                if s.visit_id in screens and before.ends_at <= s.arrives_at < after.arrives_at
            ),
            timedelta(),
        )
        way = after.arrives_at - before.ends_at - by_screen
        if way <= LONGEST_WAY:
            yield way


def _days(from_on: date, to_on: date) -> Iterator[date]:
    for n in range((to_on - from_on).days + 1):
        yield from_on + timedelta(days=n)


def _comma(number: float) -> str:
    return str(number).replace(".", ",")


def _file(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()

"""A baseline of screen visits from the log: the weeks of citizens who did not use a screen yet.

A week is measured as rule ``screen-1`` counts what is delivered: physical visits from begun to ended, and the planned
travel to them. What is left out, so that no guess comes in:

- weeks not wholly in the period, and weeks in which the citizen was or had been enrolled, or held a screen visit;
- weeks with a visit that was not ended, or with visits of another unit;
- weeks without any visit: the citizen was away, and such a week after the enrolment is not counted either;
- citizens with fewer than four weeks: their mean is more chance than habit.

A visit whose travel was never told counts none, so the baseline is rather too low than too high.
"""

from collections import defaultdict
from datetime import date, timedelta

from sqlmodel import Session

from kernel.events import Event
from metrics.before.told import told
from metrics.enrolment_store import load_enrolments
from metrics.enrolments import Enrolment
from metrics.pseudonyms import Pseudonyms
from metrics.screen_weeks import BASELINE_KIND, TECHNOLOGY, WeekProgress, fold_week, week_bounds_ms, week_of
from metrics.study_csv import Measured
from scheduling.events import VisitBegun, VisitEnded
from video.events import ScreenVisitEnded

MINIMUM_WEEKS = 4
_EVENTS: tuple[type[Event], ...] = (VisitBegun, VisitEnded, ScreenVisitEnded)
_Week = tuple[str, date]


def measured(session: Session, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms) -> list[Measured]:
    """Every week that may be measured, of citizens who have enough of them, in order.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; the weeks wholly in between are measured.
    """
    enrolments = load_enrolments(session, TECHNOLOGY)
    weeks, elsewhere = _weeks(session, unit_id, from_on, to_on, pseudonyms)
    found: dict[str, list[Measured]] = defaultdict(list)
    for (subject, last_on), week in sorted(weeks.items()):
        one = _one(unit_id, week, enrolments.get(subject))
        if one is not None and (subject, last_on) not in elsewhere:
            found[subject].append(one)
    return [one for of_citizen in found.values() if len(of_citizen) >= MINIMUM_WEEKS for one in of_citizen]


def _weeks(
    session: Session, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms
) -> tuple[dict[_Week, WeekProgress], set[_Week]]:
    """What was delivered by citizen and week, and which weeks had a visit of another unit as well."""
    weeks: dict[_Week, WeekProgress] = {}
    elsewhere: set[_Week] = set()
    for position, event in told(session, _EVENTS, from_on, to_on):
        last_on = week_of(event)
        if last_on is None or last_on - timedelta(days=6) < from_on or last_on > to_on:
            continue
        if not isinstance(event, VisitBegun | VisitEnded | ScreenVisitEnded):
            continue
        key = (pseudonyms.subject(event.citizen_id), last_on)
        if event.unit_id != unit_id:
            elsewhere.add(key)
            continue
        fold_week(weeks.setdefault(key, WeekProgress(*key)), position, event)
    return weeks, elsewhere


def _one(unit_id: str, week: WeekProgress, enrolment: Enrolment | None) -> Measured | None:
    """A week as a measurement, unless it is one that is left out."""
    _from_ms, until_ms = week_bounds_ms(week.last_on)
    if enrolment is not None and any(span.from_ms < until_ms for span in enrolment.spans):
        return None
    visits = week.visits.values()
    if not visits or any(not visit.physical or visit.ended_ms is None for visit in visits):
        return None
    travel_s = sum(visit.travel_s or 0 for visit in visits)
    visit_s = sum(visit.visit_s for visit in visits)
    return Measured(unit_id, BASELINE_KIND, week.subject, week.last_on, visit_s + travel_s, travel_s)

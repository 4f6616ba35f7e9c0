"""A baseline of screen visits from the log: the weeks of citizens who did not use a screen yet.

A week is measured as rule ``screen-1`` counts what is delivered: physical visits from begun to ended, and the planned
travel to them. What is left out, so that no guess comes in:

- weeks not wholly in the period, and weeks in which the citizen was or had been enrolled, or held a screen visit;
- weeks with a visit that was not ended, or with visits of another unit;
- weeks without any visit: the citizen was away, and such a week after the enrolment is not counted either;
- citizens with fewer than four weeks: their mean is more chance than habit.

A visit whose travel was never told counts none, so the baseline is rather too low than too high.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, select

from kernel.events import Event, StoredEvent
from kernel.localtime import at_local, local_day
from kernel.tables import EventRow
from kernel.work import Work
from metrics.baselines import freeze_measured
from metrics.enrolment_store import load_enrolments
from metrics.enrolments import Enrolment
from metrics.errors import Problem, TimeStudyError
from metrics.pseudonyms import Pseudonyms
from metrics.screen_weeks import BASELINE_KIND, TECHNOLOGY, WeekProgress, fold_week, week_bounds_ms, week_of
from metrics.study_csv import MINIMUM_SUBJECTS, Measured
from metrics.tables import BaselineRow
from scheduling.events import VisitBegun, VisitEnded
from video.events import ScreenVisitEnded

MINIMUM_WEEKS = 4
_TYPES = tuple(sorted(cls.event_type for cls in (VisitBegun, VisitEnded, ScreenVisitEnded)))
#: A visit belongs to the week it began in and ends at most a day later.
_LATEST_END = timedelta(days=1)
_Week = tuple[str, date]


def freeze_from_log(work: Work, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms) -> list[BaselineRow]:
    """Freeze the baseline of a unit's citizens from the weeks the log tells of.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; the weeks wholly in between are measured.

    Raises
    ------
    TimeStudyError
        If the period is not over, fewer than five citizens could be measured, or a week is in a frozen baseline.
    BenefitError
        ``time_study_already_imported`` if exactly these weeks were frozen before.
    """
    today = local_day(work.now)
    if not from_on <= to_on < today:
        raise TimeStudyError([Problem("period", f"days in order, before {today}", f"{from_on} to {to_on}")])
    enrolments = load_enrolments(work.session, TECHNOLOGY)
    measured = _measured(work.session, unit_id, from_on, to_on, enrolments, pseudonyms)
    citizens = len({one.subject for one in measured})
    if citizens < MINIMUM_SUBJECTS:
        expected = f"at least {MINIMUM_SUBJECTS} citizens with {MINIMUM_WEEKS} weeks before the screen"
        raise TimeStudyError([Problem(f"unit {unit_id}, {from_on} to {to_on}", expected, str(citizens))])
    # Subjects are pseudonyms already: what was measured is the same whoever asks.
    said = "\n".join(f"{one.unit_id};{one.subject};{one.on};{one.measured_s};{one.travel_s}" for one in measured)
    digest = hashlib.sha256(said.encode()).hexdigest()
    return freeze_measured(work, measured, digest, technology="screen", subject_of=lambda code: code)


def _measured(
    session: Session,
    unit_id: str,
    from_on: date,
    to_on: date,
    enrolments: Mapping[str, Enrolment],
    pseudonyms: Pseudonyms,
) -> list[Measured]:
    """Every week that may be measured, of citizens who have enough of them, in order."""
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
    for position, event in _events(session, from_on, to_on):
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


def _events(session: Session, from_on: date, to_on: date) -> Iterable[tuple[int, Event]]:
    """Visits and calls told of in the period, by position; a long period is never in memory at once."""
    columns = (EventRow.position, EventRow.event_type, EventRow.version, EventRow.at, EventRow.unit_id)
    first_at: datetime = at_local(from_on, time())
    until_at: datetime = at_local(to_on + timedelta(days=1), time()) + _LATEST_END
    query = (
        select(*columns, EventRow.carer_id, EventRow.data)  # type: ignore[call-overload]
        .where(
            col(EventRow.position).is_not(None),
            col(EventRow.event_type).in_(_TYPES),
            EventRow.at >= first_at,
            EventRow.at < until_at,
        )
        .order_by(col(EventRow.position))
        .execution_options(yield_per=2_000)
    )
    for row in session.exec(query):
        position, event_type, version, at, unit_id, carer_id, data = row
        stored = StoredEvent(
            position=position,
            event_type=event_type,
            version=version,
            at=at,
            unit_id=unit_id,
            carer_id=carer_id,
            data=data,
        )
        yield position, stored.event()

"""Citizens with three visits a week, two of which move to a screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from kernel.events import Event
from loadtests.honesty.calendar import LIVED_WEEKS, MEASURED_WEEKS, instant, lived_on, measured_on
from loadtests.honesty.kinds import Kind
from loadtests.honesty.town import Lived, Person, arrivals, enrol, people, use_in, week_name
from scheduling.events import VisitBegun, VisitEnded
from video.events import ScreenVisitEnded

#: What one citizen-week saves where the target is met exactly: the rate of the document (004:131-134), 25 min.
NOMINAL_S = 25 * 60
_VISIT_MIN = 38.0
#: A week's visits by what they are for, and how long each is where that makes a difference.
_TYPE_MIN = {"hygiene": 52.0, "medicine": 26.0, "talk": 36.0}
_FAILED_RATIO = 0.06
_RINGING_MIN = 1.5


@dataclass(frozen=True, slots=True)
class _Need:
    """What one visit takes at the door."""

    visit_min: float
    travel_min: float
    service: str


def live(rng: np.random.Generator, kind: Kind) -> Lived:
    """A municipality of screen visits; the truth is what the same weeks would have taken at the door, less what
    was delivered."""
    enrolled, measured = people(rng, kind, "citizen", 0.4)
    lived = Lived(nominal_s={"screen": NOMINAL_S * kind.subjects * LIVED_WEEKS})
    weeks, visits = _studies(rng, kind, measured)
    lived.studies["screen"] = ["unit;week;citizen;visit_minutes;travel_minutes", *weeks]
    if kind.by_visit_type:
        columns = "unit;date;shift_kind;visit_type;citizen;visits;visit_minutes;travel_minutes"
        lived.visit_study = [columns, *visits]
    events: list[Event] = []
    truth_s = 0
    for person in enrolled:
        gain = kind.saving_ratio * (1 + 0.5 * float(rng.normal()))
        for week in range(LIVED_WEEKS):
            if person.in_week(week):
                told, saved_s = _week(rng, kind, person, week, gain * NOMINAL_S / 60)
                events += told
                truth_s += saved_s
    for person in (p for p in measured if p.waits):
        for week in range(LIVED_WEEKS):
            events += _untouched_week(rng, kind, person, week)
    lived.truth_s["screen"] = truth_s
    before, within = enrol(kind, enrolled, "screen")
    lived.enrolments = before
    lived.events = arrivals(rng, kind, events, within)
    return lived


def _needs(rng: np.random.Generator, kind: Kind, person: Person, level: float) -> list[_Need]:
    """A week's visits: the week is easy or hard as a whole, each visit a little on its own."""
    week = person.need * level * float(np.exp(rng.normal(0, 0.1)))
    lengths = _TYPE_MIN if kind.by_visit_type else dict.fromkeys(_TYPE_MIN, _VISIT_MIN)
    return [
        _Need(length * week * float(np.exp(rng.normal(0, 0.15))), 10 * float(np.exp(rng.normal(0, 0.2))), service)
        for service, length in lengths.items()
    ]


def _studies(rng: np.random.Generator, kind: Kind, measured: list[Person]) -> tuple[list[str], list[str]]:
    """The same weeks measured twice over: as a citizen's weeks, and visit by visit."""
    weeks: list[str] = []
    visits: list[str] = []
    for person in measured:
        unit = person.measured_unit(kind)
        for week in range(MEASURED_WEEKS):
            needs = _needs(rng, kind, person, float(person.measured[week]))
            visit_min, travel_min = sum(n.visit_min for n in needs), sum(n.travel_min for n in needs)
            weeks.append(f"{unit};{week_name(measured_on(week))};{person.name};{visit_min:.1f};{travel_min:.1f}")
            for number, need in enumerate(needs):
                what = f"{unit};{measured_on(week, 2 * number)};day;{need.service};{person.name}"
                visits.append(f"{what};1;{need.visit_min:.1f};{need.travel_min:.1f}")
    return weeks, visits


def _untouched_week(rng: np.random.Generator, kind: Kind, person: Person, week: int) -> Iterator[Event]:
    """A week of somebody who has not begun: every visit at the door."""
    for visit, need in enumerate(_needs(rng, kind, person, float(person.lived[week]))):
        minute = 8 * 60 + 5 * (person.number % 60)
        who = _who(person, kind, week, f"{person.name}-{week}-{visit}")
        yield from _door(who, lived_on(week, 2 * visit), minute, need)


def _week(
    rng: np.random.Generator, kind: Kind, person: Person, week: int, saving_min: float
) -> tuple[list[Event], int]:
    """One week of one citizen: what is told of it, and the seconds it truly saved."""
    used = rng.random() < use_in(kind, week)
    told: list[Event] = []
    delivered_s = counterfactual_s = 0
    for visit, need in enumerate(_needs(rng, kind, person, float(person.lived[week]))):
        day = lived_on(week, 2 * visit)
        minute = 8 * 60 + 5 * (person.number % 60)
        who = _who(person, kind, week, f"{person.name}-{week}-{visit}")
        counterfactual_s += round(need.visit_min * 60) + round(need.travel_min * 60)
        failed = rng.random() < _FAILED_RATIO
        if used and visit > 0:
            # What failures cost is made up by the calls that are held, so that a whole week saves what it should.
            wanted_min = (saving_min / 2 + _FAILED_RATIO * _RINGING_MIN) / (1 - _FAILED_RATIO)
            talk_min = max(2.0, need.visit_min + need.travel_min - wanted_min * float(np.exp(rng.normal(-0.045, 0.3))))
            spent_min = _RINGING_MIN if failed else talk_min
            told += _call(who, day, minute, spent_min, failed, need.service)
            delivered_s += round(spent_min * 60)
            if not failed:
                continue
            minute += 90
            who = _who(person, kind, week, f"{person.name}-{week}-{visit}-door")
        told += _door(who, day, minute, need)
        delivered_s += round(need.visit_min * 60) + round(need.travel_min * 60)
    return told, counterfactual_s - delivered_s


def _who(person: Person, kind: Kind, week: int, visit_id: str) -> dict[str, Any]:
    return {
        "visit_id": visit_id,
        "citizen_id": person.name,
        "carer_id": "carer",
        "unit_id": person.unit_in(week, kind),
    }


def _door(who: dict[str, Any], day: date, minute: float, need: _Need) -> list[Event]:
    begun_at = instant(day, minute)
    ended_at = instant(day, minute + round(need.visit_min * 60) / 60)
    visit = {"shift_id": None, "mode": "physical", **who}
    return [
        VisitBegun(at=begun_at, source="manual", planned_start_at=begun_at, **visit),
        VisitEnded(
            at=ended_at,
            outcome="done",
            begun_at=begun_at,
            travel_s=round(need.travel_min * 60),
            service=need.service,
            **visit,
        ),
    ]


def _call(who: dict[str, Any], day: date, minute: float, spent_min: float, failed: bool, service: str) -> list[Event]:
    begun_at = instant(day, minute)
    ended_at = instant(day, minute + round(spent_min * 60) / 60)
    visit = {"shift_id": None, "mode": "screen", **who}
    return [
        VisitBegun(at=begun_at, source="manual", planned_start_at=begun_at, **visit),
        VisitEnded(
            at=ended_at,
            outcome="no_answer" if failed else "done",
            begun_at=begun_at,
            travel_s=0,
            service=service,
            **visit,
        ),
        ScreenVisitEnded(
            at=ended_at,
            room_id=who["visit_id"],
            outcome="no_answer" if failed else "completed",
            attempts=1,
            begun_at=begun_at,
            talk_s=0 if failed else round(spent_min * 60),
            **who,
        ),
    ]

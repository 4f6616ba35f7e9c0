"""What every simulated municipality has: subjects with their need over time, units, and a log that loses things."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta

import numpy as np
import numpy.typing as npt

from kernel.events import Event
from kernel.localtime import at_local
from loadtests.honesty.calendar import (
    GO_LIVE_ON,
    LIVED_WEEKS,
    MEASURED_WEEKS,
    MERGED_ON,
    WEEKS_BETWEEN,
)
from loadtests.honesty.kinds import Kind, Measured
from scheduling.events import CitizenEnrolled, CitizenLeft

UNIT = "nord"
MERGING = ("midtbyen", "amager")
_Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Lived:
    """One municipality: what was measured before, what the log will hear, and what was truly saved."""

    #: the file of the time study, by technology
    studies: dict[Measured, list[str]] = field(default_factory=dict)
    #: of screen visits, the file that measures visits by their type; empty where nobody did
    visit_study: list[str] = field(default_factory=list)
    enrolments: list[Event] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    truth_s: dict[Measured, int] = field(default_factory=dict)
    #: what it saves if it saves the target exactly: the nominal figure of the technology times the occasions
    nominal_s: dict[Measured, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """One citizen, resident or carer. ``need`` is the factor on everything, ``measured`` and ``lived`` by week."""

    name: str
    number: int
    need: float
    measured: _Floats
    lived: _Floats
    #: enrolled in the middle, in place of one who left then
    comes_late: bool = False
    leaves: bool = False
    #: measured, and has not begun
    waits: bool = False

    def in_week(self, week: int) -> bool:
        """Whether the person is there in a lived week."""
        late = week >= LIVED_WEEKS // 2
        return (late or not self.comes_late) and not (late and self.leaves)

    def unit_in(self, week: int, kind: Kind) -> str:
        """The person's unit: three merge into one in the middle."""
        units = (UNIT, *MERGING)
        return units[self.number % 3] if kind.merge and week < LIVED_WEEKS // 2 else UNIT

    def measured_unit(self, kind: Kind) -> str:
        """The unit the person was measured in."""
        return self.unit_in(0, kind)


def people(rng: np.random.Generator, kind: Kind, prefix: str, spread: float) -> tuple[list[Person], list[Person]]:
    """Those who are enrolled, and all who are measured. ``spread`` is the scatter of need between persons."""
    halves = kind.healthiest or kind.at_their_peak or kind.compared
    pool = [_person(rng, kind, f"{prefix}-{n}", n, spread) for n in range(kind.subjects * (2 if halves else 1))]
    if kind.healthiest:
        return sorted(pool, key=lambda p: p.need)[: kind.subjects], pool
    if kind.at_their_peak:
        return sorted(pool, key=lambda p: -float(p.measured[-2:].mean()))[: kind.subjects], pool
    if kind.compared:
        waiting = [replace(p, waits=True) for p in pool[kind.subjects :]]
        return pool[: kind.subjects], [*pool[: kind.subjects], *waiting]
    exchanged = round(kind.subjects * kind.turnover_ratio)
    staying = [replace(p, leaves=True) if n < exchanged else p for n, p in enumerate(pool)]
    coming = [_person(rng, kind, f"{prefix}-new-{n}", n, spread, comes_late=True) for n in range(exchanged)]
    return [*staying, *coming], pool


def use_in(kind: Kind, week: int) -> float:
    """Part of the use there is in a lived week: falls in a straight line to what is left."""
    return 1 - (1 - kind.last_use_ratio) * week / (LIVED_WEEKS - 1)


def enrol(kind: Kind, persons: Iterable[Person], technology: Measured) -> tuple[list[Event], list[Event]]:
    """Enrolments before the period, and those within it: turnover and the units' merger."""
    before_at = at_local(GO_LIVE_ON, time(6)) - timedelta(days=2)
    middle_at = at_local(MERGED_ON, time())
    before: list[Event] = []
    within: list[Event] = []
    for p in persons:
        known = {"citizen_id": p.name, "technology": technology}
        if p.comes_late:
            within.append(CitizenEnrolled(at=middle_at, unit_id=UNIT, **known))
            continue
        before.append(CitizenEnrolled(at=before_at, unit_id=p.unit_in(0, kind), **known))
        if p.leaves:
            within.append(CitizenLeft(at=middle_at, unit_id=UNIT, **known))
        elif kind.merge and p.unit_in(0, kind) != UNIT:
            within.append(CitizenEnrolled(at=middle_at, unit_id=UNIT, **known))
    return before, within


def arrivals(rng: np.random.Generator, kind: Kind, events: Iterable[Event], kept: Iterable[Event] = ()) -> list[Event]:
    """Events in the order the log hears of them: some never, some days late. ``kept`` are never lost."""
    told = [(event.at, event) for event in kept]
    for event in events:
        chance = rng.random(2)
        if chance[0] < kind.lost_ratio:
            continue
        late = timedelta(days=float(rng.uniform(1, 6))) if chance[1] < kind.late_ratio else timedelta()
        told.append((event.at + late, event))
    return [event for _at, event in sorted(told, key=lambda pair: pair[0])]


def _person(
    rng: np.random.Generator, kind: Kind, name: str, number: int, spread: float, comes_late: bool = False
) -> Person:
    steps = round(WEEKS_BETWEEN) + LIVED_WEEKS
    level = np.exp(np.cumsum(rng.normal(0, kind.wander, steps)) if kind.wander else np.zeros(steps))
    if kind.swing:
        level *= np.exp(_swings(rng, kind.swing, steps))
    level *= (1 - kind.drift_a_week) ** np.arange(steps)
    lived = level[-LIVED_WEEKS:] * kind.season_ratio * (1 - kind.reform_ratio)
    measured = level[:MEASURED_WEEKS] * (1 + kind.peak_ratio)
    return Person(name, number, float(np.exp(rng.normal(0, spread))), measured, lived, comes_late)


def _swings(rng: np.random.Generator, swing: float, steps: int) -> _Floats:
    """A need that goes its own way for some weeks and always comes back: what is left of it after a week is 0.7."""
    found = np.empty(steps)
    found[0] = rng.normal(0, swing)
    for step in range(1, steps):
        found[step] = 0.7 * found[step - 1] + rng.normal(0, swing * np.sqrt(1 - 0.7**2))
    return found


def week_name(day: date) -> str:
    """``2026-W41``."""
    year, week, _weekday = day.isocalendar()
    return f"{year}-W{week:02d}"

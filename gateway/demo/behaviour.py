"""How a simulated carer lives a planned shift. Every carer-day draws from a stream of its own.

The figures behind the drawing (delays, base time, habits) are assumptions of the simulation, named here; the
ledger knows nothing of them and has to find out from the events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from gateway.demo.screen import LivedCall
from scheduling.events import Outcome, Place
from video.events import CallOutcome

#: minutes at the base of the old way of working: fetching keys, handing them in (time study)
BASELINE_BASE_MIN, BASELINE_BASE_SPREAD_MIN = 12.0, 4.0
#: extra minutes on the road to and from the base (time study)
BASELINE_LEG_MIN, BASELINE_LEG_SPREAD_MIN = 8.5, 3.5
#: how often a carer who could start at the citizen still goes by the base: habits differ
BASE_HABIT_LOW, BASE_HABIT_HIGH = 0.0, 0.26
#: how early a carer who came by the base is at the first door at most
EARLY_AT_DOOR = timedelta(minutes=3)
#: how long a citizen is rung, when she is rung again, and what a carer needs before and after a call
RING, SECOND_TRY = timedelta(seconds=45), timedelta(minutes=15)
STEP_ASIDE, WRAP_UP = timedelta(seconds=25), timedelta(seconds=15)
#: what the outcome of a call means for the visit
VISIT_OUTCOMES: dict[CallOutcome, Outcome] = {
    "completed": "done",
    "completed_audio": "done",
    "converted_phone": "done",
    "converted_physical": "partly",
    "no_answer": "no_answer",
    "declined": "declined",
    "technical_failure": "technical_failure",
    "cancelled": "cancelled_at_door",
}
OUTCOMES: tuple[tuple[Outcome, float], ...] = (
    ("done", 0.955),
    ("partly", 0.02),
    ("nobody_home", 0.012),
    ("declined", 0.009),
    ("cancelled_at_door", 0.004),
)


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """A stop as the route says."""

    visit_id: str
    start_at: datetime
    duration_s: float
    travel_min: float
    door_id: str | None
    #: a key still has to be fetched at the base for this stop
    needs_key: bool = False
    #: how the call goes, where the visit is by screen
    call: LivedCall | None = None


@dataclass(frozen=True, slots=True)
class LivedStop:
    """A stop as it happened: arrival at the door, inside, and done."""

    visit_id: str
    door_id: str | None
    arrives_at: datetime
    ends_at: datetime
    outcome: Outcome
    call: LivedCall | None = None


@dataclass(frozen=True, slots=True)
class LivedShift:
    """A shift as it happened."""

    starts_at: datetime
    start_place: Place
    stops: tuple[LivedStop, ...]
    ends_at: datetime
    end_place: Place


def live_shift(random: Random, habit: Random, planned_start_at: datetime, stops: Sequence[PlannedStop]) -> LivedShift:
    """One carer's shift.

    Parameters
    ----------
    random
        The stream of this carer and day.
    habit
        The stream of this carer alone: what she usually does.
    planned_start_at
        When the shift is planned to begin.
    stops
        The route, in order; at least one.
    """
    base_habit = habit.uniform(BASE_HABIT_LOW, BASE_HABIT_HIGH)
    by_base = any(s.needs_key for s in stops) or random.random() < base_habit
    first = stops[0]
    if by_base:
        starts_at = planned_start_at + _minutes(random.uniform(-2, 3))
        base_min = max(2.0, random.gauss(7.0, 2.5)) if not first.needs_key else max(4.0, random.gauss(11, 3))
        before_door = _minutes(base_min) + _minutes(max(2.0, random.gauss(6.5, 2.0)))
        # Nobody comes in at seven for a first visit at ten, nor stands at a door long before it may be opened.
        starts_at = max(starts_at, first.start_at - EARLY_AT_DOOR - before_door)
        arrives = starts_at + before_door
    else:
        arrives = max(planned_start_at, first.start_at) + _minutes(random.uniform(-3, 2))
        starts_at = arrives - _minutes(random.uniform(0.3, 2.5))
    lived: list[LivedStop] = []
    for number, stop in enumerate(stops):
        if number > 0:
            travel = stop.travel_min * random.lognormvariate(0.05, 0.18)
            arrives = lived[-1].ends_at + _minutes(travel + random.uniform(0.3, 1.5))
            arrives = max(arrives, stop.start_at - _minutes(random.uniform(0, 4)))
        lived.append(_lived_stop(random, stop, arrives, lived))
    back_to_base = any(s.needs_key for s in stops) or random.random() < base_habit * 0.8
    if back_to_base:
        gap = max(2.0, random.gauss(6.5, 2.0)) + max(1.0, random.gauss(4.0, 1.5))
    else:
        gap = random.uniform(0.3, 2.5)
    return LivedShift(
        starts_at=_second(starts_at),
        start_place="base" if by_base else _out(habit),
        stops=tuple(lived),
        ends_at=lived[-1].ends_at + timedelta(seconds=round(gap * 60)),
        end_place="base" if back_to_base else "citizen",
    )


def time_study_minutes(random: Random) -> tuple[float, float]:
    """Minutes at the base and on the way to and from it of one carer-shift before the locks."""
    base = max(3.0, random.gauss(BASELINE_BASE_MIN, BASELINE_BASE_SPREAD_MIN))
    leg = max(1.0, random.gauss(BASELINE_LEG_MIN, BASELINE_LEG_SPREAD_MIN))
    return round(base, 1), round(leg, 1)


def second_try_from(call: LivedCall, rung_at: datetime) -> datetime:
    """When a citizen who did not answer may be rung again."""
    if call.attempts != 2:
        raise ValueError(f"Expected a call of two tries, got one of {call.attempts}.")
    return rung_at + RING + SECOND_TRY


def _lived_stop(random: Random, stop: PlannedStop, arrives: datetime, before: Sequence[LivedStop]) -> LivedStop:
    outcome = _outcome(random)
    minutes = stop.duration_s / 60 * random.lognormvariate(-0.03, 0.16)
    if outcome in ("nobody_home", "declined", "cancelled_at_door"):
        minutes = random.uniform(2, 5)
    if stop.call is not None:
        # Wherever she is: she steps aside and rings when the last visit is over.
        return _screen_stop(stop, _ring_at(before, stop, arrives), stop.call)
    # Half a minute between the door and the first thing done; whole seconds, as devices tell them.
    ends = arrives + _minutes(0.5 + max(2.0, minutes))
    return LivedStop(stop.visit_id, stop.door_id, _second(arrives), _second(ends), outcome)


def _ring_at(lived: Sequence[LivedStop], stop: PlannedStop, arrives: datetime) -> datetime:
    if not lived:
        return max(arrives, stop.start_at)
    return max(lived[-1].ends_at + STEP_ASIDE, stop.start_at - EARLY_AT_DOOR)


def _screen_stop(stop: PlannedStop, rings_at: datetime, call: LivedCall) -> LivedStop:
    rings_at = _second(rings_at)
    length = RING if call.attempts == 2 else timedelta(seconds=call.answer_s + call.talk_s) + WRAP_UP
    return LivedStop(stop.visit_id, None, rings_at, rings_at + length, VISIT_OUTCOMES[call.outcome], call)


def _out(habit: Random) -> Place:
    return "home" if habit.random() < 0.15 else "citizen"


def _outcome(random: Random) -> Outcome:
    draw = random.random()
    for outcome, share in OUTCOMES:
        draw -= share
        if draw < 0:
            return outcome
    return "done"


def _minutes(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def _second(instant_at: datetime) -> datetime:
    return instant_at.replace(microsecond=0)

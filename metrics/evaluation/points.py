"""When a unit is evaluated: *indledningsvis, midtvejs og afslutningsvis*, by the dates of its own rollout. Pure.

The documents ask for three measurements of every centre that goes over to operation (004:256, 458). Each one is four
weeks: from the go-live, from the middle of the rollout, and from the day the rollout is complete. The length of the
rollout is the document's own (from the unit's beginning to its full implementation) laid onto the unit's go-live.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from metrics.adoption import AdoptedUnit
from metrics.business_case import BusinessCase

PointKey = Literal["initially", "midway", "finally"]
POINTS: tuple[PointKey, ...] = ("initially", "midway", "finally")
State = Literal["to_come", "running", "over", "unit_ended"]
#: Whole weeks, so that weekdays and rest days weigh the same in each measurement.
WINDOW = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement of one unit. Local days, both included."""

    key: PointKey
    from_on: date
    to_on: date
    state: State


def points_of(case: BusinessCase, unit: AdoptedUnit, today: date) -> tuple[Point, ...]:
    """The three measurements of a unit in their order; they never overlap.

    A measurement in which the unit ends is cut there, one that would begin after its end is not made.
    """
    ramp = timedelta(days=max(0, case.document_unit(unit.document_unit).ramp_days))
    first_on = unit.go_live_on if unit.valid_from_on is None else max(unit.go_live_on, unit.valid_from_on)
    # A rollout shorter than two measurements is measured one after the other.
    midway_on = first_on + max(ramp / 2, WINDOW)
    last_on = max(first_on + ramp, midway_on + WINDOW)
    return tuple(_point(key, on, unit, today) for key, on in zip(POINTS, (first_on, midway_on, last_on), strict=True))


def _point(key: PointKey, from_on: date, unit: AdoptedUnit, today: date) -> Point:
    to_on = from_on + WINDOW - timedelta(days=1)
    if unit.valid_to_on is not None and unit.valid_to_on < from_on:
        return Point(key, from_on, to_on, "unit_ended")
    if unit.valid_to_on is not None:
        to_on = min(to_on, unit.valid_to_on)
    if from_on >= today:
        return Point(key, from_on, to_on, "to_come")
    return Point(key, from_on, to_on, "over" if to_on < today else "running")

"""Replaying a lived day as if only some technologies had been in use: the same sequence, timed anew.

What was in use is timed as it was lived. What was not takes what it took before, drawn from the baseline's own
measurements: a shift's time at the base, a leg's seconds, a citizen's week, a resident's second carer. One thing
hangs on another: travel to the citizens of the screen is as fast as the legs of the day where routes are planned,
and as slow as the measured legs where they are not.
"""

import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from metrics.split.lived import LivedUnitDay
from metrics.technologies import Technology

FloatArray: TypeAlias = NDArray[np.float64]

#: Draws of the last days that are kept: every set of a draw asks for the same ones.
_KEPT = 64
#: Nobody's legs became this much longer or shorter by planning; beyond it a day is too small to say.
_LEG_RATIO = (Fraction(1, 3), Fraction(3))


@dataclass(frozen=True, slots=True)
class _Before:
    """One draw of what the parts of a day took before, seconds."""

    ends_s: int
    legs_s: int
    visit_s: Fraction
    travel_s: Fraction
    second_carer_s: int


class SequenceReplayer:
    """Times lived days anew. Pure but for the draws it remembers."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[tuple[str, str, int], _Before] = OrderedDict()

    def retime(self, day: LivedUnitDay, in_use: frozenset[Technology], draw: int) -> int:
        """Seconds of work; the day's players only (see :class:`metrics.split.day.Replayer`)."""
        before = self._before(day, draw)
        players = day.players()
        faster = _leg_ratio(day) if "routing" in players else Fraction(1)
        planned = "routing" in in_use
        total = Fraction(0)
        if "keys" in players:
            total += sum(e.lived_s for e in day.ends) if "keys" in in_use else before.ends_s
        if "routing" in players:
            total += sum(leg.lived_s for leg in day.legs) if planned else before.legs_s
        if "transfers" in players:
            total += sum(r.lived_s for r in day.residents) if "transfers" in in_use else before.second_carer_s
        if "screen" in players:
            if "screen" in in_use:
                travel_s = Fraction(sum(c.travel_s for c in day.citizens))
                total += sum(c.visit_s for c in day.citizens) + (travel_s if planned else travel_s / faster)
            else:
                total += before.visit_s + (before.travel_s * faster if planned else before.travel_s)
        return round(total)

    def _before(self, day: LivedUnitDay, draw: int) -> _Before:
        key = (day.unit_id, day.day_on.isoformat(), draw)
        if key not in self._drawn:
            self._drawn[key] = _draw(day, draw)
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        return self._drawn[key]


def _draw(day: LivedUnitDay, draw: int) -> _Before:
    # A stream of the day's own: the same day and draw give the same whatever was replayed before.
    rng = np.random.default_rng([zlib.crc32(f"{day.unit_id}:{day.day_on}".encode()), draw])
    ends_s = sum(_one(rng, day.measured[end.baseline_id])[1] for end in day.ends)
    legs_s = Fraction(0)
    shares = {baseline_id: _shares(day.measured[baseline_id]) for baseline_id in {s.baseline_id for s in day.legs}}
    for shift in day.legs:
        measured = day.measured[shift.baseline_id]
        count, seconds = measured[int(rng.choice(len(measured), p=shares[shift.baseline_id]))]
        legs_s += Fraction(seconds * shift.legs, count)
    visit_s = travel_s = Fraction(0)
    for citizen in day.citizens:
        visits, travel = _one(rng, citizen.measured)
        visit_s += visits * citizen.share
        travel_s += travel * citizen.share
    second_s = sum(_one(rng, [(1, s) for s in resident.measured])[1] for resident in day.residents)
    return _Before(ends_s, round(legs_s), visit_s, travel_s, second_s)


def _one(rng: np.random.Generator, measured: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """One measurement."""
    return measured[int(rng.integers(len(measured)))]


def _shares(measured: Sequence[tuple[int, int]]) -> FloatArray:
    """How likely each measurement is: by how many were measured at once, so that the mean is the baseline's."""
    counts = np.array([count for count, _seconds in measured], dtype=float)
    shares: FloatArray = counts / counts.sum()
    return shares


def _leg_ratio(day: LivedUnitDay) -> Fraction:
    """Seconds of a leg of the day over seconds of a measured one, in the mean of the unit."""
    legs = sum(shift.legs for shift in day.legs)
    measured = [one for baseline_id in sorted({s.baseline_id for s in day.legs}) for one in day.measured[baseline_id]]
    before_s, before_legs = sum(seconds for _count, seconds in measured), sum(count for count, _seconds in measured)
    lived_s = sum(shift.lived_s for shift in day.legs)
    if not (legs and before_s and lived_s):
        return Fraction(1)
    low, high = _LEG_RATIO
    return min(high, max(low, Fraction(lived_s, legs) / Fraction(before_s, before_legs)))

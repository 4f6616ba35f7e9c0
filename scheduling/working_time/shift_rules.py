"""The rules of a shift as a whole that a changed route breaks: its breaks, and the norm of 37 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from scheduling import rules
from scheduling.model import Carer, Day, Route
from scheduling.rules import Breach
from scheduling.working_time.pay import rates_on


def broken_on_shift(day: Day, carer: Carer, before: Route | None, after: Route) -> Iterator[Breach]:
    """Breaks that now begin too late and work beyond the norm, as far as the route did not have them before."""
    old_start = dict(enumerate(rest.start_min for rest in before.rests)) if before is not None else {}
    for number, (rest, taken) in enumerate(zip(carer.breaks, after.rests, strict=False)):
        late = rules.shift_break(carer.id, rest, day.instant(taken.start_min))
        if late is not None and taken.start_min > old_start.get(number, float("-inf")):
            yield late
    untaken = carer.breaks[len(after.rests) :]
    if (
        untaken
        and after.stops
        and (before is None or len(before.rests) > len(after.rests) or after.stops != before.stops)
    ):
        late = rules.shift_break(carer.id, untaken[0], after.stops[-1].ends_at)
        if late is not None:
            yield late
    if before is None or after.overrun_min > before.overrun_min:
        over = rules.norm_hours(carer, timedelta(minutes=after.overrun_min), rates_on(day.on))
        if over is not None:
            yield over

"""What stands on a route between the visits: breaks, the way to the car that is fetched, the way back with it.

None of it is stored with a route. A break has no place of its own (docs/rules.md): it is where the planned times leave
room for it, which is where the planner of the day put it, and where a person who moved a visit left it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from scheduling.shift_terms import Break

AsideKind = Literal["break", "fetch", "bring"]
_DUST = timedelta(seconds=1)
"""A start worked out twice may differ by this much."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stop as planned; ``travel_min`` leads to it."""

    start_at: datetime
    end_at: datetime
    travel_min: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A shift around the stops.

    ``fetch_min`` leads from where it starts to the car, ``bring_min`` from the last stop to where it ends, the car
    brought back on the way; both ``None`` where no car is fetched.
    """

    starts_at: datetime
    breaks: tuple[Break, ...] = ()
    fetch_min: float | None = None
    bring_min: float | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """One thing between the visits. ``fits``: whether the route as it stands has room for it."""

    kind: AsideKind
    start_at: datetime
    end_at: datetime
    fits: bool = True


def asides_of(frame: Frame, stops: Sequence[Span]) -> tuple[Aside, ...]:
    """The asides of a route by time; none where there are no stops.

    Parameters
    ----------
    stops
        In the order they are driven.
    """
    if not stops:
        return ()
    found: list[Aside] = []
    leaves_at = frame.starts_at
    if frame.fetch_min is not None:
        leaves_at = frame.starts_at + timedelta(minutes=frame.fetch_min)
        found.append(Aside("fetch", frame.starts_at, leaves_at))
    taken, waiting = _breaks(frame.breaks, leaves_at, stops)
    found += taken + _behind(frame, waiting, stops[-1].end_at)
    return tuple(sorted(found, key=lambda aside: aside.start_at))


def _breaks(breaks: Sequence[Break], leaves_at: datetime, stops: Sequence[Span]) -> tuple[list[Aside], list[Break]]:
    """Each break where there is room for it, the first such place; and those no wait before a stop has room for."""
    found: list[Aside] = []
    waiting = sorted(breaks, key=lambda rest: rest.earliest_at)
    for stop in stops:
        departs_at = stop.start_at - timedelta(minutes=stop.travel_min) + _DUST
        while waiting:
            rest = waiting[0]
            begins_at = max(leaves_at, rest.earliest_at)
            ends_at = begins_at + timedelta(seconds=rest.duration_s)
            if begins_at > rest.latest_at + _DUST or ends_at > departs_at:
                break
            found.append(Aside("break", begins_at, ends_at))
            leaves_at = ends_at
            waiting.pop(0)
        leaves_at = stop.end_at
    return found, waiting


def _behind(frame: Frame, waiting: Sequence[Break], leaves_at: datetime) -> list[Aside]:
    """What comes behind the last stop: breaks that may begin at once, the car, and breaks that may begin later only."""
    found: list[Aside] = []
    bring = None if frame.bring_min is None else timedelta(minutes=frame.bring_min)
    for rest in waiting:
        if bring is not None and rest.earliest_at > leaves_at:
            found.append(Aside("bring", leaves_at, leaves_at + bring))
            leaves_at, bring = leaves_at + bring, None
        begins_at = max(leaves_at, rest.earliest_at)
        fits = begins_at <= rest.latest_at + _DUST
        begins_at = begins_at if fits else rest.latest_at
        ends_at = begins_at + timedelta(seconds=rest.duration_s)
        found.append(Aside("break", begins_at, ends_at, fits))
        leaves_at = max(leaves_at, ends_at) if fits else leaves_at
    if bring is not None:
        found.append(Aside("bring", leaves_at, leaves_at + bring))
    return found

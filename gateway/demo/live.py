"""Lives today through the real front doors: HTTP for the tablets, MQTT for the locks.

A discrete-event run: one act after the other in the order of world time (ties by carer), and world time moves
only when inbox, sequencer, consumers and open requests are empty (design §6). So the same seed gives the same
day, however slow the machine is.
"""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import structlog

from devices.keys.model import ClockState
from devices.simulator.fleet import Fleet
from devices.simulator.holder import HolderKey
from gateway.demo.behaviour import LivedShift, LivedStop, PlannedStop, live_shift
from gateway.demo.running import RunningDay
from gateway.demo.tablets import Tablet
from gateway.runtime import Runtime

log = structlog.get_logger(__name__)

QUIET_TIMEOUT_S = 60.0
TIME_ANSWER_S = 5.0
#: how long a carer waits before she tries a door again, and how long fetching help takes when it stays shut
TRY_AGAIN = timedelta(seconds=45)
BEFORE_SHIFT = timedelta(minutes=20)
OTHER_WAY_IN = timedelta(minutes=6)
AT_LEAST_ON_THE_WAY = timedelta(seconds=20)


@dataclass(order=True)
class _Act:
    at: datetime
    carer_id: str
    number: int
    run: Callable[[], None] = field(compare=False)


@dataclass
class _Life:
    """A carer living her shift: the plan of it, and how late reality has made her."""

    tablet: Tablet
    lived: LivedShift
    ahead: list[LivedStop]
    behind: timedelta = timedelta()


class LiveDay:
    """Everybody's day.

    Parameters
    ----------
    streams
        A random stream for a purpose, for example ``streams("day", carer_id)``.
    by_hand
        Carers left to a person at the browser.
    """

    def __init__(
        self,
        runtime: Runtime,
        running: RunningDay,
        fleet: Fleet,
        port: int,
        *,
        streams: Callable[..., Random],
        by_hand: Collection[str] = (),
        progress: Callable[[datetime, Counter[str]], None] = lambda _at, _counts: None,
    ) -> None:
        self._runtime = runtime
        self._running = running
        self._fleet = fleet
        self._port = port
        self._streams = streams
        self._by_hand = frozenset(by_hand)
        self._progress = progress
        self._acts: list[_Act] = []
        self._number = 0
        self.counts: Counter[str] = Counter()
        self._changed: set[str] = set()
        self._published = runtime.tailer.subscribe(
            lambda e: e.event_type == "route.published" and e.data["route_version"] > 1, lambda: None
        )

    def live(self, carer_ids: Iterable[str], day: date, starts: dict[str, datetime]) -> None:
        """Live the day of these carers to its end, or until somebody ends it."""
        for carer_id in sorted(set(carer_ids) - self._by_hand):
            key = HolderKey.seeded(str(self._streams("holder", day, carer_id).getrandbits(128)))
            tablet = Tablet("127.0.0.1", self._port, carer_id, key)
            self._at(
                starts[carer_id] - timedelta(minutes=20),
                carer_id,
                self._wake_up(tablet, day, starts[carer_id]),
            )
        self._until_clocks_are_set()
        self._running.running = True
        try:
            while self._acts and not self._running.stopped:
                act = heapq.heappop(self._acts)
                if not self._running.reach(act.at):
                    break
                self._fleet.advance_to(act.at)
                act.run()
                self.quiet()
                self._progress(act.at, self.counts)
        finally:
            self._running.running = False
            self._runtime.tailer.unsubscribe(self._published)

    def quiet(self) -> None:
        """Wait until nothing is under way anywhere.

        Raises
        ------
        TimeoutError
            If something does not come to rest; it says what.
        """
        deadline_s = time.monotonic() + QUIET_TIMEOUT_S
        committer, pipeline = self._runtime.committer, self._runtime.pipeline
        if committer is None:
            raise ValueError("Expected a runtime that ingests, got one without a committer.")
        while True:
            # Asked once more after the waiting: what one part finishes may give work to the one asked before it.
            still = self._fleet.wait_idle(5.0) and committer.wait_idle(5.0) and pipeline.wait_idle(5.0)
            if still and self._fleet.idle and committer.idle and pipeline.idle():
                return
            if time.monotonic() > deadline_s:
                raise TimeoutError(
                    "Expected everything to come to rest, got "
                    f"fleet idle={self._fleet.idle}, inbox idle={committer.idle}, "
                    f"pipeline idle={pipeline.idle()}, stuck={sorted(self._fleet.stuck)}."
                )

    def _until_clocks_are_set(self) -> None:
        """Wait for the locks that asked for the time when they connected.

        An answer that arrives after world time has jumped on would set a clock back by the jump, and that lock
        would refuse its visits for hours. A lock that gets no answer is a fault of its own and not waited for long.
        """
        self.quiet()
        deadline_s = time.monotonic() + TIME_ANSWER_S
        locks = self._fleet.locks.values()
        while any(lock.clock.state is ClockState.LOST for lock in locks) and time.monotonic() < deadline_s:
            time.sleep(0.005)

    def _at(self, at: datetime, carer_id: str, run: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._acts, _Act(at, carer_id, self._number, run))

    def _wake_up(self, tablet: Tablet, day: date, planned_start_at: datetime) -> Callable[[], None]:
        def wake_up() -> None:
            tablet.sign_in()
            stops = _planned(tablet.day())
            if not stops:
                self.counts["empty_routes"] += 1
                tablet.close()
                return
            lived = live_shift(
                self._streams("day", day, tablet.carer_id),
                self._streams("habit", tablet.carer_id),
                planned_start_at,
                stops,
            )
            life = _Life(tablet, lived, list(lived.stops))
            self._at(lived.starts_at, tablet.carer_id, lambda: self._start(life))

        return wake_up

    def _start(self, life: _Life) -> None:
        life.tablet.start_shift(life.lived.start_place)
        self.counts["shifts"] += 1
        self._next(life)

    def _next(self, life: _Life) -> None:
        self._heed_changes(life)
        if life.ahead:
            stop = life.ahead.pop(0)
            earliest = self._runtime.clock.now() + AT_LEAST_ON_THE_WAY
            at = max(stop.arrives_at + life.behind, earliest)
            self._at(at, life.tablet.carer_id, lambda: self._arrive(life, stop, 1))
        else:
            at = max(life.lived.ends_at + life.behind, self._runtime.clock.now())
            self._at(at, life.tablet.carer_id, lambda: self._end(life))

    def _heed_changes(self, life: _Life) -> bool:
        """Take up the route as it stands now, if a planner changed it. Returns whether one did."""
        self._changed |= {e.carer_id for e in self._published.take() if e.carer_id is not None}
        if life.tablet.carer_id not in self._changed:
            return False
        self._changed.discard(life.tablet.carer_id)
        day = life.tablet.day()
        life.tablet.forget_grants()
        life.tablet.call("POST", "/api/v1/me/route/acknowledgement", {"version": day["route"]["version"]})
        known = {s.visit_id: s for s in life.lived.stops}
        life.ahead = [known.get(p.visit_id) or _as_planned(p) for p in _planned(day)]
        self.counts["route_changes_heeded"] += 1
        return True

    def _arrive(self, life: _Life, stop: LivedStop, attempt: int) -> None:
        if self._heed_changes(life):
            # The route changed while she was on her way: what is first now may be another door.
            self._next(life)
            return
        if stop.door_id is None:
            life.tablet.begin_visit(stop.visit_id)
            self._inside(life, stop)
            return
        state = self._settled(life.tablet, life.tablet.open_door(stop.door_id, stop.visit_id))
        self.counts[f"doors_{state}"] += 1
        if state == "unlocked":
            self._start_by_tap_if_needed(life, stop)
            self._inside(life, stop)
        elif attempt == 1:
            life.behind += TRY_AGAIN
            again = self._runtime.clock.now() + TRY_AGAIN
            self._at(again, life.tablet.carer_id, lambda: self._arrive(life, stop, 2))
        else:
            life.behind += OTHER_WAY_IN
            inside = self._runtime.clock.now() + OTHER_WAY_IN
            self._at(inside, life.tablet.carer_id, lambda: self._other_way_in(life, stop))

    def _settled(self, tablet: Tablet, opening: Any) -> str:
        """Wait at the door as a carer does: until the lock has answered or its time is up."""
        deadline_s = time.monotonic() + QUIET_TIMEOUT_S
        while opening["state"] in ("requested", "challenged", "sent"):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"Expected the opening to be settled, got {opening['state']}.")
            time.sleep(0.004)
            opening = tablet.opening(opening["id"])
        self.quiet()
        return str(opening["state"])

    def _start_by_tap_if_needed(self, life: _Life, stop: LivedStop) -> None:
        """The door is open; where it did not begin the visit the tablet shows Start besøg, and she taps it."""
        mine = {s["visit_id"]: s["state"] for s in _stops(life.tablet.day())}
        if mine.get(stop.visit_id) == "planned":
            self.counts["tapped_after_door"] += 1
            life.tablet.begin_visit(stop.visit_id)

    def _other_way_in(self, life: _Life, stop: LivedStop) -> None:
        self.counts["other_way_in"] += 1
        life.tablet.begin_visit(stop.visit_id)
        self._inside(life, stop)

    def _inside(self, life: _Life, stop: LivedStop) -> None:
        length = stop.ends_at - stop.arrives_at
        self._at(self._runtime.clock.now() + length, life.tablet.carer_id, lambda: self._leave(life, stop))

    def _leave(self, life: _Life, stop: LivedStop) -> None:
        life.tablet.end_visit(stop.visit_id, stop.outcome)
        self.counts["visits"] += 1
        self._next(life)

    def _end(self, life: _Life) -> None:
        life.tablet.end_shift(life.lived.end_place)
        self.counts["shifts_ended"] += 1
        life.tablet.close()


def _as_planned(stop: PlannedStop) -> LivedStop:
    """A stop that came by a route change, lived as it is planned."""
    ends_at = stop.start_at + timedelta(seconds=stop.duration_s)
    return LivedStop(stop.visit_id, stop.door_id, stop.start_at, ends_at, "done")


def _stops(day: Any) -> list[Any]:
    return list(day["route"]["stops"]) if day["route"] else []


def _planned(day: Any) -> list[PlannedStop]:
    return [
        PlannedStop(
            s["visit_id"],
            datetime.fromisoformat(s["start_at"]),
            (datetime.fromisoformat(s["end_at"]) - datetime.fromisoformat(s["start_at"])).total_seconds(),
            float(s["travel_min"]),
            s["door"]["id"] if s["door"] else None,
            s["key_note"] is not None,
        )
        for s in _stops(day)
        if s["state"] == "planned"
    ]

"""A carer's morning on a tablet: sign in, shift, doors, visits, screen visits, an outage, and what the outbox held."""

import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gevent

from gateway.demo.http_client import RefusedError
from loadtests.calls import LINE_ERRORS, carer_calls
from loadtests.client import WAITED, Note, Stream, TimedTablet, Unreachable
from loadtests.profile import Profile

_SETTLE_S = 12.0
_LOOK_S = 0.5
_IDLE_S = 5.0
_FLUSH_TRIES = 20
_WAITING = ("requested", "challenged", "sent")


class Outage(Exception):  # noqa: N818 - an end, not a fault
    """The network is gone now."""


class CarerLife:
    """One carer, until the run is over."""

    def __init__(
        self, url: str, carer_id: str, profile: Profile, start_s: float, note: Note, ring_out: Callable[[str], None]
    ) -> None:
        self._profile, self._start_s, self._note = profile, start_s, note
        self._url, self._ring_out = url, ring_out
        self._random = random.Random(carer_id)
        self._tablet = TimedTablet(url, carer_id, note)
        self._stream: Stream | None = None
        self._settled: dict[str, str] = {}
        self._route_changed = False
        self._todo: list[dict[str, Any]] = []
        self._open_visit: str | None = None
        #: facts kept while offline, as they are told together
        self._outbox: list[dict[str, Any]] = []
        self.facts_sent = self.facts_lost = 0
        self.flushed_s: float | None = None
        storm = profile.storm
        self._cut_s = start_s + storm.cut_after_s if storm else None

    def live(self) -> None:
        """The whole morning. Ends with the run."""
        gevent.sleep(max(0.0, self._start_s - time.monotonic()))
        gevent.sleep(self._random.uniform(0, self._profile.pace.arrive_s))
        try:
            self._begin()
            while True:
                self._next()
        except Outage:
            self._offline()
        except (RefusedError, Unreachable):
            # Without a session or a shift there is no morning; the request is noted.
            return
        while True:
            self._next_after_storm()

    def _begin(self) -> None:
        self._tablet.sign_in()
        self._take_day()
        self._listen()
        self._tablet.start_shift("citizen")

    def _take_day(self) -> None:
        route = self._tablet.day()["route"]
        stops = [s for s in route["stops"] if s["state"] == "planned"] if route else []
        # Screen visits are at agreed hours, the others wait for them.
        self._todo = sorted(stops, key=lambda s: (s["mode"] != "screen", s["start_at"]))
        if route and route["acknowledged_version"] < route["version"]:
            self._tablet.call("POST", "/api/v1/me/route/acknowledgement", {"version": route["version"]})

    def _listen(self) -> None:
        self._stream = Stream(self._url, self._tablet.cookie, self._note, self._hear)

    def _hear(self, kind: str, data: Any, _at_s: float) -> None:
        if kind == "opening.settled":
            self._settled[data["opening_id"]] = data["state"]
        elif kind == "route.published":
            self._route_changed = True

    def _next(self) -> None:
        try:
            if self._route_changed:
                self._route_changed = False
                self._take_day()
            if not self._todo:
                self._pause(_IDLE_S)
                self._tablet.day()
                return
            self._visit(self._todo.pop(0))
        except RefusedError as err:
            self._refused(err.code)
            self._pause(1.0)
        except (Unreachable, *LINE_ERRORS):
            self._pause(1.0)

    def _next_after_storm(self) -> None:
        try:
            self._next()
        except Outage:
            gevent.sleep(_IDLE_S)

    def _visit(self, stop: dict[str, Any]) -> None:
        visit_id = stop["visit_id"]
        if stop["mode"] == "screen":
            self._call(visit_id)
            return
        self._open_visit = visit_id
        door = stop["door"]
        if door is None or not self._through_the_door(door["id"], visit_id):
            self._tablet.begin_visit(visit_id)
        self._pause(self._profile.pace.visit_s * self._random.uniform(0.7, 1.3))
        self._tablet.end_visit(visit_id, "done")
        self._open_visit = None

    def _refused(self, code: str) -> None:
        """A visit may have been moved away a moment ago, and then the refusal is right; otherwise it is noted."""
        visit_id, self._open_visit = self._open_visit, None
        if code == "not_your_visit" and visit_id is not None and self._is_mine(visit_id):
            self._note("route", time.monotonic(), 0.0, "route: refused, and the visit is still on it")

    def _is_mine(self, visit_id: str) -> bool:
        route = self._tablet.day()["route"]
        return route is not None and any(stop["visit_id"] == visit_id for stop in route["stops"])

    def _tap(self, door_id: str, visit_id: str, again: bool = True) -> Any:
        # The page fetches its permissions with every tap: a route that changed has withdrawn the old ones.
        self._tablet.forget_grants()
        try:
            return self._tablet.open_door(door_id, visit_id)
        except RefusedError as err:
            if err.code != "grant_not_for_opening" or not again:
                raise
        # It changed between two steps of this tap: the page says so, and the carer taps once more.
        return self._tap(door_id, visit_id, again=False)

    def _through_the_door(self, door_id: str, visit_id: str) -> bool:
        began_s = time.monotonic()
        opening = self._tap(door_id, visit_id)
        deadline_s = time.monotonic() + _SETTLE_S
        state, looked_s = opening["state"], time.monotonic()
        while state in _WAITING and time.monotonic() < deadline_s:
            gevent.sleep(0.01)
            # The lock may lose its link under her hand; she has no network herself any more then.
            self._look_at_the_network(time.monotonic())
            state = self._settled.get(opening["id"], state)
            if time.monotonic() - looked_s > _LOOK_S:
                looked_s, state = time.monotonic(), self._tablet.opening(opening["id"])["state"]
        took_ms, code = (time.monotonic() - began_s) * 1000, opening.get("code") or ""
        if code == "not_on_route" and not self._is_mine(visit_id):
            raise RefusedError(403, {"code": "not_your_visit"})
        error = "" if state == "unlocked" else f"door: {state} {code}".strip()
        self._note("door", began_s, took_ms, error)
        return bool(state == "unlocked")

    def _call(self, visit_id: str) -> None:
        if self._cut_s is not None and time.monotonic() + self._profile.pace.call_s + 3.0 > self._cut_s:
            return
        began_s = time.monotonic()
        try:
            carer_calls(self._tablet, visit_id, self._ring_out, self._profile.pace.call_s)
        except LINE_ERRORS as err:
            self._note("screen_call", began_s, (time.monotonic() - began_s) * 1000, f"call: {type(err).__name__}")

    def _pause(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (now_s := time.monotonic()) < until_s:
            self._look_at_the_network(now_s)
            gevent.sleep(min(0.5, until_s - now_s))
        self._look_at_the_network(time.monotonic())

    def _look_at_the_network(self, now_s: float) -> None:
        if self._cut_s is not None and self.flushed_s is None and now_s >= self._cut_s:
            raise Outage

    def _offline(self) -> None:
        """Visits go on without a network; then everything that was kept is sent, in order, at once."""
        storm = self._profile.storm
        if storm is None:
            return
        if self._stream is not None:
            self._stream.close()
        self._tablet.close()
        self._keep(storm.facts_per_tablet)
        gevent.sleep(max(0.0, self._start_s + storm.back_after_s - time.monotonic()))
        self._listen()
        self.facts_sent = len(self._outbox)
        self.facts_lost = self.facts_sent - self._flush()
        self.flushed_s = time.monotonic() - (self._start_s + storm.back_after_s)

    def _keep(self, count: int) -> None:
        if self._open_visit is not None:
            # The door may not have told that it opened: a beginning told twice is one.
            self._fact(self._open_visit, "begin")
            self._fact(self._open_visit, "end")
            self._open_visit = None
        homes = [s for s in self._todo if s["mode"] != "screen"]
        while len(self._outbox) + 2 <= count and homes:
            stop = homes.pop(0)
            self._todo.remove(stop)
            self._fact(stop["visit_id"], "begin")
            self._fact(stop["visit_id"], "end")

    def _fact(self, visit_id: str, act: str) -> None:
        fact = {
            "kind": f"visit_{act}",
            "key": str(uuid.uuid4()),
            "visit_id": visit_id,
            "at": datetime.now(UTC).isoformat(),
        }
        self._outbox.append(fact | ({"outcome": "done"} if act == "end" else {}))

    def _flush(self) -> int:
        """How many facts came in. A refusal is final; silence is not, and the keys make a repeat harmless."""
        if not self._outbox:
            return 0
        for _ in range(_FLUSH_TRIES):
            try:
                told = self._tablet.call("POST", "/api/v1/me/facts", {"facts": self._outbox}, {WAITED: "1"})
            except RefusedError:
                return 0
            except Unreachable:
                gevent.sleep(0.5)
            else:
                return sum(answer["status"] < 400 for answer in told["answers"])
        return 0

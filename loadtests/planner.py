"""A planner at the board: watches it live, looks at visits, asks for proposals, previews and moves."""

import random
import time
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import gevent

from gateway.demo.http_client import RefusedError
from gateway.demo.identities import DEMO_PIN
from loadtests.client import Note, Stream, TimedClient, Unreachable
from loadtests.profile import Profile

_MOVE_EVERY = 4


class PlannerDay:
    """One planner, until the run is over."""

    def __init__(self, url: str, identity: str, profile: Profile, start_s: float, note: Note) -> None:
        self._url, self._identity, self._profile, self._start_s, self._note = url, identity, profile, start_s, note
        self._random = random.Random(identity)
        self._client = TimedClient(url, note)
        #: what locks told, as the page heard it: device, boot, seq, instant
        self.heard: list[tuple[str, int, int, float]] = []
        self._acts = 0

    def live(self) -> None:
        """Sign in early, then act until the run is over."""
        while not self._signed_in():
            gevent.sleep(1.0)
        Stream(self._url, self._client.cookie, self._note, self._hear)
        gevent.sleep(max(0.0, self._start_s - time.monotonic()))
        while True:
            # What failed is noted with its request; a planner tries something else.
            with suppress(RefusedError, Unreachable):
                self._act()
            gevent.sleep(self._profile.pace.planner_s * self._random.uniform(0.7, 1.3))

    def _signed_in(self) -> bool:
        try:
            self._client.sign_in(self._identity, DEMO_PIN)
        except (RefusedError, Unreachable):
            return False
        return True

    def _hear(self, kind: str, data: Any, at_s: float) -> None:
        if kind == "lock.reported":
            self.heard.append((data["lock_id"], data["boot"], data["seq"], at_s))

    def _act(self) -> None:
        lanes = self._client.call("GET", "/api/v1/board")["lanes"]
        # The last visit of a lane: a planner moves what is still to come, not what somebody stands in front of.
        last = [(lane, lane["visits"][-1]) for lane in lanes if lane["visits"]]
        mine = [(lane, v) for lane, v in last if v["state"] == "planned" and v["mode"] == "physical"]
        if not mine:
            return
        lane, visit = self._random.choice(mine)
        path = f"/api/v1/visits/{quote(visit['id'])}"
        self._client.call("GET", path)
        proposals = self._client.call("GET", f"{path}/proposals")["proposals"]
        if not proposals:
            return
        best = proposals[0]
        wanted = {"to_carer_id": best["carer_id"], "reason": "Plads på ruten"}
        checked = self._client.call("POST", f"{path}/move", {**wanted, "preview": True})
        self._acts += 1
        if checked["allowed"] and self._acts % _MOVE_EVERY == 0:
            seen = f'"{lane["route_id"]}:{lane["version"]}", "{best["route_id"]}:{best["version"]}"'
            self._client.call("POST", f"{path}/move", wanted, {"If-Match": seen})

"""Carers' tablets that go on telling what was done while processes are killed, and remember what was confirmed."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

from devices.simulator.holder import HolderKey
from gateway.demo.http_client import RefusedError
from gateway.demo.tablets import Tablet
from gateway.wire import b64u
from loadtests.world import World

_GIVE_UP_S = 120.0
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Fact:
    """What a tablet was told is stored."""

    event_type: str
    about: str


class Tablets:
    """Carers whose tablets begin and end visits, and send each fact under its key until somebody answers."""

    def __init__(self, world: World, port: int) -> None:
        self._port = port
        self._stopping = Event()
        self.stored: list[Fact] = []
        self._threads = [
            Thread(target=self._live, args=(carer,), name=f"tablet-{carer}", daemon=True)
            for carer in sorted(world.locks_of_carer)[:_AT_ONCE]
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No new facts; what is under way is still seen through."""
        self._stopping.set()

    def finish(self) -> None:
        """Wait for what is under way."""
        for thread in self._threads:
            thread.join(timeout=_GIVE_UP_S)

    def _live(self, carer_id: str) -> None:
        sender = _Sender(self._port, carer_id, self.stored)
        begin = {"place": "citizen", "holder_key": b64u(sender.key.public_key)}
        day = sender.send("/api/v1/me/shift/start", begin, Fact("shift.started", carer_id))
        for stop in day["route"]["stops"] if day else ():
            if self._stopping.is_set():
                return
            visit = str(stop["visit_id"])
            path = f"/api/v1/me/visits/{quote(visit)}"
            sender.send(f"{path}/begin", {}, Fact("visit.begun", visit))
            time.sleep(0.1)
            sender.send(f"{path}/end", {"outcome": "done"}, Fact("visit.ended", visit))


class _Sender:
    """One tablet's outbox: a fact is sent under its own key until somebody answers."""

    def __init__(self, port: int, carer_id: str, stored: list[Fact]) -> None:
        self._port, self._carer_id, self._stored = port, carer_id, stored
        self.key = HolderKey.generate()

    def send(self, path: str, body: Mapping[str, Any], fact: Fact) -> Any:
        """What was answered; ``None`` where it was refused. Every try on a connection of its own, as after a cut."""
        deadline_s = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < deadline_s:
            tablet = Tablet("127.0.0.1", self._port, self._carer_id, self.key)
            try:
                tablet.sign_in()
                answer = tablet.call("POST", path, body, {"Idempotency-Key": f"{fact.event_type} {fact.about}"})
            except (OSError, HTTPException):
                time.sleep(0.05)
            except RefusedError as refused:
                if refused.status < 500:
                    return None
                time.sleep(0.05)
            else:
                self._stored.append(fact)
                return answer
            finally:
                with suppress(OSError):
                    tablet.close()
        return None

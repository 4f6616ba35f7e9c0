"""Server-sent events: hello first, only what is one's own, resumed by position, closed by sign-out."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import Any

import pytest

from devices.events import MessageQuarantined
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person


@dataclass(frozen=True)
class Heard:
    """One event."""

    name: str
    position: int | None
    data: dict[str, Any]


class Ear:
    """A page that listens."""

    def __init__(self, person: Person, port: int, last_event_id: int | None = None) -> None:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in person.cookies.items()), "X-Surface": "planner"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._connection.request("GET", "/api/v1/stream", headers=headers)
        self.answer = self._connection.getresponse()
        self._heard: Queue[Heard] = Queue()
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def next(self, timeout_s: float = 8.0) -> Heard:
        """The next event, the world's clock aside."""
        deadline_s = monotonic() + timeout_s
        while True:
            heard = self._heard.get(timeout=max(0.01, deadline_s - monotonic()))
            if heard.name != "world":
                return heard

    def until(self, name: str) -> list[Heard]:
        """Everything up to the first event of this name."""
        heard = [self.next()]
        while heard[-1].name != name:
            heard.append(self.next())
        return heard

    def silence(self, for_s: float = 0.4) -> bool:
        """Whether nothing is heard for a while."""
        try:
            self.next(for_s)
        except Empty:
            return True
        return False

    def ended(self) -> bool:
        """Whether the server closed the stream."""
        return not self._thread.is_alive()

    def hang_up(self) -> None:
        """Close the page."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self._connection.close()
        self._thread.join(5)

    def _listen(self) -> None:
        lines: dict[str, str] = {}
        try:
            for raw in self.answer:
                line = raw.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    lines[name] = value
                elif "event" in lines:
                    position = int(lines["id"]) if "id" in lines else None
                    self._heard.put(Heard(lines["event"], position, json.loads(lines["data"])))
                    lines = {}
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            return


@pytest.fixture
def ears() -> Iterator[list[Ear]]:
    """Pages that are closed at the end."""
    made: list[Ear] = []
    yield made
    for ear in made:
        ear.hang_up()


def _listen(ears: list[Ear], person: Person, platform: Platform, after: int | None = None) -> Ear:
    ears.append(Ear(person, platform.port, after))
    return ears[-1]


def test_hello_comes_first_with_the_world_and_where_the_log_stands(office: Platform, ears: list[Ear]) -> None:
    planner = office.signed_in("planner")
    # Positions are given a moment after the commit.
    assert eventually(lambda: _listen(ears, planner, office).next().data["position"] >= 1)
    ear = _listen(ears, planner, office)

    assert ear.answer.getheader("Content-Type", "").startswith("text/event-stream")
    hello = ear.next()
    assert (hello.name, hello.position) == ("hello", None)
    assert hello.data["world"]["at"] == "2026-11-25T06:20:00Z"
    assert hello.data["position"] >= 1


def test_a_carer_hears_her_own_and_nothing_of_her_colleagues(office: Platform, ears: list[Ear]) -> None:
    mine, other = (office.tablet(office.fresh_carer()) for _ in range(2))
    ear = _listen(ears, office.signed_in(mine.carer_id), office)
    assert ear.next().name == "hello"

    other.start_shift("home")
    mine.start_shift("base")

    heard = ear.next()
    assert (heard.name, heard.data["carer_id"], heard.data["place"]) == ("shift.started", mine.carer_id, "base")
    assert ear.silence()


def test_a_planner_hears_the_whole_unit_within_a_second(office: Platform, ears: list[Ear]) -> None:
    ear = _listen(ears, office.signed_in("planner"), office)
    ear.next()
    took_s = []
    # Of three the quickest: the others tell how busy this machine is.
    for tablet in [office.tablet(office.fresh_carer()) for _ in range(3)]:
        began_s = monotonic()
        tablet.start_shift("home")
        heard = ear.until("shift.started")[-1]
        took_s.append(monotonic() - began_s)

        assert heard.data["carer_id"] == tablet.carer_id
        assert heard.position is not None
    assert min(took_s) < 1.0


def test_a_page_that_comes_back_hears_what_it_missed_once_and_in_order(office: Platform, ears: list[Ear]) -> None:
    planner = office.signed_in("planner")
    ear = _listen(ears, planner, office)
    ear.next()
    first, second, third = (office.tablet(office.fresh_carer()) for _ in range(3))
    first.start_shift("home")
    seen = ear.until("shift.started")[-1].position
    ear.hang_up()
    second.start_shift("home")
    third.start_shift("home")
    assert eventually(office.runtime.pipeline.idle)

    back = _listen(ears, planner, office, after=seen)
    assert back.next().name == "hello"
    heard = [back.next(), back.next()]

    assert [h.data["carer_id"] for h in heard] == [second.carer_id, third.carer_id]
    assert seen is not None
    assert [h.position for h in heard] == [seen + 1, seen + 2]
    assert back.silence()


def test_too_long_away_means_reload(office: Platform, ears: list[Ear]) -> None:
    """More was missed than a listener's queue holds."""
    planner = office.signed_in("planner")
    head = _listen(ears, planner, office).next().data["position"]
    carer = office.tablet(office.fresh_carer())
    carer.start_shift("home")
    if head < 1_001:
        with office.runtime.units.begin() as work:
            work.record(*[_quarantined(work.now)] * 1_001)
        assert eventually(office.runtime.pipeline.idle)
        assert eventually(lambda: office.runtime.tailer.position > 1_001)

    back = _listen(ears, planner, office, after=0)

    assert [back.next().name for _ in range(2)] == ["hello", "reload"]


@pytest.mark.parametrize("position", ["-1", "99999999999999999999999", "abc", "1.5"])
def test_an_odd_position_is_refused_or_ignored_but_breaks_nothing(office: Platform, position: str) -> None:
    person = office.signed_in("planner")

    answer = person.peek(f"/api/v1/stream?after={position}")
    assert answer.status in (200, 422)


def test_nobody_listens_without_signing_in(office: Platform) -> None:
    assert office.stranger().peek("/api/v1/stream").status == 401


def test_closed_pages_are_forgotten_and_open_ones_hold_no_session(office: Platform, ears: list[Ear]) -> None:
    before = office.runtime.tailer.listeners
    open_ears = [_listen(ears, office.signed_in("planner"), office) for _ in range(5)]
    for ear in open_ears:
        ear.next()
    assert office.runtime.tailer.listeners == before + 5
    pool = office.runtime.database.engine.pool
    assert eventually(lambda: pool.checkedout() == 0)  # type: ignore[attr-defined]

    for ear in open_ears:
        ear.hang_up()

    assert eventually(lambda: office.runtime.tailer.listeners <= before)


def test_who_signs_out_hears_nothing_more_but_that_the_page_is_to_ask_again(office: Platform, ears: list[Ear]) -> None:
    planner = office.signed_in("planner")
    ear = _listen(ears, planner, office)
    ear.next()
    assert planner.call("DELETE", "/api/v1/session").status == 204
    office.tablet(office.fresh_carer()).start_shift("home")

    told = ear.next()
    assert (told.name, told.position, told.data) == ("reload", None, {})
    assert ear.silence(1.5)
    assert eventually(ear.ended)


def _quarantined(at: datetime) -> MessageQuarantined:
    return MessageQuarantined(at=at, quarantine_id=1, reason="broken_payload", kind="lock")

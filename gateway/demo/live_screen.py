"""Screen visits today: the carer rings over HTTP, the simulated citizen answers by link or kiosk, the carer says how.

No media flows: pictures cannot be sped up. What is said and how it went is drawn beforehand
(``gateway.demo.screen: live_call``), everything the platform sees comes through its own interface.
"""

from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

from gateway.demo.agenda import Agenda
from gateway.demo.behaviour import RING, SECOND_TRY, WRAP_UP, LivedStop
from gateway.demo.http_client import HttpClient, RefusedError
from gateway.demo.identities import DEMO_PIN
from gateway.demo.life import Life, later
from gateway.demo.screen import FOLLOWED_UP, LivedCall

FAIR_MS, GOOD_MS = 180, 60
#: what the platform says to a citizen who comes too late
TOO_LATE = frozenset({"call_not_ringing", "link_expired", "call_concluded"})
#: a carer gives up just before the ring is over by itself
GIVES_UP_AFTER = RING - timedelta(seconds=5)
#: a second try is not put off for longer than this by a visit that comes first
AT_MOST_LATE = timedelta(minutes=10)


class ScreenVisits:
    """Holds the screen visits of a day.

    Parameters
    ----------
    kiosk_of
        Kiosk at the citizen's home by visit; the others answer by link.
    """

    def __init__(
        self,
        agenda: Agenda,
        port: int,
        kiosk_of: Mapping[str, str],
    ) -> None:
        self._agenda = agenda
        self._port = port
        self._kiosk_of = kiosk_of
        #: called with a visit that somebody has to make up for in person
        self.follow_up: Callable[[str], None] = lambda _visit_id: None
        self._kiosks: dict[str, HttpClient] = {}

    def close(self) -> None:
        """Switch the kiosks off."""
        for kiosk in self._kiosks.values():
            kiosk.close()

    def ring(self, life: Life, stop: LivedStop, then: Callable[[], None]) -> None:
        """Ring a citizen; ``then`` goes on with the shift, whether she answered or not."""
        call = _call_of(stop)
        room = life.tablet.call("POST", f"{_path(stop)}", {})
        self._agenda.counts["calls"] += 1
        if room["attempt"] < call.attempts or not call.answered:
            later(self._agenda, life, self._agenda.now + GIVES_UP_AFTER, lambda: self._nobody(life, stop, then))
            return
        link = room["link"]
        answered = self._agenda.now + timedelta(seconds=call.answer_s)
        later(self._agenda, life, answered, lambda: self._answer(life, stop, link, then))

    def _nobody(self, life: Life, stop: LivedStop, then: Callable[[], None]) -> None:
        room = life.tablet.call("POST", f"{_path(stop)}/outcome", {"outcome": "no_answer"})
        self._agenda.counts["calls_unanswered"] += 1
        if room["state"] == "ended":
            self._over(stop)
        else:
            again_at = self._agenda.now + SECOND_TRY
            if room["next_try_at"] is not None:
                again_at = max(again_at, datetime.fromisoformat(room["next_try_at"]))
            again = replace(stop, arrives_at=again_at - life.behind, ends_at=again_at - life.behind + RING)
            if life.ahead and life.ahead[0].ends_at + life.behind <= again_at + AT_MOST_LATE:
                insort(life.ahead, again, key=lambda s: s.arrives_at)
            else:
                # The next visit would take too long: she waits for the second try.
                life.ahead.insert(0, again)
        then()

    def _answer(self, life: Life, stop: LivedStop, link: str | None, then: Callable[[], None]) -> None:
        call = _call_of(stop)
        try:
            citizen = self._citizen(stop, link)
            citizen.call("POST", "/api/v1/screen/answer", {"action": "answer"})
        except RefusedError as refused:
            if refused.code not in TOO_LATE:
                raise
            # The day was held back and the ring is over: she came to the telephone too late.
            self._agenda.counts["calls_answered_late"] += 1
            self._nobody(life, stop, then)
            return
        self._agenda.counts["calls_answered"] += 1
        over_at = self._agenda.now + timedelta(seconds=call.talk_s)
        later(self._agenda, life, over_at, lambda: self._hang_up(life, stop, citizen, then))

    def _hang_up(self, life: Life, stop: LivedStop, citizen: HttpClient, then: Callable[[], None]) -> None:
        call = _call_of(stop)
        if call.windows:
            citizen.call("POST", "/api/v1/screen/quality", _window(call))
        citizen.call("POST", "/api/v1/screen/hangup", {})
        if stop.visit_id not in self._kiosk_of:
            citizen.close()
        later(self._agenda, life, self._agenda.now + WRAP_UP, lambda: self._outcome(life, stop, then))

    def _outcome(self, life: Life, stop: LivedStop, then: Callable[[], None]) -> None:
        life.tablet.call("POST", f"{_path(stop)}/outcome", {"outcome": _call_of(stop).outcome})
        self._over(stop)
        then()

    def _over(self, stop: LivedStop) -> None:
        self._agenda.counts["visits"] += 1
        self._agenda.counts["screen_visits"] += 1
        if _call_of(stop).outcome in FOLLOWED_UP:
            self.follow_up(stop.visit_id)

    def _citizen(self, stop: LivedStop, link: str | None) -> HttpClient:
        kiosk = self._kiosk_of.get(stop.visit_id)
        if kiosk is not None:
            if kiosk not in self._kiosks:
                self._kiosks[kiosk] = HttpClient("127.0.0.1", self._port)
                self._kiosks[kiosk].sign_in(kiosk, DEMO_PIN)
            return self._kiosks[kiosk]
        if link is None:
            raise ValueError(f"Expected a link in the answer that rang visit {stop.visit_id}, got none.")
        citizen = HttpClient("127.0.0.1", self._port)
        citizen.call("POST", "/api/v1/screen/redemption", {"token": link.split("#", 1)[1]})
        return citizen


def _path(stop: LivedStop) -> str:
    return f"/api/v1/me/visits/{quote(stop.visit_id)}/screen"


def _call_of(stop: LivedStop) -> LivedCall:
    if stop.call is None:
        raise ValueError(f"Expected a stop by screen, got {stop.visit_id}.")
    return stop.call


def _window(call: LivedCall) -> dict[str, object]:
    """One window that stands for the call: as good as most of its windows were."""
    good = call.good_windows * 2 >= call.windows
    return {
        "rtt_ms": GOOD_MS if good else FAIR_MS,
        "jitter_buffer_ms": 40 if good else 120,
        "concealed_ratio": 0.0 if good else 0.05,
        "fps": 24.0 if good else 10.0,
        "freeze_ratio": 0.0,
        "frame_height": 480,
        "path": "direct",
        "reconnects": 0,
        "setup_ms": call.setup_ms,
    }

"""Home care lives today: carers with tablets, each on the route she was given, at doors that open or do not."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from devices.simulator.holder import HolderKey
from gateway.demo.agenda import Agenda
from gateway.demo.behaviour import LivedStop, PlannedStop, live_shift
from gateway.demo.doorstep import Doorstep
from gateway.demo.life import Life, later
from gateway.demo.live_driving import LiveDriving
from gateway.demo.live_residence import LiveResidences
from gateway.demo.live_screen import ScreenVisits
from gateway.demo.screen import live_call
from gateway.demo.tablets import Tablet
from kernel.events import StoredEvent

#: how long a carer waits before she tries a door again, and how long fetching help takes when it stays shut
TRY_AGAIN = timedelta(seconds=45)
BEFORE_SHIFT = timedelta(minutes=20)
OTHER_WAY_IN = timedelta(minutes=6)
AT_LEAST_ON_THE_WAY = timedelta(seconds=20)


class HomeCare:
    """The carers of home care.

    Parameters
    ----------
    streams
        A random stream for a purpose, for example ``streams("day", carer_id)``.
    screens
        Holds the screen visits.
    driving
        Drives the cars of those who have one.
    lifts
        Uses the lifts some citizens have at home.
    doorstep
        Where carers wait for a door.
    """

    def __init__(
        self,
        agenda: Agenda,
        port: int,
        day: date,
        *,
        streams: Callable[..., Random],
        screens: ScreenVisits,
        driving: LiveDriving,
        lifts: LiveResidences,
        doorstep: Doorstep,
    ) -> None:
        self._agenda = agenda
        self._port = port
        self._day = day
        self._streams = streams
        self._screens = screens
        self._driving = driving
        self._lifts = lifts
        self._doorstep = doorstep
        self._changed: set[str] = set()
        self._absent: set[str] = set()
        self._lives: dict[str, Life] = {}
        self._begun: set[str] = set()
        agenda.watch("route.published", self._published)
        agenda.watch("visit.begun", self._visit_begun)

    def expect(self, carer_id: str, planned_start_at: datetime) -> None:
        """Have a carer live her shift today."""
        key = HolderKey.seeded(str(self._streams("holder", self._day, carer_id).getrandbits(128)))
        tablet = Tablet("127.0.0.1", self._port, carer_id, key)
        self._agenda.at(planned_start_at - BEFORE_SHIFT, carer_id, lambda: self._wake_up(tablet, planned_start_at))

    def stays_home(self, carer_id: str) -> None:
        """A carer is ill: she never wakes up to this day."""
        self._absent.add(carer_id)

    def is_on_duty(self, carer_id: str) -> bool:
        """Whether a carer has begun her shift and not ended it."""
        return carer_id in self._lives and self._lives[carer_id].on_duty

    def goes_along_with(self, new_id: str, visit_id: str) -> None:
        """A new visit is where another one was planned: at the same citizen's."""
        if visit_id in self._driving.places:
            self._driving.places[new_id] = self._driving.places[visit_id]

    def takes_spare_tablet(self, carer_id: str, at: datetime) -> None:
        """A carer whose tablet is lost gets another at the base, with a key of its own."""
        life = self._lives[carer_id]
        life.without_tablet_until = at

        def take() -> None:
            key = HolderKey.seeded(str(self._streams("spare_holder", self._day, carer_id).getrandbits(128)))
            life.tablet.close()
            life.tablet = Tablet("127.0.0.1", self._port, carer_id, key)
            life.tablet.sign_in()
            life.tablet.start_shift(life.lived.start_place)
            life.without_tablet_until = None
            self._agenda.counts["spare_tablets"] += 1

        self._agenda.at(at, carer_id, take)

    def _published(self, event: StoredEvent) -> None:
        if event.data["route_version"] > 1 and event.carer_id is not None:
            self._changed.add(event.carer_id)

    def _visit_begun(self, event: StoredEvent) -> None:
        self._begun.add(str(event.data["visit_id"]))

    def _wake_up(self, tablet: Tablet, planned_start_at: datetime) -> None:
        if tablet.carer_id in self._absent:
            return
        tablet.sign_in()
        stops = self._planned(tablet.day())
        if not stops:
            self._agenda.counts["empty_routes"] += 1
            tablet.close()
            return
        lived = live_shift(
            self._streams("day", self._day, tablet.carer_id),
            self._streams("habit", tablet.carer_id),
            planned_start_at,
            stops,
        )
        life = Life(tablet, lived, list(lived.stops))
        self._lives[tablet.carer_id] = life
        self._later(life, lived.starts_at, lambda: self._start(life))

    def _start(self, life: Life) -> None:
        life.tablet.start_shift(life.lived.start_place)
        self._agenda.counts["shifts"] += 1
        life.on_duty = True
        self._driving.start(life)
        self._next(life)

    def _next(self, life: Life) -> None:
        self._heed_changes(life)
        if life.ahead:
            stop = life.ahead.pop(0)
            earliest = self._agenda.now + AT_LEAST_ON_THE_WAY
            at = max(stop.arrives_at + life.behind, earliest)
            self._driving.heads_for(life, stop, at)
            self._later(life, at, lambda: self._arrive(life, stop, 1))
        else:
            at = max(life.lived.ends_at + life.behind, self._agenda.now)
            self._driving.heads_home(life, at)
            self._later(life, at, lambda: self._end(life))

    def _heed_changes(self, life: Life) -> bool:
        """Take up the route as it stands now, if a planner changed it. Returns whether one did."""
        if life.tablet.carer_id not in self._changed:
            return False
        self._changed.discard(life.tablet.carer_id)
        day = life.tablet.day()
        life.tablet.forget_grants()
        life.tablet.call("POST", "/api/v1/me/route/acknowledgement", {"version": day["route"]["version"]})
        known = {s.visit_id: s for s in life.lived.stops}
        life.ahead = [known.get(p.visit_id) or _as_planned(p) for p in self._planned(day)]
        self._agenda.counts["route_changes_heeded"] += 1
        return True

    def _planned(self, day: Any) -> list[PlannedStop]:
        return [
            PlannedStop(
                s["visit_id"],
                datetime.fromisoformat(s["start_at"]),
                (datetime.fromisoformat(s["end_at"]) - datetime.fromisoformat(s["start_at"])).total_seconds(),
                float(s["travel_min"]),
                s["door"]["id"] if s["door"] else None,
                s["key_note"] is not None,
                live_call(self._streams("call", s["visit_id"])) if s["mode"] == "screen" else None,
            )
            for s in _stops(day)
            if s["state"] == "planned"
        ]

    def _arrive(self, life: Life, stop: LivedStop, attempt: int) -> None:
        if self._heed_changes(life):
            # The route changed while she was on her way: what is first now may be another door.
            self._next(life)
            return
        if stop.call is not None:
            self._screens.ring(life, stop, lambda: self._next(life))
            return
        if stop.door_id is None:
            life.tablet.begin_visit(stop.visit_id)
            self._inside(life, stop)
            return
        state = self._doorstep.settled(life.tablet, life.tablet.open_door(stop.door_id, stop.visit_id))
        self._agenda.counts[f"doors_{state}"] += 1
        if state == "unlocked":
            self._start_by_tap_if_needed(life, stop)
            self._inside(life, stop)
        elif attempt == 1:
            life.behind += TRY_AGAIN
            again = self._agenda.now + TRY_AGAIN
            self._later(life, again, lambda: self._arrive(life, stop, 2))
        else:
            life.behind += OTHER_WAY_IN
            inside = self._agenda.now + OTHER_WAY_IN
            self._later(life, inside, lambda: self._other_way_in(life, stop))

    def _later(self, life: Life, at: datetime, run: Callable[[], None]) -> None:
        later(self._agenda, life, at, run)

    def _start_by_tap_if_needed(self, life: Life, stop: LivedStop) -> None:
        """The door is open; where it did not begin the visit the tablet shows Start besøg, and she taps it."""
        if stop.visit_id not in self._begun:
            self._agenda.counts["tapped_after_door"] += 1
            life.tablet.begin_visit(stop.visit_id)

    def _other_way_in(self, life: Life, stop: LivedStop) -> None:
        self._agenda.counts["other_way_in"] += 1
        life.tablet.begin_visit(stop.visit_id)
        self._inside(life, stop)

    def _inside(self, life: Life, stop: LivedStop) -> None:
        length = stop.ends_at - stop.arrives_at
        leaves_at = self._agenda.now + length
        self._lifts.uses_lift(life, stop, leaves_at)
        self._later(life, leaves_at, lambda: self._leave(life, stop))

    def _leave(self, life: Life, stop: LivedStop) -> None:
        life.tablet.end_visit(stop.visit_id, stop.outcome)
        self._agenda.counts["visits"] += 1
        self._next(life)

    def _end(self, life: Life) -> None:
        if self._heed_changes(life) and life.ahead:
            self._next(life)
            return
        life.on_duty = False
        self._driving.is_home(life)
        life.tablet.end_shift(life.lived.end_place)
        self._agenda.counts["shifts_ended"] += 1
        life.tablet.close()


def _as_planned(stop: PlannedStop) -> LivedStop:
    """A stop that came by a route change, lived as it is planned."""
    ends_at = stop.start_at + timedelta(seconds=stop.duration_s)
    return LivedStop(stop.visit_id, stop.door_id, stop.start_at, ends_at, "done", stop.call)


def _stops(day: Any) -> list[Any]:
    return list(day["route"]["stops"]) if day["route"] else []

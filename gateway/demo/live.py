"""Lives today through the real front doors: HTTP for tablets, kiosks, links and planners, MQTT for every device.

Everybody's acts stand on one agenda (:mod:`gateway.demo.agenda`); what is lived where is in the modules named
after it.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from devices.keys.model import ClockState
from devices.simulator.fleet import Fleet
from devices.simulator.lift import TransferFleet
from devices.simulator.vehicle_fleet import VehicleFleet
from gateway.demo.agenda import Agenda
from gateway.demo.doorstep import Doorstep
from gateway.demo.driving import DemoTracker, base_of_unit, drivers, position_of_visit
from gateway.demo.live_driving import CarsTell, LiveDriving
from gateway.demo.live_home import HomeCare
from gateway.demo.live_office import Office
from gateway.demo.live_residence import LiveResidences
from gateway.demo.live_screen import ScreenVisits
from gateway.demo.municipality import Municipality
from gateway.demo.past_screen import follow_up_id, physical_minutes
from gateway.demo.running import RunningDay
from gateway.runtime import Runtime
from scheduling.model import Day

TIME_ANSWER_S = 5.0
#: so much of the way a car tells at once on a day nobody watches
TOLD_TOGETHER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Fleets:
    """The simulated devices on the broker. Those a day has none of are absent."""

    locks: Fleet
    transfers: TransferFleet | None = None
    cars: VehicleFleet | None = None
    trackers: Mapping[str, DemoTracker] | None = None


class LiveDay:
    """Everybody's day.

    Parameters
    ----------
    invented
        The day is one of the invented municipality; a given day has routes and doors only.
    hurried
        Nobody watches the day.
    by_hand
        Carers left to a person at the browser.
    """

    def __init__(
        self,
        runtime: Runtime,
        running: RunningDay,
        fleets: Fleets,
        port: int,
        *,
        municipality: Municipality,
        invented: bool,
        hurried: bool,
        by_hand: Collection[str] = (),
        progress: Callable[[datetime, Counter[str]], None] = lambda _at, _counts: None,
    ) -> None:
        self._runtime = runtime
        self._fleets = fleets
        self._port = port
        self._municipality = municipality
        self._invented = invented
        self._by_hand = frozenset(by_hand)
        present = [f for f in (fleets.locks, fleets.transfers, fleets.cars) if f is not None]
        self._hurried = hurried
        self._cars = (
            CarsTell(fleets.cars, TOLD_TOGETHER if hurried else timedelta()) if fleets.cars is not None else None
        )
        clocked: list[Callable[[datetime], object]] = [fleets.locks.advance_to]
        if self._cars is not None:
            clocked.append(self._cars.advance_to)
        self._agenda = Agenda(runtime, running, present, clocked, hurried=hurried, progress=progress)

    @property
    def counts(self) -> Counter[str]:
        """What happened, counted."""
        return self._agenda.counts

    def live(self, day: Day, starts: Mapping[str, datetime]) -> None:
        """Live the day of these carers to its end, or until somebody ends it.

        Parameters
        ----------
        starts
            When each carer's shift is planned to begin.
        """
        streams = self._municipality.stream
        residences = self._residences(day)
        screens = ScreenVisits(
            self._agenda,
            self._port,
            self._municipality.kiosks_of_visits(day) if self._invented else {},
        )
        driving = self._driving(day)
        homes = HomeCare(
            self._agenda,
            self._port,
            day.on,
            streams=streams,
            screens=screens,
            driving=driving,
            lifts=residences,
            doorstep=Doorstep(self._agenda, self._fleets.locks, hurried=self._hurried),
        )
        office = self._office(day, homes)
        screens.follow_up = office.follow_up
        for carer_id in sorted(set(starts) - self._by_hand):
            homes.expect(carer_id, starts[carer_id])
        if self._invented:
            residences.expect(day.on)
            office.expect([c for c in day.carers if c.id not in self._by_hand])
        try:
            self._until_clocks_are_set()
            self._agenda.live()
        finally:
            for part in (screens, residences, office):
                part.close()

    def _residences(self, day: Day) -> LiveResidences:
        lifts = {c.id: d.id for c in day.citizens for d in c.devices if d.kind == "lift"} if self._invented else {}
        return LiveResidences(
            self._agenda,
            self._port,
            self._municipality.residences,
            self._fleets.transfers,
            self._municipality.stream,
            left_to_people=self._by_hand,
            home_lift_of={str(v.id): lifts[v.citizen_id] for v in day.visits if v.citizen_id in lifts},
        )

    def _driving(self, day: Day) -> LiveDriving:
        trackers = self._fleets.trackers or {}
        with_car = [(c, u) for c, u in drivers(day) if c not in self._by_hand] if trackers else []
        taken = {str(c): car for c, car in self._municipality.cars.taken(day.on, with_car).items()}
        places, bases = position_of_visit(day), base_of_unit(self._municipality)
        return LiveDriving(self._agenda, trackers, taken, places, bases, self._cars)

    def _office(self, day: Day, homes: HomeCare) -> Office:
        return Office(
            self._agenda,
            self._port,
            day.on,
            homes,
            streams=self._municipality.stream,
            minutes_of=self._physical_minutes(day) if self._invented else {},
            follow_up_id=lambda visit_id: follow_up_id(self._municipality, day.on, visit_id),
        )

    def _physical_minutes(self, day: Day) -> dict[str, float]:
        if day.on.weekday() >= 5:
            return {}
        return physical_minutes(self._municipality, self._municipality.day(day.on).visits)

    def _until_clocks_are_set(self) -> None:
        """Wait for the locks that asked for the time when they connected.

        An answer that arrives after world time has jumped on would set a clock back by the jump, and that lock
        would refuse its visits for hours. A lock that gets no answer is a fault of its own and not waited for long.
        """
        self._agenda.quiet()
        deadline_s = time.monotonic() + TIME_ANSWER_S
        locks = self._fleets.locks.locks.values()
        while any(lock.clock.state is ClockState.LOST for lock in locks) and time.monotonic() < deadline_s:
            time.sleep(0.005)

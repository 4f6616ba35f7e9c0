"""The cars today: taken on the tablet at the start of the shift, driven stop by stop, told over MQTT."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from devices.driving.model import Position
from devices.simulator.vehicle_fleet import VehicleFleet
from gateway.demo.agenda import Agenda
from gateway.demo.behaviour import LivedStop
from gateway.demo.driving import WALK, DemoTracker, way
from gateway.demo.life import Life
from gateway.demo.vehicles import Car

#: a tracker tells where it is as often as real ones do
EVERY_S = 10.0


class CarsTell:
    """Has the cars take their fixes and send them as world time goes on.

    Parameters
    ----------
    together
        So much of the way they tell at once; what they tell is the same.
    """

    def __init__(self, fleet: VehicleFleet, together: timedelta) -> None:
        self._fleet = fleet
        self._together = together
        self._due_at: datetime | None = None

    def advance_to(self, now: datetime) -> None:
        """It is so late."""
        if self._due_at is None or now >= self._due_at:
            self.tell(now)

    def tell(self, now: datetime) -> None:
        """Send everything up to now."""
        self._fleet.advance_to(now)
        self._due_at = now + self._together


class LiveDriving:
    """Drives the cars of a day.

    Parameters
    ----------
    taken
        Which car each carer who drives takes.
    places
        Where each visit is.
    bases
        Where each centre has its base.
    cars
        Sends what they tell; ``None`` where there are no cars.
    """

    def __init__(
        self,
        agenda: Agenda,
        trackers: Mapping[str, DemoTracker],
        taken: Mapping[str, Car],
        places: dict[str, Position],
        bases: Mapping[str, Position],
        cars: CarsTell | None,
    ) -> None:
        self._agenda = agenda
        self._trackers = trackers
        self._taken = taken
        self._bases = bases
        self._cars = cars
        self.places = places
        self._at: dict[str, Position | None] = {}

    def start(self, life: Life) -> None:
        """A carer who drives chooses her car and reads its odometer."""
        carer = life.tablet.carer_id
        car = self._taken.get(carer)
        if car is None:
            return
        odometer_km = self._trackers[car.id].odometer_m // 1000
        life.tablet.call("POST", "/api/v1/me/vehicle", {"vehicle_id": car.id, "odometer_km": odometer_km})
        self._agenda.counts["cars_taken"] += 1
        self._at[carer] = self._bases.get(car.unit_id) if life.lived.start_place == "base" else None

    def heads_for(self, life: Life, stop: LivedStop, arrives_at: datetime) -> None:
        """A carer is on her way; a screen visit takes her nowhere."""
        if stop.call is None:
            self._drive(life, self.places.get(stop.visit_id), arrives_at)

    def heads_home(self, life: Life, arrives_at: datetime) -> None:
        """After the last stop, where she ends at the base."""
        car = self._taken.get(life.tablet.carer_id)
        if car is not None and life.lived.end_place == "base":
            self._drive(life, self._bases.get(car.unit_id), arrives_at)

    def is_home(self, life: Life) -> None:
        """Before a shift ends, her car has told where it was: her log closes with it."""
        if self._cars is not None and life.tablet.carer_id in self._taken:
            self._cars.tell(self._agenda.now)
            self._agenda.quiet()

    def _drive(self, life: Life, there: Position | None, arrives_at: datetime) -> None:
        carer = life.tablet.carer_id
        car = self._taken.get(carer)
        if car is None or there is None:
            return
        here = self._at.get(carer)
        leg = way(here, there, self._agenda.now + WALK, arrives_at) if here is not None else None
        if leg is not None:
            self._trackers[car.id].drive(leg, EVERY_S)
        self._at[carer] = there

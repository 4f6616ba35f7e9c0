"""A carer with a car on a running platform: mounted, taken, driven and told over a real broker."""

from dataclasses import dataclass
from datetime import timedelta

from devices.driving.mileage import NewClaim, claim
from devices.driving.model import Mode, Position
from devices.driving.rates import OwnVehicle
from devices.driving.tables import VehicleTripRow
from devices.simulator.vehicle import DriveLeg, Fault, SimulatedTracker
from devices.simulator.vehicle_fleet import VehicleFleet
from gateway.demo.tablets import Tablet
from gateway.runtime import Runtime
from gateway.usecases.driving import VehicleMount, mount_vehicles
from kernel.clock import SimulatedWorldClock
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.model import Day, Place

ODOMETER_M = 48_211_400


@dataclass
class CarDay:
    """One car-driving carer and the first stops of her route, driven one after the other."""

    runtime: Runtime
    clock: SimulatedWorldClock
    day: Day
    tablet: Tablet
    vehicle_id: str
    reg_no: str
    legs: list[DriveLeg]
    visit_ids: list[str]
    fleet: VehicleFleet

    def drive(self, number: int) -> None:
        """Drive one leg and stand there for three minutes; everything the car said is committed then."""
        self.clock.advance_to(self.legs[number].arrives_at + timedelta(minutes=3))
        self.fleet.advance_to(self.clock.now())
        assert self.fleet.wait_idle(15.0)

    def visit(self, number: int) -> None:
        """Begin and end the visit at the end of a leg."""
        self.tablet.begin_visit(self.visit_ids[number])
        self.clock.advance_to(self.legs[number].arrives_at + timedelta(minutes=8))
        self.fleet.advance_to(self.clock.now())
        self.tablet.end_visit(self.visit_ids[number], "done")
        assert self.fleet.wait_idle(15.0)

    def take_car(self, odometer_km: float = ODOMETER_M / 1000) -> None:
        """Choose the car on the tablet."""
        self.tablet.call("POST", "/api/v1/me/vehicle", {"vehicle_id": self.vehicle_id, "odometer_km": odometer_km})


def car_carers(day: Day) -> list[str]:
    """Carers on duty who drive a car, by id."""
    return sorted(str(c.id) for c in day.carers if c.transport.value == "car")


def unit_of(day: Day, carer_id: str) -> str:
    """The unit of a carer."""
    return str(next(c.unit_id for c in day.carers if c.id == carer_id))


def bike_carers(day: Day) -> list[str]:
    """Carers on duty who ride a bicycle, by id."""
    return sorted(str(c.id) for c in day.carers if c.transport.value != "car")


def car_day(
    runtime: Runtime,
    clock: SimulatedWorldClock,
    day: Day,
    tablet: Tablet,
    *,
    reg_no: str,
    stops: int = 2,
    private_last: bool = False,
    faults: tuple[Fault, ...] = (),
) -> CarDay:
    """Mount a car for a carer and plan her drive from the base to her first stops, from now on."""
    vehicle_id = f"tracker-{reg_no.replace(' ', '').lower()}"
    with runtime.units.begin() as work:
        mount_vehicles(
            work,
            runtime.settings.mqtt.tenant,
            [VehicleMount(vehicle_id, reg_no, unit_of(day, tablet.carer_id), "sim")],
        )
    visits = [s["visit_id"] for s in tablet.day()["route"]["stops"] if s["mode"] == "physical"][:stops]
    unit = next(u for u in day.units if u.id == unit_of(day, tablet.carer_id))
    place, at = _position(unit.base), clock.now() + timedelta(minutes=2)
    legs = []
    for visit_id in visits:
        target = _position(day.citizen_by_id[day.visit_by_id[visit_id].citizen_id].place)  # type: ignore[index]
        legs.append(DriveLeg(place, target, at, at + timedelta(minutes=5)))
        place, at = target, at + timedelta(minutes=15)
    if private_last:
        away = Position(place.lat_deg + 0.02, place.lon_deg)
        legs.append(DriveLeg(place, away, at, at + timedelta(minutes=6), Mode.PRIVATE))
    tracker = SimulatedTracker(vehicle_id, legs, odometer_m=ODOMETER_M, seed=1, faults=faults)
    fleet = VehicleFleet(runtime.address, runtime.settings.mqtt.tenant, [tracker], runtime.link)
    fleet.start()
    assert fleet.wait_up(15.0)
    return CarDay(runtime, clock, day, tablet, vehicle_id, reg_no, legs, visits, fleet)


def missing_trip_and_claim(work: Work, vehicle_id: str, unit_id: str) -> dict[str, str]:
    """Kilometres nobody recorded on a car of a unit, and a claim of somebody there."""
    at = work.now - timedelta(days=2)
    work.session.add(
        VehicleTripRow(
            id="trip-matrix",
            vehicle_id=vehicle_id,
            unit_id=unit_id,
            day=local_day(at),
            state="missing",
            mode="business",
            purpose="unknown",
            started_at=at,
            ended_at=at,
            start_odometer_m=47_990_000,
            end_odometer_m=47_998_000,
            distance_m=8_000,
            track_m=0,
        )
    )
    new = NewClaim(local_day(at), OwnVehicle.CYCLE, None, "besøg", "A", "B", (), 5_000)
    return {"trip_id": "trip-matrix", "claim_id": claim(work, "carer-matrix", unit_id, new, local_day(work.now)).id}


def _position(place: Place) -> Position:
    assert place.lat_deg is not None
    assert place.lon_deg is not None
    return Position(place.lat_deg, place.lon_deg)

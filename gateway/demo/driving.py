"""What the cars of home care drive: from stop to stop of whoever has them, just in time and not before."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from devices.driving.distance import great_circle_m
from devices.driving.model import Position
from devices.simulator.vehicle import DETOUR_RATIO, DriveLeg, SimulatedTracker, fixes_of
from gateway.demo.behaviour import LivedShift
from gateway.demo.municipality import Municipality
from kernel.ids import CarerId, UnitId
from scheduling.model import Day, Transport

#: door to door in Copenhagen (domain facts: 18 to 22 km/h)
SPEED_M_S = 20_000 / 3600
#: from the door to the car, and from the car to the door
WALK = timedelta(seconds=30)
SHORTEST_DRIVE = timedelta(seconds=60)
#: nobody moves a car for less than this
SAME_PLACE_M = 60.0
#: how long a tracker tells of a car that stands
TELLS_PARKED = timedelta(seconds=200)
PARKED_EVERY_S = 90.0


class DemoTracker(SimulatedTracker):
    """A tracker that is told each way when it is driven: nobody knows beforehand how a day goes."""

    def __init__(self, vehicle_id: str, *, odometer_m: int, seed: int, boot: int = 1) -> None:
        super().__init__(vehicle_id, [], odometer_m=odometer_m, seed=seed)
        self.boot = boot
        self.odometer_m = odometer_m
        self._seed = seed
        self._next_seq = 1

    def drive(self, leg: DriveLeg, every_s: float) -> None:
        """Drive one way; what the tracker tells of it goes out as its time comes."""
        fixes = fixes_of(
            [leg],
            odometer_m=self.odometer_m,
            seed=self._seed + self._next_seq,
            boot=self.boot,
            first_seq=self._next_seq,
            every_s=every_s,
            parked_every_s=PARKED_EVERY_S,
            until=leg.arrives_at + TELLS_PARKED,
        )
        # Whoever drives on within minutes was not parked for long.
        self._to_come = deque(f for f in self._to_come if f.ts_at < leg.departs_at)
        self._to_come.extend(fixes)
        self._next_seq += len(fixes)
        self.odometer_m = fixes[-1].odometer_m


def drivers(day: Day) -> list[tuple[CarerId, UnitId]]:
    """Carers on duty who drive a car, with their centre."""
    return [(c.id, c.unit_id) for c in day.carers if c.transport is Transport.CAR]


def position_of_visit(day: Day) -> dict[str, Position]:
    """Where each visit is, in WGS 84 degrees."""
    found = {}
    for visit in day.visits:
        place = day.citizen_by_id[visit.citizen_id].place
        if place.lat_deg is not None and place.lon_deg is not None:
            found[str(visit.id)] = Position(place.lat_deg, place.lon_deg)
    return found


def base_of_unit(municipality: Municipality) -> dict[str, Position]:
    """Where each centre has its base."""
    return {
        str(u.id): Position(u.base.lat_deg, u.base.lon_deg)
        for u in municipality.units
        if u.base.lat_deg is not None and u.base.lon_deg is not None
    }


def way(start: Position, end: Position, leaves_from: datetime, arrives_at: datetime) -> DriveLeg | None:
    """The way from door to door, driven as late as it can be; ``None`` where the car stays where it is."""
    straight_m = great_circle_m(start, end)
    if straight_m < SAME_PLACE_M:
        return None
    takes = max(SHORTEST_DRIVE, timedelta(seconds=round(straight_m * DETOUR_RATIO / SPEED_M_S)))
    parked_at = max(arrives_at - WALK, leaves_from + SHORTEST_DRIVE)
    return DriveLeg(start, end, max(leaves_from, parked_at - takes), parked_at)


def legs_of_shift(lived: LivedShift, places: Mapping[str, Position], base: Position | None) -> Iterator[DriveLeg]:
    """The ways of a whole shift, from the base and back to it where it began or ended there."""
    at, free_at = (base if lived.start_place == "base" else None), lived.starts_at
    for stop in lived.stops:
        there = places.get(stop.visit_id)
        if stop.call is None and there is not None:
            leg = way(at, there, free_at, stop.arrives_at) if at is not None else None
            if leg is not None:
                yield leg
            at = there
        free_at = stop.ends_at + WALK
    if lived.end_place == "base" and base is not None and at is not None:
        leg = way(at, base, free_at, lived.ends_at)
        if leg is not None:
            yield leg


def in_order(legs: Sequence[DriveLeg]) -> list[DriveLeg]:
    """Legs that follow one another; one that would begin before the last is over is left out."""
    kept: list[DriveLeg] = []
    for leg in legs:
        if not kept or kept[-1].arrives_at <= leg.departs_at:
            kept.append(leg)
    return kept

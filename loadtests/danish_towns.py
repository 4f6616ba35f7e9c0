"""Three generated towns for the route benchmark: a day of home care each, by seed.

Figures are those of Danish practice where there are any (minutes a visit, visits a route, travel, double visits,
screen share, the morning's peak) and else assumptions. No table of names, no real place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from scheduling.model import (
    Break,
    Carer,
    Citizen,
    Day,
    Door,
    Objective,
    Pair,
    Place,
    Preferences,
    ShiftEnd,
    Transport,
    TravelBySpeed,
    Unit,
    UnitKind,
    Vehicle,
    Visit,
    VisitMode,
)
from scheduling.travel import STANDARD_SPEEDS

ON = date(2026, 11, 25)
SEVEN = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
KM_PER_DEGREE = 111.2
PEAKS = ((0, 180, 0.52), (180, 240, 0.12), (240, 360, 0.26), (360, 420, 0.10))
"""Minutes from seven and the share of the visits whose window opens then: the morning, and lunch."""


@dataclass(frozen=True, slots=True)
class Town:
    """What a town is like. ``villages`` are clusters of citizens; one is the town itself.

    ``a_day`` are the numbers of visits a citizen may have, each as likely; a double visit comes on top. ``by_team``:
    carers belong to a village, and regular carers come from the citizen's own.
    """

    name: str
    radius_km: float
    villages: int
    cars_share: float
    lock_share: float
    visits: int = 600
    visits_each: int = 14
    a_day: tuple[int, ...] = (1, 1, 1, 2)
    by_team: bool = False


TOWNS = (
    Town("tæt by", radius_km=2.0, villages=1, cars_share=0.1, lock_share=0.5),
    Town("købstad", radius_km=4.5, villages=4, cars_share=0.4, lock_share=0.3),
    Town("landkommune", radius_km=11.0, villages=9, cars_share=0.9, lock_share=0.3),
)


def generated(town: Town, seed: int) -> Day:
    """The day of a town. The same town and seed give the same day."""
    random = Random(f"{town.name} {seed}")
    centres = [(0.0, 0.0)] + [_around((0.0, 0.0), town.radius_km, random) for _ in range(town.villages - 1)]
    base = _place((0.0, 0.0))
    unit = Unit(UnitId("by"), town.name.capitalize(), UnitKind.HOME_CARE, base)
    staff = [_carer(unit, number, town, centres, random) for number in range(town.visits // town.visits_each)]
    citizens: list[Citizen] = []
    visits: list[Visit] = []
    pairs: list[Pair] = []
    while len(visits) < town.visits:
        citizen = _citizen(unit, len(citizens), town, centres, staff, random)
        citizens.append(citizen)
        for _ in range(random.choice(town.a_day)):
            visit = _visit(citizen, f"v{len(visits):04}", random)
            visits.append(visit)
            if visit.mode is VisitMode.PHYSICAL and random.random() < 0.08:
                second = _second(visit, f"v{len(visits):04}")
                visits.append(second)
                pairs.append(Pair(visit.id, second.id))
    return Day(
        on=ON,
        name=f"{town.name} {seed}",
        zero_at=SEVEN,
        objective=Objective.CARE,
        units=(unit,),
        carers=tuple(staff),
        citizens=tuple(citizens),
        visits=tuple(visits),
        pairs=tuple(pairs),
        travel=TravelBySpeed(STANDARD_SPEEDS),
    )


def _around(centre: tuple[float, float], radius_km: float, random: Random) -> tuple[float, float]:
    far, turn = radius_km * math.sqrt(random.random()), 2 * math.pi * random.random()
    return centre[0] + far * math.cos(turn), centre[1] + far * math.sin(turn)


def _place(at_km: tuple[float, float]) -> Place:
    lat = 55.6 + at_km[1] / KM_PER_DEGREE
    return Place(round(lat, 5), round(11.8 + at_km[0] / (KM_PER_DEGREE * math.cos(math.radians(lat))), 5))


def _home(town: Town, centres: list[tuple[float, float]], random: Random) -> Place:
    spread = town.radius_km if len(centres) == 1 else town.radius_km / 4
    return _place(_around(random.choice(centres), spread, random))


def _carer(unit: Unit, number: int, town: Town, centres: list[tuple[float, float]], random: Random) -> Carer:
    by_car = random.random() < town.cars_share
    fetches = by_car and random.random() < 0.3
    from_home = random.random() < 0.4
    place = _home(town, centres, random) if from_home else unit.base
    noon = SEVEN + timedelta(hours=3, minutes=30)
    return Carer(
        id=CarerId(f"m{number:03}"),
        unit_id=unit.id,
        name=f"Medarbejder {number}",
        skills=frozenset({"pleje", "sygepleje"} if random.random() < 0.35 else {"pleje"}),
        shift_starts_at=SEVEN,
        shift_ends_at=SEVEN + timedelta(hours=8),
        transport=Transport.CAR if by_car else random.choice((Transport.BIKE, Transport.E_BIKE)),
        starts_from=ShiftEnd.HOME if from_home else ShiftEnd.BASE,
        ends_at=ShiftEnd.HOME if from_home else ShiftEnd.BASE,
        start_place=place,
        end_place=place,
        breaks=(Break(noon, noon + timedelta(hours=2), 1800.0),),
        vehicle=Vehicle(unit.base) if fetches else None,
        norm_balance_s=random.choice((None, -7200.0, 0.0)),
    )


def _citizen(
    unit: Unit, number: int, town: Town, centres: list[tuple[float, float]], staff: list[Carer], random: Random
) -> Citizen:
    locked = random.random() < town.lock_share
    door = Door(DoorId(f"d{number:04}"), f"l{number:04}" if locked else None)
    regular = {random.choice(staff).id for _ in range(random.choice((0, 1, 2)))}
    avoided = {random.choice(staff).id} - regular if random.random() < 0.03 else set()
    place = _home(town, centres, random)
    if town.by_team:
        regular, avoided = _of_team(place, centres, staff, len(regular), bool(avoided), random)
    return Citizen(
        id=CitizenId(f"b{number:04}"),
        unit_id=unit.id,
        display_name=f"Borger {number}",
        address="Adresse",
        place=place,
        door=door,
        preferences=Preferences(frozenset(regular), frozenset(avoided)),
    )


def _of_team(
    place: Place, centres: list[tuple[float, float]], staff: list[Carer], wanted: int, avoids: bool, random: Random
) -> tuple[set[CarerId], set[CarerId]]:
    """Regular and unwanted carers from the team of the nearest village."""
    spots = [_place(centre) for centre in centres]
    lengths = [
        math.hypot((s.lat_deg or 0.0) - (place.lat_deg or 0.0), (s.lon_deg or 0.0) - (place.lon_deg or 0.0))
        for s in spots
    ]
    own = staff[lengths.index(min(lengths)) :: len(centres)] or staff
    regular = {random.choice(own).id for _ in range(wanted)}
    return regular, {random.choice(own).id} - regular if avoids else set()


def _visit(citizen: Citizen, visit_id: str, random: Random) -> Visit:
    low, high, _ = random.choices(PEAKS, [peak[2] for peak in PEAKS])[0]
    opens = SEVEN + timedelta(minutes=15 * (random.randrange(low, high) // 15))
    screen = random.random() < 0.05
    mean, spread = random.choice(((24, 8), (15, 5), (8, 3)))
    return Visit(
        id=VisitId(visit_id),
        citizen_id=citizen.id,
        unit_id=citizen.unit_id,
        service="personlig_pleje",
        window_open_at=opens,
        window_close_at=opens + timedelta(minutes=random.choice((30, 60, 60, 120))),
        duration_s=60.0 * max(5, round(random.gauss(mean, spread))),
        mode=VisitMode.SCREEN if screen else VisitMode.PHYSICAL,
        door_id=None if screen or citizen.door is None else citizen.door.id,
        required_skills=frozenset({"sygepleje"} if random.random() < 0.2 else {"pleje"}),
        priority=random.choice((1, 2, 3, 3, 4)),
    )


def _second(visit: Visit, visit_id: str) -> Visit:
    return Visit(
        id=VisitId(visit_id),
        citizen_id=visit.citizen_id,
        unit_id=visit.unit_id,
        service=visit.service,
        window_open_at=visit.window_open_at,
        window_close_at=visit.window_close_at,
        duration_s=visit.duration_s,
        door_id=visit.door_id,
        required_skills=frozenset({"pleje"}),
        priority=visit.priority,
    )

"""Days for tests: one to be checked by hand, builders of single records, and a seeded municipality."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from scheduling.day_file import load_day
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

LILLESTAD = Path(__file__).parents[1] / "data" / "lillestad.json"
BENCHMARKS = Path(__file__).parents[3] / "shared" / "benchmarks" / "hhcrsp"
SEVEN = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
"""07:00 in Copenhagen on the demo's Wednesday."""


def lillestad() -> Day:
    """The day of four visits that can be checked by hand."""
    return load_day(LILLESTAD)


def with_visit(day: Day, visit_id: str, **changes: Any) -> Day:
    """The day with one visit changed."""
    return replace(day, visits=tuple(replace(v, **changes) if v.id == visit_id else v for v in day.visits))


def with_carer(day: Day, carer_id: str, **changes: Any) -> Day:
    """The day with one carer changed."""
    return replace(day, carers=tuple(replace(c, **changes) if c.id == carer_id else c for c in day.carers))


def with_citizen(day: Day, citizen_id: str, **changes: Any) -> Day:
    """The day with one citizen changed."""
    return replace(day, citizens=tuple(replace(c, **changes) if c.id == citizen_id else c for c in day.citizens))


def municipality(seed: int, *, units: int = 1, carers: int = 4, visits_each: int = 8) -> Day:
    """A seeded day shaped like a Danish morning: double visits, screens, wishes, three ways to start."""
    random = Random(seed)
    built = [_unit(number, random) for number in range(units)]
    staff: list[Carer] = []
    citizens: list[Citizen] = []
    visits: list[Visit] = []
    pairs: list[Pair] = []
    for unit in built:
        mine = [_carer(unit, number, random) for number in range(carers)]
        staff += mine
        _fill(unit, mine, carers * visits_each, random, citizens, visits, pairs)
    return Day(
        on=date(2026, 11, 25),
        name=f"Prøvekommune {seed}",
        zero_at=SEVEN,
        objective=Objective.CARE,
        units=tuple(built),
        carers=tuple(staff),
        citizens=tuple(citizens),
        visits=tuple(visits),
        pairs=tuple(pairs),
        travel=TravelBySpeed(STANDARD_SPEEDS),
    )


def with_terms_of_shifts(day: Day, seed: int) -> Day:
    """The day with breaks (two for some), vehicles to fetch, part-timers below the norm and keys at the base."""
    random = Random(f"terms {seed}")
    carers = tuple(_with_terms(carer, day, random) for carer in day.carers)
    citizens = tuple(
        replace(c, door=replace(c.door, key_at_base=c.door.device_id is None and random.random() < 0.1))
        if c.door is not None
        else c
        for c in day.citizens
    )
    return replace(day, carers=carers, citizens=citizens)


def _with_terms(carer: Carer, day: Day, random: Random) -> Carer:
    lunch = Break(SEVEN + timedelta(hours=3, minutes=30), SEVEN + timedelta(hours=5), 1800.0)
    coffee = Break(SEVEN + timedelta(hours=1, minutes=30), SEVEN + timedelta(hours=2, minutes=15), 600.0)
    base = next(unit.base for unit in day.units if unit.id == carer.unit_id)
    return replace(
        carer,
        breaks=random.choice(((), (lunch,), (lunch,), (coffee, lunch))),
        vehicle=Vehicle(base) if carer.transport is Transport.CAR or random.random() < 0.2 else None,
        norm_balance_s=random.choice((None, -1200.0, 3600.0)),
    )


def _point(unit_number: int, random: Random) -> Place:
    return Place(
        lat_deg=round(55.64 + 0.03 * unit_number + 0.025 * random.random(), 5),
        lon_deg=round(12.50 + 0.05 * random.random(), 5),
    )


def _unit(number: int, random: Random) -> Unit:
    return Unit(UnitId(f"enhed-{number}"), f"Enhed {number}", UnitKind.HOME_CARE, _point(number, random))


def _carer(unit: Unit, number: int, random: Random) -> Carer:
    home = _point(int(unit.id[-1]), random)
    start = random.choice((ShiftEnd.HOME, ShiftEnd.BASE, ShiftEnd.CITIZEN, ShiftEnd.CITIZEN))
    end = random.choice((ShiftEnd.HOME, ShiftEnd.BASE, ShiftEnd.CITIZEN))
    if end is ShiftEnd.HOME or start is ShiftEnd.HOME:
        start, end = ShiftEnd.HOME, ShiftEnd.HOME
    place = {ShiftEnd.HOME: home, ShiftEnd.BASE: unit.base, ShiftEnd.CITIZEN: None}
    return Carer(
        id=CarerId(f"{unit.id}-c{number:03}"),
        unit_id=unit.id,
        name=f"Medarbejder {number}",
        skills=frozenset({"pleje", "sygepleje"} if number % 3 == 0 else {"pleje"}),
        shift_starts_at=SEVEN,
        shift_ends_at=SEVEN + timedelta(hours=8),
        transport=Transport.CAR if number % 5 == 0 else Transport.BIKE,
        starts_from=start,
        ends_at=end,
        start_place=place[start],
        end_place=place[end],
    )


def _fill(
    unit: Unit,
    staff: list[Carer],
    size: int,
    random: Random,
    citizens: list[Citizen],
    visits: list[Visit],
    pairs: list[Pair],
) -> None:
    """Visits of one unit, about 7 % of them double, 8 % by screen, a fifth of nursing."""
    made = 0
    while made < size:
        number = len(citizens)
        regular = {random.choice(staff).id} if random.random() < 0.2 else set()
        citizen = Citizen(
            id=CitizenId(f"b{number:04}"),
            unit_id=unit.id,
            display_name=f"Borger {number}",
            address="Prøvevej",
            place=_point(int(unit.id[-1]), random),
            door=Door(DoorId(f"d{number:04}"), f"l{number:04}" if random.random() < 0.3 else None),
            preferences=Preferences(regular_carer_ids=frozenset(regular)),
        )
        citizens.append(citizen)
        first = _visit(citizen, f"v{number:04}", random)
        visits.append(first)
        made += 1
        if random.random() < 0.07 and first.mode is VisitMode.PHYSICAL:
            visits.append(replace(first, id=VisitId(f"{first.id}b"), required_skills=frozenset({"pleje"})))
            gap = random.choice(((0.0, 0.0), (600.0, 1800.0)))
            pairs.append(Pair(first.id, visits[-1].id, *gap))
            made += 1


def _visit(citizen: Citizen, visit_id: str, random: Random) -> Visit:
    screen = random.random() < 0.08
    opens = SEVEN + timedelta(minutes=15 * random.randrange(0, 26))
    return Visit(
        id=VisitId(visit_id),
        citizen_id=citizen.id,
        unit_id=citizen.unit_id,
        service="personlig_pleje",
        window_open_at=opens,
        window_close_at=opens + timedelta(minutes=random.choice((30, 60, 120))),
        duration_s=60.0 * max(5, round(random.gauss(18, 6))),
        mode=VisitMode.SCREEN if screen else VisitMode.PHYSICAL,
        door_id=None if screen or citizen.door is None else citizen.door.id,
        required_skills=frozenset({"sygepleje"} if random.random() < 0.2 else {"pleje"}),
        priority=random.choice((2, 3, 3, 4)),
    )

"""Where work and carers of a unit are, as numbers: kilometres, minutes, and who could do how much of what."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from kernel.ids import CarerId, UnitId, VisitId
from scheduling.cost import visit_load_min, weights_for
from scheduling.model import Carer, Day, Place, Transport, Visit

KM_PER_DEGREE = 111.2
KEY_PULL = 3.0
"""A citizen only she can get in at draws a carer as much as so many who know her."""

VisitKind = tuple[frozenset[str], frozenset[str], int, int]
CarerKind = tuple[frozenset[str], frozenset[str], int, int]
Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Atom:
    """Visits no border may run between: a double visit, what is bound to one carer, or a single visit."""

    visit_ids: tuple[VisitId, ...]
    carer_ids: tuple[CarerId, ...]
    at_km: Spot
    work_min: float
    kinds: tuple[tuple[VisitKind, float], ...]
    """Minutes of work by what they ask for: skills, competences, first and last hour."""


@dataclass(frozen=True, slots=True)
class Staff:
    """A carer as a split sees her. ``drawn_km`` is where citizens who know her live; ``None``: anywhere."""

    carer_id: CarerId
    kind: CarerKind
    shift_min: float
    drawn_km: Spot | None
    drives: bool


def is_mapped(day: Day) -> bool:
    """Whether every citizen of the day has coordinates; a matrix of travel times knows no districts."""
    places = (day.citizen_by_id[v.citizen_id].place for v in day.visits)
    return all(p.lat_deg is not None and p.lon_deg is not None for p in places)


def spot_km(place: Place) -> Spot | None:
    """A place in kilometres east and north, good for the size of a municipality; ``None`` without coordinates."""
    if place.lat_deg is None or place.lon_deg is None:
        return None
    return (place.lon_deg * KM_PER_DEGREE * math.cos(math.radians(place.lat_deg)), place.lat_deg * KM_PER_DEGREE)


def atoms_of(day: Day, unit_id: UnitId) -> list[Atom]:
    """The visits of a unit (and of those merged into it) as atoms, in the order of the day."""
    acting = day.acting_unit
    visits = [v for v in day.visits if acting.get(v.unit_id, v.unit_id) == unit_id]
    carers = {c.id for c in staff_carers(day, unit_id)}
    bound: dict[str, str] = {}

    def root(name: str) -> str:
        while bound.setdefault(name, name) != name:
            bound[name] = name = bound[bound[name]]
        return name

    for visit in visits:
        pair = day.pair_of.get(visit.id)
        # Two visits that have begun are facts: nothing ties them any more.
        if pair is not None and not _both_begun(day, visit):
            bound[root(f"v{pair.second_id}")] = root(f"v{pair.first_id}")
        if visit.pinned_carer_id in carers:
            bound[root(f"v{visit.id}")] = root(f"c{visit.pinned_carer_id}")
    together: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        together[root(f"v{visit.id}")].append(visit)
    return [_atom(day, members, carers) for members in together.values()]


def staff_carers(day: Day, unit_id: UnitId) -> list[Carer]:
    """The carers of a unit and of those merged into it."""
    acting = day.acting_unit
    return [c for c in day.carers if acting.get(c.unit_id, c.unit_id) == unit_id]


def staff_of(day: Day, unit_id: UnitId) -> list[Staff]:
    """The carers of a unit with what draws each somewhere: her regular citizens, her keys, her home."""
    carers = staff_carers(day, unit_id)
    pulls: dict[CarerId, list[tuple[float, Spot]]] = defaultdict(list)
    acting = day.acting_unit
    for visit in day.visits:
        citizen = day.citizen_by_id[visit.citizen_id]
        at = spot_km(citizen.place)
        if at is None or acting.get(visit.unit_id, visit.unit_id) != unit_id:
            continue
        for carer_id in citizen.preferences.regular_carer_ids:
            pulls[carer_id].append((1.0, at))
        if citizen.door is not None and not citizen.door.device_id and not citizen.door.key_at_base:
            for carer_id in citizen.door.key_carer_ids:
                pulls[carer_id].append((KEY_PULL, at))
    return [_staff(day, carer, pulls.get(carer.id, [])) for carer in carers]


def _staff(day: Day, carer: Carer, pulls: list[tuple[float, Spot]]) -> Staff:
    home = spot_km(carer.start_place) if carer.start_place is not None and carer.starts_from == "home" else None
    if home is not None:
        pulls = [*pulls, (1.0, home)]
    total = sum(weight for weight, _ in pulls)
    drawn = (sum(w * at[0] for w, at in pulls) / total, sum(w * at[1] for w, at in pulls) / total) if pulls else None
    codes = frozenset(c.code for c in carer.competences if c.valid_until_on is None or c.valid_until_on >= day.on)
    starts, ends = day.minute(carer.shift_starts_at), day.minute(carer.shift_ends_at)
    kind = (carer.skills, codes, math.floor(starts / 60.0), math.floor(ends / 60.0))
    return Staff(carer.id, kind, ends - starts, drawn, carer.transport is Transport.CAR)


def _atom(day: Day, visits: list[Visit], carers: set[CarerId]) -> Atom:
    weights = weights_for(day.objective)
    spots = [spot_km(day.citizen_by_id[v.citizen_id].place) or (0.0, 0.0) for v in visits]
    work: dict[VisitKind, float] = defaultdict(float)
    for visit in visits:
        opens, closes = day.minute(visit.window_open_at), day.minute(visit.window_close_at)
        kind = (
            visit.required_skills,
            visit.required_competences,
            math.floor(opens / 60.0),
            math.floor(closes / 60.0),
        )
        work[kind] += visit_load_min(visit, weights)
    return Atom(
        visit_ids=tuple(v.id for v in visits),
        carer_ids=tuple(dict.fromkeys(v.pinned_carer_id for v in visits if v.pinned_carer_id in carers)),
        at_km=(sum(x for x, _ in spots) / len(spots), sum(y for _, y in spots) / len(spots)),
        work_min=sum(work.values()),
        kinds=tuple(work.items()),
    )


def _both_begun(day: Day, visit: Visit) -> bool:
    pair = day.pair_of[visit.id]
    return day.visit_by_id[pair.first_id].begun and day.visit_by_id[pair.second_id].begun

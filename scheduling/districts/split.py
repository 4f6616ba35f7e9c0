"""A unit split into districts: cut in two along its longer side, each side again, until each is small enough.

The cut runs where the work on its sides is in proportion (J. L. Bentley, CACM 18, 1975, for the halving of a plane).
Carers follow the work: of each kind (skills, competences, hours) as many go to a side as that side asks of the kind,
first those whose citizens, keys or home lie there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from kernel.ids import CarerId, UnitId, VisitId
from scheduling.districts.ground import Atom, CarerKind, Staff, VisitKind, atoms_of, is_mapped, staff_of
from scheduling.model import Day

CARERS_AT_LEAST = 4
"""A district with fewer carers has no choice left, and no second one for a double visit."""

DRIVERS_PULL = 0.5
"""How far, as a part of the unit's width, whoever drives is drawn to the side where ways are longer."""

_BOUND = {True: 0, None: 1, False: 2}


@dataclass(frozen=True, slots=True)
class District:
    """Visits and carers planned together. Numbers count from 0 within a unit, west and south first."""

    number: int
    unit_id: UnitId
    visit_ids: tuple[VisitId, ...]
    carer_ids: tuple[CarerId, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    atoms: list[Atom]
    staff: list[Staff]


def split(day: Day, unit_id: UnitId, most_visits: int) -> tuple[District, ...]:
    """The districts of a unit, of about ``most_visits`` each; the same day gives the same districts.

    A unit that is small enough, or whose day has no coordinates, is one district.
    """
    if most_visits < 1:
        raise ValueError(f"Expected most_visits >= 1, got {most_visits}.")
    whole = _Side(atoms_of(day, unit_id), staff_of(day, unit_id))
    visits = sum(len(a.visit_ids) for a in whole.atoms)
    parts = min(math.ceil(visits / most_visits), len(whole.staff) // CARERS_AT_LEAST)
    sides = _halved(whole, max(1, parts)) if is_mapped(day) else [whole]
    return tuple(
        District(
            number,
            unit_id,
            tuple(v for atom in side.atoms for v in atom.visit_ids),
            tuple(s.carer_id for s in side.staff),
        )
        for number, side in enumerate(sides)
    )


def _halved(side: _Side, parts: int) -> list[_Side]:
    if parts == 1 or len(side.atoms) < parts:
        return [side]
    first = parts // 2
    axis = _longer_axis(side.atoms)
    atoms = sorted(side.atoms, key=lambda a: (a.at_km[axis], a.visit_ids))
    worked = list(accumulate(a.work_min for a in atoms))
    wanted = worked[-1] * first / parts
    cut = min(max(1, sum(w <= wanted for w in worked)), len(atoms) - 1)
    low, high = _with_carers(atoms[:cut], atoms[cut:], side.staff, axis, first, parts)
    return [*_halved(low, first), *_halved(high, parts - first)]


def _longer_axis(atoms: Sequence[Atom]) -> int:
    return 0 if _spread(atoms, 0) >= _spread(atoms, 1) else 1


def _spread(atoms: Sequence[Atom], axis: int) -> float:
    mean = math.fsum(a.at_km[axis] for a in atoms) / len(atoms)
    return math.sqrt(math.fsum((a.at_km[axis] - mean) ** 2 for a in atoms) / len(atoms))


def _with_carers(
    low: list[Atom], high: list[Atom], staff: Sequence[Staff], axis: int, first: int, parts: int
) -> tuple[_Side, _Side]:
    """Both sides with their carers. Who is bound to an atom goes with it."""
    bound = {c: True for a in low for c in a.carer_ids} | {c: False for a in high for c in a.carer_ids}
    line = high[0].at_km[axis]
    pull = partial(_pull_km, axis=axis, line=line, driving_km=_drivers_km(low, high, axis))
    of_kind: dict[CarerKind, list[Staff]] = defaultdict(list)
    for one in staff:
        of_kind[one.kind].append(one)
    share = _shares(low, high, of_kind)
    goes_low: set[CarerId] = set()
    carry = 0.0
    for kind, same in sorted(of_kind.items(), key=lambda item: (-len(item[1]), item[1][0].carer_id)):
        wanted = len(same) * share[kind] + carry
        # First who is bound to the low side, then the free by what draws them, last who is bound to the high one.
        ranked = sorted(same, key=lambda s: (_BOUND[bound.get(s.carer_id)], pull(s), s.carer_id))
        must, may_not = (sum(bound.get(s.carer_id) is side for s in same) for side in (True, False))
        count = min(max(round(wanted), must), len(same) - may_not)
        carry = wanted - count
        goes_low.update(s.carer_id for s in ranked[:count])
    _even_out(goes_low, staff, bound, CARERS_AT_LEAST * first, CARERS_AT_LEAST * (parts - first))
    return (
        _Side(low, [s for s in staff if s.carer_id in goes_low]),
        _Side(high, [s for s in staff if s.carer_id not in goes_low]),
    )


def _pull_km(one: Staff, *, axis: int, line: float, driving_km: float) -> float:
    """How far beyond the line a carer is drawn: negative to the low side. Who is drawn nowhere stands on it."""
    drawn = 0.0 if one.drawn_km is None else one.drawn_km[axis] - line
    return drawn + (driving_km if one.drives else -driving_km)


def _drivers_km(low: Sequence[Atom], high: Sequence[Atom], axis: int) -> float:
    """How far whoever drives is drawn to the side with more room per visit; positive: to the high one."""
    rooms = [_spread(side, 0) * _spread(side, 1) / len(side) for side in (low, high)]
    if min(rooms) <= 0.0:
        return 0.0
    width = high[-1].at_km[axis] - low[0].at_km[axis]
    return DRIVERS_PULL * width * max(-1.0, min(1.0, math.log(rooms[1] / rooms[0])))


def _shares(low: Iterable[Atom], high: Iterable[Atom], of_kind: dict[CarerKind, list[Staff]]) -> dict[CarerKind, float]:
    """Of each kind of carer the part that the low side asks for."""
    capacity = {kind: sum(s.shift_min for s in same) for kind, same in of_kind.items()}
    asked: tuple[dict[VisitKind, float], ...] = (defaultdict(float), defaultdict(float))
    for side, atoms in enumerate((low, high)):
        for atom in atoms:
            for kind, work_min in atom.kinds:
                asked[side][kind] += work_min
    claims: dict[CarerKind, list[float]] = {kind: [0.0, 0.0] for kind in of_kind}
    for side in (0, 1):
        for wanted, work_min in asked[side].items():
            able = [kind for kind in of_kind if _may(kind, wanted)]
            whole = sum(capacity[kind] for kind in able)
            for kind in able:
                claims[kind][side] += work_min * capacity[kind] / whole
    even = sum(asked[0].values()) / (sum(asked[0].values()) + sum(asked[1].values()))
    return {kind: a / (a + b) if a + b > 0.0 else even for kind, (a, b) in claims.items()}


def _may(carer: CarerKind, visit: VisitKind) -> bool:
    skills, codes, starts, ends = carer
    return visit[0] <= skills and visit[1] <= codes and visit[2] <= ends and visit[3] >= starts


def _even_out(
    goes_low: set[CarerId], staff: Sequence[Staff], bound: dict[CarerId, bool], low_least: int, high_least: int
) -> None:
    """Neither side is left with fewer carers than its districts need."""
    free = [s.carer_id for s in staff if s.carer_id not in bound]
    while len(goes_low) < low_least and (more := [c for c in free if c not in goes_low]):
        goes_low.add(more[0])
    while len(staff) - len(goes_low) < high_least and (less := [c for c in free if c in goes_low]):
        goes_low.discard(less[-1])

"""How far a technology has come into use: enrolled, installed, used weekly, used at its share of what is possible.

Counted in subjects (citizens, residents, carers), from the ledger and the enrolments it has read. Each step is a
part of the one before.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import case, func, literal, or_, select
from sqlmodel import Session

from kernel.localtime import at_local
from metrics.covered_days import Days
from metrics.enrolment_store import load_enrolments
from metrics.ledger import epoch_ms
from metrics.sums.parts import parts_of
from metrics.sums.weeks import monday_of
from metrics.suppression import MINIMUM_SUBJECTS, Cell, withhold

StepKey = Literal["enrolled", "installed", "used_weekly", "used_at_share"]
STEPS: tuple[StepKey, ...] = ("enrolled", "installed", "used_weekly", "used_at_share")
#: Used weekly: in at least this much of the weeks in which it could be used.
WEEKLY_RATIO = 0.5
#: Used at its share: on at least this much of the occasions on which it could be used.
SHARE_RATIO = 0.8
#: The technology could have been used, and was not.
_UNUSED = frozenset({"route_not_delivered", "route_delivered_late", "no_screen_visit", "no_use"})
#: It was used, but the minutes cannot be told (yet).
_USED_UNCOUNTED = frozenset({"unanswered"})


@dataclass(frozen=True, slots=True)
class AdoptionStep:
    """One bar of the funnel; ``count`` is absent where it or what falls away before it is one to four subjects."""

    key: StepKey
    count: int | None


class _Use(NamedTuple):
    """What one subject did in the period, in one unit or in all of them, and whether it ever used the technology."""

    subject: str
    ever: bool
    possible: int = 0
    used: int = 0
    weeks: int = 0
    used_weeks: int = 0


def adoption_funnel(
    session: Session, technology: str, unit_ids: Collection[str], from_on: date, to_on: date
) -> list[AdoptionStep]:
    """The funnel of one technology in some units and a period.

    Parameters
    ----------
    from_on, to_on
        Local days, both included.

    Returns
    -------
    list[AdoptionStep]
        Enrolled: enrolled for at least a part of the period, or with an occasion in the ledger. Installed: it
        was used at least once by the end of the period. Used weekly and used at its share:
        :data:`WEEKLY_RATIO`, :data:`SHARE_RATIO` of the period's weeks and occasions in which it could be used.
    """
    counts = _counts(_read(session, technology, unit_ids, from_on, to_on), None)
    hidden = _hidden({None: counts})
    return _steps(counts, {step for _unit, step in hidden})


def adoption_funnels(
    session: Session, technology: str, unit_ids: Collection[str], from_on: date, to_on: date
) -> dict[str | None, list[AdoptionStep]]:
    """The funnel of each unit and, under ``None``, of all of them together.

    What is shown of some units beside the whole is withheld so that no step of few subjects can be worked out
    from the others; :func:`adoption_funnel` looks at one figure alone.
    """
    keys: list[str | None] = [*sorted(unit_ids), None]
    told = _read(session, technology, unit_ids, from_on, to_on)
    counts = {key: _counts(told, key) for key in keys}
    hidden = _hidden(counts)
    return {key: _steps(counts[key], {step for unit, step in hidden if unit == key}) for key in keys}


@dataclass(frozen=True, slots=True)
class _Told:
    """What the ledger says of a period, by unit; under ``None`` of all of them together."""

    uses: Mapping[str | None, Sequence[_Use]]
    enrolled: Mapping[str | None, Collection[str]]


def _read(session: Session, technology: str, unit_ids: Collection[str], from_on: date, to_on: date) -> _Told:
    before = _used_before(session, technology, unit_ids, from_on)
    uses: dict[str | None, list[_Use]] = {unit_id: [] for unit_id in unit_ids}
    for unit_id, use in _uses(session, technology, unit_ids, (from_on, to_on), by_unit=True):
        uses[unit_id].append(use._replace(ever=use.ever or (unit_id, use.subject) in before))
    everybody = [use for found in uses.values() for use in found]
    if len({use.subject for use in everybody}) < len(everybody):
        # Somebody is of several units: a week is one, in however many of them it was lived.
        moved = {subject for _unit, subject in before}
        together = _uses(session, technology, unit_ids, (from_on, to_on), by_unit=False)
        everybody = [use._replace(ever=use.ever or use.subject in moved) for _unit, use in together]
    uses[None] = everybody
    enrolled: dict[str | None, set[str]] = {key: set() for key in uses}
    for unit_id, subject in _enrolled(session, technology, from_on, to_on):
        if unit_id in unit_ids:
            enrolled[unit_id].add(subject)
            enrolled[None].add(subject)
    return _Told(uses, enrolled)


def _counts(told: _Told, unit_id: str | None) -> list[int]:
    """Subjects at each step, nothing withheld."""
    uses = told.uses[unit_id]
    remaining = [use for use in uses if use.ever]
    steps = [len({use.subject for use in uses} | set(told.enrolled[unit_id])), len(remaining)]
    remaining = [use for use in remaining if use.weeks and use.used_weeks >= WEEKLY_RATIO * use.weeks]
    steps.append(len(remaining))
    steps.append(sum(use.used >= SHARE_RATIO * use.possible for use in remaining))
    return steps


def _uses(
    session: Session, technology: str, unit_ids: Collection[str], days: Days, *, by_unit: bool
) -> Iterator[tuple[str, _Use]]:
    """Each subject with an occasion in the period, by unit or in all of them at once (unit empty)."""
    part = parts_of(session, technology, dict.fromkeys(unit_ids, days)).c
    used = or_(part.outcome != "ineligible", part.reason.in_(sorted(_USED_UNCOUNTED)))
    possible = or_(used, part.reason.in_(sorted(_UNUSED)))
    week = monday_of(session, technology, part.on, days)
    keys = [part.unit_id if by_unit else literal("").label("unit_id"), part.subject]
    figures = (
        func.sum(case((possible, part.occasion_count), else_=0)),
        func.sum(case((used, part.occasion_count), else_=0)),
        func.count(case((possible, week)).distinct()),
        func.count(case((used, week)).distinct()),
    )
    query = select(*keys, *figures).where(part.reason != "not_enrolled").group_by(*keys[0 if by_unit else 1 :])
    for unit_id, subject, *counts in session.execute(query):
        possible_count, used_count, weeks, used_weeks = map(int, counts)
        yield unit_id, _Use(subject, used_count > 0, possible_count, used_count, weeks, used_weeks)


def _used_before(session: Session, technology: str, unit_ids: Collection[str], before_on: date) -> set[tuple[str, str]]:
    """Who used it before a day, and where."""
    part = parts_of(session, technology, dict.fromkeys(unit_ids, (date.min, before_on - timedelta(days=1)))).c
    used = or_(part.outcome != "ineligible", part.reason.in_(sorted(_USED_UNCOUNTED)))
    query = select(part.unit_id, part.subject).where(used).distinct()
    return {(unit_id, subject) for unit_id, subject in session.execute(query)}


def _enrolled(session: Session, technology: str, from_on: date, to_on: date) -> list[tuple[str, str]]:
    """Who was enrolled for a part of the period, and where."""
    if technology not in ("screen", "transfers"):
        return []
    from_ms = epoch_ms(at_local(from_on, time()))
    until_ms = epoch_ms(at_local(to_on + timedelta(days=1), time()))
    spans = ((s, e.overlapping(from_ms, until_ms)) for s, e in load_enrolments(session, technology).items())
    return [(span.unit_id, subject) for subject, span in spans if span is not None]


def _steps(counts: Sequence[int], hidden: Collection[int]) -> list[AdoptionStep]:
    return [AdoptionStep(key, None if step in hidden else counts[step]) for step, key in enumerate(STEPS)]


def _hidden(counts: Mapping[str | None, Sequence[int]]) -> set[tuple[str | None, int]]:
    """Which steps of which units (``None``: all) are not shown.

    A step with few subjects in it, or few that fell away since the last shown step; and what such a step could be
    worked out from along the units. Both are repeated until nothing new has to be hidden.
    """
    hidden: set[tuple[str | None, int]] = set()

    def size(unit: str | None, step: int) -> int:
        return min(counts[unit][step], MINIMUM_SUBJECTS - 1) if (unit, step) in hidden else counts[unit][step]

    while True:
        before = len(hidden)
        for unit, steps in counts.items():
            hidden |= {(unit, step) for step in _few(steps, {step for u, step in hidden if u == unit})}
        units = [unit for unit in counts if unit is not None]
        for step in range(len(STEPS)) if units else ():
            found = withhold([Cell(unit, size(unit, step)) for unit in units], size(None, step))
            hidden |= {(unit, step) for unit in found.keys}
            if found.total:
                hidden.add((None, step))
        if len(hidden) == before:
            return hidden


def _few(counts: Sequence[int], hidden: Collection[int]) -> set[int]:
    found: set[int] = set()
    shown: int | None = None
    for step, count in enumerate(counts):
        fell_away = 0 if shown is None else shown - count
        if 0 < count < MINIMUM_SUBJECTS or 0 < fell_away < MINIMUM_SUBJECTS:
            found.add(step)
        elif step not in hidden:
            shown = count
    return found

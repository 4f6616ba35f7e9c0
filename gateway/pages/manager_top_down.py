"""The check from above: all time of the shifts per visit, months before a technology beside months with one.

It describes, it does not prove: no probability and no cause, and only where at least two months of some unit were
lived without any technology (design §7.9). Otherwise it cannot be decided, and the page says so.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from gateway.pages.manager_choice import Choice
from metrics.months import month_bounds
from scheduling.tables import ShiftRow, VisitRow

MINIMUM_UNTREATED = 2


@dataclass(frozen=True, slots=True)
class TopDown:
    """Whole unit-months without and with a technology; minutes per visit are absent where it cannot be decided."""

    untreated_months: int
    treated_months: int
    untreated_min: float | None = None
    treated_min: float | None = None


def top_down(session: Session, choice: Choice, today: date) -> TopDown:
    """Minutes of lived shifts per visit that was ended, by whole months of the units on the page.

    Parameters
    ----------
    today
        The local day; a month that is not over is left out.
    """
    live_on = _live_on(choice)
    months = _whole_months(session, live_on, min(choice.period.to_on, today - timedelta(days=1)))
    untreated = sum(last_on < live_on[unit] for unit, _first, last_on in months)
    treated = sum(first_on >= live_on[unit] for unit, first_on, _last in months)
    if untreated < MINIMUM_UNTREATED or not treated:
        return TopDown(untreated, treated)
    sums: dict[bool, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for unit, first_on, last_on in months:
        if first_on < live_on[unit] <= last_on:
            continue
        of_kind = sums[first_on >= live_on[unit]]
        of_kind[0] += _worked_s(session, unit, first_on, last_on)
        of_kind[1] += _visits(session, unit, first_on, last_on)
    before, after = (worked_s / 60 / visits if visits else None for worked_s, visits in (sums[False], sums[True]))
    return TopDown(untreated, treated, before, after)


def _live_on(choice: Choice) -> dict[str, date]:
    """When the first technology came into use in each unit on the page."""
    return {
        unit.unit_id: min(
            adopted.go_live_on
            for subject in choice.subjects.values()
            for adopted in subject.adoption.units
            if adopted.unit_id == unit.unit_id
        )
        for unit in choice.units
    }


def _whole_months(session: Session, live_on: Mapping[str, date], to_on: date) -> list[tuple[str, date, date]]:
    """Unit, first and last day of every month whose shifts are all kept, up to the end of the period."""
    query = (
        select(ShiftRow.unit_id, func.min(ShiftRow.day))
        .where(col(ShiftRow.unit_id).in_(sorted(live_on)), ShiftRow.state == "ended")
        .group_by(col(ShiftRow.unit_id))
    )
    found: list[tuple[str, date, date]] = []
    for unit, lived_from_on in session.exec(query):
        first_on, last_on = month_bounds(f"{lived_from_on:%Y-%m}")
        while last_on <= to_on:
            if lived_from_on <= first_on:
                found.append((unit, first_on, last_on))
            first_on, last_on = month_bounds(f"{last_on + timedelta(days=1):%Y-%m}")
    return found


def _worked_s(session: Session, unit: str, first_on: date, last_on: date) -> float:
    query = select(ShiftRow.started_at, ShiftRow.ended_at).where(
        ShiftRow.unit_id == unit, ShiftRow.state == "ended", ShiftRow.day >= first_on, ShiftRow.day <= last_on
    )
    return sum((ended - began).total_seconds() for began, ended in session.exec(query) if began and ended)


def _visits(session: Session, unit: str, first_on: date, last_on: date) -> int:
    query = select(func.count()).where(
        VisitRow.unit_id == unit, VisitRow.state == "ended", VisitRow.day >= first_on, VisitRow.day <= last_on
    )
    return session.exec(query).one()

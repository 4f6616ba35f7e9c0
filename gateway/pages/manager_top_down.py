"""The check from above: all time of the shifts per visit, months before a technology beside months with one.

It describes, it does not prove: no probability and no cause, and only where at least two months of some unit were
lived without any technology (design §7.9). Otherwise it cannot be decided, and the page says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from gateway.pages.manager_choice import Choice
from metrics.interrupted_series import MINIMUM_UNTREATED, Series, UnitMonth, interrupted_series
from metrics.months import month_bounds
from scheduling.tables import ShiftRow, VisitRow

#: the drawing, in its own units
WIDTH, TOP, BOTTOM = 300.0, 8.0, 92.0


@dataclass(frozen=True, slots=True)
class Dot:
    """One unit-month of the drawing: where it lies, and whether a technology was in use."""

    x: float
    y: float
    treated: bool


@dataclass(frozen=True, slots=True)
class TopDown:
    """Whole unit-months without and with a technology; minutes per visit are absent where it cannot be decided.

    ``series`` is the joint fit, absent where the months cannot tell a trend from a step. ``top_min`` is what the
    upper edge of the drawing stands for; its lower one is 0.
    """

    untreated_months: int
    treated_months: int
    untreated_min: float | None = None
    treated_min: float | None = None
    series: Series | None = None
    dots: tuple[Dot, ...] = ()
    top_min: float = 0.0


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
    found = [
        UnitMonth(
            unit_id=unit,
            number=first_on.year * 12 + first_on.month,
            treated=first_on >= live_on[unit],
            minutes=_worked_s(session, unit, first_on, last_on) / 60,
            visits=_visits(session, unit, first_on, last_on),
        )
        for unit, first_on, last_on in months
        # The month a technology came in is neither before nor after.
        if not first_on < live_on[unit] <= last_on
    ]
    dots, top_min = _drawn([month for month in found if month.visits])
    return TopDown(
        untreated,
        treated,
        _per_visit([month for month in found if not month.treated]),
        _per_visit([month for month in found if month.treated]),
        interrupted_series(found),
        dots,
        top_min,
    )


def _per_visit(months: Sequence[UnitMonth]) -> float | None:
    visits = sum(month.visits for month in months)
    return sum(month.minutes for month in months) / visits if visits else None


def _drawn(months: Sequence[UnitMonth]) -> tuple[tuple[Dot, ...], float]:
    if not months:
        return (), 0.0
    first, last = min(m.number for m in months), max(m.number for m in months)
    top_min = max(m.per_visit_min for m in months) or 1.0
    step = (WIDTH - 24) / max(1, last - first)
    dots = [
        Dot(
            round(12 + (m.number - first) * step, 1),
            round(BOTTOM - m.per_visit_min / top_min * (BOTTOM - TOP), 1),
            m.treated,
        )
        for m in months
    ]
    return tuple(dots), top_min


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

"""A month's report: the rows of every technology and centre, their comments, kroner, losses and screen weeks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from gateway.pages.manager_choice import Choice, Period, chosen_rows, seen_rows, top_rows
from gateway.pages.manager_matrix import covered_of
from gateway.pages.manager_quality import Quality, qualities_of
from kernel.localtime import at_local, local_day
from metrics.money.case_money import case_money, worth_ore
from metrics.months import month_bounds
from metrics.report import BenefitRow
from metrics.reports.comments import comments_of
from metrics.reports.screen_use import DAYS_A_WEEK, WeekCounts, WeekUse, weeks_use
from metrics.technologies import TECHNOLOGIES
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from video.tables import RoomRow


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One technology and centre (or all) of a month. Kroner in øre, absent without a figure or a rate."""

    row: BenefitRow
    comment: str
    realised_ore: int | None
    budget_ore: int | None


@dataclass(frozen=True, slots=True)
class MonthReport:
    """A whole report. ``settled_to_on`` is the last day of the month that is over."""

    month: str
    from_on: date
    to_on: date
    settled_to_on: date
    lines: tuple[ReportLine, ...]
    qualities: tuple[Quality, ...]
    weeks: tuple[WeekUse, ...]
    unit_names: Mapping[str, str]
    #: world time of the figures
    computed_at: datetime

    @property
    def over(self) -> bool:
        """Whether every day of the month is over."""
        return self.settled_to_on == self.to_on


def months_to_report(choice: Choice, today: date) -> list[str]:
    """The months since the first technology came into use, the newest first; the running one from its second day."""
    month = min(subject.adoption.first_on for subject in choice.subjects.values()).replace(day=1)
    found: list[str] = []
    while month < today:
        found.append(f"{month:%Y-%m}")
        month = month_bounds(f"{month:%Y-%m}")[1] + timedelta(days=1)
    return found[::-1]


def of_month(choice: Choice, month: str, today: date) -> Choice:
    """The same choice about the days of a month that are over."""
    first_on, last_on = month_bounds(month)
    return replace(choice, period=Period(first_on, max(first_on, min(last_on, today - timedelta(days=1))), None))


def default_month(choice: Choice, today: date) -> str | None:
    """The last whole month since the first use, else the running one; ``None`` where there is none to report."""
    months = months_to_report(choice, today)
    return next((one for one in months if one < f"{today:%Y-%m}"), months[0]) if months else None


def month_report(
    session: Session, choice: Choice, month: str, now: datetime, figures: MonthReport | None = None
) -> MonthReport:
    """The report of one month with the comments of this moment; its figures computed now where none are given.

    Raises
    ------
    ValueError
        If the month is not written as year and month.
    """
    found = report_figures(session, choice, month, now) if figures is None else figures
    comments = comments_of(session, month)
    lines = (
        replace(line, comment=getattr(comments.get((line.row.technology, line.row.unit_id or "")), "text", ""))
        for line in found.lines
    )
    return replace(found, lines=tuple(lines))


def report_figures(session: Session, choice: Choice, month: str, now: datetime) -> MonthReport:
    """The figures of one month's report, without comments.

    Raises
    ------
    ValueError
        If the month is not written as year and month.
    """
    first_on, last_on = month_bounds(month)
    asked = of_month(choice, month, local_day(now))
    rows = chosen_rows(seen_rows(session, asked, now), asked)
    covered = {t: covered_of([row for row in rows if row.technology == t]) for t in TECHNOLOGIES}
    return MonthReport(
        month=month,
        from_on=first_on,
        to_on=last_on,
        settled_to_on=asked.period.to_on,
        lines=tuple(_line(asked, row) for row in rows),
        qualities=tuple(qualities_of(session, top_rows(rows), covered)),
        weeks=tuple(_weeks(session, asked)),
        unit_names={unit.unit_id: unit.name for unit in asked.mine},
        computed_at=now,
    )


def _line(choice: Choice, row: BenefitRow) -> ReportLine:
    subject = choice.subjects.get(row.technology)
    money = None if subject is None or subject.case is None else case_money(subject.case)
    if money is None:
        return ReportLine(row, "", None, None)
    shown = row.status == "ok" and row.realised_s is not None
    realised = worth_ore(row.realised_s or 0, money.rate_ore_an_hour) if shown else None
    return ReportLine(row, "", realised, worth_ore(row.target_s, money.rate_ore_an_hour))


@dataclass(slots=True)
class _Week:
    answered: int = 0
    unanswered: int = 0
    talk_s: int = 0
    active: set[str] = field(default_factory=set)
    visits: int = 0
    visits_s: float = 0.0
    screen_visits: int = 0
    screen_s: float = 0.0


def _weeks(session: Session, choice: Choice) -> Iterator[WeekUse]:
    """The weeks of the chosen units. What is withheld is decided over all units the person sees, whichever was
    chosen: or one centre and the sum would tell of the others."""
    shown = {unit.unit_id for unit in choice.shown("screen")}
    for week in weeks_use(_counts(session, choice)):
        idle = not (week.withheld or week.planned_visits or week.answered or week.unanswered)
        if not idle and (week.unit_id in shown or (not week.unit_id and choice.unit_id is None)):
            yield week


def _counts(session: Session, choice: Choice) -> Sequence[WeekCounts]:
    """Every unit with screen visits and every ISO week whose last day is one of the period's."""
    units = [unit.unit_id for unit in choice.seen("screen")]
    mondays = _mondays(choice.period)
    if not units or not mondays:
        return []
    weeks = {(unit, monday): _Week() for unit in units for monday in mondays}
    _add_visits(session, units, weeks, mondays)
    _add_calls(session, units, weeks, mondays)
    query = select(CitizenRow.unit_id, func.count()).where(col(CitizenRow.unit_id).in_(units))
    citizens = dict(session.exec(query.group_by(col(CitizenRow.unit_id))).all())
    return [
        WeekCounts(
            unit_id=unit,
            monday_on=monday,
            answered=week.answered,
            unanswered=week.unanswered,
            talk_s=week.talk_s,
            active_citizens=frozenset(week.active),
            all_citizens=citizens.get(unit, 0),
            planned_visits=week.visits,
            planned_s=round(week.visits_s),
            planned_screen_visits=week.screen_visits,
            planned_screen_s=round(week.screen_s),
        )
        for (unit, monday), week in weeks.items()
    ]


def _mondays(period: Period) -> list[date]:
    sunday = period.from_on + timedelta(days=6 - period.from_on.weekday())
    found: list[date] = []
    while sunday <= period.to_on:
        found.append(sunday - timedelta(days=6))
        sunday += timedelta(days=DAYS_A_WEEK)
    return found


def _add_visits(
    session: Session, units: Sequence[str], weeks: Mapping[tuple[str, date], _Week], mondays: Sequence[date]
) -> None:
    keys = (VisitRow.unit_id, VisitRow.day, VisitRow.mode)
    query = select(*keys, func.count(), func.sum(VisitRow.duration_s)).where(  # type: ignore[call-overload]
        col(VisitRow.unit_id).in_(units),
        VisitRow.day >= mondays[0],
        VisitRow.day < mondays[-1] + timedelta(days=DAYS_A_WEEK),
        VisitRow.state != "cancelled",
    )
    for unit, on, mode, count, seconds in session.exec(query.group_by(*keys)):
        week = weeks[unit, on - timedelta(days=on.weekday())]
        week.visits += count
        week.visits_s += seconds
        if mode == "screen":
            week.screen_visits += count
            week.screen_s += seconds


def _add_calls(
    session: Session, units: Sequence[str], weeks: Mapping[tuple[str, date], _Week], mondays: Sequence[date]
) -> None:
    columns = (RoomRow.unit_id, RoomRow.begun_at, RoomRow.citizen_id, RoomRow.answered_at, RoomRow.talk_s)
    query = select(*columns).where(  # type: ignore[call-overload]
        col(RoomRow.unit_id).in_(units),
        col(RoomRow.concluded_at).is_not(None),
        RoomRow.outcome != "cancelled",
        RoomRow.begun_at >= at_local(mondays[0], time()),
        RoomRow.begun_at < at_local(mondays[-1] + timedelta(days=DAYS_A_WEEK), time()),
    )
    for unit, begun_at, citizen, answered_at, talk_s in session.exec(query):
        on = local_day(begun_at)
        week = weeks.get((unit, on - timedelta(days=on.weekday())))
        if week is None:
            continue
        week.active.add(citizen)
        if answered_at is None:
            week.unanswered += 1
        else:
            week.answered += 1
            week.talk_s += talk_s

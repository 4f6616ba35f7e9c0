"""Reading lived days from the ledger, and keeping what was split."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from sqlalchemy import func
from sqlmodel import Session, col, select

from kernel.log import latest_position
from kernel.tables import ConsumerRow
from metrics.ledger import day_of_ms
from metrics.screen_weeks import WeekProgress, WeekVisit
from metrics.split.lived import LivedCitizen, LivedEnds, LivedLegs, LivedResident, LivedUnitDay
from metrics.split.tables import SplitDayRow
from metrics.store import is_current
from metrics.tables import BaselineSampleRow, EntryRow, PeriodClockRow, PeriodProgressRow
from metrics.technologies import Technology

#: What every ledger's name as a reader of the log begins with.
LEDGER_NAME_PREFIX = "benefit-ledger-"
#: What comes in while the ledgers read: a few seconds of a city.
READING_EVENTS = 200


def lived_unit_day(session: Session, unit_id: str, day_on: date) -> tuple[LivedUnitDay, dict[Technology, int]]:
    """A unit's day and what the ledger counted of it, seconds by technology.

    A week of a citizen gives the day the part of its visits that were on it: of seven visits two are two sevenths of
    what the week took before.
    """
    sunday_on = day_on + timedelta(days=6 - day_on.weekday())
    entries: dict[str, list[EntryRow]] = {
        technology: _counted(session, technology, unit_id, sunday_on if technology == "screen" else day_on)
        for technology in ("keys", "routing", "transfers", "screen")
    }
    samples = _samples(session, {e.baseline_id for rows in entries.values() for e in rows if e.baseline_id})
    citizens = _citizens(session, entries["screen"], day_on, samples)
    day = LivedUnitDay(
        unit_id=unit_id,
        day_on=day_on,
        ends=tuple(LivedEnds(e.subject, _spent_s(e), e.baseline_id or "") for e in entries["keys"]),
        legs=tuple(
            LivedLegs(e.subject, e.baseline_count or 0, _spent_s(e), e.baseline_id or "") for e in entries["routing"]
        ),
        citizens=tuple(citizen for citizen, _net in citizens),
        residents=tuple(
            LivedResident(e.subject, _spent_s(e), tuple(s.measured_s for s in _own(samples, e)))
            for e in entries["transfers"]
        ),
        measured={
            baseline_id: tuple((s.measured_count, s.measured_s) for s in rows) for baseline_id, rows in samples.items()
        },
    )
    ledger_s: dict[Technology, int] = {
        "screen": round(sum((net for _citizen, net in citizens), Fraction(0))),
        "transfers": sum(e.net_s or 0 for e in entries["transfers"]),
        "keys": sum(e.net_s or 0 for e in entries["keys"]),
        "routing": sum(e.net_s or 0 for e in entries["routing"]),
    }
    return day, ledger_s


def ledgers_behind(session: Session) -> bool:
    """Whether a ledger has yet to read more of the log than what comes in while it reads.

    Its entries of days that are over may change any moment then.
    """
    query = select(func.count(), func.min(ConsumerRow.position)).where(
        col(ConsumerRow.name).startswith(LEDGER_NAME_PREFIX)
    )
    count, position = session.exec(query).one()
    return not count or position + READING_EVENTS < latest_position(session)


def settled_until(session: Session) -> date | None:
    """The last day the ledger of weeks has entered; ``None`` before the first."""
    clock = session.get(PeriodClockRow, "screen")
    return None if clock is None else clock.closed_until_on


def split_days(session: Session, unit_id: str, from_on: date, to_on: date) -> set[date]:
    """The days of a unit that were split already."""
    query = select(col(SplitDayRow.day_on)).where(
        SplitDayRow.unit_id == unit_id, SplitDayRow.day_on >= from_on, SplitDayRow.day_on <= to_on
    )
    return set(session.exec(query.distinct()))


@dataclass(frozen=True, slots=True)
class SplitSum:
    """A technology over the sampled days of a period: both ways of counting, and the replay's standard error."""

    technology: Technology
    day_count: int
    split_s: int
    ledger_s: int
    error_s: int


def split_sums(
    session: Session, unit_ids: Collection[str], from_on: date, to_on: date, technologies: Iterable[Technology]
) -> list[SplitSum]:
    """What was split of these units and days, by technology; nothing of those without a sampled day."""
    variance = func.sum(col(SplitDayRow.error_s) * col(SplitDayRow.error_s))
    found: list[SplitSum] = []
    for technology in technologies:
        days, split_s, ledger_s, squared = session.exec(
            select(func.count(), func.sum(SplitDayRow.split_s), func.sum(SplitDayRow.ledger_s), variance).where(
                col(SplitDayRow.unit_id).in_(sorted(unit_ids)),
                SplitDayRow.day_on >= from_on,
                SplitDayRow.day_on <= to_on,
                SplitDayRow.technology == technology,
            )
        ).one()
        if days:
            # Days are replayed each with draws of their own, so their errors add in squares.
            found.append(SplitSum(technology, days, int(split_s), int(ledger_s), round(float(squared) ** 0.5)))
    return found


def _counted(session: Session, technology: str, unit_id: str, day_on: date) -> list[EntryRow]:
    query = select(EntryRow).where(
        is_current(),
        EntryRow.technology == technology,
        EntryRow.unit_id == unit_id,
        EntryRow.day_on == day_on,
        EntryRow.outcome == "counted",
    )
    return list(session.exec(query.order_by(EntryRow.occasion_id)))


def _samples(session: Session, baseline_ids: Collection[str]) -> dict[str, list[BaselineSampleRow]]:
    found: dict[str, list[BaselineSampleRow]] = {}
    for baseline_id in sorted(baseline_ids):
        query = select(BaselineSampleRow).where(BaselineSampleRow.baseline_id == baseline_id)
        found[baseline_id] = list(session.exec(query.order_by(col(BaselineSampleRow.id))))
    return found


def _own(samples: dict[str, list[BaselineSampleRow]], entry: EntryRow) -> list[BaselineSampleRow]:
    return [s for s in samples.get(entry.baseline_id or "", ()) if s.subject == entry.subject]


def _spent_s(entry: EntryRow) -> int:
    return (entry.actual_s or 0) + (entry.overhead_s or 0)


def _citizens(
    session: Session, entries: list[EntryRow], day_on: date, samples: dict[str, list[BaselineSampleRow]]
) -> list[tuple[LivedCitizen, Fraction]]:
    """The citizens who had a visit on the day, each with the day's part of what the ledger counted."""
    if not entries:
        return []
    by_subject = {entry.subject: entry for entry in entries}
    query = select(PeriodProgressRow).where(
        PeriodProgressRow.technology == "screen",
        PeriodProgressRow.last_on == entries[0].day_on,
        col(PeriodProgressRow.subject).in_(sorted(by_subject)),
    )
    found: list[tuple[LivedCitizen, Fraction]] = []
    for row in session.exec(query.order_by(PeriodProgressRow.subject)):
        week = WeekProgress.from_json(row.subject, row.last_on, row.last_position, dict(row.state))
        lived = [visit for visit in week.visits.values() if visit.visit_s or visit.travel_s]
        today = [visit for visit in lived if _day_of(visit) == day_on]
        if not today:
            continue
        entry = by_subject[row.subject]
        measured = _own(samples, entry)
        if not measured:
            # Counted against visit types: there are no weeks of her own to draw from.
            continue
        citizen = LivedCitizen(
            subject=row.subject,
            visit_s=sum(visit.visit_s for visit in today),
            travel_s=sum(visit.travel_s or 0 for visit in today if visit.physical),
            share=Fraction(len(today), len(lived)),
            measured=tuple((s.measured_s - s.travel_s, s.travel_s) for s in measured),
        )
        net = (entry.baseline_s or 0) * citizen.share - citizen.visit_s - citizen.travel_s
        found.append((citizen, net))
    return found


def _day_of(visit: WeekVisit) -> date | None:
    begun_ms = visit.begun_ms if visit.begun_ms is not None else visit.ended_ms
    return None if begun_ms is None else day_of_ms(begun_ms)

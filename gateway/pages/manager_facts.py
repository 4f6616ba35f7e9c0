"""What the manager's pages show beside the report: period, funnel, losses, weeks and days, the one sentence.

Every figure goes through the suppression of the benefit side; nothing here is per carer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from kernel.localtime import local_day, number_text
from metrics import store
from metrics.report import BenefitRow
from metrics.suppression import MINIMUM_SUBJECTS, Cell, withhold
from metrics.tables import EntryRow
from metrics.targets import AdoptedUnit, Adoption

PERIODS = ("golive", "fourweeks", "month", "lastmonth", "today")
DAYS_BY_DAY = 14
SPARK_WEEKS = 12
_LIKELY, _EVEN = 0.8, 0.5
_MAIN_CAUSE_RATIO = 0.1
_NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, both included, and the choice they come from (``None``: named by a link)."""

    from_on: date
    to_on: date
    key: str | None

    @property
    def single_day(self) -> bool:
        """Whether the period is one day: such a figure has no interval."""
        return self.from_on == self.to_on


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of the funnel; ``count`` is absent where it may not be shown."""

    key: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """From all day shifts to those that count, and why the others do not."""

    steps: tuple[Step, ...]
    reasons: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Losses:
    """What went the wrong way: seconds lost at doors, and shifts that lost time or cost more than before."""

    door_s: int
    door_shifts: int
    negative_shifts: int
    counted_shifts: int


@dataclass(frozen=True, slots=True)
class Span:
    """A week or a day of the drill-down."""

    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell: seconds and shifts, or the status that says why there is none."""

    status: str  # shown, withheld or empty
    net_s: int = 0
    occasion_count: int = 0


@dataclass(frozen=True, slots=True)
class Matrix:
    """Spans times units with the sum of each span. Keys: ``(span index, unit id)``; unit ``""`` is all."""

    spans: tuple[Span, ...]
    cells: dict[tuple[int, str], Figure]


def seen_units(adoption: Adoption, unit_ids: Sequence[str], chosen: str | None) -> list[AdoptedUnit]:
    """The adopted units a person may see, narrowed to the chosen one."""
    mine = [unit for unit in adoption.units if unit.unit_id in unit_ids]
    return [unit for unit in mine if unit.unit_id == chosen] if chosen else mine


def period_of(key: str | None, from_on: date | None, to_on: date | None, now: datetime, adoption: Adoption) -> Period:
    """The period a request asks for; whole lived days since go-live where it asks for nothing."""
    today = local_day(now)
    if from_on is not None and to_on is not None and from_on <= to_on:
        return Period(from_on, to_on, None)
    yesterday = today - timedelta(days=1)
    if key == "today":
        return Period(today, today, key)
    if key == "fourweeks":
        return Period(today - timedelta(days=28), yesterday, key)
    if key == "month":
        return Period(today.replace(day=1), max(yesterday, today.replace(day=1)), key)
    if key == "lastmonth":
        last_on = today.replace(day=1) - timedelta(days=1)
        return Period(last_on.replace(day=1), last_on, key)
    first_on = min(unit.go_live_on for unit in adoption.units)
    return Period(min(first_on, yesterday), yesterday, "golive")


def spans_of(period: Period) -> tuple[Span, ...]:
    """Days for a short period, ISO weeks for a long one."""
    length = (period.to_on - period.from_on).days + 1
    if length <= DAYS_BY_DAY:
        days = (period.from_on + timedelta(days=i) for i in range(length))
        return tuple(Span(day, day) for day in days)
    return weeks_of(period.from_on, period.to_on)


def weeks_of(from_on: date, to_on: date) -> tuple[Span, ...]:
    """ISO weeks, cut at the ends of the period."""
    spans = []
    start = from_on
    while start <= to_on:
        end = min(to_on, start + timedelta(days=6 - start.weekday()))
        spans.append(Span(start, end))
        start = end + timedelta(days=1)
    return tuple(spans)


def matrix_of(session: Session, technology: str, units: Sequence[AdoptedUnit], spans: Sequence[Span]) -> Matrix:
    """Freed seconds by span and unit, with small cells withheld along rows and columns."""
    sums: dict[tuple[int, str], tuple[int, int]] = {}
    people: dict[tuple[int, str], frozenset[str]] = {}
    for index, span in enumerate(spans):
        everyone: frozenset[str] = frozenset()
        total_s = total_shifts = 0
        for unit in units:
            rows = store.subject_sums(session, technology, unit.unit_id, max(span.from_on, unit.go_live_on), span.to_on)
            subjects = frozenset(row.subject for row in rows)
            net_s, shifts = sum(r.net_s for r in rows), sum(r.occasion_count for r in rows)
            sums[index, unit.unit_id], people[index, unit.unit_id] = (net_s, shifts), subjects
            everyone |= subjects
            total_s, total_shifts = total_s + net_s, total_shifts + shifts
        sums[index, ""], people[index, ""] = (total_s, total_shifts), everyone
    hidden = _hidden(people, [u.unit_id for u in units], len(spans))
    cells = {
        key: Figure("empty")
        if not people[key]
        else Figure("withheld")
        if key in hidden
        else Figure("shown", *sums[key])
        for key in sums
    }
    return Matrix(tuple(spans), cells)


def _hidden(
    people: dict[tuple[int, str], frozenset[str]], unit_ids: Sequence[str], span_count: int
) -> set[tuple[int, str]]:
    # A cell hidden along one direction must not be found along the other: it is counted as too small there,
    # and both directions are repeated until nothing new has to be hidden.
    hidden: set[tuple[int, str]] = set()

    def size(key: tuple[int, str]) -> int:
        return min(len(people[key]), MINIMUM_SUBJECTS - 1) if key in hidden else len(people[key])

    while True:
        before = len(hidden)
        for index in range(span_count):
            found = withhold([Cell(u, size((index, u))) for u in unit_ids], size((index, "")))
            hidden |= {(index, u) for u in found.keys}
            if found.total:
                hidden.add((index, ""))
        for unit_id in (*unit_ids, ""):
            keys = [(index, unit_id) for index in range(span_count)]
            everyone = frozenset[str]().union(*(people[key] for key in keys))
            along = withhold([Cell(str(index), size((index, unit_id))) for index in range(span_count)], len(everyone))
            hidden |= {(int(index), unit_id) for index in along.keys}
        if len(hidden) == before:
            return hidden


def funnel_of(session: Session, technology: str, units: Sequence[AdoptedUnit], period: Period) -> Funnel:
    """How many day shifts could be measured, and why the others could not."""
    shifts: dict[str, int] = {}
    subjects: dict[str, int] = {}
    for unit in units:
        first_on = max(period.from_on, unit.go_live_on)
        for count in store.outcome_counts(session, technology, unit.unit_id, first_on, period.to_on):
            key = count.reason or count.outcome
            shifts[key] = shifts.get(key, 0) + count.occasion_count
            subjects[key] = subjects.get(key, 0) + count.subject_count
    found = withhold([Cell(key, subjects[key]) for key in sorted(subjects)], sum(subjects.values()))

    def shown(key: str) -> int | None:
        return None if key in found.keys else shifts[key]

    lost = sorted((key for key in shifts if key != "counted"), key=lambda key: (-shifts[key], key))
    steps = [Step("all", None if found.total else sum(shifts.values()))]
    if not found.keys:
        late = sum(shifts.get(key, 0) for key in ("route_not_delivered", "route_delivered_late"))
        unfit = sum(shifts.get(key, 0) for key in ("no_key_stop", "no_visit", "visit_not_ended"))
        steps.append(Step("delivered", sum(shifts.values()) - late))
        steps.append(Step("eligible", sum(shifts.values()) - late - unfit))
    if "counted" in shifts:
        steps.append(Step("counted", shown("counted")))
    return Funnel(tuple(steps), tuple(Step(key, shown(key)) for key in lost))


def losses_of(session: Session, technology: str, units: Sequence[AdoptedUnit], period: Period) -> Losses | None:
    """Time lost at doors and shifts that cost more than before; ``None`` for few carers."""
    door_s = func.coalesce(func.sum(EntryRow.overhead_s), 0)
    query = select(  # type: ignore[call-overload]
        door_s,
        func.count().filter(col(EntryRow.overhead_s) > 0),
        func.count().filter(col(EntryRow.net_s) < 0),
        func.count(),
        func.count(func.distinct(EntryRow.subject)),
    ).where(
        store.is_current(),
        EntryRow.technology == technology,
        EntryRow.outcome == "counted",
        col(EntryRow.unit_id).in_([unit.unit_id for unit in units]),
        EntryRow.day_on >= period.from_on,
        EntryRow.day_on <= period.to_on,
    )
    seconds, door_shifts, negative, counted, people = session.exec(query).one()
    if people < MINIMUM_SUBJECTS:
        return None
    return Losses(int(seconds), door_shifts, negative, counted)


def verdict_of(row: BenefitRow) -> str:
    """``likely``, ``even``, ``unlikely`` by the probability of the target, else ``none``. Never from P50."""
    if row.status != "ok" or row.target_probability_ratio is None or row.target_s == 0:
        return "none"
    if row.target_probability_ratio >= _LIKELY:
        return "likely"
    return "even" if row.target_probability_ratio >= _EVEN else "unlikely"


def worst_of(rows: Sequence[BenefitRow]) -> BenefitRow | None:
    """The row that is least likely to reach its target; a row without figures comes before a good one."""
    judged = [row for row in rows if verdict_of(row) in ("even", "unlikely")]
    if judged:
        return min(judged, key=lambda row: (row.target_probability_ratio or 0.0, row.unit_id or ""))
    return next((row for row in rows if row.status == "too_little_data" and row.target_s), None)


def main_cause(funnel: Funnel, row: BenefitRow) -> tuple[str, dict[str, str]]:
    """Message key and facts of what most holds a figure back: shifts that could not count, else the size."""
    total = next((step.count for step in funnel.steps if step.key == "all"), None)
    lost = next((step for step in funnel.reasons if step.count is not None), None)
    if total and lost and lost.count and lost.count / total >= _MAIN_CAUSE_RATIO:
        return f"manager.cause.{lost.key}", {"count": number_text(lost.count), "total": number_text(total)}
    if row.occasion_count and row.realised_s is not None:
        return "manager.cause.size", {"minutes": number_text(row.realised_s / row.occasion_count / 60, 1)}
    return "manager.cause.none", {}


def time_text(seconds: int, *, hours: bool, language: str = "da") -> str:
    """``3.010 t`` or ``1.875 min`` with a no-break space; hours for long periods, minutes for a day."""
    value = seconds / 3600 if hours else seconds / 60
    sign = "−" if round(value) < 0 else ""
    unit = ("t" if language == "da" else "h") if hours else "min"
    return f"{sign}{number_text(abs(round(value)))}{_NO_BREAK}{unit}"

"""Everything the manager's first page says, computed at one instant: asked for, or kept by the worker's round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter
from sqlmodel import Session

from gateway.pages import manager_facts as facts
from gateway.pages.manager_choice import Choice, chosen_rows, seen_rows, top_rows
from gateway.pages.manager_matrix import (
    Figure,
    Matrix,
    Span,
    covered_of,
    matrix_of,
    months_of,
    spark_spans,
    withheld_of,
)
from gateway.pages.manager_quality import Quality, Uncounted, qualities_of, uncounted_of
from gateway.pages.manager_split import SplitCheck, split_check
from gateway.pages.manager_top_down import TopDown, top_down
from gateway.pages.manager_waterfall import Picture, picture_of
from kernel import log
from kernel.localtime import local_day
from metrics import months
from metrics.adoption_funnel import AdoptionStep, adoption_funnels
from metrics.covered_days import Days
from metrics.report import BenefitRow
from metrics.sums.once import once
from metrics.technologies import TARGET_ONLY, TECHNOLOGIES, WATERFALL, Technology


@dataclass(frozen=True, slots=True)
class MonthFigure:
    """A closed month of one technology and unit, and what was corrected since."""

    month: str
    closed: months.MonthLine
    corrections: tuple[months.MonthLine, ...]


@dataclass(frozen=True, slots=True)
class Spark:
    """The weeks of one technology. ``cells`` are those of a :class:`Matrix` as a list: JSON has no pairs for keys."""

    technology: Technology
    spans: tuple[Span, ...]
    cells: tuple[tuple[int, str, Figure], ...]

    @property
    def matrix(self) -> Matrix:
        """The same as the page draws it."""
        return Matrix(self.spans, {(index, unit): figure for index, unit, figure in self.cells})


@dataclass(frozen=True, slots=True)
class OverviewFigures:
    """The page's figures, as they were at ``computed_at`` (world time). No text: languages share them.

    ``seen`` are the rows of every unit the person sees; all else is about the chosen ones. ``latest_at`` is the
    world time of the newest event then.
    """

    computed_at: datetime
    latest_at: datetime | None
    seen: tuple[BenefitRow, ...]
    uncounted: tuple[Uncounted, ...]
    picture: Picture
    sparks: tuple[Spark, ...]
    funnels: dict[Technology, list[AdoptionStep] | None]
    split: SplitCheck
    qualities: tuple[Quality, ...]
    check: TopDown
    corrections: tuple[tuple[Technology, MonthFigure], ...]


def overview_figures(session: Session, choice: Choice, now: datetime) -> OverviewFigures:
    """Compute them from the ledger."""
    seen = seen_rows(session, choice, now)
    rows = chosen_rows(seen, choice)
    shown = top_rows(rows)
    covered = {t: covered_of([row for row in rows if row.technology == t]) for t in TECHNOLOGIES}
    worst = worst_row(shown, choice)
    picture = picture_of(session, choice, covered, now)
    return OverviewFigures(
        computed_at=now,
        latest_at=log.latest_at(session),
        seen=tuple(seen),
        uncounted=() if worst is None else tuple(uncounted_of(session, worst.technology, _of_row(covered, worst))),
        picture=picture,
        sparks=tuple(sparks_of(session, seen, shown)),
        funnels={t: funnel_of(session, choice, t) for t in WATERFALL if choice.shown(t)},
        split=split_check(session, choice, picture),
        qualities=tuple(qualities_of(session, shown, covered)),
        check=top_down(session, choice, local_day(now)),
        corrections=tuple(
            (t, month)
            for t in choice.subjects
            for month in month_figures(session, choice, t, rows)
            if month.corrections
        ),
    )


def as_text(figures: OverviewFigures) -> str:
    """The figures as JSON, to be kept; :func:`from_text` gives back the same."""
    return _adapter().dump_json(figures).decode()


def from_text(text: str) -> OverviewFigures:
    """Kept figures. Raises ``ValueError`` for those of a version that kept something else."""
    return _adapter().validate_json(text)


def worst_row(shown: Sequence[BenefitRow], choice: Choice) -> BenefitRow | None:
    """The row the page's first sentence is about."""
    # A day has no interval, and most of it is not settled yet: nothing can be said of a target.
    return None if choice.period.single_day else facts.worst_of(shown)


def sparks_of(session: Session, seen: Sequence[BenefitRow], shown: Sequence[BenefitRow]) -> list[Spark]:
    """The weeks of each technology that has a row."""
    found: list[Spark] = []
    for technology in dict.fromkeys(row.technology for row in shown):
        of_it = [row for row in seen if row.technology == technology]
        covered = covered_of(of_it)
        if covered:
            found.append(_spark(session, technology, covered, withheld_of(of_it)))
    return found


def _spark(session: Session, technology: Technology, covered: Mapping[str, Days], withheld: frozenset[str]) -> Spark:
    def read() -> Spark:
        matrix = matrix_of(session, technology, covered, spark_spans(covered), withheld)
        return Spark(technology, matrix.spans, tuple((i, unit, cell) for (i, unit), cell in matrix.cells.items()))

    # The first page and the technology's own show the same one.
    return once(session, ("spark", technology, *sorted(covered.items()), withheld), read)


def funnel_of(session: Session, choice: Choice, technology: Technology) -> list[AdoptionStep] | None:
    """How far a technology is in use on the page's units; ``None`` where no single funnel is about them."""
    seen = [unit.unit_id for unit in choice.seen(technology)]
    if technology in TARGET_ONLY or (choice.unit_id is not None and choice.unit_id not in seen):
        return None
    first_on = max(choice.period.from_on, choice.subjects[technology].adoption.first_on)
    days = (first_on, choice.period.to_on)
    found = once(session, ("use", technology, *seen, days), lambda: adoption_funnels(session, technology, seen, *days))
    return found[choice.unit_id]


def month_figures(
    session: Session, choice: Choice, technology: Technology, rows: Sequence[BenefitRow]
) -> list[MonthFigure]:
    """The closed months of the units whose figures are shown."""
    of_it = [row for row in rows if row.technology == technology]
    shown = {unit.unit_id for unit in choice.shown(technology)} - withheld_of(of_it)
    found: dict[tuple[str, str], list[months.MonthLine]] = {}
    closed = once(session, "closed months", lambda: months.closed_months(session))
    for month in (one for one in months_of(choice.period) if (technology, one) in closed):
        for line in _month_lines(session, month, technology):
            if line.unit_id in shown:
                found.setdefault((month, line.unit_id), []).append(line)
    return [MonthFigure(month, lines[0], tuple(lines[1:])) for (month, _unit), lines in found.items()]


def _month_lines(session: Session, month: str, technology: Technology) -> list[months.MonthLine]:
    return once(session, ("month", month, technology), lambda: months.month_lines(session, month, technology))


def _of_row(covered: Mapping[Technology, Mapping[str, Days]], row: BenefitRow) -> dict[str, Days]:
    return {unit: days for unit, days in covered[row.technology].items() if row.unit_id in (None, unit)}


@cache
def _adapter() -> TypeAdapter[OverviewFigures]:
    return TypeAdapter(OverviewFigures)

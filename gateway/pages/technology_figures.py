"""Everything the page of one technology says, computed at one instant: asked for, or kept beside the first page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter
from sqlmodel import Session

from gateway.pages.manager_choice import Choice, chosen_rows, top_rows
from gateway.pages.manager_matrix import Figure, Matrix, Span, covered_of, matrix_of, spans_of, withheld_of
from gateway.pages.manager_quality import Quality, Uncounted, qualities_of, uncounted_of
from gateway.pages.overview_figures import MonthFigure, Spark, funnel_of, month_figures, sparks_of
from metrics.adoption_funnel import AdoptionStep
from metrics.covered_days import Days
from metrics.report import BenefitRow
from metrics.technologies import TECHNOLOGIES, Technology


@dataclass(frozen=True, slots=True)
class TechnologyFigures:
    """The page's figures, as they were at ``computed_at`` (world time). No text: languages share them.

    ``seen`` are the rows of every technology and unit the person sees. ``cells`` are those of a :class:`Matrix` over
    the whole period as a list: JSON has no pairs for keys.
    """

    computed_at: datetime
    latest_at: datetime | None
    seen: tuple[BenefitRow, ...]
    spans: tuple[Span, ...]
    cells: tuple[tuple[int, str, Figure], ...]
    sparks: tuple[Spark, ...]
    funnel: list[AdoptionStep] | None
    uncounted: tuple[Uncounted, ...]
    qualities: tuple[Quality, ...]
    months: tuple[MonthFigure, ...]

    @property
    def matrix(self) -> Matrix:
        """Spans and cells as the page draws them."""
        return Matrix(self.spans, {(index, unit): figure for index, unit, figure in self.cells})


def technology_figures(
    session: Session,
    choice: Choice,
    technology: Technology,
    seen: Sequence[BenefitRow],
    computed_at: datetime,
    latest_at: datetime | None,
) -> TechnologyFigures:
    """Compute them from the ledger.

    Parameters
    ----------
    seen
        The rows of :func:`gateway.pages.manager_choice.seen_rows`, read at the same instant.
    """
    seen_of_it = [row for row in seen if row.technology == technology]
    rows = chosen_rows(seen_of_it, choice)
    covered = covered_of(seen_of_it)
    # Over all units the person sees, whichever was chosen: or one centre's cells would tell of the others.
    matrix = matrix_of(session, technology, covered, spans_of(technology, covered), withheld_of(seen_of_it))
    return TechnologyFigures(
        computed_at=computed_at,
        latest_at=latest_at,
        seen=tuple(seen),
        spans=matrix.spans,
        cells=tuple((index, unit, figure) for (index, unit), figure in matrix.cells.items()),
        sparks=tuple(sparks_of(session, seen_of_it, rows)),
        funnel=funnel_of(session, choice, technology),
        uncounted=tuple(_uncounted(session, technology, rows)),
        qualities=tuple(qualities_of(session, top_rows(rows), _covered(rows))),
        months=tuple(month_figures(session, choice, technology, rows)),
    )


def as_text(figures: TechnologyFigures) -> str:
    """The figures as JSON, to be kept; :func:`from_text` gives back the same."""
    return _adapter().dump_json(figures).decode()


def from_text(text: str) -> TechnologyFigures:
    """Kept figures. Raises ``ValueError`` for those of a version that kept something else."""
    return _adapter().validate_json(text)


def _covered(rows: Sequence[BenefitRow]) -> Mapping[Technology, dict[str, Days]]:
    return {t: covered_of([row for row in rows if row.technology == t]) for t in TECHNOLOGIES}


def _uncounted(session: Session, technology: Technology, rows: Sequence[BenefitRow]) -> list[Uncounted]:
    # Of a unit whose figures are not shown no part is shown either.
    withheld, covered = withheld_of(rows), covered_of(rows)
    return uncounted_of(session, technology, {u: days for u, days in covered.items() if u not in withheld})


@cache
def _adapter() -> TypeAdapter[TechnologyFigures]:
    return TypeAdapter(TechnologyFigures)

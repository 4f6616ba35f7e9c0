"""What must not be shown because it would say something about a few persons.

One function, used by exporter, pages and reports. A cell of one to four carers is withheld; if it could be
found by subtracting the shown cells from the shown total, a second cell or the total is withheld with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MINIMUM_SUBJECTS = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure that may be shown: a key and how many carers stand behind it."""

    key: str
    subject_count: int


@dataclass(frozen=True, slots=True)
class Withheld:
    """The keys of the cells that are not shown, and whether the total is not shown either."""

    keys: frozenset[str]
    total: bool


def withhold(cells: Sequence[Cell], total_subject_count: int) -> Withheld:
    """Decide what of a table of cells and their total may be shown.

    Parameters
    ----------
    cells
        The parts of the total; a cell without carers hides nobody and shows nothing.
    total_subject_count
        Carers behind the total; one who works in two units counts once.

    Returns
    -------
    Withheld
        So that neither a shown cell nor "total minus shown cells" rests on one to four carers.
    """
    people = [cell for cell in cells if cell.subject_count > 0]
    hidden = [cell for cell in people if cell.subject_count < MINIMUM_SUBJECTS]
    shown = sorted(
        (cell for cell in people if cell.subject_count >= MINIMUM_SUBJECTS),
        key=lambda cell: (cell.subject_count, cell.key),
    )
    total = 0 < total_subject_count < MINIMUM_SUBJECTS
    if hidden and not total:
        while _found_by_subtraction(hidden) and shown:
            hidden.append(shown.pop(0))
        total = _found_by_subtraction(hidden)
    return Withheld(frozenset(cell.key for cell in hidden), total)


def _found_by_subtraction(hidden: Sequence[Cell]) -> bool:
    """Whether "total minus shown cells" is one cell, or a sum over fewer than five carers."""
    return len(hidden) == 1 or sum(cell.subject_count for cell in hidden) < MINIMUM_SUBJECTS

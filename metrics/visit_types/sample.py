"""How sure a saving is that was measured against visits: what a unit's estimate has to know. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from metrics.estimate import MeasuredSubject, SubjectOccasions, UnitSample
from metrics.visit_types.means import ALL_TYPES, Cell, MeasuredVisits

#: How many visits of a subject were measured against a cell.
Replaced = Mapping[tuple[str, Cell], int]


def visits_sample(
    unit_id: str,
    spent_s: Mapping[str, int],
    realised_s: int,
    parts: Iterable[tuple[Replaced, Sequence[MeasuredVisits]]],
) -> UnitSample:
    """The sample of weeks that were measured against visits: every cell is a baseline of its own.

    Parameters
    ----------
    spent_s
        What the weeks took, by subject; 0 for subjects of the figure who were measured against themselves, whose own
        deviation falls on nothing.
    realised_s
        What the ledger says they saved.
    parts
        For each baseline what was measured against it, and what it was measured on.
    """
    found = [
        (cell, _of_cell(measured, cell), replaced)
        for replaced, measured in parts
        for cell in sorted({cell for _subject, cell in replaced})
    ]
    # Baseline ids are random: cells are put in the order of their measurements instead.
    found.sort(key=lambda part: (part[0], [(m.count, m.total_s, m.days) for m in part[1]]))
    occasions = tuple(
        SubjectOccasions(
            tuple(replaced.get((subject, cell), 0) for cell, _measured, replaced in found), spent_s[subject], subject
        )
        for subject in sorted(spent_s)
    )
    return UnitSample(unit_id, realised_s, occasions, tuple(measured for _cell, measured, _replaced in found))


def _of_cell(measured: Iterable[MeasuredVisits], cell: Cell) -> tuple[MeasuredSubject, ...]:
    days: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in measured:
        if one.shift_kind == cell.shift_kind and cell.visit_type in (ALL_TYPES, one.visit_type):
            days[one.subject].append((one.count, one.measured_s))
    found = (
        MeasuredSubject(sum(n for n, _s in d), sum(s for _n, s in d), subject, tuple(sorted(d)))
        for subject, d in days.items()
    )
    return tuple(sorted(found, key=lambda m: (m.count, m.total_s, m.days)))

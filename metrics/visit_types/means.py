"""What a visit of a unit took before, by shift and visit type. Pure.

A type that fewer than five citizens were measured with has no mean of its own: it would speak of persons. A visit of
such a type, or of one that was not measured at all, falls back to the mean of all visits of the shift, and the figure
says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from metrics.study_csv import MINIMUM_SUBJECTS

BASELINE_KIND = "visit"
#: Stands for every visit type of a shift.
ALL_TYPES = ""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A shift and a visit type; :data:`ALL_TYPES` for all visits of the shift."""

    shift_kind: str
    visit_type: str = ALL_TYPES

    @property
    def name(self) -> str:
        """``day/medicine``, or ``day`` for all visits of the shift."""
        return f"{self.shift_kind}/{self.visit_type}" if self.visit_type else self.shift_kind

    @classmethod
    def named(cls, name: str) -> "Cell":
        """The cell of a name."""
        shift_kind, _, visit_type = name.partition("/")
        return cls(shift_kind, visit_type)


@dataclass(frozen=True, slots=True)
class MeasuredVisits:
    """One citizen's visits of a day, shift and type: how many, and the seconds of visits and travel together."""

    subject: str
    shift_kind: str
    visit_type: str
    count: int
    measured_s: int


@dataclass(frozen=True, slots=True)
class VisitMeans:
    """The frozen baseline of a unit's visits. ``cells`` hold seconds and visits of what may be applied."""

    baseline_id: str
    unit_id: str
    last_on: date
    valid_until_on: date
    known_position: int
    cells: Mapping[Cell, tuple[int, int]]

    def cell_of(self, shift_kind: str, visit_type: str | None) -> Cell | None:
        """What a visit is measured against: its own type, else all visits of the shift, else nothing."""
        for cell in (Cell(shift_kind, visit_type or ALL_TYPES), Cell(shift_kind)):
            if cell in self.cells:
                return cell
        return None

    def seconds_of(self, visits: Mapping[Cell, int]) -> int:
        """Seconds so many visits of each cell would have taken, rounded once.

        Raises
        ------
        KeyError
            For a cell without a mean.
        """
        seconds = (Fraction(self.cells[cell][0], self.cells[cell][1]) * count for cell, count in visits.items())
        return round(sum(seconds, Fraction()))

    def holds_on(self, day: date) -> bool:
        """Whether a visit of that day may be measured against it."""
        return self.last_on < day <= self.valid_until_on


def cells_of(measured: Iterable[MeasuredVisits]) -> dict[Cell, tuple[int, int]]:
    """Seconds and visits of every shift and visit type that at least five citizens were measured with."""
    sums: dict[Cell, list[int]] = defaultdict(lambda: [0, 0])
    subjects: dict[Cell, set[str]] = defaultdict(set)
    for one in measured:
        for cell in (Cell(one.shift_kind, one.visit_type), Cell(one.shift_kind)):
            sums[cell][0] += one.measured_s
            sums[cell][1] += one.count
            subjects[cell].add(one.subject)
    return {cell: (s[0], s[1]) for cell, s in sorted(sums.items()) if len(subjects[cell]) >= MINIMUM_SUBJECTS}


def means_for(known: Iterable[VisitMeans], unit_id: str, day: date, position: int) -> VisitMeans | None:
    """The newest baseline of a unit's visits that holds on a day and was known at a position of the log."""
    fitting = [m for m in known if m.unit_id == unit_id and m.known_position <= position and m.holds_on(day)]
    return max(fitting, key=lambda m: (m.last_on, m.known_position), default=None)

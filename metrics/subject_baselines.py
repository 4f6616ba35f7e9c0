"""The baseline of one citizen or resident: the mean of what was measured of that subject before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class SubjectBaseline:
    """One subject's part of a frozen baseline. ``known_position`` is its place in the log."""

    baseline_id: str
    subject: str
    last_on: date
    valid_until_on: date
    total_s: int
    measured_count: int
    known_position: int

    @property
    def mean_s(self) -> int:
        """Seconds of one week or day of this subject, rounded."""
        return round(Fraction(self.total_s, self.measured_count))


def subject_baseline_for(baselines: Iterable[SubjectBaseline], day: date, position: int) -> SubjectBaseline | None:
    """The newest of one subject's baselines that holds on a day and was known at a position of the log.

    The subject's own, whatever unit measured it: units merge, a citizen's weeks before stay the same.
    """
    fitting = [b for b in baselines if b.known_position <= position and b.last_on < day <= b.valid_until_on]
    return max(fitting, key=lambda b: (b.last_on, b.known_position), default=None)

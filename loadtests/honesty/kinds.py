"""The named kinds of scenario: each breaks one assumption of the rules, or none."""

from dataclasses import dataclass
from typing import Literal, get_args

Measured = Literal["screen", "transfers", "keys", "routing"]
MEASURED: tuple[Measured, ...] = get_args(Measured)
#: Every technology.
ALL: frozenset[Measured] = frozenset(MEASURED)
#: Those whose subjects are measured against themselves.
PAIRED: frozenset[Measured] = frozenset({"screen", "transfers"})
#: Those whose subjects may be compared with others who have not begun.
COMPARED: frozenset[Measured] = frozenset({"screen", "keys"})
NONE: frozenset[Measured] = frozenset()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of scenario. Ratios are parts of one; what is 0 or 1 by default breaks nothing.

    ``holds_for`` are the technologies whose rule claims to be right under it; for the others a figure has to
    carry a warning.
    """

    name: str
    says: str
    holds_for: frozenset[Measured] = ALL
    #: technologies it can be lived with
    of: frozenset[Measured] = ALL
    #: true saving as part of the target
    saving_ratio: float = 1.0
    subjects: int = 30
    #: need in the period against need at the measurement
    season_ratio: float = 1.0
    #: by how much granted time falls each week from the measurement on
    drift_a_week: float = 0.0
    #: how much above their usual need subjects were when they were measured
    peak_ratio: float = 0.0
    #: standard deviation of each subject's own wandering from one week to the next
    wander: float = 0.0
    #: subjects exchanged in the middle for others that were never measured
    turnover_ratio: float = 0.0
    #: events that never reach the log
    lost_ratio: float = 0.0
    #: events that come days late, and routes that come after the first visit
    late_ratio: float = 0.0
    #: part of the use that is left in the last week
    last_use_ratio: float = 1.0
    #: only the half with the least need is enrolled
    healthiest: bool = False
    #: a reform that shortens care for everybody in the period, and is no saving of the technology
    reform_ratio: float = 0.0
    #: three units become one in the middle
    merge: bool = False
    #: the time study was of other carers than those who use the technology
    others_measured: bool = False
    #: standard deviation of each subject's own coming and going about the usual need
    swing: float = 0.0
    #: only the half whose need was furthest above their own usual when the measurement ended is enrolled
    at_their_peak: bool = False
    #: as many again were measured and have not begun; the figure looked at is the one compared with them
    compared: bool = False
    #: visits were measured by their type too, and count where a citizen was not measured (screen-2)
    by_visit_type: bool = False


KINDS: tuple[Kind, ...] = (
    Kind("plain", "nothing is broken"),
    Kind("zero", "used, and saves nothing", saving_ratio=0.0),
    Kind("target-80", "saves 80 % of the target", saving_ratio=0.8),
    Kind("target-95", "saves 95 % of the target", saving_ratio=0.95),
    Kind("target-105", "saves 105 % of the target", saving_ratio=1.05),
    Kind("target-120", "saves 120 % of the target", saving_ratio=1.2),
    Kind("negative", "costs 30 % of the target instead of saving", saving_ratio=-0.3),
    Kind("few", "nine subjects", subjects=9),
    Kind("others", "the study measured other carers of the unit", others_measured=True),
    Kind("lost", "3 % of the events never reach the log", lost_ratio=0.03, holds_for=NONE),
    Kind("late", "10 % of the events come days late, 10 % of the routes after the first visit", late_ratio=0.1),
    Kind("collapse", "use falls to a tenth", last_use_ratio=0.1),
    Kind("turnover", "a third is exchanged in the middle", turnover_ratio=1 / 3, holds_for=ALL - PAIRED),
    Kind("healthiest", "only the half with the least need is enrolled", healthiest=True, holds_for=PAIRED),
    Kind("merge", "three units become one in the middle", merge=True),
    Kind("wander", "each subject's need wanders on its own, 3 % a week", wander=0.03, holds_for=NONE),
    Kind("season", "need is 5 % higher in the period", season_ratio=1.05, holds_for=NONE),
    Kind("drift", "granted time falls 1 % a week", drift_a_week=0.01, holds_for=NONE),
    Kind("peak", "measured 10 % above the usual need", peak_ratio=0.1, holds_for=NONE),
    Kind("reform", "a reform shortens care by 5 % at the same time", reform_ratio=0.05, holds_for=NONE),
    Kind(
        "enrolled-peak",
        "need comes and goes by 20 %; the half whose need is furthest above their usual is enrolled",
        swing=0.2,
        at_their_peak=True,
        holds_for=NONE,
    ),
    Kind(
        "turnover-types",
        "a third is exchanged in the middle, and visits were measured by type",
        turnover_ratio=1 / 3,
        by_visit_type=True,
        of=frozenset({"screen"}),
    ),
    Kind(
        "season-beside",
        "need is 5 % higher, compared with those who have not begun",
        season_ratio=1.05,
        compared=True,
        of=COMPARED,
    ),
    Kind(
        "drift-beside",
        "granted time falls 1 % a week, compared with those who have not begun",
        drift_a_week=0.01,
        compared=True,
        of=COMPARED,
    ),
    Kind(
        "peak-beside",
        "all measured 10 % above the usual need, compared with those who have not begun",
        peak_ratio=0.1,
        compared=True,
        of=COMPARED,
    ),
    Kind(
        "reform-beside",
        "a reform shortens care by 5 %, compared with those who have not begun",
        reform_ratio=0.05,
        compared=True,
        of=COMPARED,
    ),
)


def kind_named(name: str) -> Kind:
    """One kind. Raises ``ValueError`` for a name that is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(f"Expected one of {', '.join(kind.name for kind in KINDS)}, got {name!r}.")

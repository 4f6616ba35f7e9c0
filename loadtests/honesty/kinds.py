"""The named kinds of scenario: each breaks one assumption of the rules, or none."""

from dataclasses import dataclass
from typing import Literal, get_args

Measured = Literal["screen", "transfers", "keys", "routing"]
MEASURED: tuple[Measured, ...] = get_args(Measured)
#: Every technology.
ALL: frozenset[Measured] = frozenset(MEASURED)
#: Those whose subjects are measured against themselves.
PAIRED: frozenset[Measured] = frozenset({"screen", "transfers"})
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
)


def kind_named(name: str) -> Kind:
    """One kind. Raises ``ValueError`` for a name that is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(f"Expected one of {', '.join(kind.name for kind in KINDS)}, got {name!r}.")

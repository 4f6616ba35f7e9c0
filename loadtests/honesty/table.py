"""The table of the benchmark: coverage with its own interval, bias, and how often a figure is shown as reached."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from loadtests.honesty.kinds import KINDS, MEASURED, Kind, Measured
from loadtests.honesty.run import Outcome

#: The promise: the 80 % interval covers between 75 and 85 in a hundred; bias is below 3 % of truth or target.
COVERAGE_RATIOS = (0.75, 0.85)
LARGEST_BIAS_RATIO = 0.03
#: A figure is shown as reached from this probability on, and in fewer than this part of the runs that save nothing.
SHOWN_FROM_RATIO = 0.8
LARGEST_FALSE_RATIO = 0.05
_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Line:
    """One technology and kind. ``bias_ratio`` is the mean error over the larger of true saving and target."""

    technology: Measured
    kind: Kind
    runs: int
    covered: int
    bias_ratio: float
    #: twice the standard error of the bias
    bias_reach_ratio: float
    shown: int | None
    #: on every figure of the runs that went through the whole platform
    warnings: tuple[str, ...]

    @property
    def coverage(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the coverage."""
        return wilson(self.covered, self.runs)

    @property
    def covers(self) -> bool:
        """Whether the coverage may be between 75 and 85 %."""
        low, high = self.coverage
        return low <= COVERAGE_RATIOS[1] and high >= COVERAGE_RATIOS[0]

    @property
    def claimed(self) -> bool:
        """Whether the rule says it is right under this kind."""
        return self.technology in self.kind.holds_for

    @property
    def honest(self) -> bool:
        """Right where it is claimed, warned of where it is not, and no false success."""
        right = self.covers and abs(self.bias_ratio) - self.bias_reach_ratio < LARGEST_BIAS_RATIO
        false = self.kind.saving_ratio <= 0 and self.shown is not None and self.shown >= LARGEST_FALSE_RATIO * self.runs
        return not false and (right if self.claimed else bool(self.warnings))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a proportion.

    Raises
    ------
    ValueError
        Without trials.

    Notes
    -----
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if trials < 1:
        raise ValueError(f"Expected at least one trial, got {trials}.")
    p, z2 = successes / trials, _Z95**2
    middle = p + z2 / (2 * trials)
    reach = _Z95 * sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    return max(0.0, (middle - reach) / (1 + z2 / trials)), min(1.0, (middle + reach) / (1 + z2 / trials))


def lines(outcomes: Iterable[Outcome]) -> list[Line]:
    """One line per technology and kind that was run, in the order of the kinds."""
    cells: dict[tuple[Measured, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cells[outcome.technology, outcome.kind].append(outcome)
    return [
        _line(technology, kind, cells[technology, kind.name])
        for technology in MEASURED
        for kind in KINDS
        if (technology, kind.name) in cells
    ]


def _line(technology: Measured, kind: Kind, runs: Sequence[Outcome]) -> Line:
    errors = [(run.realised_s - run.truth_s) / max(abs(run.truth_s), run.target_s) for run in runs]
    mean = sum(errors) / len(errors)
    variance = sum((error - mean) ** 2 for error in errors) / max(1, len(errors) - 1)
    chances = [run.probability_ratio for run in runs if run.probability_ratio is not None]
    whole = [set(run.warnings) for run in runs if run.warnings is not None]
    return Line(
        technology=technology,
        kind=kind,
        runs=len(runs),
        covered=sum(run.covered for run in runs),
        bias_ratio=mean,
        bias_reach_ratio=2 * sqrt(variance / len(errors)),
        shown=sum(chance >= SHOWN_FROM_RATIO for chance in chances) if chances else None,
        warnings=tuple(sorted(set.intersection(*whole))) if whole else (),
    )


def common_warnings(found: Sequence[Line]) -> tuple[str, ...]:
    """The warnings that stand on every line that has any."""
    warned = [set(line.warnings) for line in found if line.warnings]
    return tuple(sorted(set.intersection(*warned))) if warned else ()


def common_as_markdown(found: Sequence[Line]) -> str:
    """The warnings that stand everywhere, as a sentence."""
    names = ", ".join(f"`{name}`" for name in common_warnings(found))
    return (
        f"Beside those of the last column every figure says {names}.\n" if names else "No warning stands everywhere.\n"
    )


def as_markdown(found: Sequence[Line]) -> str:
    """The table as Markdown; warnings that stand on every line are left to :func:`common_as_markdown`."""
    everywhere = frozenset(common_warnings(found)) if len(found) > 1 else frozenset[str]()
    names = ("technology", "kind", "runs", "coverage (Wilson)", "75–85 %?", "bias", "shown as reached", "claimed")
    rows = [f"| {' | '.join(names)} | warnings |", "|---|---|---:|---|---|---:|---:|---|---|"]
    rows += [_row(line, everywhere) for line in found]
    return "\n".join(rows) + "\n"


def kinds_as_markdown() -> str:
    """What each kind breaks, as a Markdown table."""
    rows = [f"| {kind.name} | {kind.says} |" for kind in KINDS]
    return "\n".join(["| kind | what happens |", "|---|---|", *rows]) + "\n"


def _row(line: Line, everywhere: frozenset[str]) -> str:
    low, high = line.coverage
    coverage = f"{100 * line.covered / line.runs:.0f} % ({100 * low:.0f}–{100 * high:.0f})"
    shown = "–" if line.shown is None else f"{100 * line.shown / line.runs:.0f} %"
    bias = f"{100 * line.bias_ratio:+.1f} % ± {100 * line.bias_reach_ratio:.1f}"
    cells = [
        line.technology,
        line.kind.name,
        f"{line.runs}",
        coverage,
        "yes" if line.covers else "no",
        bias,
        shown,
        "yes" if line.claimed else "no",
        ", ".join(f"`{name}`" for name in line.warnings if name not in everywhere) or "–",
    ]
    return f"| {' | '.join(cells)} |"

"""The waterfall as a picture: bars with their places, from screen visits to the budget.

Behind the steps stands the chain of a benefit: *potentiale*, what the same occasions would free if each of those on
which the technology could be used had counted with the mean of those that did; *frigjort*, *anvendt*, *budgetteret*.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.pages.manager_choice import Choice
from gateway.pages.manager_quality import uncounted_of
from metrics.covered_days import Days
from metrics.sums.by_subject import outcome_counts
from metrics.targets import target_over
from metrics.technologies import WATERFALL, Technology
from metrics.waterfall import WaterfallStep, waterfall

#: Reasons for which an occasion did not count although the technology could have been used on it.
UNUSED: frozenset[str] = frozenset(
    {
        "route_not_delivered",
        "route_delivered_late",
        "no_screen_visit",
        "no_use",
        "unanswered",
        "visit_not_ended",
        "no_baseline",
    }
)
#: the heights of the drawing, in its own units
TOP, BOTTOM = 22.0, 150.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: seconds, absent where they are not shown, and its upper edge and height in the drawing."""

    key: str
    seconds: int | None
    y: float
    height: float

    @property
    def falls(self) -> bool:
        """Whether it takes away from what came before."""
        return self.seconds is not None and self.seconds < 0


@dataclass(frozen=True, slots=True)
class Picture:
    """The steps with their seconds, what they come to, and the bars. ``zero_y`` is where zero lies."""

    steps: tuple[WaterfallStep, ...]
    freed_s: int | None
    used_s: int | None
    budget_s: int
    bars: tuple[Bar, ...]
    zero_y: float
    potential_s: int | None = None

    @property
    def missing(self) -> tuple[Technology, ...]:
        """The steps that are not in the sum."""
        return tuple(step.technology for step in self.steps if step.net_s is None)


def picture_of(
    session: Session, choice: Choice, covered: Mapping[Technology, Mapping[str, Days]], now: datetime
) -> Picture:
    """The waterfall of the units on the page.

    Budgeted is what the cases' money tables book for the same days (the target as stated), whichever reading the
    page compares with.
    """
    steps = waterfall(
        session,
        from_on=choice.period.from_on,
        to_on=choice.period.to_on,
        cases=choice.benefits.cases,
        adoptions=choice.benefits.adoptions,
        now=now,
        unit_ids=[unit.unit_id for unit in choice.units],
    )
    budget_s = sum(_budget_s(choice, technology, covered.get(technology, {})) for technology in WATERFALL)
    potentials = [_potential_s(session, choice, step, covered.get(step.technology, {})) for step in steps]
    told = [seconds for seconds in potentials if seconds is not None]
    return draw(steps, budget_s, sum(told) if told else None)


def draw(steps: Sequence[WaterfallStep], budget_s: int, potential_s: int | None = None) -> Picture:
    """Lay the bars out: each step begins where the one before ended; freed, used and budgeted stand on zero."""
    shown = [step for step in steps if step.net_s is not None]
    freed_s = sum(step.net_s or 0 for step in shown) if shown else None
    used_s = sum(step.used_s or 0 for step in shown) if shown else None
    spans: list[tuple[str, int | None, int, int]] = []
    reached = 0
    for step in steps:
        spans.append((step.technology, step.net_s, reached, reached + (step.net_s or 0)))
        reached += step.net_s or 0
    for key, seconds in (("potential", potential_s), ("freed", freed_s), ("used", used_s), ("budget", budget_s)):
        spans.append((key, seconds, 0, seconds or 0))
    ends = [end for _key, _seconds, begin, stop in spans for end in (begin, stop)]
    scale = _Scale(min([0, *ends]), max([1, *ends]))
    bars = tuple(
        Bar(key, seconds, scale.y(max(begin, stop)), round(scale.y(min(begin, stop)) - scale.y(max(begin, stop)), 1))
        for key, seconds, begin, stop in spans
    )
    return Picture(tuple(steps), freed_s, used_s, budget_s, bars, scale.y(0), potential_s)


@dataclass(frozen=True, slots=True)
class _Scale:
    low_s: int
    high_s: int

    def y(self, seconds: int) -> float:
        """Where a number of seconds lies; the highest at the top."""
        return round(BOTTOM - (seconds - self.low_s) / (self.high_s - self.low_s) * (BOTTOM - TOP), 1)


def _potential_s(session: Session, choice: Choice, step: WaterfallStep, covered: Mapping[str, Days]) -> int | None:
    """What a step would free if it were used wherever it could be; ``None`` where the step is not shown."""
    shown = {unit.unit_id for unit in choice.shown(step.technology)}
    days = {unit_id: span for unit_id, span in covered.items() if unit_id in shown}
    if step.net_s is None or not days:
        return step.net_s
    counted = sum(
        count.occasion_count
        for unit_id, span in days.items()
        for count in outcome_counts(session, step.technology, unit_id, *span)
        if count.outcome == "counted"
    )
    # A number too small to be shown is not let in through the sum either.
    unused = sum(u.occasion_count or 0 for u in uncounted_of(session, step.technology, days) if u.reason in UNUSED)
    return step.net_s if not counted else round(step.net_s * (counted + unused) / counted)


def _budget_s(choice: Choice, technology: Technology, covered: Mapping[str, Days]) -> int:
    subject = choice.subjects.get(technology)
    if subject is None or subject.case is None:
        return 0
    shown: Iterable[str] = (unit.unit_id for unit in choice.shown(technology))
    return sum(
        target_over(subject.case, subject.adoption, unit_id, *covered[unit_id], "stated")
        for unit_id in shown
        if unit_id in covered
    )

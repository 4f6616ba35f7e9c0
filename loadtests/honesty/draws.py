"""What the counted occasions of a simulated municipality give: draws of a unit, and the group it is compared with."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from loadtests.honesty.kinds import PAIRED, Measured
from metrics.comparison.ratio import ComparedSubject, Group
from metrics.covered_days import Days
from metrics.estimate import (
    MeasuredSubject,
    PairedSample,
    PairedSubject,
    SubjectOccasions,
    UnitDraws,
    UnitSample,
    draw_paired,
    draw_unit,
)
from metrics.rule_versions import CURRENT_RULES
from metrics.rules_beside import by_visit_type
from metrics.study_csv import Measured as MeasuredRow
from metrics.visit_types.means import Cell, MeasuredVisits
from metrics.visit_types.sample import visits_sample


@dataclass(frozen=True, slots=True)
class CountedOccasion:
    """One counted occasion."""

    unit_id: str
    day_on: date
    subject: str
    net_s: int
    spent_s: int
    baseline_count: int
    #: what it was measured against, where that was visits
    replaced: tuple[tuple[Cell, int], ...] = ()


def unit_draws(
    technology: Measured,
    unit_id: str,
    entries: list[CountedOccasion],
    study: list[MeasuredRow],
    covered: Days,
    visits: Sequence[MeasuredVisits] = (),
) -> UnitDraws | None:
    if visits:
        return _typed_draws(unit_id, entries, study, covered, visits)
    counts: dict[str, int] = defaultdict(int)
    spent_s: dict[str, int] = defaultdict(int)
    for entry in entries:
        counts[entry.subject] += entry.baseline_count
        spent_s[entry.subject] += entry.spent_s
    realised_s, version = sum(entry.net_s for entry in entries), CURRENT_RULES[technology]
    if technology in PAIRED:
        pairs = [
            PairedSubject(((counts[s], tuple(sorted(m.measured_s for m in study if m.subject == s))),), spent_s[s])
            for s in counts
        ]
        return draw_paired(PairedSample(unit_id, realised_s, tuple(pairs)), rule_version=version, period=covered)
    # Who worked in two units was measured against two means.
    means = sorted({e.unit_id: _carers_of(e.unit_id, study) for e in entries}.items(), key=lambda mean: mean[1])
    against = {unit: number for number, (unit, _carers) in enumerate(means)}
    applied: dict[str, list[int]] = defaultdict(lambda: [0] * len(means))
    for entry in entries:
        applied[entry.subject][against[entry.unit_id]] += entry.baseline_count
    subjects = tuple(SubjectOccasions(tuple(applied[s]), spent_s[s], s) for s in applied)
    baselines = tuple(
        tuple(MeasuredSubject(count, total_s, subject, days) for count, total_s, days, subject in carers)
        for _unit, carers in means
    )
    return draw_unit(UnitSample(unit_id, realised_s, subjects, baselines), rule_version=version, period=covered)


def _typed_draws(
    unit_id: str,
    entries: list[CountedOccasion],
    study: list[MeasuredRow],
    covered: Days,
    visits: Sequence[MeasuredVisits],
) -> UnitDraws | None:
    """Weeks measured against a citizen's own, and those measured against the unit's visits: their errors are apart."""
    version = by_visit_type.RULE_VERSION
    own = [entry for entry in entries if not entry.replaced]
    typed = [entry for entry in entries if entry.replaced]
    spent_s = dict.fromkeys((entry.subject for entry in entries), 0)
    replaced: Counter[tuple[str, Cell]] = Counter()
    for entry in typed:
        spent_s[entry.subject] += entry.spent_s
        for cell, count in entry.replaced:
            replaced[entry.subject, cell] += count
    sample = visits_sample(unit_id, spent_s, sum(entry.net_s for entry in typed), [(replaced, visits)])
    pairs: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entry in own:
        pairs[entry.subject][0] += 1
        pairs[entry.subject][1] += entry.spent_s
    subjects = tuple(
        PairedSubject(((count, tuple(sorted(m.measured_s for m in study if m.subject == s))),), spent)
        for s, (count, spent) in pairs.items()
    )
    first = draw_paired(
        PairedSample(unit_id, sum(entry.net_s for entry in own), subjects), rule_version=version, period=covered
    )
    second = draw_unit(sample, rule_version=f"{version}|visits", period=covered)
    if first is None or second is None:
        return None
    return UnitDraws(first.draws_s + second.draws_s, "redraw")


def _carers_of(unit_id: str, study: list[MeasuredRow]) -> list[tuple[int, int, tuple[tuple[int, int], ...], str]]:
    """The measured carers of a unit: count, seconds, days and who."""
    days: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in study:
        if one.unit_id == unit_id:
            days[one.subject].append((one.count, one.measured_s))
    return sorted((sum(n for n, _s in d), sum(s for _n, s in d), tuple(sorted(d)), who) for who, d in days.items())


def group_of(untouched: list[CountedOccasion], study: list[MeasuredRow], shown: list[CountedOccasion]) -> Group:
    """Those who have not begun, each by the own mean."""
    begun = {entry.subject for entry in shown}
    own: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in study:
        own[one.subject][0] += one.measured_s
        own[one.subject][1] += one.count
    taken: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entry in untouched:
        if entry.subject not in begun:
            taken[entry.subject][0] += entry.baseline_count
            taken[entry.subject][1] += entry.spent_s
    subjects = (
        ComparedSubject(round(Fraction(own[s][0], own[s][1]) * count), spent_s, s)
        for s, (count, spent_s) in taken.items()
    )
    return Group("same_unit", tuple(sorted(subjects)))

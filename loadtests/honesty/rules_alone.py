"""The same figures without a database: the rules and the estimate applied in memory, several times as fast.

Nothing is decided here: folding, judging, covering and drawing are the ledger's and the report's own pure functions.
A test holds both ways to the same figures (tests/metrics/test_honesty.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from devices.events import OpeningSettled
from kernel.events import Event
from kernel.localtime import local_day
from loadtests.honesty.calendar import LAST_ON, LIVED_FROM_ON, SEEN_AT
from loadtests.honesty.kinds import PAIRED, Kind, Measured
from loadtests.honesty.run import Outcome, adoptions_of, generate
from loadtests.honesty.town import MERGING, UNIT, Lived
from metrics import keys_entries, routing_shifts, screen_weeks, transfer_days
from metrics.baselines import VALID_MONTHS, months_later
from metrics.covered_days import Days, covered_days
from metrics.enrolments import Enrolment
from metrics.estimate import (
    MeasuredSubject,
    PairedSample,
    PairedSubject,
    SubjectOccasions,
    UnitDraws,
    UnitSample,
    draw_paired,
    draw_unit,
    estimate_total,
)
from metrics.judgement import Judgement
from metrics.ledger import Baseline, RouteProgress, ShiftProgress, epoch_ms, fold_route, fold_shift, route_key
from metrics.rule_versions import CURRENT_RULES
from metrics.study_csv import Measured as MeasuredRow
from metrics.subject_baselines import SubjectBaseline, subject_baseline_for
from metrics.targets import AdoptedUnit, target_over
from metrics.time_study import read_time_study
from scheduling.events import (
    CitizenEnrolled,
    CitizenLeft,
    RouteDelivered,
    RoutePublished,
    ShiftEnded,
    ShiftStarted,
    VisitBegun,
    VisitEnded,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One counted occasion."""

    unit_id: str
    day_on: date
    subject: str
    net_s: int
    spent_s: int
    baseline_count: int


@dataclass(slots=True)
class _Shifts:
    """Shifts and routes as far as they are told."""

    shifts: dict[str, ShiftProgress] = field(default_factory=dict)
    routes: dict[str, RouteProgress] = field(default_factory=dict)

    def take(self, position: int, event: Event) -> None:
        if isinstance(event, RoutePublished | RouteDelivered):
            key = route_key(event.carer_id, event.day)
            fold_route(self.routes.setdefault(key, RouteProgress(key)), position, event)
        elif isinstance(event, ShiftStarted | ShiftEnded | VisitBegun | VisitEnded | OpeningSettled) and event.shift_id:
            shift = self.shifts.setdefault(event.shift_id, ShiftProgress(event.shift_id))
            fold_shift(shift, position, event, event.carer_id or "")


def run_rules(technology: Measured, kind: Kind, seed: int) -> list[Outcome]:
    """What :func:`loadtests.honesty.run.run` says, less its warnings."""
    lived = generate(technology, kind, seed)
    return [_outcome(name, lived, kind, seed) for name in sorted(lived.truth_s)]


def _outcome(technology: Measured, lived: Lived, kind: Kind, seed: int) -> Outcome:
    cases, adoptions = adoptions_of(lived, kind)
    # Routing is used where keys are, and nobody promised anything for it.
    promised: Measured = "keys" if technology == "routing" else technology
    adoption = next(a for a in adoptions.values() if cases[a.case_id].technology == promised)
    study = _study(technology, lived)
    entries = list(_paired(technology, lived, study) if technology in PAIRED else _shifts(technology, lived, study))
    drawn: dict[str, UnitDraws] = {}
    shown: list[_Entry] = []
    for unit in adoption.units:
        covered = _covered(technology, unit)
        mine = [e for e in entries if e.unit_id == unit.unit_id and covered and covered[0] <= e.day_on <= covered[1]]
        draws = _draws(technology, unit.unit_id, mine, study, covered) if mine and covered else None
        if draws is not None:
            drawn[unit.unit_id] = draws
            shown += mine
    target_s, days = lived.nominal_s[technology], _covered(technology, adoption.unit(UNIT))
    if technology != "routing" and not kind.merge and days is not None:
        target_s = target_over(cases[adoption.case_id], adoption, UNIT, *days, "stated")
    parts = [drawn[unit_id] for unit_id in sorted(drawn)]
    if kind.merge:
        together = _draws(technology, "", shown, study, _whole([u for u in adoption.units if u.unit_id in drawn]))
        parts = parts if together is None else [together]
    estimate = estimate_total(parts, target_s)
    return Outcome(
        technology=technology,
        kind=kind.name,
        seed=seed,
        truth_s=lived.truth_s[technology],
        target_s=target_s,
        realised_s=sum(entry.net_s for entry in shown),
        p10_s=estimate.p10_s,
        p90_s=estimate.p90_s,
        probability_ratio=None if technology == "routing" or kind.merge else estimate.target_probability_ratio,
        occasions=len(shown),
        warnings=None,
    )


def _study(technology: Measured, lived: Lived) -> list[MeasuredRow]:
    content = "\n".join(lived.studies[technology]).encode()
    units = [UNIT, *MERGING]
    return read_time_study(content, known_units=units, today_on=local_day(SEEN_AT), technology=technology)


def _covered(technology: Measured, unit: AdoptedUnit) -> Days | None:
    used = unit.used_between(LIVED_FROM_ON, LAST_ON)
    return None if used is None else covered_days(technology, *used, SEEN_AT)


def _whole(units: Iterable[AdoptedUnit]) -> Days:
    """From the first day any of the units was in use to the last."""
    used = [days for unit in units if (days := unit.used_between(LIVED_FROM_ON, LAST_ON)) is not None]
    return min(first for first, _last in used), max(last for _first, last in used)


def _draws(
    technology: Measured, unit_id: str, entries: list[_Entry], study: list[MeasuredRow], covered: Days
) -> UnitDraws | None:
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


def _carers_of(unit_id: str, study: list[MeasuredRow]) -> list[tuple[int, int, tuple[tuple[int, int], ...], str]]:
    """The measured carers of a unit: count, seconds, days and who."""
    days: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in study:
        if one.unit_id == unit_id:
            days[one.subject].append((one.count, one.measured_s))
    return sorted((sum(n for n, _s in d), sum(s for _n, s in d), tuple(sorted(d)), who) for who, d in days.items())


def _shifts(technology: Measured, lived: Lived, study: list[MeasuredRow]) -> Iterator[_Entry]:
    read = _Shifts()
    for position, event in enumerate(lived.events, start=1):
        read.take(position, event)
    baselines = {unit: _baseline(technology, unit, study) for unit in {one.unit_id for one in study}}
    for shift in read.shifts.values():
        if not shift.closed:
            continue
        baseline = baselines.get(shift.unit_id)
        if technology == "keys":
            route = read.routes.get(shift.route_key, RouteProgress(shift.route_key))
            judged = keys_entries.judge(shift, route, baseline)
        else:
            judged = routing_shifts.judge(shift, baseline)
        yield from _counted(judged, shift.unit_id, date.fromisoformat(shift.day), shift.subject)


def _baseline(technology: Measured, unit_id: str, study: list[MeasuredRow]) -> Baseline:
    mine = [one for one in study if one.unit_id == unit_id]
    last_on = max(one.on for one in mine)
    return Baseline(
        baseline_id=unit_id,
        technology=technology,
        unit_id=unit_id,
        kind=mine[0].kind,
        version=1,
        last_on=last_on,
        valid_until_on=months_later(last_on, VALID_MONTHS),
        total_s=sum(one.measured_s for one in mine),
        measured_count=sum(one.count for one in mine),
        known_position=0,
    )


def _paired(technology: Measured, lived: Lived, study: list[MeasuredRow]) -> Iterator[_Entry]:
    enrolments = _enrolments([*lived.enrolments, *lived.events])
    baselines = _own_baselines(study)
    weeks: dict[tuple[str, date], screen_weeks.WeekProgress] = {}
    days: dict[tuple[str, date], transfer_days.DayProgress] = {}
    for position, event in enumerate(lived.events, start=1):
        subject = str(getattr(event, "citizen_id", ""))
        if technology == "screen" and (last_on := screen_weeks.week_of(event)) is not None:
            key = (subject, last_on)
            screen_weeks.fold_week(weeks.setdefault(key, screen_weeks.WeekProgress(*key)), position, event)
        elif technology == "transfers" and (day := transfer_days.day_of(event)) is not None:
            key = (subject, day)
            transfer_days.fold_day(days.setdefault(key, transfer_days.DayProgress(*key)), position, event)
    for (subject, on), week in weeks.items():
        enrolment, own = enrolments.get(subject), subject_baseline_for(baselines.get(subject, ()), on, 1)
        span = None if enrolment is None else enrolment.overlapping(*screen_weeks.week_bounds_ms(on))
        judged = screen_weeks.judge_week(week, enrolment, own)
        yield from _counted(judged, "" if span is None else span.unit_id, on, subject)
    for (subject, on), lived_day in days.items():
        own = subject_baseline_for(baselines.get(subject, ()), on, 1)
        judged = transfer_days.judge_day(lived_day, enrolments.get(subject), own)
        yield from _counted(judged, transfer_days.unit_of(lived_day, enrolments.get(subject)), on, subject)


def _own_baselines(study: list[MeasuredRow]) -> Mapping[str, list[SubjectBaseline]]:
    last_on = max(one.on for one in study)
    until_on = months_later(last_on, VALID_MONTHS)
    rows: dict[str, list[int]] = defaultdict(list)
    for one in study:
        rows[one.subject].append(one.measured_s)
    return {s: [SubjectBaseline("own", s, last_on, until_on, sum(m), len(m), 0)] for s, m in rows.items()}


def _enrolments(events: Iterable[Event]) -> dict[str, Enrolment]:
    found: dict[str, Enrolment] = {}
    for position, event in enumerate(events, start=1):
        if isinstance(event, CitizenEnrolled):
            one = found.setdefault(event.citizen_id, Enrolment(event.citizen_id))
            one.enrol(position, event.unit_id, epoch_ms(event.at))
        elif isinstance(event, CitizenLeft) and event.citizen_id in found:
            found[event.citizen_id].leave(position, epoch_ms(event.at))
    return found


def _counted(judged: Judgement, unit_id: str, on: date, subject: str) -> Iterator[_Entry]:
    if judged.outcome == "counted":
        spent_s = (judged.actual_s or 0) + (judged.overhead_s or 0)
        yield _Entry(unit_id, on, subject, judged.net_s or 0, spent_s, judged.baseline_count or 1)

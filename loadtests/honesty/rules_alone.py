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
from loadtests.honesty.draws import CountedOccasion, group_of, unit_draws
from loadtests.honesty.kinds import PAIRED, Kind, Measured
from loadtests.honesty.run import Outcome, adoptions_of, generate
from loadtests.honesty.town import MERGING, UNIT, Lived
from metrics import keys_entries, routing_shifts, screen_weeks, transfer_days
from metrics.baselines import VALID_MONTHS, months_later
from metrics.comparison import untouched
from metrics.comparison.ratio import Group, adjusted, compared
from metrics.covered_days import Days, covered_days
from metrics.enrolments import Enrolment
from metrics.estimate import (
    UnitDraws,
    estimate_total,
)
from metrics.judgement import Judgement
from metrics.ledger import Baseline, RouteProgress, ShiftProgress, epoch_ms, fold_route, fold_shift, route_key
from metrics.rule_versions import CURRENT_RULES
from metrics.rules_beside import by_visit_type
from metrics.study_csv import Measured as MeasuredRow
from metrics.subject_baselines import SubjectBaseline, subject_baseline_for
from metrics.targets import AdoptedUnit, target_over
from metrics.time_study import read_time_study
from metrics.visit_types.means import Cell, MeasuredVisits, VisitMeans, cells_of
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
class _Found:
    """What counts, and what those are compared with who have not begun: their occasions and what these took."""

    entries: list[CountedOccasion]
    untouched: list[CountedOccasion]


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
    return [_outcome(name, lived, kind, seed) for name in sorted(lived.truth_s) if name in kind.of]


def _outcome(technology: Measured, lived: Lived, kind: Kind, seed: int) -> Outcome:
    cases, adoptions = adoptions_of(lived, kind)
    # Routing is used where keys are, and nobody promised anything for it.
    promised: Measured = "keys" if technology == "routing" else technology
    adoption = next(a for a in adoptions.values() if cases[a.case_id].technology == promised)
    study = _study(technology, lived)
    found = _paired(technology, lived, study) if technology in PAIRED else _shifts(technology, lived, study)
    entries = found.entries
    visits = _measured_visits(lived)
    drawn: dict[str, UnitDraws] = {}
    shown: list[CountedOccasion] = []
    for unit in adoption.units:
        covered = _covered(technology, unit)
        mine = [e for e in entries if e.unit_id == unit.unit_id and covered and covered[0] <= e.day_on <= covered[1]]
        draws = unit_draws(technology, unit.unit_id, mine, study, covered, visits) if mine and covered else None
        if draws is not None:
            drawn[unit.unit_id] = draws
            shown += mine
    target_s, days = lived.nominal_s[technology], _covered(technology, adoption.unit(UNIT))
    if technology != "routing" and not kind.merge and days is not None:
        target_s = target_over(cases[adoption.case_id], adoption, UNIT, *days, "stated")
    parts = [drawn[unit_id] for unit_id in sorted(drawn)]
    if kind.merge:
        together = unit_draws(technology, "", shown, study, _whole([u for u in adoption.units if u.unit_id in drawn]))
        parts = parts if together is None else [together]
    estimate = estimate_total(parts, target_s)
    if kind.compared and days is not None:
        group = group_of(found.untouched, study, shown)
        return _beside(technology, lived, kind, seed, target_s, shown, parts[0], group, days)
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


def _beside(
    technology: Measured,
    lived: Lived,
    kind: Kind,
    seed: int,
    target_s: int,
    shown: list[CountedOccasion],
    draws: UnitDraws,
    group: Group,
    days: Days,
) -> Outcome:
    """The figure compared with those who have not begun."""
    spent_s, realised_s = sum(e.spent_s for e in shown), sum(e.net_s for e in shown)
    version = CURRENT_RULES[technology]
    figure = compared([adjusted(draws, spent_s, realised_s, group, rule_version=version, period=days)])
    return Outcome(
        technology=technology,
        kind=kind.name,
        seed=seed,
        truth_s=lived.truth_s[technology],
        target_s=target_s,
        realised_s=figure.realised_s,
        p10_s=figure.p10_s,
        p90_s=figure.p90_s,
        probability_ratio=None,
        occasions=len(shown),
        warnings=None,
    )


def _study(technology: Measured, lived: Lived) -> list[MeasuredRow]:
    return _read(technology, lived.studies[technology])


def _read(technology: Measured, lines: list[str]) -> list[MeasuredRow]:
    content = "\n".join(lines).encode()
    units = [UNIT, *MERGING]
    return read_time_study(content, known_units=units, today_on=local_day(SEEN_AT), technology=technology)


def _covered(technology: Measured, unit: AdoptedUnit) -> Days | None:
    used = unit.used_between(LIVED_FROM_ON, LAST_ON)
    return None if used is None else covered_days(technology, *used, SEEN_AT)


def _whole(units: Iterable[AdoptedUnit]) -> Days:
    """From the first day any of the units was in use to the last."""
    used = [days for unit in units if (days := unit.used_between(LIVED_FROM_ON, LAST_ON)) is not None]
    return min(first for first, _last in used), max(last for _first, last in used)


def _measured_visits(lived: Lived) -> list[MeasuredVisits]:
    rows = _read("screen", lived.visit_study) if lived.visit_study else []
    return [MeasuredVisits(m.subject, m.shift_kind or "", m.visit_type or "", m.count, m.measured_s) for m in rows]


def _shifts(technology: Measured, lived: Lived, study: list[MeasuredRow]) -> _Found:
    found = _Found([], [])
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
        where = (shift.unit_id, date.fromisoformat(shift.day), shift.subject)
        found.entries.extend(_counted(judged, *where))
        if technology == "keys":
            route = read.routes.get(shift.route_key, RouteProgress(shift.route_key))
            found.untouched.extend(_counted(untouched.judge_ends(shift, route, baseline), *where))
    return found


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


def _paired(technology: Measured, lived: Lived, study: list[MeasuredRow]) -> _Found:
    found, means = _Found([], []), _visit_means(lived)
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
        judged = by_visit_type.judge_week(week, enrolment, own, means)
        found.entries.extend(_counted(judged, "" if span is None else span.unit_id, on, subject))
        beside = untouched.judge_week(week, enrolment, own)
        found.untouched.extend(_counted(beside, untouched.unit_of_week(week), on, subject))
    for (subject, on), lived_day in days.items():
        own = subject_baseline_for(baselines.get(subject, ()), on, 1)
        judged = transfer_days.judge_day(lived_day, enrolments.get(subject), own)
        unit_id = transfer_days.unit_of(lived_day, enrolments.get(subject))
        found.entries.extend(_counted(judged, unit_id, on, subject))
    return found


def _visit_means(lived: Lived) -> VisitMeans | None:
    """The baseline of the unit's visits, where they were measured."""
    if not lived.visit_study:
        return None
    last_on = max(one.on for one in _read("screen", lived.visit_study))
    until_on = months_later(last_on, VALID_MONTHS)
    return VisitMeans("visits", UNIT, last_on, until_on, 0, cells_of(_measured_visits(lived)))


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


def _counted(judged: Judgement, unit_id: str, on: date, subject: str) -> Iterator[CountedOccasion]:
    if judged.outcome == "counted":
        spent_s = (judged.actual_s or 0) + (judged.overhead_s or 0)
        replaced = tuple((Cell.named(name), n) for name, n in judged.inputs.get("replaced", {}).items())
        yield CountedOccasion(unit_id, on, subject, judged.net_s or 0, spent_s, judged.baseline_count or 1, replaced)

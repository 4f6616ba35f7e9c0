"""Realised against target, technology by technology and unit by unit: the one computation behind table, pages, gauges.

Figures and target of a row are about the same days (``covered_from_on`` to ``covered_to_on``): what is not settled
yet is left out of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Session

from kernel.localtime import local_day
from metrics.benefit_row import BenefitRow, Status
from metrics.business_case import BusinessCase
from metrics.comparison.of_units import compared_units
from metrics.covered_days import Days
from metrics.estimate import Estimate, UnitDraws, estimate_total, estimate_unit, grade, selection_not_ruled_out
from metrics.report_figures import Subject, UnitFigures, drawn_together, unit_figures
from metrics.report_words import ReportReason
from metrics.rules_beside.choice import current_rules
from metrics.suppression import MINIMUM_SUBJECTS, Cell, withhold
from metrics.targets import AdoptedUnit, Adoption, Reading, target_over
from metrics.technologies import (
    CLOCKS,
    TARGET_ONLY,
    TECHNOLOGIES,
    WITHOUT_TARGET,
    Component,
    Technology,
)
from metrics.threats import threats_of

__all__ = ["BenefitRow", "Status", "adopted_subjects", "all_benefits", "benefit_report"]

#: What no case promises is used where this technology is: routes are planned for those who drive with the log.
_GOES_WITH: Mapping[Technology, Technology] = {"routing": "keys"}
_COMPONENTS: Mapping[Technology, Component] = {"routing": "between_visits"}


def all_benefits(
    session: Session,
    *,
    from_on: date,
    to_on: date,
    cases: Mapping[str, BusinessCase],
    adoptions: Mapping[str, Adoption],
    reading: Reading,
    now: datetime,
) -> list[BenefitRow]:
    """Every technology in the order of the waterfall, then those with a target only.

    Parameters
    ----------
    from_on, to_on
        Local days, both included.
    cases, adoptions
        By case id; a case without adoption gets one row without figures.
    reading
        Which of the two targets (see :mod:`metrics.targets`).
    now
        World time.

    Returns
    -------
    list[BenefitRow]
        Per technology one row for each adopted unit and, last, one for all of them.

    Raises
    ------
    ValueError
        If the period ends before it begins or a case is unknown.
    """
    _check_period((from_on, to_on))
    rows: list[BenefitRow] = []
    subjects = adopted_subjects(cases, adoptions)
    for technology in TECHNOLOGIES:
        subject = subjects.get(technology)
        if subject is None:
            rows.append(_not_adopted(technology, (from_on, to_on), reading))
        elif technology in TARGET_ONLY:
            rows += _targets_only(subject, (from_on, to_on), reading, now)
        else:
            rows += _measured(session, subject, (from_on, to_on), reading, now)
    return rows


def benefit_report(
    session: Session,
    *,
    from_on: date,
    to_on: date,
    cases: Mapping[str, BusinessCase],
    adoption: Adoption,
    reading: Reading,
    now: datetime,
) -> list[BenefitRow]:
    """Realised against target for every unit of one adoption, and for all of them as the last row.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; what is not settled by ``now`` is left out of target and figure alike.
    cases
        Business cases by id; the adoption's case must be among them.
    reading
        Which of the two targets (see :mod:`metrics.targets`).
    now
        World time.

    Raises
    ------
    ValueError
        If the period ends before it begins or the case is unknown.
    """
    case = _case(cases, adoption)
    subject = Subject(case.technology, adoption, case)
    _check_period((from_on, to_on))
    if case.technology in TARGET_ONLY:
        return _targets_only(subject, (from_on, to_on), reading, now)
    return _measured(session, subject, (from_on, to_on), reading, now)


def adopted_subjects(cases: Mapping[str, BusinessCase], adoptions: Mapping[str, Adoption]) -> dict[Technology, Subject]:
    """What was taken into use, by technology."""
    found: dict[Technology, Subject] = {}
    for _case_id, adoption in sorted(adoptions.items()):
        case = _case(cases, adoption)
        found[case.technology] = Subject(case.technology, adoption, case)
    for technology, companion in _GOES_WITH.items():
        if companion in found and technology not in found:
            found[technology] = Subject(technology, found[companion].adoption, None)
    return found


def _check_period(asked: Days) -> None:
    if asked[1] < asked[0]:
        raise ValueError(f"Expected a period that ends after {asked[0]}, got {asked[1]}.")


def _case(cases: Mapping[str, BusinessCase], adoption: Adoption) -> BusinessCase:
    if adoption.case_id not in cases:
        raise ValueError(f"Expected one of the cases {sorted(cases)}, got {adoption.case_id!r}.")
    return cases[adoption.case_id]


def _measured(session: Session, subject: Subject, asked: Days, reading: Reading, now: datetime) -> list[BenefitRow]:
    lived = (asked[0], min(asked[1], local_day(now)))
    subject = replace(subject, counted_by=current_rules(session).get(subject.technology, ""))
    units = [unit_figures(session, subject, unit, lived, reading, now) for unit in subject.adoption.units]
    rows = [_unit_row(subject, asked, reading, figures) for figures in units]
    usable = [f for f in units if f.drawn is not None]
    together = drawn_together(session, subject, usable, _covered([f.covered for f in usable if f.covered is not None]))
    rows.append(_total_row(subject, asked, reading, units, together))
    return _withheld(rows)


def _targets_only(subject: Subject, asked: Days, reading: Reading, now: datetime) -> list[BenefitRow]:
    lived = (asked[0], min(asked[1], local_day(now)))
    rows: list[BenefitRow] = []
    for unit in subject.adoption.units:
        used = unit.used_between(*lived)
        target_s = 0
        if used is not None and subject.case is not None:
            target_s = target_over(subject.case, subject.adoption, unit.unit_id, *used, reading)
        blank = _blank_row(subject, asked, reading, target_s, unit)
        rows.append(replace(blank, reason=_unmeasured(subject) if used is not None else "not_in_use_yet"))
    total = _blank_row(subject, asked, reading, sum(row.target_s for row in rows))
    return [*rows, replace(total, reason=_unmeasured(subject))]


def _unmeasured(subject: Subject) -> ReportReason:
    return "not_measured" if subject.promises_minutes else "money_only"


def _not_adopted(technology: Technology, asked: Days, reading: Reading) -> BenefitRow:
    return BenefitRow(
        technology=technology,
        unit_id=None,
        unit_name="",
        from_on=asked[0],
        to_on=asked[1],
        reading=reading,
        target_s=0,
        status="too_little_data",
        reason="not_in_use_yet",
        has_target=technology not in WITHOUT_TARGET,
        component=_COMPONENTS.get(technology),
        clock=CLOCKS[technology],
    )


def _unit_row(subject: Subject, asked: Days, reading: Reading, figures: UnitFigures) -> BenefitRow:
    blank = _blank_row(subject, asked, reading, figures.target_s, figures.unit, figures.covered)
    blank = replace(blank, reason=figures.reason)
    if not figures.sums:
        return blank
    estimate = None
    if figures.drawn is not None and not _single_day(figures.covered):
        estimate = estimate_unit(figures.drawn, figures.target_s)
    return _filled(blank, [figures], subject, estimate)


def _total_row(
    subject: Subject, asked: Days, reading: Reading, units: Sequence[UnitFigures], together: UnitDraws | None
) -> BenefitRow:
    target_s = sum(f.target_s for f in units)
    covered = _covered([f.covered for f in units if f.covered is not None])
    blank = _blank_row(subject, asked, reading, target_s, None, covered)
    # One subject alone cannot be estimated; such a unit is withheld and stays out of the total too.
    usable = [f for f in units if f.drawn is not None]
    if not usable:
        reasons = [f.reason for f in units if f.reason is not None]
        in_use = [reason for reason in reasons if reason != "not_in_use_yet"]
        return replace(blank, reason=next(iter([*in_use, *reasons]), "few_subjects"))
    lacking = len(usable) < sum(f.in_use for f in units)
    # Alphabetical: a missing baseline before missing events, as in a unit.
    partly = min((f.lacking for f in usable if f.lacking is not None), default=None)
    blank = replace(blank, reason="units_without_data" if lacking else partly)
    drawn = [f.drawn for f in sorted(usable, key=lambda f: f.unit.unit_id) if f.drawn is not None]
    drawn = drawn if together is None else [together]
    estimate = None if _single_day(covered) else estimate_total(drawn, target_s)
    return _filled(blank, usable, subject, estimate, together)


def _covered(days: Sequence[Days]) -> Days | None:
    return (min(first for first, _last in days), max(last for _first, last in days)) if days else None


def _single_day(covered: Days | None) -> bool:
    return covered is not None and covered[0] == covered[1]


def _blank_row(
    subject: Subject,
    asked: Days,
    reading: Reading,
    target_s: int,
    unit: AdoptedUnit | None = None,
    covered: Days | None = None,
) -> BenefitRow:
    case = subject.case
    return BenefitRow(
        technology=subject.technology,
        unit_id=None if unit is None else unit.unit_id,
        unit_name="" if unit is None else unit.name,
        from_on=asked[0],
        to_on=asked[1],
        reading=reading,
        target_s=target_s,
        status="too_little_data",
        rule_version=subject.rule_version,
        has_target=subject.promises_minutes,
        owner=None if case is None else subject.adoption.owner,
        covered_from_on=None if covered is None else covered[0],
        covered_to_on=None if covered is None else covered[1],
        component=_COMPONENTS.get(subject.technology) if case is None else case.component,
        clock=CLOCKS[subject.technology],
    )


def _filled(
    blank: BenefitRow,
    units: Sequence[UnitFigures],
    subject: Subject,
    estimate: Estimate | None,
    together: UnitDraws | None = None,
) -> BenefitRow:
    sums = [row for f in units for row in f.sums]
    subject_count = len(frozenset[str]().union(*(f.subjects for f in units)))
    occasion_count = sum(row.occasion_count for row in sums)
    comparison = subject.adoption.comparison
    beside = None if estimate is None else compared_units(units, subject, together)
    return replace(
        blank,
        status="ok",
        realised_s=sum(f.realised_s for f in units),
        used_s=sum(row.used_s for row in sums),
        p10_s=None if estimate is None else estimate.p10_s,
        p50_s=None if estimate is None else estimate.p50_s,
        p90_s=None if estimate is None else estimate.p90_s,
        target_probability_ratio=(
            None if estimate is None or not blank.has_target else estimate.target_probability_ratio
        ),
        grade=grade(
            measured_baseline=True,
            all_by_device=sum(row.device_count for row in sums) == occasion_count,
            subject_count=subject_count,
            compared=comparison is not None or beside is not None,
        ),
        selection_not_ruled_out=selection_not_ruled_out(comparison),
        threats=threats_of(
            comparison,
            baseline_trend=any(f.baseline_trend for f in units),
            visit_types=any(f.visit_types for f in units),
            shift_mean=any(f.shift_mean for f in units),
            unchanged=beside is not None and beside.p10_s <= sum(f.realised_s for f in units) <= beside.p90_s,
        ),
        compared=beside,
        subject_count=subject_count,
        occasion_count=occasion_count,
        ineligible_count=sum(f.ineligible_count for f in units),
        event_count=sum(row.evidence_count for row in sums),
    )


def _withheld(rows: Sequence[BenefitRow]) -> list[BenefitRow]:
    """The same rows without the figures that few persons stand behind. The last row is the total."""
    *units, total = rows
    cells = [Cell(row.unit_id or "", row.subject_count or 0) for row in units]
    hidden = withhold(cells, total.subject_count or 0)
    shown: list[BenefitRow] = []
    for row in rows:
        hide = hidden.total if row.unit_id is None else row.unit_id in hidden.keys
        if hide and row.status == "ok":
            few = (row.subject_count or 0) < MINIMUM_SUBJECTS
            shown.append(_stripped(row, "few_subjects" if few else "subtraction"))
        else:
            shown.append(row)
    return shown


def _stripped(row: BenefitRow, reason: ReportReason) -> BenefitRow:
    return replace(
        row,
        status="withheld",
        reason=reason,
        realised_s=None,
        used_s=None,
        p10_s=None,
        p50_s=None,
        p90_s=None,
        target_probability_ratio=None,
        grade=None,
        selection_not_ruled_out=True,
        threats=(),
        compared=None,
        subject_count=None,
        occasion_count=None,
        ineligible_count=None,
        event_count=None,
    )

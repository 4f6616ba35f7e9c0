"""Realised against target, unit by unit and in all: the one computation behind table, pages and gauges."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlmodel import Session

from kernel.localtime import local_day
from metrics import store
from metrics.business_case import BusinessCase
from metrics.estimate import (
    Estimate,
    Grade,
    MeasuredSubject,
    SubjectShifts,
    UnitDraws,
    UnitSample,
    draw_unit,
    estimate_total,
    estimate_unit,
    grade,
    selection_not_ruled_out,
)
from metrics.keys_entries import RULE_VERSION
from metrics.store import SubjectSum
from metrics.suppression import Cell, withhold
from metrics.targets import AdoptedUnit, Adoption, Reading, target_over

Status = Literal["ok", "too_little_data", "withheld"]
Reason = Literal[
    "baseline_missing",
    "baseline_missing_in_part",
    "no_shifts",
    "none_eligible",
    "not_in_use_yet",
    "units_without_data",
    "few_subjects",
    "subtraction",
]

_REASONS: Mapping[Reason, tuple[str, str]] = {
    "baseline_missing": (
        "Nulpunktsmålingen mangler eller gælder ikke længere.",
        "The baseline is missing or no longer valid.",
    ),
    "baseline_missing_in_part": (
        "En del af vagterne mangler nulpunktsmåling og er ikke talt med.",
        "Part of the shifts lack a baseline and are not counted.",
    ),
    "no_shifts": ("Der er ingen vagter i perioden.", "There are no shifts in the period."),
    "none_eligible": (
        "Ingen vagter kunne måles: ruten var ikke på tabletten, eller ingen besøg krævede nøgle.",
        "No shift could be measured: the route was not on the tablet, or no visit needed a key.",
    ),
    "not_in_use_yet": ("Ikke taget i brug i perioden.", "Not in use in the period."),
    "units_without_data": (
        "Tallet mangler enheder, der har for lidt data; måltallet gælder alle.",
        "The figure lacks units with too little data; the target is for all.",
    ),
    "few_subjects": ("Færre end 5 medarbejdere – vises ikke.", "Fewer than 5 carers – not shown."),
    "subtraction": (
        "Vises ikke, fordi et lille tal ellers kunne regnes ud.",
        "Not shown, because a small figure could be worked out from it.",
    ),
}


@dataclass(frozen=True, slots=True)
class BenefitRow:
    """One technology, unit (``None`` for all units) and period. Seconds; absent figures are ``None``.

    A single day has ``realised_s`` and no interval. ``event_count`` is how many events of the log the figure
    rests on.
    """

    technology: str
    unit_id: str | None
    unit_name: str
    from_on: date
    to_on: date
    reading: Reading
    target_s: int
    status: Status
    realised_s: int | None = None
    p10_s: int | None = None
    p50_s: int | None = None
    p90_s: int | None = None
    target_probability_ratio: float | None = None
    grade: Grade | None = None
    selection_not_ruled_out: bool = True
    subject_count: int | None = None
    shift_count: int | None = None
    ineligible_count: int | None = None
    event_count: int | None = None
    reason: Reason | None = None
    rule_version: str = RULE_VERSION

    def reason_text(self, language: str = "da") -> str:
        """Why there is no figure, or what it lacks; empty where there is nothing to say."""
        if self.reason is None:
            return ""
        return _REASONS[self.reason][0 if language == "da" else 1]

    def as_json(self) -> dict[str, Any]:
        """The row as plain JSON values, both languages of the reason included."""
        values = asdict(self) | {"from_on": self.from_on.isoformat(), "to_on": self.to_on.isoformat()}
        return values | {"reason_da": self.reason_text("da"), "reason_en": self.reason_text("en")}


@dataclass(frozen=True, slots=True)
class _UnitFigures:
    """What the ledger holds on one unit and period, before anything is withheld."""

    unit: AdoptedUnit
    target_s: int
    sums: Sequence[SubjectSum]
    ineligible_count: int
    without_baseline_count: int
    in_use: bool
    drawn: UnitDraws | None

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(row.subject for row in self.sums)

    @property
    def realised_s(self) -> int:
        return sum(row.net_s for row in self.sums)

    @property
    def reason(self) -> Reason | None:
        if self.sums:
            return "baseline_missing_in_part" if self.without_baseline_count else None
        if not self.in_use:
            return "not_in_use_yet"
        if self.without_baseline_count:
            return "baseline_missing"
        return "none_eligible" if self.ineligible_count else "no_shifts"


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
    """Realised against target for every unit of an adoption, and for all of them as the last row.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; days after ``now`` are left out of target and figure alike.
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
    if to_on < from_on:
        raise ValueError(f"Expected a period that ends after {from_on}, got {to_on}.")
    if adoption.case_id not in cases:
        raise ValueError(f"Expected one of the cases {sorted(cases)}, got {adoption.case_id!r}.")
    case = cases[adoption.case_id]
    last_on = min(to_on, local_day(now))
    units = [_unit_figures(session, case, adoption, unit, (from_on, last_on), reading) for unit in adoption.units]
    single_day = from_on == to_on
    rows = [_unit_row(f, case, adoption, (from_on, to_on), reading, single_day) for f in units]
    rows.append(_total_row(units, case, adoption, (from_on, to_on), reading, single_day))
    return _withheld(rows)


def _unit_figures(
    session: Session,
    case: BusinessCase,
    adoption: Adoption,
    unit: AdoptedUnit,
    period: tuple[date, date],
    reading: Reading,
) -> _UnitFigures:
    from_on, last_on = max(period[0], unit.go_live_on), period[1]
    sums = store.subject_sums(session, case.technology, unit.unit_id, from_on, last_on)
    counts = store.outcome_counts(session, case.technology, unit.unit_id, from_on, last_on)
    return _UnitFigures(
        unit=unit,
        target_s=target_over(case, adoption, unit.unit_id, period[0], last_on, reading),
        sums=sums,
        ineligible_count=sum(c.shift_count for c in counts if c.outcome == "ineligible"),
        without_baseline_count=sum(c.shift_count for c in counts if c.outcome == "no_baseline"),
        in_use=unit.go_live_on <= last_on,
        drawn=draw_unit(_sample(session, unit.unit_id, sums), rule_version=RULE_VERSION, period=period),
    )


def _sample(session: Session, unit_id: str, sums: Sequence[SubjectSum]) -> UnitSample:
    # Baseline ids are random: baselines are put in the order of their samples instead.
    samples = {row.baseline_id: _measured(session, row.baseline_id) for row in sums}
    order = sorted(samples, key=lambda baseline_id: [(m.shift_count, m.total_s) for m in samples[baseline_id]])
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(order))
    spent_s: dict[str, int] = defaultdict(int)
    for row in sums:
        counts[row.subject][order.index(row.baseline_id)] += row.shift_count
        spent_s[row.subject] += row.spent_s
    return UnitSample(
        unit_id=unit_id,
        realised_s=sum(row.net_s for row in sums),
        subjects=tuple(SubjectShifts(tuple(counts[s]), spent_s[s]) for s in counts),
        baselines=tuple(samples[baseline_id] for baseline_id in order),
    )


def _measured(session: Session, baseline_id: str) -> tuple[MeasuredSubject, ...]:
    shifts: dict[str, list[int]] = defaultdict(list)
    for subject, seconds in store.baseline_samples(session, baseline_id):
        shifts[subject].append(seconds)
    measured = (MeasuredSubject(len(each), sum(each)) for each in shifts.values())
    return tuple(sorted(measured, key=lambda m: (m.shift_count, m.total_s)))


def _unit_row(
    figures: _UnitFigures,
    case: BusinessCase,
    adoption: Adoption,
    period: tuple[date, date],
    reading: Reading,
    single_day: bool,
) -> BenefitRow:
    blank = _blank_row(case, period, reading, figures.target_s)
    blank = replace(blank, unit_id=figures.unit.unit_id, unit_name=figures.unit.name, reason=figures.reason)
    if not figures.sums:
        return blank
    estimate = None
    if figures.drawn is not None and not single_day:
        estimate = estimate_unit(figures.drawn, figures.target_s)
    return _filled(blank, [figures], adoption, estimate)


def _total_row(
    units: Sequence[_UnitFigures],
    case: BusinessCase,
    adoption: Adoption,
    period: tuple[date, date],
    reading: Reading,
    single_day: bool,
) -> BenefitRow:
    target_s = sum(f.target_s for f in units)
    blank = _blank_row(case, period, reading, target_s)
    # One carer alone cannot be estimated; such a unit is withheld and stays out of the total too.
    usable = [f for f in units if f.drawn is not None]
    if not usable:
        reasons = [f.reason for f in units if f.reason is not None]
        return replace(blank, reason=reasons[0] if reasons else "few_subjects")
    lacking = len(usable) < sum(f.in_use for f in units)
    partly = any(f.without_baseline_count for f in usable)
    blank = replace(blank, reason="units_without_data" if lacking else "baseline_missing_in_part" if partly else None)
    drawn = [f.drawn for f in sorted(usable, key=lambda f: f.unit.unit_id) if f.drawn is not None]
    return _filled(blank, usable, adoption, None if single_day else estimate_total(drawn, target_s))


def _blank_row(case: BusinessCase, period: tuple[date, date], reading: Reading, target_s: int) -> BenefitRow:
    return BenefitRow(
        technology=case.technology,
        unit_id=None,
        unit_name="",
        from_on=period[0],
        to_on=period[1],
        reading=reading,
        target_s=target_s,
        status="too_little_data",
    )


def _filled(
    blank: BenefitRow, units: Sequence[_UnitFigures], adoption: Adoption, estimate: Estimate | None
) -> BenefitRow:
    sums = [row for f in units for row in f.sums]
    subject_count = len(frozenset[str]().union(*(f.subjects for f in units)))
    shift_count = sum(row.shift_count for row in sums)
    return replace(
        blank,
        status="ok",
        realised_s=sum(f.realised_s for f in units),
        p10_s=None if estimate is None else estimate.p10_s,
        p50_s=None if estimate is None else estimate.p50_s,
        p90_s=None if estimate is None else estimate.p90_s,
        target_probability_ratio=None if estimate is None else estimate.target_probability_ratio,
        grade=grade(
            measured_baseline=True,
            all_by_device=sum(row.device_count for row in sums) == shift_count,
            subject_count=subject_count,
            comparison=adoption.comparison,
        ),
        selection_not_ruled_out=selection_not_ruled_out(adoption.comparison),
        subject_count=subject_count,
        shift_count=shift_count,
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
            few = (row.subject_count or 0) < 5
            shown.append(_stripped(row, "few_subjects" if few else "subtraction"))
        else:
            shown.append(row)
    return shown


def _stripped(row: BenefitRow, reason: Reason) -> BenefitRow:
    return BenefitRow(
        technology=row.technology,
        unit_id=row.unit_id,
        unit_name=row.unit_name,
        from_on=row.from_on,
        to_on=row.to_on,
        reading=row.reading,
        target_s=row.target_s,
        status="withheld",
        reason=reason,
    )

"""A baseline for a unit that others were merged into: what they were measured on, taken together.

A new unit has no measurements of before, and nobody can make any: its people are those of the units that ended, and so
are their measurements. They are frozen anew as the new unit's, with the days they were measured on; no occasion that
was measured against a baseline before changes.
"""

import hashlib
from collections.abc import Sequence

from sqlmodel import Session, col, select

from kernel.localtime import local_day
from kernel.work import Work
from metrics.baselines import UNIT_MEANS, freeze_measured
from metrics.errors import Problem, TimeStudyError
from metrics.study_csv import Measured
from metrics.tables import BaselineRow, BaselineSampleRow
from metrics.time_study import MeasuredTechnology
from metrics.visit_types import means


def carry_baselines(
    work: Work, technology: MeasuredTechnology, from_units: Sequence[str], to_unit: str
) -> list[BaselineRow]:
    """Freeze the newest baselines of ended units as those of the unit they were merged into, kind by kind.

    Screen visits and transfers are measured against each subject, whatever the unit: of them only a baseline of visits
    is carried over.

    Raises
    ------
    TimeStudyError
        If one of the units has no baseline that holds today, or the taking unit was measured on these days itself.
    BenefitError
        ``time_study_already_imported`` if exactly these were carried over before.
    """
    newest = {unit_id: _newest(work.session, technology, unit_id) for unit_id in from_units}
    today = local_day(work.now)
    problems = [
        Problem(
            f"unit {unit_id}",
            f"a baseline of {technology} of the unit's own mean that holds on {today}",
            "none",
            f"enhed {unit_id}",
            f"en nulpunktsmåling af enhedens gennemsnit ({technology}), der gælder {today}",
        )
        for unit_id, rows in newest.items()
        if not any(row.valid_until_on >= today for row in rows)
    ]
    if problems:
        raise TimeStudyError(problems)
    rows = [row for of_unit in newest.values() for row in of_unit if row.valid_until_on >= today]
    measured = [one for row in rows for one in _samples(work.session, row, to_unit)]
    said = f"{technology};{to_unit};{';'.join(sorted(row.id for row in rows))}"
    digest = hashlib.sha256(said.encode()).hexdigest()
    return freeze_measured(work, measured, digest, technology=technology, subject_of=lambda code: code)


def _newest(session: Session, technology: MeasuredTechnology, unit_id: str) -> list[BaselineRow]:
    """The newest baseline of each kind that is a unit's mean."""
    query = select(BaselineRow).where(BaselineRow.technology == technology, BaselineRow.unit_id == unit_id)
    if technology not in UNIT_MEANS:
        query = query.where(BaselineRow.kind == means.BASELINE_KIND)
    by_kind = {row.kind: row for row in session.exec(query.order_by(col(BaselineRow.version)))}
    return [by_kind[kind] for kind in sorted(by_kind)]


def _samples(session: Session, row: BaselineRow, to_unit: str) -> list[Measured]:
    query = select(BaselineSampleRow).where(BaselineSampleRow.baseline_id == row.id)
    return [
        Measured(
            unit_id=to_unit,
            kind=row.kind,
            subject=sample.subject,
            on=sample.day_on,
            measured_s=sample.measured_s,
            travel_s=sample.travel_s,
            count=sample.measured_count,
            component=sample.component,
            shift_kind=sample.shift_kind,
            visit_type=sample.visit_type,
        )
        for sample in session.exec(query.order_by(col(BaselineSampleRow.id)))
    ]

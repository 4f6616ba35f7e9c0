"""Baselines (nulpunktsmåling): frozen from measurements, with version, dates, n and spread.

A baseline holds for twelve months after its last measured day; a later one takes over from the day after its
own last day. No baseline means "too little data", never zero and never a default (design §7.2).
"""

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work
from metrics import store
from metrics.errors import BenefitError, Problem, TimeStudyError
from metrics.events import BaselineFrozen
from metrics.ledger import Baseline
from metrics.pseudonyms import Pseudonyms
from metrics.study_csv import Measured
from metrics.subject_baselines import SubjectBaseline
from metrics.tables import BaselineRow, BaselineSampleRow, TimeStudyRow
from metrics.time_study import MeasuredTechnology, read_time_study
from metrics.visit_types import means

VALID_MONTHS = 12
#: Technologies whose occasions are measured against the mean of the unit; the others against the subject's own.
UNIT_MEANS: frozenset[str] = frozenset({"keys", "routing"})
#: Kinds of baselines that are a unit's mean whatever their technology.
_UNIT_KINDS: frozenset[str] = frozenset({means.BASELINE_KIND})


def import_time_study(
    work: Work,
    content: bytes,
    *,
    known_units: Collection[str],
    pseudonyms: Pseudonyms,
    technology: MeasuredTechnology = "keys",
) -> list[BaselineRow]:
    """Take in a file of measurements and freeze one baseline per unit (keys: and shift kind) in it.

    Parameters
    ----------
    content
        The file as received, see :mod:`metrics.time_study`.
    known_units
        Ids of the units that exist.
    pseudonyms
        Replaces the codes of carers, citizens and residents; the codes themselves are not kept. They must be
        the ids the platform knows these subjects by where each is measured against itself (screen, transfers).

    Raises
    ------
    TimeStudyError
        Every problem of the file, among them days a frozen baseline of the unit was measured on already; nothing
        was imported.
    BenefitError
        ``time_study_already_imported`` for the same bytes.
    """
    digest = hashlib.sha256(content).hexdigest()
    _refuse_known(work.session, digest)
    measured = read_time_study(content, known_units=known_units, today_on=local_day(work.now), technology=technology)
    return freeze_measured(work, measured, digest, technology=technology, subject_of=pseudonyms.subject)


def freeze_measured(
    work: Work,
    measured: Sequence[Measured],
    digest: str,
    *,
    technology: MeasuredTechnology,
    subject_of: Callable[[str], str],
) -> list[BaselineRow]:
    """Freeze one baseline per unit (keys: and shift kind) of measurements that are sound.

    Parameters
    ----------
    digest
        What tells these measurements from all others, SHA-256 in hexadecimal; the same are frozen once.
    subject_of
        The pseudonym of a measurement's subject.

    Raises
    ------
    TimeStudyError
        For days a frozen baseline was measured on already.
    BenefitError
        ``time_study_already_imported`` for the same digest.
    """
    _refuse_known(work.session, digest)
    cells: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for one in measured:
        cells[one.unit_id, one.kind].append(one)
    _refuse_overlaps(work.session, technology, cells, subject_of)
    study = TimeStudyRow(
        id=new_id(),
        technology=technology,
        file_sha256=digest,
        occasion_count=len(measured),
        first_on=min(one.on for one in measured),
        last_on=max(one.on for one in measured),
        imported_at=work.now,
    )
    work.session.add(study)
    work.session.flush()
    return [_freeze(work, study, cell, subject_of) for _key, cell in sorted(cells.items())]


def _refuse_known(session: Session, digest: str) -> None:
    known = session.exec(select(TimeStudyRow).where(TimeStudyRow.file_sha256 == digest)).first()
    if known is not None:
        raise BenefitError("time_study_already_imported", imported_on=local_day(known.imported_at))


def _refuse_overlaps(
    session: Session,
    technology: MeasuredTechnology,
    cells: Mapping[tuple[str, str], Sequence[Measured]],
    subject_of: Callable[[str], str],
) -> None:
    """Two baselines of the same days would leave it open which of them an occasion is measured against.

    Where the unit's mean counts the days of the unit may not meet, where each subject's own mean counts the
    subject's.
    """
    problems: list[Problem] = []
    for (unit_id, kind), measured in sorted(cells.items()):
        of_unit = technology in UNIT_MEANS or kind in _UNIT_KINDS
        first_on, last_on = min(one.on for one in measured), max(one.on for one in measured)
        query = select(BaselineRow).where(
            BaselineRow.technology == technology,
            BaselineRow.kind == kind,
            BaselineRow.first_on <= last_on,
            BaselineRow.last_on >= first_on,
        )
        if of_unit:
            query = query.where(BaselineRow.unit_id == unit_id)
        asked = {(subject_of(one.subject), one.on) for one in measured}
        for row in session.exec(query.order_by(BaselineRow.unit_id, col(BaselineRow.version))):
            if of_unit or asked & store.measured_days(session, row.id):
                known = f"days version {row.version} of {row.unit_id} was not measured on"
                found = f"{first_on} to {last_on}"
                problems.append(Problem(f"unit {unit_id}, {kind}", f"{known} ({row.first_on} to {row.last_on})", found))
    if problems:
        raise TimeStudyError(problems)


def _freeze(
    work: Work, study: TimeStudyRow, measured: Sequence[Measured], subject_of: Callable[[str], str]
) -> BaselineRow:
    row = _baseline_row(work, study, measured)
    work.session.add(row)
    work.session.flush()
    samples = [
        {
            "baseline_id": row.id,
            "subject": subject_of(one.subject),
            "day_on": one.on,
            "measured_count": one.count,
            "measured_s": one.measured_s,
            "travel_s": one.travel_s,
            "component": one.component,
            "shift_kind": one.shift_kind,
            "visit_type": one.visit_type,
        }
        for one in measured
    ]
    work.session.execute(insert(BaselineSampleRow), samples)
    work.record(
        BaselineFrozen(
            at=work.now,
            unit_id=row.unit_id,
            baseline_id=row.id,
            technology=row.technology,
            kind=row.kind,
            baseline_version=row.version,
            mean_s=row.mean_s,
            occasion_count=row.occasion_count,
        )
    )
    return row


def _baseline_row(work: Work, study: TimeStudyRow, measured: Sequence[Measured]) -> BaselineRow:
    unit_id, kind = measured[0].unit_id, measured[0].kind
    last_on = max(one.on for one in measured)
    total_s, count = sum(one.measured_s for one in measured), sum(one.count for one in measured)
    return BaselineRow(
        id=new_id(),
        study_id=study.id,
        technology=study.technology,
        unit_id=unit_id,
        kind=kind,
        version=_next_version(work.session, study.technology, unit_id, kind),
        first_on=min(one.on for one in measured),
        last_on=last_on,
        valid_until_on=months_later(last_on, VALID_MONTHS),
        occasion_count=len(measured),
        subject_count=len({one.subject for one in measured}),
        measured_count=count,
        total_s=total_s,
        mean_travel_s=round(Fraction(sum(one.travel_s for one in measured), count)),
        mean_s=round(Fraction(total_s, count)),
        spread_s=round(statistics.stdev(one.measured_s / one.count for one in measured)),
        frozen_at=work.now,
    )


def known_baselines(session: Session, technologies: Iterable[str] = ("keys",)) -> list[Baseline]:
    """Every baseline of these technologies whose event the ledger has read."""
    query = select(BaselineRow).where(
        col(BaselineRow.known_position).is_not(None), col(BaselineRow.technology).in_(sorted(technologies))
    )
    return [as_baseline(row) for row in session.exec(query)]


def as_baseline(row: BaselineRow) -> Baseline:
    """A stored baseline as the ledger sees it; raises ``ValueError`` before its event was read."""
    if row.known_position is None:
        raise ValueError(f"Expected a baseline whose event was read, got {row.id}.")
    return Baseline(
        baseline_id=row.id,
        technology=row.technology,
        unit_id=row.unit_id,
        kind=row.kind,
        version=row.version,
        last_on=row.last_on,
        valid_until_on=row.valid_until_on,
        total_s=row.total_s,
        measured_count=row.measured_count,
        known_position=row.known_position,
    )


def subject_baselines(session: Session, technology: str) -> dict[str, list[SubjectBaseline]]:
    """What was measured of each subject, in every baseline of a technology whose event the ledger has read."""
    query = (
        select(  # type: ignore[call-overload]
            BaselineRow.id,
            BaselineSampleRow.subject,
            BaselineRow.last_on,
            BaselineRow.valid_until_on,
            func.sum(BaselineSampleRow.measured_s),
            func.sum(BaselineSampleRow.measured_count),
            BaselineRow.known_position,
        )
        .where(
            BaselineSampleRow.baseline_id == BaselineRow.id,
            BaselineRow.technology == technology,
            col(BaselineRow.kind).not_in(_UNIT_KINDS),
            col(BaselineRow.known_position).is_not(None),
        )
        .group_by(
            BaselineRow.id,
            BaselineSampleRow.subject,
            BaselineRow.last_on,
            BaselineRow.valid_until_on,
            BaselineRow.known_position,
        )
    )
    found: dict[str, list[SubjectBaseline]] = defaultdict(list)
    for row in session.exec(query):
        baseline_id, subject, last_on, valid_until_on, total_s, count, known_position = row
        found[subject].append(
            SubjectBaseline(baseline_id, subject, last_on, valid_until_on, int(total_s), int(count), known_position)
        )
    return found


def months_later(day: date, months: int) -> date:
    """The same day of the month some months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last_day))


def _next_version(session: Session, technology: str, unit_id: str, kind: str) -> int:
    highest = session.exec(
        select(func.max(BaselineRow.version)).where(
            BaselineRow.technology == technology,
            BaselineRow.unit_id == unit_id,
            BaselineRow.kind == kind,
        )
    ).one()
    return (highest or 0) + 1

"""Baselines (nulpunktsmåling): frozen from a time study, with version, dates, n and spread.

A baseline holds for twelve months after its last measured day; a later one takes over from the day after its
own last day. No baseline means "too little data", never zero and never a default (design §7.2).
"""

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work
from metrics.errors import BenefitError
from metrics.events import BaselineFrozen
from metrics.ledger import Baseline
from metrics.pseudonyms import Pseudonyms
from metrics.tables import BaselineRow, BaselineSampleRow, TimeStudyRow
from metrics.time_study import MeasuredShift, read_time_study

TECHNOLOGY = "keys"
VALID_MONTHS = 12


def import_time_study(
    work: Work, content: bytes, *, known_units: Collection[str], pseudonyms: Pseudonyms
) -> list[BaselineRow]:
    """Take in a time study and freeze one baseline per unit and shift kind in it.

    Parameters
    ----------
    content
        The file as received, see :func:`metrics.time_study.read_time_study`.
    known_units
        Ids of the units that exist.
    pseudonyms
        Replaces the carer codes; the codes themselves are not kept.

    Raises
    ------
    TimeStudyError
        Every problem of the file; nothing was imported.
    BenefitError
        ``time_study_already_imported`` for the same bytes.
    """
    digest = hashlib.sha256(content).hexdigest()
    known = work.session.exec(select(TimeStudyRow).where(TimeStudyRow.file_sha256 == digest)).first()
    if known is not None:
        raise BenefitError("time_study_already_imported", imported_on=local_day(known.imported_at))
    shifts = read_time_study(content, known_units=known_units, today_on=local_day(work.now))
    study = TimeStudyRow(
        id=new_id(),
        technology=TECHNOLOGY,
        file_sha256=digest,
        shift_count=len(shifts),
        first_on=min(s.on for s in shifts),
        last_on=max(s.on for s in shifts),
        imported_at=work.now,
    )
    work.session.add(study)
    work.session.flush()
    cells: dict[tuple[str, str], list[MeasuredShift]] = defaultdict(list)
    for shift in shifts:
        cells[shift.unit_id, shift.shift_kind].append(shift)
    return [_freeze(work, study, cell, pseudonyms) for _key, cell in sorted(cells.items())]


def _freeze(work: Work, study: TimeStudyRow, shifts: Sequence[MeasuredShift], pseudonyms: Pseudonyms) -> BaselineRow:
    unit_id, kind = shifts[0].unit_id, shifts[0].shift_kind
    totals_s = [s.base_s + s.leg_s for s in shifts]
    last_on = max(s.on for s in shifts)
    row = BaselineRow(
        id=new_id(),
        study_id=study.id,
        technology=TECHNOLOGY,
        unit_id=unit_id,
        shift_kind=kind,
        version=_next_version(work.session, unit_id, kind),
        first_on=min(s.on for s in shifts),
        last_on=last_on,
        valid_until_on=months_later(last_on, VALID_MONTHS),
        shift_count=len(shifts),
        subject_count=len({s.carer for s in shifts}),
        mean_base_s=_mean_s([s.base_s for s in shifts]),
        mean_leg_s=_mean_s([s.leg_s for s in shifts]),
        mean_s=_mean_s(totals_s),
        spread_s=round(statistics.stdev(totals_s)),
        frozen_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    samples = [
        {
            "baseline_id": row.id,
            "subject": pseudonyms.subject(s.carer),
            "day_on": s.on,
            "base_s": s.base_s,
            "leg_s": s.leg_s,
        }
        for s in shifts
    ]
    work.session.execute(insert(BaselineSampleRow), samples)
    work.record(
        BaselineFrozen(
            at=work.now,
            unit_id=unit_id,
            baseline_id=row.id,
            technology=TECHNOLOGY,
            shift_kind=kind,
            baseline_version=row.version,
            mean_s=row.mean_s,
            shift_count=row.shift_count,
        )
    )
    return row


def known_baselines(session: Session) -> list[Baseline]:
    """Every baseline whose event the ledger has read."""
    rows = session.exec(select(BaselineRow).where(col(BaselineRow.known_position).is_not(None))).all()
    return [as_baseline(row) for row in rows if row.known_position is not None]


def as_baseline(row: BaselineRow) -> Baseline:
    """A stored baseline as the ledger sees it; raises ``ValueError`` before its event was read."""
    if row.known_position is None:
        raise ValueError(f"Expected a baseline whose event was read, got {row.id}.")
    return Baseline(
        baseline_id=row.id,
        unit_id=row.unit_id,
        shift_kind=row.shift_kind,
        version=row.version,
        last_on=row.last_on,
        valid_until_on=row.valid_until_on,
        mean_s=row.mean_s,
        known_position=row.known_position,
    )


def months_later(day: date, months: int) -> date:
    """The same day of the month some months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last_day))


def _mean_s(values: Sequence[int]) -> int:
    return round(sum(values) / len(values))


def _next_version(session: Session, unit_id: str, kind: str) -> int:
    highest = session.exec(
        select(func.max(BaselineRow.version)).where(
            BaselineRow.technology == TECHNOLOGY,
            BaselineRow.unit_id == unit_id,
            BaselineRow.shift_kind == kind,
        )
    ).one()
    return (highest or 0) + 1

"""Freezing a baseline from what the log tells of the time before a technology."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from sqlmodel import Session

from kernel.localtime import local_day
from kernel.work import Work
from metrics.baselines import freeze_measured
from metrics.before import carer_shifts, citizen_weeks, resident_days
from metrics.errors import Problem, TimeStudyError
from metrics.pseudonyms import Pseudonyms
from metrics.study_csv import MINIMUM_SUBJECTS, Measured
from metrics.tables import BaselineRow
from metrics.time_study import MeasuredTechnology

_Measure = Callable[[Session, str, date, date, Pseudonyms], list[Measured]]
_MEASURES: Mapping[MeasuredTechnology, _Measure] = {
    "keys": carer_shifts.measured_keys,
    "screen": citizen_weeks.measured,
    "transfers": resident_days.measured,
    "routing": carer_shifts.measured_routing,
}
#: Who has to be in the period, and how; Danish beside it, for a person reads it.
_ENOUGH: Mapping[MeasuredTechnology, tuple[str, str]] = {
    "keys": (
        "carers with shifts that had a key to fetch and no electronic lock",
        "medarbejdere med vagter, hvor en nøgle skulle hentes, og ingen dør havde elektronisk lås",
    ),
    "screen": (
        f"citizens with {citizen_weeks.MINIMUM_WEEKS} weeks before the screen",
        f"borgere med {citizen_weeks.MINIMUM_WEEKS} uger før skærmen",
    ),
    "transfers": (
        f"residents with {resident_days.MINIMUM_DAYS} days of transfers by two that were surveyed",
        f"beboere med {resident_days.MINIMUM_DAYS} dage med kortlagte forflytninger ved to",
    ),
    "routing": (
        "carers with day shifts on days nobody planned here",
        "medarbejdere med dagvagter på dage, der ikke er planlagt her",
    ),
}


def freeze_from_log(
    work: Work,
    unit_id: str,
    from_on: date,
    to_on: date,
    pseudonyms: Pseudonyms,
    technology: MeasuredTechnology = "screen",
) -> list[BaselineRow]:
    """Freeze the baseline of a unit from what the log tells of a period before a technology.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; for screen visits the weeks wholly in between are measured.

    Returns
    -------
    list[BaselineRow]
        One, of keys one for each kind of shift that at least five carers worked.

    Raises
    ------
    TimeStudyError
        If the period is not over, fewer than five subjects could be measured, or a frozen baseline was measured on
        the same days.
    BenefitError
        ``time_study_already_imported`` if exactly these occasions were frozen before.
    """
    today = local_day(work.now)
    if not from_on <= to_on < today:
        raise TimeStudyError([Problem("period", f"days in order, before {today}", f"{from_on} to {to_on}")])
    found = _MEASURES[technology](work.session, unit_id, from_on, to_on, pseudonyms)
    measured = _of_enough(found)
    if not measured:
        expected, expected_da = (
            f"{start} {MINIMUM_SUBJECTS} {words}"
            for start, words in zip(("at least", "mindst"), _ENOUGH[technology], strict=True)
        )
        path = f"unit {unit_id}, {from_on} to {to_on}"
        raise TimeStudyError(
            [Problem(path, expected, str(len({one.subject for one in found})), expected_da=expected_da)]
        )
    return freeze_measured(work, measured, _digest(measured), technology=technology, subject_of=lambda code: code)


def _of_enough(found: Sequence[Measured]) -> list[Measured]:
    """Without kinds of shift that fewer than five subjects worked: their mean would speak of persons."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for one in found:
        subjects[one.kind].add(one.subject)
    return [one for one in found if len(subjects[one.kind]) >= MINIMUM_SUBJECTS]


def _digest(measured: Sequence[Measured]) -> str:
    # Subjects are pseudonyms already: what was measured is the same whoever asks.
    said = "\n".join(
        f"{one.unit_id};{one.kind};{one.subject};{one.on};{one.count};{one.measured_s};{one.travel_s}"
        for one in measured
    )
    return hashlib.sha256(said.encode()).hexdigest()

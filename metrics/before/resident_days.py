"""A baseline of lifts and turning systems from the log: days of residents who were still moved by two.

A day is measured as ``transfers-1`` counts since: the seconds a second carer was at its transfers. Left out, so that no
guess comes in:

- residents nobody surveyed: nobody said that they were moved by two (``transfer.planned``);
- days on which any kind of a resident's transfers was planned for one carer who had been planned by two: the new way
  had begun, and it stays begun when it is given back for a while;
- days without a transfer, or with one nobody knows the carers of;
- residents with fewer than five days: their mean is more chance than habit.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlmodel import Session

from devices.events import TransferAnswered, TransferRecorded
from kernel.localtime import local_day
from metrics.before.told import told
from metrics.pseudonyms import Pseudonyms
from metrics.study_csv import Measured
from metrics.transfer_days import BASELINE_KIND, DayProgress, component_of, day_of, fold_day
from scheduling.events import TransferPlanned

MINIMUM_DAYS = 5
#: Who was there is asked for a day and corrected by tablets that were offline.
_ANSWERED_WITHIN = timedelta(days=7)
#: A survey stands until it is changed: it is looked for so far back.
_SURVEYED_WITHIN = timedelta(days=5 * 365)


def measured(session: Session, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms) -> list[Measured]:
    """Every day that may be measured, of residents who have enough of them, in order."""
    surveyed, converted = _surveys(session, unit_id, to_on, pseudonyms)
    found: dict[str, list[Measured]] = defaultdict(list)
    for (subject, on), day in sorted(_days(session, unit_id, from_on, to_on, pseudonyms).items()):
        begun_on = converted.get(subject)
        if subject not in surveyed or (begun_on is not None and on >= begun_on):
            continue
        seconds = [transfer.second_s for transfer in day.recorded]
        known = [second_s for second_s in seconds if second_s is not None]
        if seconds and len(known) == len(seconds):
            component = component_of(day.recorded)
            found[subject].append(Measured(unit_id, BASELINE_KIND, subject, on, sum(known), component=component))
    return [one for of_it in found.values() if len(of_it) >= MINIMUM_DAYS for one in of_it]


def _surveys(
    session: Session, unit_id: str, to_on: date, pseudonyms: Pseudonyms
) -> tuple[set[str], Mapping[str, date]]:
    """Who was surveyed as moved by two, and since when one carer was planned for any of it."""
    surveyed: set[str] = set()
    converted_at: dict[str, datetime] = {}
    for _position, event in told(session, (TransferPlanned,), to_on, to_on, unit_id=unit_id, ahead=_SURVEYED_WITHIN):
        if not isinstance(event, TransferPlanned) or event.carers_before != 2:
            continue
        subject = pseudonyms.subject(event.citizen_id)
        if event.carers == 2:
            surveyed.add(subject)
        else:
            converted_at[subject] = min(event.at, converted_at.get(subject, event.at))
    return surveyed, {subject: local_day(at) for subject, at in converted_at.items()}


def _days(
    session: Session, unit_id: str, from_on: date, to_on: date, pseudonyms: Pseudonyms
) -> dict[tuple[str, date], DayProgress]:
    days: dict[tuple[str, date], DayProgress] = {}
    until_on = to_on + _ANSWERED_WITHIN
    for position, event in told(session, (TransferRecorded, TransferAnswered), from_on, until_on, unit_id=unit_id):
        day = day_of(event)
        if not isinstance(event, TransferRecorded | TransferAnswered) or event.citizen_id is None or day is None:
            continue
        if from_on <= day <= to_on:
            key = (pseudonyms.subject(event.citizen_id), day)
            fold_day(days.setdefault(key, DayProgress(*key)), position, event)
    return days

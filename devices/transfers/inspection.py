"""When lifts and turning systems have to be inspected, and whether one carer alone may rely on them. Pure.

The main inspection comes as often as the supplier says and, where nothing is said, every twelve months (BEK 428 of 5
April 2022 on the use of technical aids; EN ISO 10535:2021, annex on periodic inspection of hoists: at least once a
year). A turning system is a technical aid too; that twelve months are enough for one is an assumption until its
supplier's interval is entered.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from devices.events import TransferDevice

InspectionState = Literal["ok", "due", "overdue", "failed"]
#: why an aid is not approved for one carer
AidProblem = Literal["inspection_overdue", "inspection_failed", "fault_open"]

USUAL_MONTHS = 12
#: so long before its deadline an inspection is ordered
ORDERED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is known of a device's inspections. ``last_on`` is the last passed one; ``passed`` tells of the latest."""

    mounted_on: date
    last_on: date | None = None
    passed: bool = True
    every_months: int = USUAL_MONTHS


@dataclass(frozen=True, slots=True)
class Aid:
    """A lift or turning system as a plan sees it. ``problem`` is absent where one carer may use it alone."""

    device_id: str
    kind: TransferDevice
    citizen_id: str | None
    problem: AidProblem | None
    due_on: date


def due_on(known: Inspected) -> date:
    """The last day of the next inspection: months after the last one, or after mounting, which includes one."""
    return add_months(known.last_on or known.mounted_on, known.every_months)


def inspection_state(known: Inspected, today: date) -> InspectionState:
    """How an inspection stands on a day."""
    if not known.passed:
        return "failed"
    deadline_on = due_on(known)
    if today > deadline_on:
        return "overdue"
    return "due" if today >= deadline_on - ORDERED_BEFORE else "ok"


def problem_of(known: Inspected, today: date, *, fault_open: bool) -> AidProblem | None:
    """Why one carer may not use a device alone, the gravest first."""
    state = inspection_state(known, today)
    if state == "failed":
        return "inspection_failed"
    if fault_open:
        return "fault_open"
    return "inspection_overdue" if state == "overdue" else None


def add_months(on: date, months: int) -> date:
    """The same day of the month some months later, or the month's last day where it is shorter."""
    years, month = divmod(on.month - 1 + months, 12)
    year, month = on.year + years, month + 1
    return date(year, month, min(on.day, monthrange(year, month)[1]))

"""The ledger of lifts and turning systems: rule ``transfers-1`` applied to the log, one entry per resident-day."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from devices.events import TransferAnswered, TransferRecorded
from kernel.events import Event
from metrics import transfer_days
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement, RuleIdentity
from metrics.period_ledger import PeriodLedger
from metrics.period_rule import Version
from metrics.pseudonyms import Pseudonyms
from metrics.subject_baselines import SubjectBaseline
from metrics.transfer_days import DayProgress
from scheduling.events import ShiftStarted


class TransferDays:
    """Days of residents, entered in the morning after. Who used a device counts, enrolled or not."""

    identity = RuleIdentity(transfer_days.TECHNOLOGY, transfer_days.RULE_VERSION)
    beside: Version | None = None
    untouched: Version | None = None
    folded: Collection[str] = frozenset({TransferRecorded.event_type, TransferAnswered.event_type})
    #: a day without any transfer ends too: the morning's shifts tell the time
    clocked: Collection[str] = frozenset({ShiftStarted.event_type})
    enrolled_only = False
    length_days = 1

    def last_on(self, event: Event) -> date | None:
        """The local day of the transfer."""
        return transfer_days.day_of(event)

    def period_of(self, day: date) -> date:
        """The day itself."""
        return day

    def name(self, last_on: date) -> str:
        """``2026-11-25``."""
        return last_on.isoformat()

    def bounds_ms(self, last_on: date) -> tuple[int, int]:
        """Local midnights."""
        return transfer_days.day_bounds_ms(last_on)

    def due_at(self, last_on: date) -> datetime:
        """Until then devices send what they kept."""
        return transfer_days.day_due_at(last_on)

    def new(self, subject: str, last_on: date) -> DayProgress:
        """A day without transfers."""
        return DayProgress(subject, last_on)

    def stored(self, subject: str, last_on: date, last_position: int, state: dict[str, Any]) -> DayProgress:
        """The day as it was stored."""
        return DayProgress.from_json(subject, last_on, last_position, state)

    def fold(self, progress: DayProgress, position: int, event: Event) -> bool:
        """Take a transfer or an answer in."""
        return transfer_days.fold_day(progress, position, event)

    def judge(self, progress: DayProgress, enrolment: Enrolment | None, baseline: SubjectBaseline | None) -> Judgement:
        """What the day saved."""
        return transfer_days.judge_day(progress, enrolment, baseline)

    def unit_id(self, progress: DayProgress, enrolment: Enrolment | None) -> str:
        """The unit of the devices, else of the enrolment."""
        return transfer_days.unit_of(progress, enrolment)


class TransferLedger(PeriodLedger):
    """The consumer."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        super().__init__(TransferDays(), pseudonyms)

"""The ledger of screen visits: rule ``screen-1`` applied to the log, one entry per citizen-week.

``screen-2`` is written beside it where that was chosen; weeks of measured citizens who have not begun are entered by
``screen-0`` and count for nobody.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from kernel.events import Event
from kernel.work import Work
from metrics import screen_weeks
from metrics.comparison import untouched
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement, RuleIdentity
from metrics.period_ledger import PeriodLedger, judge_stored_periods
from metrics.period_rule import Version
from metrics.pseudonyms import Pseudonyms
from metrics.rules_beside import by_visit_type
from metrics.screen_weeks import WeekProgress
from metrics.subject_baselines import SubjectBaseline
from scheduling.events import VisitBegun, VisitEnded
from video.events import ScreenVisitEnded

_BY_VISIT_TYPE = Version(RuleIdentity(by_visit_type.TECHNOLOGY, by_visit_type.RULE_VERSION), by_visit_type.judge_week)
_NOT_BEGUN = Version(
    untouched.SCREEN,
    lambda week, enrolment, own, _means: untouched.judge_week(week, enrolment, own),
    untouched.unit_of_week,
)


class ScreenWeeks:
    """Weeks of enrolled citizens, entered a day after they are over."""

    identity = RuleIdentity(screen_weeks.TECHNOLOGY, screen_weeks.RULE_VERSION)
    beside: Version | None = _BY_VISIT_TYPE
    untouched: Version | None = _NOT_BEGUN
    folded: Collection[str] = frozenset(cls.event_type for cls in (VisitBegun, VisitEnded, ScreenVisitEnded))
    clocked: Collection[str] = frozenset()
    enrolled_only = True
    length_days = 7

    def last_on(self, event: Event) -> date | None:
        """The Sunday of the week the visit began in."""
        return screen_weeks.week_of(event)

    def period_of(self, day: date) -> date:
        """The Sunday of a day's week."""
        return day + timedelta(days=6 - day.weekday())

    def name(self, last_on: date) -> str:
        """``2026-W48``."""
        return screen_weeks.week_name(last_on)

    def bounds_ms(self, last_on: date) -> tuple[int, int]:
        """Local midnights."""
        return screen_weeks.week_bounds_ms(last_on)

    def due_at(self, last_on: date) -> datetime:
        """Until then a follow-up may come, and the week is provisional."""
        return screen_weeks.week_due_at(last_on)

    def new(self, subject: str, last_on: date) -> WeekProgress:
        """A week without visits."""
        return WeekProgress(subject, last_on)

    def stored(self, subject: str, last_on: date, last_position: int, state: dict[str, Any]) -> WeekProgress:
        """The week as it was stored."""
        return WeekProgress.from_json(subject, last_on, last_position, state)

    def fold(self, progress: WeekProgress, position: int, event: Event) -> bool:
        """Take a visit or call in."""
        return screen_weeks.fold_week(progress, position, event)

    def judge(self, progress: WeekProgress, enrolment: Enrolment | None, baseline: SubjectBaseline | None) -> Judgement:
        """What the week saved."""
        return screen_weeks.judge_week(progress, enrolment, baseline)

    def unit_id(self, progress: WeekProgress, enrolment: Enrolment | None) -> str:
        """The unit of the week's last visit, of a week without any that of the latest enrolment in it.

        Where units merge their citizens' visits are the new unit's, whoever enrolled them before.
        """
        span = None if enrolment is None else enrolment.overlapping(*self.bounds_ms(progress.last_on))
        return "" if span is None else screen_weeks.last_unit_of(progress) or span.unit_id


class ScreenLedger(PeriodLedger):
    """The consumer; a citizen is measured from the week after her enrolment on."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        super().__init__(ScreenWeeks(), pseudonyms)


def judge_stored_weeks(work: Work, from_on: date, to_on: date) -> int:
    """Enter what both versions say of weeks judged before (:func:`metrics.period_ledger.judge_stored_periods`)."""
    return judge_stored_periods(work, ScreenWeeks(), from_on, to_on)

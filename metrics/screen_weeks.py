"""Rule ``screen-1``: what one citizen's week saved by visits on a screen instead of at the door.

baseline
    The citizen's own mean of the frozen baseline: minutes of visits and of travel to them in a week before.
actual
    Everything delivered in the ISO week (local time) that no failed screen visit caused: physical visits, from
    begun to ended; planned travel to them, as the route stood; screen visits, from begun to ended, plus 45 s for
    each earlier try nobody answered.
overhead
    What failed screen visits cost: the failed visit itself and the physical visit it caused, with its travel. A
    follow-up is the first physical visit that begins within 24 h of the failure; where both services are known
    and the citizen was not handed over to a visit at once (``converted_physical``), of the same service. One
    failure causes at most one. A follow-up in the next week is delivered there and counted there as actual.
net
    baseline - actual - overhead, whole seconds. Actual and overhead together are all that was delivered, each
    minute once; it may be negative.

Eligible is a citizen enrolled for the whole week with at least one screen visit held and no physical visit left
open. Travel of a visit that ended without a planned travel is taken as 0 and noted (design §7.4).
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from kernel.events import Event
from kernel.localtime import at_local, local_day
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement, Reason, counted
from metrics.ledger import epoch_ms
from metrics.subject_baselines import SubjectBaseline
from metrics.technologies import Component, Technology
from metrics.time_spans import whole_s
from scheduling.events import VisitBegun, VisitEnded
from video.events import HELD, ScreenVisitEnded

RULE_VERSION = "screen-1"
TECHNOLOGY: Technology = "screen"
COMPONENT: Component = "screen_visit"
BASELINE_KIND = "week"
#: A follow-up belongs to a failure for so long; the week is provisional for as long after it is over.
FOLLOW_UP_S = 24 * 3600
#: How long a try rings before nobody has answered (video facts §7).
RINGING_S = 45
#: Calls that did not do the visit's errand; one that was cancelled had none.
FAILED = frozenset({"converted_physical", "no_answer", "technical_failure", "declined"})
_FAILED_VISITS = frozenset({"no_answer", "technical_failure", "declined", "nobody_home"})


def week_last_on(instant_at: datetime) -> date:
    """The Sunday of the local ISO week an instant falls in."""
    day = local_day(instant_at)
    return day + timedelta(days=6 - day.weekday())


def week_name(last_on: date) -> str:
    """``2026-W48`` for the week that ends on a Sunday."""
    year, week, _day = last_on.isocalendar()
    return f"{year}-W{week:02d}"


def week_bounds_ms(last_on: date) -> tuple[int, int]:
    """Local midnight of the Monday and of the Monday after, milliseconds since 1970."""
    return (
        epoch_ms(at_local(last_on - timedelta(days=6), time())),
        epoch_ms(at_local(last_on + timedelta(days=1), time())),
    )


def week_due_at(last_on: date) -> datetime:
    """When a week is entered: a follow-up of its last hour has come by then."""
    return at_local(last_on + timedelta(days=1), time()) + timedelta(seconds=FOLLOW_UP_S)


@dataclass(slots=True)
class WeekVisit:
    """One visit of a citizen's week."""

    physical: bool = True
    begun_ms: int | None = None
    ended_ms: int | None = None
    travel_s: int | None = None
    service: str | None = None
    outcome: str | None = None
    #: how the call went, where there was one
    call: str | None = None
    talk_s: int = 0
    attempts: int = 1
    positions: list[int] = field(default_factory=list)
    unit_id: str = ""

    @property
    def failed(self) -> bool:
        """Whether this is a screen visit that did not do."""
        if self.physical:
            return False
        return self.call in FAILED if self.call is not None else self.outcome in _FAILED_VISITS

    @property
    def held(self) -> bool:
        """Whether this is a screen visit that was held."""
        if self.physical:
            return False
        return self.call in HELD if self.call is not None else self.outcome in ("done", "partly")

    @property
    def visit_s(self) -> int:
        """Seconds from begun to ended; of a call without a visit the ringing and the talk."""
        earlier_s = 0 if self.physical else RINGING_S * (self.attempts - 1)
        if self.begun_ms is not None and self.ended_ms is not None:
            return whole_s(max(0, self.ended_ms - self.begun_ms)) + earlier_s
        return 0 if self.call is None else self.talk_s + RINGING_S + earlier_s

    def as_json(self) -> list[Any]:
        """The visit as a JSON list, in the order of the fields."""
        return [
            self.physical,
            self.begun_ms,
            self.ended_ms,
            self.travel_s,
            self.service,
            self.outcome,
            self.call,
            self.talk_s,
            self.attempts,
            self.positions,
            self.unit_id,
        ]


@dataclass(slots=True)
class WeekProgress:
    """What is known of one citizen's week."""

    subject: str
    last_on: date
    last_position: int = 0
    visits: dict[str, WeekVisit] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What has no column of its own."""
        return {visit_id: visit.as_json() for visit_id, visit in self.visits.items()}

    @classmethod
    def from_json(cls, subject: str, last_on: date, last_position: int, state: dict[str, Any]) -> "WeekProgress":
        """The progress as it was stored."""
        return cls(subject, last_on, last_position, {key: WeekVisit(*fields) for key, fields in state.items()})


def week_of(event: Event) -> date | None:
    """The week (by its Sunday) an event of a visit belongs to: the one the visit began in."""
    match event:
        case VisitBegun():
            return week_last_on(event.at)
        case VisitEnded() | ScreenVisitEnded():
            return week_last_on(event.begun_at)
        case _:
            return None


def fold_week(progress: WeekProgress, position: int, event: Event) -> bool:
    """Take an event into the week it belongs to. Returns whether it was new."""
    if position <= progress.last_position or not isinstance(event, VisitBegun | VisitEnded | ScreenVisitEnded):
        return False
    progress.last_position = position
    visit = progress.visits.setdefault(event.visit_id, WeekVisit())
    visit.positions.append(position)
    visit.unit_id = event.unit_id
    if isinstance(event, ScreenVisitEnded):
        visit.physical = False
        visit.call, visit.talk_s, visit.attempts = event.outcome, event.talk_s, event.attempts
        return True
    visit.physical = event.mode == "physical"
    if isinstance(event, VisitBegun):
        if visit.ended_ms is None:
            visit.begun_ms = epoch_ms(event.at)
        return True
    visit.begun_ms, visit.ended_ms = epoch_ms(event.begun_at), epoch_ms(event.at)
    visit.travel_s, visit.service, visit.outcome = event.travel_s, event.service, event.outcome
    return True


def judge_week(progress: WeekProgress, enrolment: Enrolment | None, baseline: SubjectBaseline | None) -> Judgement:
    """Apply the rule to a week that is over.

    Parameters
    ----------
    enrolment
        Since when and until when the citizen uses screen visits.
    baseline
        The citizen's own baseline that holds in the week, if there is one.
    """
    visits = progress.visits.values()
    evidence = tuple(sorted(position for visit in visits for position in visit.positions))
    if (reason := _refusal(progress, enrolment)) is not None:
        return Judgement("ineligible", False, reason, COMPONENT, "tap", evidence)
    inputs, overhead_s = _inputs(progress)
    if baseline is None:
        return Judgement("no_baseline", True, "no_baseline", COMPONENT, "tap", evidence, inputs)
    delivered_s = inputs["visit_s"] + inputs["travel_s"] + inputs["screen_s"]
    return counted(
        component=COMPONENT,
        # A person says how a screen visit went; no device does.
        evidence_class="tap",
        evidence=evidence,
        inputs=inputs,
        baseline_id=baseline.baseline_id,
        baseline_s=baseline.mean_s,
        actual_s=delivered_s - overhead_s,
        overhead_s=overhead_s,
    )


def last_unit_of(progress: WeekProgress) -> str:
    """The unit of a week's last visit; empty where none has begun, or none says its unit (visits stored long ago)."""
    begun = [(visit.begun_ms, visit_id, visit.unit_id) for visit_id, visit in progress.visits.items()]
    told = [(begun_ms, visit_id, unit_id) for begun_ms, visit_id, unit_id in begun if begun_ms is not None]
    return max(told)[2] if told else ""


def follow_ups(progress: WeekProgress) -> dict[str, str]:
    """Physical visits that failed screen visits caused: id of the follow-up -> id of the failure."""
    caused: dict[str, str] = {}
    ordered = sorted(progress.visits.items(), key=lambda item: (item[1].begun_ms or 0, item[0]))
    for failed_id, failed in ordered:
        if not failed.failed or failed.ended_ms is None:
            continue
        for visit_id, visit in ordered:
            if not visit.physical or visit.begun_ms is None or visit_id in caused:
                continue
            within = 0 <= visit.begun_ms - failed.ended_ms <= FOLLOW_UP_S * 1000
            if within and _same_errand(failed, visit):
                caused[visit_id] = failed_id
                break
    return caused


def _same_errand(failed: WeekVisit, visit: WeekVisit) -> bool:
    if failed.call == "converted_physical" or failed.service is None or visit.service is None:
        return True
    return failed.service == visit.service


def _refusal(progress: WeekProgress, enrolment: Enrolment | None) -> Reason | None:
    from_ms, until_ms = week_bounds_ms(progress.last_on)
    if enrolment is None or enrolment.overlapping(from_ms, until_ms) is None:
        return "not_enrolled"
    if not enrolment.covers(from_ms, until_ms):
        return "enrolled_in_part"
    if any(v.physical and v.begun_ms is not None and v.ended_ms is None for v in progress.visits.values()):
        return "visit_not_ended"
    return None if any(v.held for v in progress.visits.values()) else "no_screen_visit"


def _inputs(progress: WeekProgress) -> tuple[dict[str, Any], int]:
    """What was delivered, by kind, and the seconds of it that failures caused."""
    physical = [v for v in progress.visits.values() if v.physical and v.ended_ms is not None]
    screen = [v for v in progress.visits.values() if not v.physical]
    caused = [progress.visits[visit_id] for visit_id in follow_ups(progress)]
    follow_up_s = sum(v.visit_s + (v.travel_s or 0) for v in caused)
    failed_screen_s = sum(v.visit_s for v in screen if v.failed)
    inputs = {
        "visit_s": sum(v.visit_s for v in physical),
        "travel_s": sum(v.travel_s or 0 for v in physical),
        "screen_s": sum(v.visit_s for v in screen),
        "follow_up_s": follow_up_s,
        "failed_screen_s": failed_screen_s,
        "visits": len(physical),
        "screen_visits": sum(v.held for v in screen),
        "failed_screen_visits": sum(v.failed for v in screen),
        "follow_ups": len(caused),
        "visits_without_travel": sum(v.travel_s is None for v in physical),
    }
    return inputs, follow_up_s + failed_screen_s

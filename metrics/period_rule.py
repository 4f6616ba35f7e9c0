"""What a rule about weeks or days has to say to the ledger that applies it (:mod:`metrics.period_ledger`)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from kernel.events import Event
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement, RuleIdentity
from metrics.subject_baselines import SubjectBaseline
from metrics.visit_types.means import VisitMeans


class Progress(Protocol):
    """What is known of one subject's period."""

    subject: str
    last_on: date
    last_position: int

    def as_json(self) -> dict[str, Any]:
        """What has no column of its own."""
        ...


P = TypeVar("P", bound=Progress)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a rule. ``judge`` gets progress, enrolment, the subject's own baseline and the unit's of visits."""

    identity: RuleIdentity
    judge: Callable[[Any, Enrolment | None, SubjectBaseline | None, VisitMeans | None], Judgement]
    #: the unit of a period, where it is not the enrolment's
    unit_of: Callable[[Any], str] | None = None


class PeriodRule(Protocol[P]):
    """What a rule about weeks or days has to say. Pure."""

    identity: RuleIdentity
    #: a version that is written beside the first where it was chosen to be
    beside: Version | None
    #: how periods of measured subjects are counted who have not begun yet; they count for nobody
    untouched: Version | None
    #: events that are folded, by type; others only tell the time
    folded: Collection[str]
    #: further events that are read for their time only
    clocked: Collection[str]
    #: whether only enrolled subjects are looked at, and with ``untouched`` those who were measured
    enrolled_only: bool
    #: days from one period to the next
    length_days: int

    def last_on(self, event: Event) -> date | None:
        """The period an event belongs to, by its last day; ``None`` if to none."""
        ...

    def period_of(self, day: date) -> date:
        """The period a local day belongs to, by its last day."""
        ...

    def name(self, last_on: date) -> str:
        """What a period is called in the id of an occasion."""
        ...

    def bounds_ms(self, last_on: date) -> tuple[int, int]:
        """Beginning and end of a period, milliseconds since 1970."""
        ...

    def due_at(self, last_on: date) -> datetime:
        """The world time at which a period is entered."""
        ...

    def new(self, subject: str, last_on: date) -> P:
        """Nothing known yet."""
        ...

    def stored(self, subject: str, last_on: date, last_position: int, state: dict[str, Any]) -> P:
        """The progress as it was stored."""
        ...

    def fold(self, progress: P, position: int, event: Event) -> bool:
        """Take an event in; returns whether it was new."""
        ...

    def judge(self, progress: P, enrolment: Enrolment | None, baseline: SubjectBaseline | None) -> Judgement:
        """What the period saved."""
        ...

    def unit_id(self, progress: P, enrolment: Enrolment | None) -> str:
        """The unit the period counts for, empty for nobody's."""
        ...

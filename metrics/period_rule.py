"""What a rule about weeks or days has to say to the ledger that applies it (:mod:`metrics.period_ledger`)."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from kernel.events import Event
from metrics.enrolments import Enrolment
from metrics.judgement import Judgement, RuleIdentity
from metrics.subject_baselines import SubjectBaseline


class Progress(Protocol):
    """What is known of one subject's period."""

    subject: str
    last_on: date
    last_position: int

    def as_json(self) -> dict[str, Any]:
        """What has no column of its own."""
        ...


P = TypeVar("P", bound=Progress)


class PeriodRule(Protocol[P]):
    """What a rule about weeks or days has to say. Pure."""

    identity: RuleIdentity
    #: events that are folded, by type; others only tell the time
    folded: Collection[str]
    #: further events that are read for their time only
    clocked: Collection[str]
    #: whether only enrolled subjects are looked at
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
        """The unit the period counts for."""
        ...

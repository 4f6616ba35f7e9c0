"""What the benefit side tells the rest. No names: a purpose and a role say who looked and why."""

from typing import ClassVar, Literal

from kernel.events import Event

Role = Literal["benefit_owner", "auditor"]


class BaselineFrozen(Event):
    """A time study was taken in and a baseline of a unit and shift kind is fixed from now on."""

    event_type: ClassVar[str] = "benefit.baseline_frozen"

    baseline_id: str
    technology: str
    unit_id: str
    shift_kind: str
    baseline_version: int
    mean_s: int
    shift_count: int


class MonthClosed(Event):
    """The figures of a month were stored; what changes later is shown as a correction."""

    event_type: ClassVar[str] = "benefit.month_closed"

    technology: str
    month: str
    closed_by_role: str
    rule_version: str


class BenefitWalked(Event):
    """Somebody went from a figure back to what it rests on."""

    event_type: ClassVar[str] = "benefit.walked"

    technology: str
    purpose: str
    role: Role
    #: the figure's period, or the one entry that was opened
    from_on: str | None = None
    to_on: str | None = None
    entry_id: int | None = None

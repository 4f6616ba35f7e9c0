"""What the benefit side tells the rest. No names: a purpose and a role say who looked and why."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from kernel.events import Event, Upcaster

Role = Literal["benefit_owner", "auditor"]


def _kinds_of_every_technology(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew shifts only."""
    lifted = dict(data)
    return lifted | {"kind": lifted.pop("shift_kind"), "occasion_count": lifted.pop("shift_count")}


class BaselineFrozen(Event):
    """A measurement was taken in and a baseline of a technology and unit is fixed from now on."""

    event_type: ClassVar[str] = "benefit.baseline_frozen"
    event_version: ClassVar[int] = 2
    upcasters: ClassVar[Mapping[int, Upcaster]] = {1: _kinds_of_every_technology}

    baseline_id: str
    technology: str
    unit_id: str
    #: day, evening or night for keys; leg for routing; week or visit for screen; day for transfers
    kind: str
    baseline_version: int
    mean_s: int
    occasion_count: int


class MonthClosed(Event):
    """The figures of a month were stored; what changes later is shown as a correction."""

    event_type: ClassVar[str] = "benefit.month_closed"

    technology: str
    month: str
    closed_by_role: str
    rule_version: str


class RuleChosen(Event):
    """Another version of a rule counts from now on; the entries of both stay."""

    event_type: ClassVar[str] = "benefit.rule_chosen"

    technology: str
    rule_version: str
    by_role: str


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

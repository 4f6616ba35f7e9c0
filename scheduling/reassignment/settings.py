"""What a change costs people who have been told, and how far proposals look: dated rows (docs/rules.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from scheduling.dated import row_on


@dataclass(frozen=True, slots=True)
class ReassignmentSettings:
    """Prices in minutes of cost (``*_min``) and bounds, from one day on.

    A visit that changes its carer costs ``changed_carer_min``; one that keeps its carer but starts more than
    ``shift_free_min`` earlier or later than was told costs ``shifted_start_min``.
    """

    changed_carer_min: float
    shifted_start_min: float
    shift_free_min: float
    handed_at_most: int
    """More visits than this are not given away one by one: the search over the whole unit does that better."""
    solutions_at_most: int
    swap_within: timedelta
    call_in: timedelta
    """From a telephone call to the first visit of a substitute."""
    substitutes_at_most: int
    urgent_priority: int
    carers_tried: int
    """Carers tried exactly for one visit; a planner is shown five, and an estimate is seldom that far off."""
    search_moves: int
    search_limit_s: float
    valid_from_on: date
    source: str


REASSIGNMENT_SETTINGS: tuple[ReassignmentSettings, ...] = (
    ReassignmentSettings(
        # Dearer than a detour between two neighbouring homes, cheaper than a visit that is ten minutes late for three.
        changed_carer_min=10.0,
        shifted_start_min=1.0,
        shift_free_min=10.0,
        handed_at_most=4,
        solutions_at_most=6,
        swap_within=timedelta(minutes=60),
        call_in=timedelta(minutes=60),
        substitutes_at_most=3,
        urgent_priority=1,
        carers_tried=24,
        # About a second for a centre's day, and the same answer every time.
        search_moves=40_000,
        search_limit_s=2.0,
        valid_from_on=date(2026, 11, 1),
        source="assumption: a citizen who has been told who comes and when is worth a short detour, not a late visit",
    ),
)
"""By the day they begin to hold. A municipality's own numbers are a row more, never an edit."""


def settings_on(on: date) -> ReassignmentSettings:
    """The row that holds on a day."""
    return row_on(on, REASSIGNMENT_SETTINGS)

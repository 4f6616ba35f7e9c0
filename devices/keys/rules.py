"""May this carer open this door now?

The server asks before it sends anything; the lock asks its own eight questions again and has the last word.
One rule per refusal, in the order in which a person has to deal with them: a revoked tablet learns nothing
about the visit, a withdrawn consent ends the matter before any time is looked at, the state of the device
comes last because it changes by itself.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from devices.keys.model import Allowed, ClockState, RefusalCode, Refused, VisitFacts

EARLY = timedelta(minutes=30)
"""How long before the planned start a door may be opened (protocol, grant window)."""

LATE = timedelta(minutes=60)
"""How long after the planned end a door may be opened (protocol, grant window)."""

EMERGENCY = timedelta(minutes=15)
"""How long a door may be opened for an emergency, from its request (protocol, grant window)."""

PREPARED = timedelta(hours=4)
"""How long a door prepared for a designated tablet may be opened (protocol, grant window)."""


def visit_window(planned_start_at: datetime, planned_end_at: datetime) -> tuple[datetime, datetime]:
    """When the door of a visit may be opened: planned start - 30 min to planned end + 60 min, both included.

    Raises
    ------
    ValueError
        If an instant is naive or the visit ends before it starts.
    """
    if planned_start_at.tzinfo is None or planned_end_at.tzinfo is None:
        raise ValueError(f"Expected aware instants, got {planned_start_at} and {planned_end_at}.")
    if planned_end_at < planned_start_at:
        raise ValueError(f"Expected an end not before {planned_start_at}, got {planned_end_at}.")
    return planned_start_at - EARLY, planned_end_at + LATE


def may_open(facts: VisitFacts) -> Allowed | Refused:
    """Decide on frozen facts; the first rule that is broken names the refusal."""
    for rule in _RULES:
        refused = rule(facts)
        if refused is not None:
            return refused
    return Allowed(*visit_window(facts.planned_start_at, facts.planned_end_at))


def may_open_in_emergency(facts: VisitFacts) -> Allowed | Refused:
    """Decide where no visit is planned: what a plan would say is left out, everything else holds.

    ``planned_start_at`` and ``planned_end_at`` are the emergency's own window.
    """
    for rule in _EMERGENCY_RULES:
        refused = rule(facts)
        if refused is not None:
            return refused
    return Allowed(facts.planned_start_at, facts.planned_end_at)


def epoch_revoked(facts: VisitFacts) -> Refused | None:
    """The right, its key or its tablet is revoked, or the lock's epoch has moved past it."""
    right = facts.right
    if right is None or (right.revoked_at is None and right.epoch >= facts.door.epoch):
        return None
    return Refused(RefusalCode.EPOCH_REVOKED, {"revoked_at": right.revoked_at})


def consent_withdrawn(facts: VisitFacts) -> Refused | None:
    """The citizen's consent to an electronic key is the first condition of every opening."""
    return None if facts.consent_active else Refused(RefusalCode.CONSENT_WITHDRAWN)


def not_on_route(facts: VisitFacts) -> Refused | None:
    """Only the carer on whose route the visit is, and who was given the right to its door."""
    if facts.planned_carer == facts.carer and facts.right is not None:
        return None
    return Refused(RefusalCode.NOT_ON_ROUTE, {"moved_at": facts.moved_at, "reason": facts.moved_reason})


def missing_competence(facts: VisitFacts) -> Refused | None:
    """Every competence the visit needs must be held; the missing ones are named in order."""
    missing = facts.required_competences - facts.held_competences
    if not missing:
        return None
    return Refused(RefusalCode.MISSING_COMPETENCE, {"competence": ", ".join(sorted(missing))})


def outside_visit_window(facts: VisitFacts) -> Refused | None:
    """Not before the window opens and not after it closes; both ends belong to it."""
    opens_at, closes_at = visit_window(facts.planned_start_at, facts.planned_end_at)
    if opens_at <= facts.now_at <= closes_at:
        return None
    return Refused(
        RefusalCode.OUTSIDE_VISIT_WINDOW,
        {"planned_start_at": facts.planned_start_at, "opens_at": opens_at, "closes_at": closes_at},
    )


def grant_expired(facts: VisitFacts) -> Refused | None:
    """A right that ended before the window did: a new one must be fetched."""
    if facts.right is None or facts.now_at <= facts.right.expires_at:
        return None
    return Refused(RefusalCode.GRANT_EXPIRED, {"expired_at": facts.right.expires_at})


def battery_low(facts: VisitFacts) -> Refused | None:
    """A motor that stops half way leaves a door neither open nor locked, so an empty battery is not tried."""
    battery_mv, empty_mv = facts.door.battery_mv, facts.door.battery_empty_mv
    if battery_mv is None or battery_mv > empty_mv:
        return None
    return Refused(RefusalCode.BATTERY_LOW, {"battery_mv": battery_mv, "battery_empty_mv": empty_mv})


def clock_unsure(facts: VisitFacts) -> Refused | None:
    """A lock that lost its clock cannot judge a window until it has been given the time."""
    return Refused(RefusalCode.CLOCK_UNSURE) if facts.door.clock is ClockState.LOST else None


_RULES: tuple[Callable[[VisitFacts], Refused | None], ...] = (
    epoch_revoked,
    consent_withdrawn,
    not_on_route,
    missing_competence,
    outside_visit_window,
    grant_expired,
    battery_low,
    clock_unsure,
)

#: competence and route are what an emergency overrides; the citizen's no, a blocked tablet and the lock's state not
_EMERGENCY_RULES = (epoch_revoked, consent_withdrawn, grant_expired, battery_low, clock_unsure)

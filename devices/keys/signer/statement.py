"""The statement behind a grant: whether what is asked for agrees with what the event log says.

Pure. A planned visit is borne out by the route; what is not planned by a statement of its own, an emergency or
doors prepared for a designated tablet (:mod:`devices.keys.signer.facts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from devices.keys.grant import MAX_AUDIENCE, THUMBPRINT_BYTES
from devices.keys.rules import EMERGENCY, PREPARED, visit_window
from devices.keys.signer.facts import Facts, RouteFact, ShiftFact, StopFact, UnplannedFact
from devices.keys.signer.model import Basis, MintRefusal, MintRequest

__all__ = ["Agreed", "Facts", "Limits", "RouteFact", "ShiftFact", "StopFact", "UnplannedFact", "judge"]

_MAX_ID = 64
_NEVER = datetime.max.replace(tzinfo=UTC)

LONGEST: Mapping[Basis, timedelta] = {Basis.EMERGENCY: EMERGENCY, Basis.PREPARED: PREPARED}
"""How long a statement may let somebody in."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The request agrees with the log: the window to mint for, and whose quota it is."""

    opens_at: datetime
    expires_at: datetime
    unit_id: str = ""
    #: opens together with a second holder's grant only
    dual: bool = False
    emergency: bool = False
    max_uses: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How far ahead a window may lie, and how long after its planned end a shift still counts."""

    furthest_ahead: timedelta
    shift_grace: timedelta


def judge(
    request: MintRequest, facts: Facts, epochs: Mapping[str, int], now: datetime, limits: Limits
) -> Agreed | MintRefusal:
    """Whether a request agrees with the log.

    Parameters
    ----------
    epochs
        Present epoch of every mounted lock the request names; unknown or retired locks are missing.
    now
        World time.
    """
    if not _well_formed(request):
        return MintRefusal.BAD_REQUEST
    decide = _judge_planned if request.basis is Basis.ROUTE else _judge_unplanned
    return decide(request, facts, epochs, now, limits)


def _judge_planned(
    request: MintRequest, facts: Facts, epochs: Mapping[str, int], now: datetime, limits: Limits
) -> Agreed | MintRefusal:
    stop = _judge_route(request, facts)
    refusal = _judge_shift(request, facts, now, limits)
    if refusal is not None:
        return refusal
    if isinstance(stop, MintRefusal):
        return stop
    agreed = _judge_locks(request, facts, epochs) or _judge_window(
        visit_window(stop.start_at, stop.end_at), now, limits
    )
    if isinstance(agreed, MintRefusal):
        return agreed
    if facts.left.get(request.carer_id, agreed.opens_at) < agreed.opens_at:
        return MintRefusal.CARER_LEFT
    unit_id = facts.routes[request.route_id].unit_id
    return replace(agreed, unit_id=unit_id, dual=facts.needs_two(request.door_id))


def _judge_unplanned(
    request: MintRequest, facts: Facts, epochs: Mapping[str, int], now: datetime, limits: Limits
) -> Agreed | MintRefusal:
    """An emergency or a preparation: nothing on a route bears it out, so the log must hold the statement itself."""
    refusal = _judge_shift(request, facts, now, limits)
    stated = facts.unplanned.get((request.basis, request.route_id))
    if refusal is not None:
        return refusal
    if stated is None:
        return MintRefusal.UNKNOWN_STATEMENT
    refusal = _judge_statement(request, stated, facts) or _judge_locks(request, facts, epochs)
    if refusal is not None:
        return refusal
    agreed = _judge_window((stated.opens_at, stated.closes_at), now, limits)
    if isinstance(agreed, MintRefusal):
        return agreed
    return replace(
        agreed,
        unit_id=stated.unit_id,
        dual=facts.needs_two(request.door_id),
        emergency=True,
        max_uses=1 if request.basis is Basis.PREPARED else None,
    )


def _judge_statement(request: MintRequest, stated: UnplannedFact, facts: Facts) -> MintRefusal | None:
    shift = facts.shifts[request.shift_id]
    broken = (
        (
            (request.basis, request.route_id) in facts.disputed_unplanned,
            MintRefusal.STATEMENT_DISPUTED,
        ),
        (
            (stated.carer_id, stated.shift_id) != (request.carer_id, request.shift_id),
            MintRefusal.NOT_THE_STATEMENTS_SHIFT,
        ),
        (stated.holder not in (b"", request.holder_thumbprint), MintRefusal.HOLDER_MISMATCH),
        (request.door_id not in stated.door_ids, MintRefusal.DOOR_NOT_IN_STATEMENT),
        # The gateway wrote the statement; where the lock hangs was written when it was mounted.
        (
            not {shift.unit_id, stated.unit_id} <= facts.units_of_door.get(request.door_id, frozenset()),
            MintRefusal.DOOR_OF_OTHER_UNIT,
        ),
        (stated.closes_at - stated.opens_at > LONGEST[request.basis], MintRefusal.WINDOW_TOO_LONG),
        (
            request.basis is Basis.PREPARED and not facts.is_designated(request.carer_id),
            MintRefusal.NOT_DESIGNATED,
        ),
    )
    return next((refusal for is_broken, refusal in broken if is_broken), None)


def _judge_window(window: tuple[datetime, datetime], now: datetime, limits: Limits) -> Agreed | MintRefusal:
    opens_at, expires_at = window
    # Grants carry whole seconds; a window is cut, never widened.
    opens_at = opens_at.replace(microsecond=0) + timedelta(seconds=1 if opens_at.microsecond else 0)
    expires_at = expires_at.replace(microsecond=0)
    if expires_at <= now:
        return MintRefusal.WINDOW_CLOSED
    if opens_at > now + limits.furthest_ahead:
        return MintRefusal.WINDOW_TOO_FAR
    return Agreed(opens_at, expires_at)


def _well_formed(request: MintRequest) -> bool:
    ids = (request.route_id, request.visit_id, request.door_id, request.carer_id, request.shift_id)
    return (
        all(0 < len(text) <= _MAX_ID for text in (*ids, *request.lock_ids))
        and 1 <= len(request.lock_ids) <= MAX_AUDIENCE
        and len(set(request.lock_ids)) == len(request.lock_ids)
        and len(request.holder_thumbprint) == THUMBPRINT_BYTES
    )


def _judge_shift(request: MintRequest, facts: Facts, now: datetime, limits: Limits) -> MintRefusal | None:
    shift = facts.shifts.get(request.shift_id)
    if shift is None:
        return MintRefusal.UNKNOWN_SHIFT
    broken = (
        (request.shift_id in facts.disputed_shifts, MintRefusal.SHIFT_DISPUTED),
        (request.shift_id in facts.ended, MintRefusal.SHIFT_ENDED),
        (shift.carer_id != request.carer_id, MintRefusal.NOT_THE_SHIFTS_CARER),
        (facts.left.get(request.carer_id, _NEVER) <= now, MintRefusal.CARER_LEFT),
        (
            facts.holders(request.shift_id, shift.holder) != {request.holder_thumbprint},
            MintRefusal.HOLDER_MISMATCH,
        ),
        (shift.planned_end_at + limits.shift_grace < now, MintRefusal.SHIFT_OVERDUE),
    )
    return next((refusal for is_broken, refusal in broken if is_broken), None)


def _judge_route(request: MintRequest, facts: Facts) -> StopFact | MintRefusal:
    route = facts.routes.get(request.route_id)
    if route is None or route.version < request.route_version:
        return MintRefusal.UNKNOWN_ROUTE
    if route.version > request.route_version:
        return MintRefusal.ROUTE_SUPERSEDED
    if (request.route_id, route.version) in facts.disputed_routes:
        return MintRefusal.ROUTE_DISPUTED
    if route.carer_id != request.carer_id:
        return MintRefusal.NOT_THE_ROUTES_CARER
    stop = route.stops.get(request.visit_id)
    if stop is None:
        return MintRefusal.VISIT_NOT_ON_ROUTE
    return stop if stop.door_id == request.door_id else MintRefusal.DOOR_NOT_AT_VISIT


def _judge_locks(request: MintRequest, facts: Facts, epochs: Mapping[str, int]) -> MintRefusal | None:
    way = facts.way_to(request.door_id)
    for lock_id in request.lock_ids:
        if lock_id not in epochs or not way & facts.doors_of_lock.get(lock_id, frozenset()):
            return MintRefusal.LOCK_NOT_AT_DOOR
    if request.epoch != max(epochs[lock_id] for lock_id in request.lock_ids):
        return MintRefusal.EPOCH_MISMATCH
    return None

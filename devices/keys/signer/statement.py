"""The route statement: what the event log says of a shift, a route, a lock, and whether a request agrees.

Pure. The facts are a join: taking in the same event twice, or two events in another order, gives the same
facts. So it does not matter that an event is first seen before its position is given and then again after.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.keys.grant import MAX_AUDIENCE, THUMBPRINT_BYTES
from devices.keys.rules import visit_window
from devices.keys.signer.model import MintRefusal, MintRequest

_MAX_ID = 64


@dataclass(frozen=True, slots=True)
class ShiftFact:
    """A shift as its start was told. ``holder`` is the key's thumbprint, empty where the tablet made none."""

    carer_id: str
    unit_id: str
    holder: bytes
    planned_end_at: datetime


@dataclass(frozen=True, slots=True)
class StopFact:
    """The door of one visit, and when the visit is planned."""

    door_id: str
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, slots=True)
class RouteFact:
    """The stops with a door of one version of a route. ``over_at`` only says when it may be forgotten."""

    carer_id: str
    unit_id: str
    version: int
    stops: Mapping[str, StopFact]
    over_at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The request agrees with the log: the window to mint for, and whose quota it is."""

    opens_at: datetime
    expires_at: datetime
    unit_id: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How far ahead a window may lie, and how long after its planned end a shift still counts."""

    furthest_ahead: timedelta
    shift_grace: timedelta


@dataclass(slots=True)
class Facts:
    """What the log has told so far, as far as the signer needs it."""

    shifts: dict[str, ShiftFact] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)
    disputed_shifts: set[str] = field(default_factory=set)
    #: keys reported lost, and the keys that followed them: shift to key, shift to (key before, key)
    lost_keys: dict[str, frozenset[bytes]] = field(default_factory=dict)
    later_keys: dict[str, frozenset[tuple[bytes, bytes]]] = field(default_factory=dict)
    routes: dict[str, RouteFact] = field(default_factory=dict)
    disputed_routes: set[tuple[str, int]] = field(default_factory=set)
    doors_of_lock: dict[str, frozenset[str]] = field(default_factory=dict)

    def shift_started(self, shift_id: str, fact: ShiftFact) -> None:
        """A shift cannot begin twice with another carer or key; if the log says so, nobody gets a grant."""
        if self.shifts.setdefault(shift_id, fact) != fact:
            self.disputed_shifts.add(shift_id)

    def shift_ended(self, shift_id: str, at: datetime) -> None:
        """An end is final."""
        self.ended[shift_id] = max(at, self.ended.get(shift_id, at))

    def key_lost(self, shift_id: str, holder: bytes) -> None:
        """A lost key stays lost, in whatever order the log is read."""
        self.lost_keys[shift_id] = self.lost_keys.get(shift_id, frozenset()) | {holder}

    def key_replaced(self, shift_id: str, replaces: bytes, holder: bytes) -> None:
        """Another key of the same shift; it counts only after a key that was lost."""
        self.later_keys[shift_id] = self.later_keys.get(shift_id, frozenset()) | {(replaces, holder)}

    def holders(self, shift_id: str, first: bytes) -> frozenset[bytes]:
        """The keys a shift may hold now: the first one, or what followed a lost one; one in all, unless disputed."""
        lost = self.lost_keys.get(shift_id, frozenset())
        followed = {key for before, key in self.later_keys.get(shift_id, frozenset()) if before in lost}
        return frozenset(({first} | followed) - lost)

    def route_published(self, route_id: str, fact: RouteFact) -> None:
        """The highest version holds; the same version twice with other content holds nothing."""
        known = self.routes.get(route_id)
        if known is None or known.version < fact.version:
            self.routes[route_id] = fact
        elif known.version == fact.version and known != fact:
            self.disputed_routes.add((route_id, fact.version))

    def lock_enrolled(self, lock_id: str, door_id: str) -> None:
        """A lock may serve several doors (a stairwell)."""
        self.doors_of_lock[lock_id] = self.doors_of_lock.get(lock_id, frozenset()) | {door_id}

    def forget_before(self, instant_at: datetime) -> None:
        """Drop shifts and routes that were over by then. What is forgotten is refused as unknown."""
        gone = [key for key, shift in self.shifts.items() if shift.planned_end_at < instant_at]
        for shift_id in gone:
            del self.shifts[shift_id]
            self.disputed_shifts.discard(shift_id)
            self.lost_keys.pop(shift_id, None)
            self.later_keys.pop(shift_id, None)
        # An end is kept while its shift is: forgetting only the end would bring the shift back to life.
        for shift_id in [key for key, at in self.ended.items() if key not in self.shifts and at < instant_at]:
            del self.ended[shift_id]
        over = [key for key, route in self.routes.items() if route.over_at < instant_at]
        for route_id in over:
            self.disputed_routes.discard((route_id, self.routes.pop(route_id).version))


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
    stop = _judge_route(request, facts)
    refusal = _judge_shift(request, facts, now, limits)
    if refusal is not None:
        return refusal
    if isinstance(stop, MintRefusal):
        return stop
    refusal = _judge_locks(request, facts, epochs)
    return refusal or _judge_window(stop, facts.routes[request.route_id].unit_id, now, limits)


def _judge_window(stop: StopFact, unit_id: str, now: datetime, limits: Limits) -> Agreed | MintRefusal:
    opens_at, expires_at = visit_window(stop.start_at, stop.end_at)
    # Grants carry whole seconds; a window is cut, never widened.
    opens_at = opens_at.replace(microsecond=0) + timedelta(seconds=1 if opens_at.microsecond else 0)
    expires_at = expires_at.replace(microsecond=0)
    if expires_at <= now:
        return MintRefusal.WINDOW_CLOSED
    if opens_at > now + limits.furthest_ahead:
        return MintRefusal.WINDOW_TOO_FAR
    return Agreed(opens_at, expires_at, unit_id)


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
    for lock_id in request.lock_ids:
        if lock_id not in epochs or request.door_id not in facts.doors_of_lock.get(lock_id, frozenset()):
            return MintRefusal.LOCK_NOT_AT_DOOR
    if request.epoch != max(epochs[lock_id] for lock_id in request.lock_ids):
        return MintRefusal.EPOCH_MISMATCH
    return None

"""What the event log tells the signer, as facts.

Pure. The facts are a join: taking in the same event twice, or two events in another order, gives the same
facts. So it does not matter that an event is first seen before its position is given and then again after.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from devices.keys.signer.model import Basis


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
class UnplannedFact:
    """A statement that lets a carer in without a planned visit: an emergency, or doors prepared for a tablet."""

    carer_id: str
    shift_id: str
    unit_id: str
    door_ids: frozenset[str]
    opens_at: datetime
    closes_at: datetime
    #: the key it is for; empty where the shift's present key is meant
    holder: bytes = b""


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
    units_of_door: dict[str, frozenset[str]] = field(default_factory=dict)
    #: when a door was last said to need one or two holders, and how many
    holders_of_door: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    #: when a door was last said to lie behind a stairwell, and which; empty: none
    stairwell_of_door: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    #: carers with a designated tablet: when that was last said, and whether it was taken back
    designations: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    #: from when on a carer has left
    left: dict[str, datetime] = field(default_factory=dict)
    unplanned: dict[tuple[Basis, str], UnplannedFact] = field(default_factory=dict)
    disputed_unplanned: set[tuple[Basis, str]] = field(default_factory=set)

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

    def lock_enrolled(self, lock_id: str, door_id: str, unit_id: str | None = None) -> None:
        """A lock may serve several doors (a stairwell)."""
        self.doors_of_lock[lock_id] = self.doors_of_lock.get(lock_id, frozenset()) | {door_id}
        if unit_id is not None:
            self.units_of_door[door_id] = self.units_of_door.get(door_id, frozenset()) | {unit_id}

    def door_holders(self, door_id: str, at: datetime, holders: int) -> None:
        """The latest word holds; of two at the same instant the one that asks for more."""
        self.holders_of_door[door_id] = max((at, holders), self.holders_of_door.get(door_id, (at, holders)))

    def needs_two(self, door_id: str) -> bool:
        """Whether a door opens for two holders together only."""
        return self.holders_of_door.get(door_id, (None, 1))[1] > 1

    def stairwell(self, door_id: str, at: datetime, stairwell_id: str) -> None:
        """The latest word holds; of two at the same instant the one that lets nobody through more doors."""
        known = self.stairwell_of_door.get(door_id)
        if known is None or at > known[0]:
            self.stairwell_of_door[door_id] = (at, stairwell_id)
        elif at == known[0] and stairwell_id != known[1]:
            self.stairwell_of_door[door_id] = (at, "")

    def way_to(self, door_id: str) -> frozenset[str]:
        """The doors a grant for this door may open: itself, and its stairwell where one unit answers for both."""
        stairwell_id = self.stairwell_of_door.get(door_id, (None, ""))[1]
        units = self.units_of_door.get(door_id, frozenset())
        shared = units & self.units_of_door.get(stairwell_id, frozenset())
        return frozenset({door_id, stairwell_id} if stairwell_id and shared else {door_id})

    def designated(self, carer_id: str, at: datetime, *, on: bool) -> None:
        """The latest word holds; of two at the same instant that it is taken back."""
        self.designations[carer_id] = max((at, not on), self.designations.get(carer_id, (at, not on)))

    def is_designated(self, carer_id: str) -> bool:
        """Whether the carer carries a designated tablet."""
        return carer_id in self.designations and not self.designations[carer_id][1]

    def carer_left(self, carer_id: str, from_at: datetime) -> None:
        """Who has left stays away; told twice, the earlier instant counts."""
        self.left[carer_id] = min(from_at, self.left.get(carer_id, from_at))

    def stated(self, basis: Basis, statement_id: str, fact: UnplannedFact) -> None:
        """An emergency or a preparation. The same one twice with other content lets nobody in."""
        if self.unplanned.setdefault((basis, statement_id), fact) != fact:
            self.disputed_unplanned.add((basis, statement_id))

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
        done = [key for key, stated in self.unplanned.items() if stated.closes_at < instant_at]
        for key in done:
            del self.unplanned[key]
            self.disputed_unplanned.discard(key)

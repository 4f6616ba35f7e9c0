"""Door rights follow the route: what is on it may be opened in its window, what left it may not.

Called by the use case that publishes a route, in the same transaction (design §3, "A route change").
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from devices.events import DoorRightChanged
from devices.keys import grant_store, store
from devices.keys.rules import visit_window
from devices.keys.schemas import DoorRight, RightsChange, RightWanted, RouteRights
from devices.keys.vendors.access import issue_windows, withdraw_windows
from kernel.ids import new_id
from kernel.work import Work

_Key = tuple[str, str, datetime, datetime]


def set_rights(
    work: Work,
    carer_id: str,
    day: date,
    route_id: str,
    route_version: int,
    wanted: Sequence[RightWanted],
) -> RightsChange:
    """Make the rights in force of a carer on a day exactly ``wanted``.

    A right whose door, visit and window stay is carried to the new route version and its grants stay good.
    One whose window moved is withdrawn and issued anew: a grant for the old window must not open.

    Returns
    -------
    RightsChange
        How many changed, and the locks whose revocation list must be sent after commit.
    """
    return set_many_rights(work, [RouteRights(carer_id, day, route_id, route_version, tuple(wanted))])


def set_many_rights(work: Work, routes: Sequence[RouteRights]) -> RightsChange:
    """Make the rights of many routes exactly what they want, in few statements.

    Raises
    ------
    ValueError
        If two of the routes are of the same carer and day: which one should hold?
    """
    known = _rights_in_force(work, routes)
    difference = _Difference()
    for route in routes:
        difference.add(route, known.get((route.carer_id, route.day), []), work.now)
    for (route_id, version), right_ids in difference.carried.items():
        store.carry_rights(work.session, right_ids, route_id, version)
    locks = withdraw(work, difference.withdrawn)
    store.insert_rights(work.session, difference.issued)
    issue_windows(work, difference.issued)
    work.record(*difference.events)
    return RightsChange(len(difference.issued), len(difference.withdrawn), locks)


def withdraw(work: Work, rights: Iterable[DoorRight]) -> frozenset[str]:
    """Take rights out of force and revoke what was minted for them.

    Returns the locks whose revocation list must be sent after commit. Records no event: the caller knows the
    route version that caused it.
    """
    right_ids = [right.right_id for right in rights]
    if not right_ids:
        return frozenset()
    store.withdraw_rights(work.session, right_ids, work.now)
    withdraw_windows(work, right_ids)
    return _tell_locks(work, grant_store.revoke_grants_of_rights(work.session, right_ids, work.now))


def revoke_shift(work: Work, shift_id: str) -> frozenset[str]:
    """A shift has ended or its tablet is lost: none of its grants opens any more.

    Returns the locks whose revocation list must be sent after commit. The rights stay: a colleague's tablet,
    or the same carer after a new sign-in, gets new grants for them.
    """
    return _tell_locks(work, grant_store.revoke_grants_of_shift(work.session, shift_id, work.now))


def _tell_locks(work: Work, door_ids: set[str]) -> frozenset[str]:
    locks = frozenset(
        lock_id for lock_ids in store.locks_of_doors(work.session, door_ids).values() for lock_id in lock_ids
    )
    store.raise_crl_version(work.session, locks)
    return locks


def _rights_in_force(work: Work, routes: Sequence[RouteRights]) -> dict[tuple[str, date], list[DoorRight]]:
    carers_by_day: dict[date, set[str]] = {}
    for route in routes:
        carers = carers_by_day.setdefault(route.day, set())
        if route.carer_id in carers:
            raise ValueError(f"Expected one route per carer and day, got two for {route.carer_id}, {route.day}.")
        carers.add(route.carer_id)
    known: dict[tuple[str, date], list[DoorRight]] = {}
    for day, carers in carers_by_day.items():
        for right in store.active_rights(work.session, day, carers):
            known.setdefault((right.carer_id, day), []).append(right)
    return known


@dataclass(slots=True)
class _Difference:
    """What has to change between the rights in force and the rights wanted."""

    issued: list[dict[str, Any]] = field(default_factory=list)
    withdrawn: list[DoorRight] = field(default_factory=list)
    carried: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    events: list[DoorRightChanged] = field(default_factory=list)

    def add(self, route: RouteRights, in_force: Sequence[DoorRight], now: datetime) -> None:
        """Compare one route. Withdrawals are told before issues, so that a reader never counts two."""
        missing = {_key(want): want for want in route.wanted}
        for right in in_force:
            if missing.pop((right.door_id, right.visit_id, right.opens_at, right.closes_at), None) is None:
                self.withdrawn.append(right)
                self.events.append(_changed(right, route, issued=False, now=now))
            elif (right.route_id, right.route_version) != (route.route_id, route.route_version):
                self.carried.setdefault((route.route_id, route.route_version), []).append(right.right_id)
        for (door_id, visit_id, opens_at, closes_at), want in missing.items():
            self.issued.append(
                {
                    "right_id": new_id(),
                    "door_id": door_id,
                    "visit_id": visit_id,
                    "carer_id": route.carer_id,
                    "unit_id": want.unit_id,
                    "day": route.day,
                    "route_id": route.route_id,
                    "route_version": route.route_version,
                    "opens_at": opens_at,
                    "closes_at": closes_at,
                    "state": store.ACTIVE,
                    "issued_at": now,
                    "withdrawn_at": None,
                }
            )
            self.events.append(_changed(want, route, issued=True, now=now))


def _key(want: RightWanted) -> _Key:
    opens_at, closes_at = visit_window(want.planned_start_at, want.planned_end_at)
    return want.door_id, want.visit_id, opens_at, closes_at


def _changed(right: DoorRight | RightWanted, route: RouteRights, *, issued: bool, now: datetime) -> DoorRightChanged:
    return DoorRightChanged(
        at=now,
        door_id=right.door_id,
        visit_id=right.visit_id,
        carer_id=route.carer_id,
        unit_id=right.unit_id,
        issued=issued,
        route_version=route.route_version,
    )

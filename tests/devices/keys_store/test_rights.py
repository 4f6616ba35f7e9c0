"""Door rights follow the route exactly, and what left it cannot be opened any more."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from devices.events import DoorRightChanged
from devices.keys import store
from devices.keys.control import read_crl
from devices.keys.cose import Trust, server_trust
from devices.keys.revocations import raise_epoch, revocation_lists
from devices.keys.rights import revoke_shift, set_many_rights
from devices.keys.schemas import DoorRight, RightWanted, RouteRights
from devices.keys.tables import LockRow, RightRow
from scheduling.events import RouteStop
from tests.devices.keys_store.town import DAY, START_AT, UNIT, Carer, Town, stop


def _in_force(town: Town, carer: Carer) -> list[DoorRight]:
    with town.database.reading() as session:
        return store.active_rights(session, DAY, {carer.carer_id})


def _changes(town: Town) -> list[tuple[str, bool, int]]:
    events = cast("list[DoorRightChanged]", town.events("door.right"))
    return [(event.visit_id, event.issued, event.route_version) for event in events]


def _trust(town: Town) -> Trust:
    return server_trust([town.issuer_key.verifying_key], [town.service_key.verifying_key])


def test_a_published_route_gives_a_right_from_half_an_hour_before_to_an_hour_after(town: Town) -> None:
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60, 20), stop("v2", None, 90)])
    (right,) = _in_force(town, carer)
    assert (right.visit_id, right.route_version) == ("v1", 1)
    assert right.opens_at == START_AT + timedelta(minutes=30)
    assert right.closes_at == START_AT + timedelta(minutes=140)
    assert _changes(town) == [("v1", True, 1)]


def test_a_new_version_withdraws_what_is_gone_issues_what_is_new_and_carries_the_rest(town: Town) -> None:
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60), stop("v2", "door-2", 100)])
    kept = _in_force(town, carer)[1]
    change = town.publish(carer, 2, [stop("v2", "door-2", 100), stop("v3", "door-3", 140)])
    assert (change.issued, change.withdrawn) == (1, 1)
    rights = _in_force(town, carer)
    assert [(right.visit_id, right.route_version) for right in rights] == [("v2", 2), ("v3", 2)]
    assert rights[0].right_id == kept.right_id
    assert _changes(town)[2:] == [("v1", False, 2), ("v3", True, 2)]


def test_a_visit_moved_in_time_voids_the_grant_for_its_old_window_and_tells_the_lock(town: Town) -> None:
    lock = town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    (old,) = town.grants(carer)

    change = town.publish(carer, 2, [stop("v1", "door-1", 180)])
    (new,) = town.grants(carer)

    assert change.locks_to_tell == {"lock-1"}
    assert new.cti != old.cti
    with town.units.begin() as work:
        lists = revocation_lists(work, change.locks_to_tell, town.service_key)
    crl = read_crl(lists[0].payload, _trust(town))
    assert (crl.lock, crl.version, crl.ctis) == ("lock-1", 1, (old.cti,))
    town.tell(lists)
    assert lock.access.crl_version == 1
    assert lock.ignored == {}


def test_the_same_route_again_changes_nothing_but_the_version(town: Town) -> None:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    stops = [stop("v1", "door-1", 60)]
    town.publish(carer, 1, stops)
    before = town.grants(carer)
    change = town.publish(carer, 2, stops)
    assert (change.issued, change.withdrawn, change.locks_to_tell) == (0, 0, frozenset())
    assert town.grants(carer) == before, "asking again mints nothing"


def test_a_shift_that_ends_voids_its_grants_and_leaves_the_rights(town: Town) -> None:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    town.grants(carer)
    with town.units.begin() as work:
        locks = revoke_shift(work, carer.shift_id)
        again = revoke_shift(work, carer.shift_id)
    assert (sorted(locks), sorted(again)) == (["lock-1"], [])
    assert len(_in_force(town, carer)) == 1


def test_a_shift_that_ends_tells_only_the_locks_whose_grants_could_still_open(town: Town) -> None:
    for number in (1, 2):
        town.mount(f"lock-{number}", f"door-{number}")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 30), stop("v2", "door-2", 300)])
    assert len(town.grants(carer)) == 2
    # v1 ends at eight, its window an hour later; a lock forgives 60 seconds more.
    town.clock.advance_to(START_AT + timedelta(minutes=121, seconds=1))

    with town.units.begin() as work:
        locks = revoke_shift(work, carer.shift_id)

    assert locks == {"lock-2"}
    with town.database.reading() as session:
        versions = {row.lock_id: row.crl_version for row in session.exec(select(LockRow))}
    assert versions == {"lock-1": 0, "lock-2": 1}


def test_a_grant_minted_while_its_right_was_withdrawn_is_stored_revoked_and_its_lock_told(town: Town) -> None:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    with town.minting(carer) as minted:
        town.publish(carer, 2, [])
    assert minted.issued == (), "no tablet gets it"
    assert minted.locks_to_tell == {"lock-1"}
    with town.units.begin() as work:
        (message,) = revocation_lists(work, {"lock-1"}, town.service_key)
    assert len(read_crl(message.payload, _trust(town)).ctis) == 1


def test_raising_a_locks_epoch_makes_the_tablet_ask_for_new_grants(town: Town) -> None:
    lock = town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    (old,) = town.grants(carer)
    with town.units.begin() as work:
        assert raise_epoch(work, "lock-1") == 1
        lists = revocation_lists(work, {"lock-1"}, town.service_key)
    crl = read_crl(lists[0].payload, _trust(town))
    assert (crl.epoch, crl.ctis) == (1, ()), "the epoch voids them all; none needs naming"
    town.tell(lists)
    assert lock.access.epoch == 1
    (new,) = town.grants(carer)
    assert (old.epoch, new.epoch) == (0, 1)


def test_a_raised_epoch_lies_above_that_of_every_lock_on_the_door(town: Town) -> None:
    for lock_id in ("stairwell", "flat"):
        town.mount(lock_id, "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    for lock_id, epoch in (("flat", 1), ("flat", 2), ("stairwell", 3)):
        (before,) = town.grants(carer)
        with town.units.begin() as work:
            assert raise_epoch(work, lock_id) == epoch > before.epoch


def test_two_routes_of_one_carer_and_day_are_a_mistake_of_the_caller(town: Town) -> None:
    route = RouteRights("carer-a", DAY, "r1", 1, ())
    with pytest.raises(ValueError, match="one route per carer and day"), town.units.begin() as work:
        set_many_rights(work, [route, route])


def test_hundreds_of_routes_are_written_in_one_go(town: Town) -> None:
    routes = [
        RouteRights(
            f"carer-{number}",
            DAY,
            f"route-{number}",
            1,
            tuple(
                RightWanted(
                    f"door-{number}-{visit}",
                    f"visit-{number}-{visit}",
                    UNIT,
                    START_AT + timedelta(minutes=30 * visit),
                    START_AT + timedelta(minutes=30 * visit + 20),
                )
                for visit in range(5)
            ),
        )
        for number in range(400)
    ]
    with town.units.begin() as work:
        first = set_many_rights(work, routes)
        again = set_many_rights(work, routes)
    assert (first.issued, again.issued, again.withdrawn) == (2_000, 0, 0)
    with town.database.reading() as session:
        assert len(session.exec(select(RightRow.right_id)).all()) == 2_000
    assert len(town.events("door.right")) == 2_000


_ROUTE = st.lists(
    st.builds(
        stop,
        st.sampled_from(["v1", "v2", "v3", "v4"]),
        st.sampled_from(["door-1", "door-2"]),
        st.sampled_from([60, 120]),
    ),
    max_size=4,
    unique_by=lambda visit: visit.visit_id,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_ROUTE, min_size=1, max_size=5))
def test_after_any_sequence_of_versions_exactly_the_last_one_is_in_force(
    versions: list[list[RouteStop]],
) -> None:
    with TemporaryDirectory() as folder:
        town = Town.build(Path(folder))
        try:
            carer = town.begin_shift()
            for number, stops in enumerate(versions, start=1):
                town.publish(carer, number, stops)
            rights = _in_force(town, carer)
            assert sorted((r.visit_id, r.door_id, r.opens_at) for r in rights) == sorted(
                (s.visit_id, s.door_id or "", s.start_at - timedelta(minutes=30)) for s in versions[-1]
            )
            assert {right.route_version for right in rights} <= {len(versions)}
            told = [1 if issued else -1 for _, issued, _ in _changes(town)]
            assert sum(told) == len(rights), "the events add up to what is in force"
        finally:
            town.close()

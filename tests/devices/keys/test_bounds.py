"""By when a right that was taken away opens nothing any more."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from devices.keys.bounds import LEEWAY, DoorBound, DoorStand, GrantEnd, offline_until, withdrawn_by

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
END = NOW + timedelta(minutes=90)
REVOKED = GrantEnd("d", END, NOW)


def test_a_lock_that_has_confirmed_the_list_is_done() -> None:
    assert withdrawn_by([REVOKED], {"d": DoorStand(confirmed=True)}, NOW) == [DoorBound("d", None)]


def test_a_lock_that_is_silent_may_open_until_the_window_and_its_clock_are_over() -> None:
    silent = {"d": DoorStand(confirmed=False)}

    assert withdrawn_by([REVOKED], silent, NOW) == [DoorBound("d", END + LEEWAY)]
    assert withdrawn_by([REVOKED], silent, END + LEEWAY) == [DoorBound("d", None)]
    assert withdrawn_by([REVOKED], silent, END + LEEWAY + timedelta(seconds=1)) == []


def test_a_door_nobody_knows_of_has_confirmed_nothing() -> None:
    assert withdrawn_by([REVOKED], {}, NOW) == [DoorBound("d", END + LEEWAY)]


def test_of_several_grants_the_last_to_end_counts_and_those_in_force_are_not_withdrawn() -> None:
    grants = [GrantEnd("d", END - timedelta(hours=1), NOW), REVOKED, GrantEnd("d", END + timedelta(hours=2), None)]

    assert withdrawn_by(grants, {}, NOW) == [DoorBound("d", END + LEEWAY)]
    assert offline_until(grants, NOW) == END + timedelta(hours=2) + LEEWAY


def test_a_vendor_that_decides_in_its_cloud_is_bound_by_its_own_delay() -> None:
    cloud = {"d": DoorStand(confirmed=False, decides_itself=False, revocation_delay_s=30)}

    assert withdrawn_by([REVOKED], cloud, NOW) == [DoorBound("d", NOW + timedelta(seconds=30))]
    assert withdrawn_by([REVOKED], cloud, NOW + timedelta(seconds=31)) == [DoorBound("d", None)]


def test_a_tablet_without_a_good_grant_opens_nothing_offline() -> None:
    assert offline_until([REVOKED], NOW) is None
    assert offline_until([GrantEnd("d", NOW - timedelta(minutes=2), None)], NOW) is None


@given(
    ends=st.lists(st.tuples(st.integers(-200, 600), st.booleans()), max_size=6),
    confirmed=st.booleans(),
    later=st.integers(0, 900),
)
def test_a_bound_never_moves_later_as_time_goes_by(ends: list[tuple[int, bool]], confirmed: bool, later: int) -> None:
    grants = [GrantEnd("d", NOW + timedelta(minutes=m), NOW if gone else None) for m, gone in ends]
    doors = {"d": DoorStand(confirmed=confirmed)}

    before = {b.door_id: b.until_at for b in withdrawn_by(grants, doors, NOW)}
    after = {b.door_id: b.until_at for b in withdrawn_by(grants, doors, NOW + timedelta(minutes=later))}

    for door_id, until_at in after.items():
        assert door_id in before
        assert until_at is None or until_at == before[door_id]

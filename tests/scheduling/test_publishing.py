"""Routes in versions on both databases: all or nothing, delivered, acknowledged, explained."""

from dataclasses import replace

import pytest

from kernel.database import Database
from scheduling import publishing, shifts, visits
from scheduling.errors import SchedulingError
from scheduling.publishing import RouteDraft
from tests.scheduling.stored import Stored, stored_day


@pytest.fixture
def stored(database: Database) -> Stored:
    """A published day."""
    return stored_day(database)


def _versions(stored: Stored) -> dict[str, int]:
    with stored.units.database.reading() as session:
        routes = [publishing.route_of(session, c, stored.day.on) for c in stored.carers]
    return {r.carer_id: r.version for r in routes if r is not None}


def _swapped(stored: Stored) -> tuple[str, list[RouteDraft]]:
    """The first carer's last stop goes to the second carer."""
    one, two = (stored.drafts[c] for c in stored.carers[:2])
    moved = one.stops[-1]
    return moved.visit_id, [replace(one, stops=one.stops[:-1]), replace(two, stops=(*two.stops, moved))]


def _publish(stored: Stored, drafts: list[RouteDraft], **more: object) -> None:
    with stored.units.begin() as work:
        publishing.publish(work, stored.day.on, drafts, reason="sygdom", **more)  # type: ignore[arg-type]


def test_the_first_publishing_gives_version_one_and_tells_every_stop(stored: Stored) -> None:
    assert set(_versions(stored).values()) == {1}
    told = {e["carer_id"]: e for e in stored.told("route.published")}
    for carer_id, draft in stored.drafts.items():
        assert [s["visit_id"] for s in told[carer_id]["stops"]] == [s.visit_id for s in draft.stops]
        assert told[carer_id]["route_version"] == 1


def test_a_change_raises_the_versions_it_touches_and_says_what_came_and_left(stored: Stored) -> None:
    moved, drafts = _swapped(stored)

    _publish(stored, drafts, why={moved: "Mette er syg"})

    one, two, *others = stored.carers
    assert _versions(stored) == {one: 2, two: 2, **dict.fromkeys(others, 1)}
    assert (stored.visit(moved).carer_id, stored.visit(moved).why) == (two, "Mette er syg")
    with stored.units.database.reading() as session:
        for carer_id, came, left in ((one, [], [moved]), (two, [moved], [])):
            route = publishing.route_of(session, carer_id, stored.day.on)
            assert route is not None
            (change,) = publishing.changes_since(session, route, 1)
            assert (change.reason, change.came, change.left) == ("sygdom", came, left)
        assert [v.id for v in publishing.stops_of(session, one, stored.day.on)] == stored.visits_of(one)[:-1]


def test_one_stale_version_of_several_saves_nothing_at_all(stored: Stored) -> None:
    moved, drafts = _swapped(stored)
    one, two = stored.carers[:2]
    before = _versions(stored)

    for expected in ({one: 1, two: 0}, {one: 2, two: 1}, {one: 1, two: 1, "nobody": 1}):
        with pytest.raises(SchedulingError) as caught:
            _publish(stored, drafts, expected=expected)
        assert caught.value.code == "route_stale"

    assert _versions(stored) == before
    assert stored.visit(moved).carer_id == one
    _publish(stored, drafts, expected={one: 1, two: 1})
    assert stored.visit(moved).carer_id == two


def test_what_no_route_has_any_more_is_unallocated_with_a_reason(stored: Stored) -> None:
    one = stored.carers[0]
    draft = stored.drafts[one]
    given, dropped = draft.stops[-1].visit_id, draft.stops[-2].visit_id

    _publish(stored, [replace(draft, stops=draft.stops[:-2])], unallocated={given: "nobody_able"})

    assert (stored.visit(given).carer_id, stored.visit(given).unallocated_reason) == (None, "nobody_able")
    assert (stored.visit(dropped).carer_id, stored.visit(dropped).unallocated_reason) == (None, "removed")
    assert stored.visit(given).start_at is None


def test_a_visit_that_has_begun_stays_with_its_carer_whatever_is_published(stored: Stored) -> None:
    one = stored.carers[0]
    first = stored.drafts[one].stops[0]
    with stored.units.begin() as work:
        shifts.start_shifts(work, [shifts.ShiftStart(one, stored.day.on, "home", work.now)])
        visits.begin_visits(work, [visits.VisitBegin(first.visit_id, one, work.now, "manual")])
    two = stored.drafts[stored.carers[1]]
    without = replace(stored.drafts[one], stops=stored.drafts[one].stops[1:])

    for drafts in ([without], [without, replace(two, stops=(first, *two.stops))]):
        with pytest.raises(SchedulingError) as caught:
            _publish(stored, drafts)
        assert caught.value.code == "visit_begun"
    assert stored.visit(first.visit_id).carer_id == one
    assert set(_versions(stored).values()) == {1}


def test_a_version_is_delivered_once_and_a_new_one_again(stored: Stored) -> None:
    one = stored.carers[0]

    def deliver() -> bool:
        with stored.units.begin() as work:
            route = publishing.route_of(work.session, one, stored.day.on)
            assert route is not None
            return publishing.deliver(work, route, publishing.stops_of(work.session, one, stored.day.on))

    assert [deliver(), deliver()] == [True, False]
    _publish(stored, _swapped(stored)[1])
    assert deliver()
    assert [e["route_version"] for e in stored.told("route.delivered")] == [1, 2]


def test_an_acknowledgement_goes_forward_only_and_never_beyond_what_there_is(stored: Stored) -> None:
    one = stored.carers[0]
    _publish(stored, _swapped(stored)[1])

    for version in (1, 99, 1):
        with stored.units.begin() as work:
            publishing.acknowledge(work, one, stored.day.on, version)

    assert [e["route_version"] for e in stored.told("route.acknowledged")] == [1, 2]
    with pytest.raises(SchedulingError) as caught, stored.units.begin() as work:
        publishing.acknowledge(work, "nobody", stored.day.on, 1)
    assert caught.value.code == "no_shift_today"

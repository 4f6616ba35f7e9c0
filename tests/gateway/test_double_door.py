"""A planned double visit at a door for two: nobody gets in alone, both together do."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import col, select

from devices.keys.model import Bolt
from scheduling.model import Day, Pair, VisitId
from scheduling.tables import VisitRow
from tests.gateway.near_link import fleet_of
from tests.gateway.platform import Platform, eventually, running_platform


def _with_a_double_visit(day: Day) -> Day:
    """The first visit of the day with a door takes two carers, who begin together."""
    first = min((v for v in day.visits if v.door_id is not None), key=lambda v: (v.window_open_at, v.id))
    second = replace(first, id=VisitId(f"{first.id}-2"))
    return replace(day, visits=(*day.visits, second), pairs=(Pair(first.id, second.id),))


@pytest.fixture
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with one double visit."""
    yield from running_platform(tmp_path_factory.mktemp("double"), change=_with_a_double_visit)


def _pair(platform: Platform) -> list[VisitRow]:
    """Both halves, each on somebody's route."""
    with platform.runtime.database.reading() as session:
        rows = list(session.exec(select(VisitRow).where(col(VisitRow.pair_id).is_not(None))).all())
        session.expunge_all()
    assert len({row.carer_id for row in rows} - {None}) == len(rows) == 2
    return rows


def test_two_carers_of_a_planned_double_visit_open_together_by_a_tap_each(platform: Platform) -> None:
    pair = _pair(platform)
    door_id = str(pair[0].door_id)
    platform.clock.advance_to(max(platform.clock.now(), *(r.start_at or r.window_open_at for r in pair)))
    planner = platform.signed_in("planner")
    assert planner.get(f"/api/v1/visits/{pair[0].id}").json["door"]["holders"] == 1
    marked = planner.post(f"/api/v1/doors/{door_id}/holders", {"holders": 2})
    assert marked.status == 200, marked.content
    assert planner.get(f"/api/v1/visits/{pair[0].id}").json["door"]["holders"] == 2
    first, second = (platform.tablet(str(r.carer_id)) for r in pair)
    stops = [_stop(tablet.start_shift("citizen"), r.id) for tablet, r in zip((first, second), pair, strict=True)]
    lock_id = stops[0]["door"]["lock_id"]
    bolt = fleet_of(platform, lock_id).locks[lock_id]

    one = first.open_door(door_id, pair[0].id)
    waits = eventually(lambda: first.opening(one["id"])["second_within_s"])
    alone_again = first.open_door(door_id, pair[0].id)

    assert 0 < waits <= 60
    assert eventually(lambda: first.opening(alone_again["id"])["state"] == "pending")
    assert bolt.bolt is Bolt.LOCKED, "the same carer twice is one"
    two = second.open_door(door_id, pair[1].id)
    assert platform.settled(second, two["id"])["state"] == "unlocked"
    assert eventually(lambda: first.opening(alone_again["id"])["state"] == "unlocked")
    assert bolt.bolt is Bolt.UNLOCKED
    for tablet, row in zip((first, second), pair, strict=True):
        assert eventually(lambda t=tablet, r=row: _stop(t.day(), r.id)["state"] == "begun"), "each has her own visit"


def _stop(day: dict[str, Any], visit_id: str) -> dict[str, Any]:
    return next(s for s in day["route"]["stops"] if s["visit_id"] == visit_id)

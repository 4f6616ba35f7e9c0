"""The demo's municipality: everything the source documents count is there, drawn from one seed."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.behaviour import SECOND_TRY, LivedShift, LivedStop
from gateway.demo.driving import drivers
from gateway.demo.municipality import DOCUMENTED, Municipality, Size
from gateway.demo.past_screen import with_second_tries
from gateway.demo.screen import SKILL, LivedCall, live_call
from scheduling.model import VisitMode
from tests.conftest import SMALL
from tests.scheduling.days import SEVEN

MONDAY = date(2026, 11, 23)
WEEK = [MONDAY + timedelta(days=n) for n in range(7)]


@pytest.fixture(scope="module")
def town() -> Municipality:
    """The municipality of the source documents."""
    return Municipality(1)


def test_it_has_what_the_source_documents_count(town: Municipality) -> None:
    residents = town.residences.residents
    devices = [d for r in residents for d in r.devices]

    assert (len(town.carers), len(town.citizens), len(town.cars.all)) == (400, 2_300, 60)
    assert len(town.screen_days) == 115
    assert len(town.kiosks) == 23
    assert sum(SKILL in skills for *_, skills, _ in town.carers) == 75
    assert len(residents) == 40
    assert Counter(d.kind for d in devices) == {"lift": 30, "turning": 25}
    assert sum(not d.reads_badges for d in devices) == 10
    assert Counter(r.component for r in residents) == {"lift": 15, "turning": 10, "both": 15}
    assert len(town.home_lifts) == 12


def test_the_same_seed_gives_the_same_municipality_and_another_seed_another(town: Municipality) -> None:
    again, other = Municipality(1), Municipality(2)

    assert again.day(MONDAY) == town.day(MONDAY)
    assert again.residences.transfers(MONDAY) == town.residences.transfers(MONDAY)
    assert again.cars.all == town.cars.all
    assert other.day(MONDAY) != town.day(MONDAY)
    assert other.residences.residents != town.residences.residents


def test_screens_residences_and_cars_change_nothing_else(town: Municipality) -> None:
    plain = Municipality(1, replace(DOCUMENTED, screen=Size().screen, residences=Size().residences, cars=0))

    there = {v.id: v for v in town.day(MONDAY).visits}
    assert {v.id for v in plain.day(MONDAY).visits} == set(there)
    assert all(there[v.id] == v for v in plain.day(MONDAY).visits if there[v.id].mode is VisitMode.PHYSICAL)
    assert [c.display_name for c in plain.citizens] == [c.display_name for c in town.citizens]


def test_a_screen_visit_has_no_door_and_is_for_carers_who_do_them(town: Municipality) -> None:
    found: Counter[str] = Counter()
    for on in WEEK:
        day = town.day(on)
        by_screen = [v for v in day.visits if v.mode is VisitMode.SCREEN]
        assert all(v.door_id is None and SKILL in v.required_skills for v in by_screen)
        assert bool(by_screen) == (on.weekday() < 5)
        for visit in by_screen:
            citizen = day.citizen_by_id[visit.citizen_id]
            assert citizen.preferences.screen_ok
            assert any(c.kind == "screen" and c.given_on <= on for c in citizen.consents)
        found.update(v.citizen_id for v in by_screen)
        able = sum(SKILL in c.skills for c in day.carers)
        assert not by_screen or able == 25
    assert set(found.values()) == {2, 3, 4}
    assert len(found) == 115


def test_a_small_municipality_of_a_test_has_keys_and_nothing_else() -> None:
    plain = Municipality(1, SMALL)

    assert all(v.mode is VisitMode.PHYSICAL for v in plain.day(MONDAY).visits)
    assert (plain.residences.units, plain.residences.rota(MONDAY), plain.residences.transfers(MONDAY)) == ((), (), ())
    assert plain.cars.all == ()


def test_nobody_in_a_residence_is_in_two_transfers_at_once(town: Municipality) -> None:
    for on in WEEK:
        rota = {c.id for c in town.residences.rota(on)}
        assert len(rota) == len(town.residences.rota(on)) == (10 if on.weekday() >= 5 else 14)
        busy_until: dict[str, object] = {}
        for t in town.residences.transfers(on):
            begun_at = t.started_at - timedelta(seconds=t.setup_s)
            assert {c.id for c in t.by} <= rota
            assert {c.unit_id for c in t.by} == {t.resident.unit_id}
            assert len({c.id for c in t.by}) == len(t.by)
            assert not (t.badges and t.asked)
            assert t.device.reads_badges or not t.badges
            for who in (t.resident.id, t.device.id, *(c.id for c in t.by)):
                assert busy_until.get(who, begun_at) <= begun_at  # type: ignore[operator]
                busy_until[who] = t.ended_at


def test_every_carer_who_drives_has_a_car_of_her_centre_and_nobody_shares_one(town: Municipality) -> None:
    used: set[str] = set()
    for on in [MONDAY + timedelta(days=n) for n in range(28)]:
        day = town.day(on)
        with_car = drivers(day)
        taken = town.cars.taken(on, with_car)
        assert set(taken) == {c for c, _ in with_car}
        assert len({car.id for car in taken.values()}) == len(taken)
        assert all(taken[c].unit_id == unit for c, unit in with_car)
        used |= {car.id for car in taken.values()}
    assert used == {c.id for c in town.cars.all}


@given(seed=st.integers(0, 100_000))
def test_a_call_either_talks_or_has_a_reason_not_to(seed: int) -> None:
    call = live_call(Municipality(seed, SMALL).stream("call"))

    assert call.attempts in (1, 2)
    assert (call.outcome == "no_answer") == (not call.answered)
    assert call.windows >= call.good_windows >= 0
    assert call.answered == (call.answer_s > 0)


def _shift(*calls: LivedCall | None) -> LivedShift:
    stops = [
        LivedStop(f"v{n}", None, SEVEN + timedelta(minutes=20 * n), SEVEN + timedelta(minutes=20 * n + 9), "done", call)
        for n, call in enumerate(calls)
    ]
    return LivedShift(SEVEN, "citizen", tuple(stops), stops[-1].ends_at + timedelta(minutes=1), "citizen")


@given(tries=st.lists(st.sampled_from([None, 1, 2]), min_size=1, max_size=8))
def test_a_second_try_comes_a_quarter_of_an_hour_later_and_nothing_overlaps(tries: list[int | None]) -> None:
    calls = [None if n is None else LivedCall(n, "completed", 10, 300, 800, 60, 58) for n in tries]

    lived, first_rung = with_second_tries(_shift(*calls))

    assert sorted(s.visit_id for s in lived.stops) == sorted(f"v{n}" for n in range(len(tries)))
    for before, after in zip(lived.stops, lived.stops[1:], strict=False):
        assert before.ends_at <= after.arrives_at
    assert lived.ends_at >= lived.stops[-1].ends_at
    for stop in lived.stops:
        if stop.call is not None and stop.call.attempts == 2:
            assert stop.arrives_at - first_rung[stop.visit_id] >= SECOND_TRY
        elif stop.call is not None:
            assert first_rung[stop.visit_id] == stop.arrives_at

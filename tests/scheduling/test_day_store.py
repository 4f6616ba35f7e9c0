"""A day goes in and comes out as it was, on both databases; nothing half, nothing twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import select

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from kernel.work import UnitsOfWork
from scheduling import day_store
from scheduling.errors import SchedulingError
from scheduling.model import Day
from scheduling.register.tables import CarerRow, CitizenRow, UnitRow
from scheduling.tables import ShiftRow, VisitRow
from tests.scheduling.days import SEVEN, lillestad, municipality, with_terms_of_shifts


def _units(database: Database) -> UnitsOfWork:
    return UnitsOfWork(database, SimulatedWorldClock(SEVEN))


def _sorted(day: Day) -> Day:
    """The order of records is no part of a day."""
    return replace(
        day,
        units=tuple(sorted(day.units, key=lambda u: u.id)),
        carers=tuple(sorted(day.carers, key=lambda c: c.id)),
        citizens=tuple(sorted(day.citizens, key=lambda c: c.id)),
        visits=tuple(sorted(day.visits, key=lambda v: v.id)),
        pairs=tuple(sorted(day.pairs, key=lambda p: p.first_id)),
    )


def _save(database: Database, day: Day) -> None:
    with _units(database).begin() as work:
        day_store.save_day(work, day)


def _load(database: Database, day: Day, units: list[str] | None = None) -> Day:
    with database.reading() as session:
        return day_store.load_day(session, day.on, units)


DAYS = [
    lillestad(),
    municipality(7, units=2, carers=3, visits_each=6),
    with_terms_of_shifts(municipality(7, units=2, carers=6, visits_each=6), 7),
]


@pytest.mark.parametrize("day", DAYS, ids=["by hand", "two units", "terms of shifts"])
def test_a_day_comes_out_as_it_went_in(database: Database, day: Day) -> None:
    _save(database, day)

    assert _sorted(_load(database, day)) == _sorted(day)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), shift_days=st.integers(1, 300))
def test_any_seeded_day_comes_out_as_it_went_in(database: Database, seed: int, shift_days: int) -> None:
    made = municipality(seed, carers=2, visits_each=4)
    day = _renamed(made, f"{seed}-{shift_days}", shift_days)
    with database.reading() as session:
        if day.on in {r.day for r in session.exec(select(VisitRow))}:
            return
    _save(database, day)

    assert _sorted(_load(database, day)) == _sorted(day)


def test_visits_that_lack_different_things_are_stored_in_one_statement(database: Database) -> None:
    day = municipality(7, units=2, carers=3, visits_each=6)
    statements: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    _save(database, day)

    assert len({(v.door_id is None, v.pinned_carer_id is None) for v in day.visits}) > 1
    assert sum("INSERT INTO visit" in statement for statement in statements) == 1


def test_a_day_that_is_there_already_is_not_put_over_it(database: Database) -> None:
    day = municipality(1, carers=2, visits_each=4)
    _save(database, day)

    with pytest.raises(SchedulingError) as caught:
        _save(database, municipality(2, carers=2, visits_each=4))
    assert caught.value.code == "day_exists"
    assert "ons. 25. nov." in caught.value.text("da")
    assert _sorted(_load(database, day)) == _sorted(day)


def test_a_day_that_fails_half_way_leaves_nothing(database: Database) -> None:
    day = municipality(1, carers=2, visits_each=4)
    twice = replace(day, visits=(*day.visits, day.visits[0]))

    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        _save(database, twice)

    with database.reading() as session:
        for table in (UnitRow, CarerRow, CitizenRow, ShiftRow, VisitRow):
            assert session.exec(select(table)).all() == [], table
        with pytest.raises(KernelError) as caught:
            day_store.load_day(session, day.on)
    assert caught.value.code == "not_found"


def test_a_day_can_be_read_unit_by_unit(database: Database) -> None:
    day = municipality(5, units=2, carers=2, visits_each=4)
    _save(database, day)

    for unit in day.units:
        part = _load(database, day, [unit.id])
        assert {v.unit_id for v in part.visits} == {unit.id}
        assert {c.unit_id for c in part.carers} == {unit.id}
        assert {v.id for v in part.visits} == {v.id for v in day.visits if v.unit_id == unit.id}
        with database.reading() as session:
            carer = part.carers[0]
            assert day_store.shift_unit(session, day.on, carer.id) == unit.id
            assert day_store.shift_unit(session, day.on, "nobody") is None


def test_people_the_register_knows_are_left_as_they_are(database: Database) -> None:
    day = municipality(1, carers=2, visits_each=4)
    _save(database, day)
    known = day.citizens[0]
    renamed = replace(known, display_name="Somebody else")
    again = _renamed(replace(day, citizens=(renamed, *day.citizens[1:])), "", 1)

    with _units(database).begin() as work:
        day_store.register(work, again)

    with database.reading() as session:
        row = session.get(CitizenRow, known.id)
        shorts = [r.short for r in session.exec(select(CitizenRow)).all()]
    assert row is not None
    assert row.name == known.display_name
    assert len(set(shorts)) == len(shorts) == len(day.citizens)


def _renamed(day: Day, suffix: str, shift_days: int) -> Day:
    """The same day on another date with other ids, so that many fit one database."""
    step = timedelta(days=shift_days)
    if not suffix:
        return replace(day, on=day.on + step)
    visits = tuple(
        replace(
            v,
            id=VisitId(f"{v.id}-{suffix}"),
            window_open_at=v.window_open_at + step,
            window_close_at=v.window_close_at + step,
            citizen_id=CitizenId(f"{v.citizen_id}-{suffix}"),
            unit_id=UnitId(f"{v.unit_id}-{suffix}"),
            door_id=DoorId(f"{v.door_id}-{suffix}") if v.door_id else None,
        )
        for v in day.visits
    )
    return replace(
        day,
        on=day.on + step,
        zero_at=day.zero_at + step,
        units=tuple(replace(u, id=UnitId(f"{u.id}-{suffix}")) for u in day.units),
        carers=tuple(
            replace(
                c,
                id=CarerId(f"{c.id}-{suffix}"),
                unit_id=UnitId(f"{c.unit_id}-{suffix}"),
                shift_starts_at=c.shift_starts_at + step,
                shift_ends_at=c.shift_ends_at + step,
            )
            for c in day.carers
        ),
        citizens=tuple(
            replace(
                c,
                id=CitizenId(f"{c.id}-{suffix}"),
                unit_id=UnitId(f"{c.unit_id}-{suffix}"),
                door=replace(c.door, id=DoorId(f"{c.door.id}-{suffix}")) if c.door else None,
                preferences=replace(c.preferences, regular_carer_ids=frozenset()),
            )
            for c in day.citizens
        ),
        visits=visits,
        pairs=tuple(
            replace(p, first_id=VisitId(f"{p.first_id}-{suffix}"), second_id=VisitId(f"{p.second_id}-{suffix}"))
            for p in day.pairs
        ),
    )


def test_a_unit_is_loaded_with_what_has_merged_into_it_from_the_day_after(database: Database) -> None:
    day = municipality(7, units=2, carers=3, visits_each=4)
    first, second = day.units
    merged = replace(first, valid_to_on=day.on - timedelta(days=1), merged_into_id=second.id)
    _save(database, replace(day, units=(merged, second)))

    loaded = _load(database, day, [second.id])

    assert {v.unit_id for v in loaded.visits} == {c.unit_id for c in loaded.carers} == {first.id, second.id}
    assert set(loaded.acting_unit.values()) == {second.id}


def test_a_unit_that_merges_tomorrow_is_loaded_alone_and_knows_it(database: Database) -> None:
    day = municipality(7, units=2, carers=3, visits_each=4)
    first, second = day.units
    merged = replace(first, valid_to_on=day.on, merged_into_id=second.id)
    _save(database, replace(day, units=(merged, second)))

    assert {v.unit_id for v in _load(database, day, [second.id]).visits} == {second.id}
    assert {u.id for u in _load(database, day, [first.id]).units} == {first.id, second.id}

"""The sums of the ledger: always what the entries say, whatever was corrected, and whichever days are asked for."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlmodel as model
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from kernel.database import Database
from metrics.adoption_funnel import adoption_funnels
from metrics.sums.by_subject import outcome_counts, subject_sums
from metrics.sums.checking import checked_sums
from metrics.sums.keeping import FIGURES, sums_of_entries
from metrics.sums.pieces import cut, piece_of, pieces_between
from metrics.sums.tables import SubjectSumRow, SumsBuiltRow
from metrics.technologies import WATERFALL
from tests.metrics.all_technologies import FIRST_WEEK_ON, LAST_ON, RESIDENCE, WholeWorld
from tests.metrics.world import UNITS, Shift, Stop, plain_shift

DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
COLUMNS = [*SubjectSumRow.__table__.primary_key.columns.keys(), *FIGURES, "newest_position"]  # type: ignore[attr-defined]


@given(DAYS, DAYS)
def test_days_are_cut_into_whole_pieces_and_less_than_a_week_at_each_end(one: date, other: date) -> None:
    days = (min(one, other), max(one, other))
    whole, beside = cut(days)
    spans = sorted([*beside, *([] if whole is None else [whole])])
    assert [spans[0][0], spans[-1][1]] == list(days)
    assert all(after[0] == before[1] + timedelta(days=1) for before, after in pairwise(spans))
    assert all((last - first).days < 6 or whole is None for first, last in beside)
    if whole is not None:
        assert piece_of(whole[0])[0] == whole[0]
        assert piece_of(whole[1])[1] == whole[1]
    for first, last in pieces_between(*days):
        assert (first.month, first.isocalendar()[:2]) == (last.month, last.isocalendar()[:2])


def kept(session: Session) -> list[tuple[Any, ...]]:
    columns = [getattr(SubjectSumRow, name) for name in COLUMNS]
    rows = session.execute(select(*columns).where(col(SubjectSumRow.occasion_count) > 0))
    return sorted(tuple(row)[:-1] for row in rows)


def worked_out(session: Session) -> list[tuple[Any, ...]]:
    pieces = list(pieces_between(FIRST_WEEK_ON - timedelta(days=30), LAST_ON + timedelta(days=30)))
    found = (row for t in WATERFALL for piece in pieces for row in session.execute(sums_of_entries(t, piece)))
    return sorted(tuple(row)[:-1] for row in found)


def told(session: Session, from_on: date, to_on: date) -> list[object]:
    """What figures are made of, in an order of their own."""
    everywhere = [*UNITS, RESIDENCE]
    return [
        [sorted(map(repr, subject_sums(session, t, unit, from_on, to_on))) for unit in everywhere]
        + [sorted(map(repr, outcome_counts(session, t, unit, from_on, to_on))) for unit in everywhere]
        + [adoption_funnels(session, t, everywhere, from_on, to_on)]
        for t in WATERFALL
    ]


def late_news(world: WholeWorld) -> None:
    """Shifts that were judged before end elsewhere and lose their only key stop; a visit of a closed week is told."""
    stops = (Stop(70, 100, source="device", locked=True, openings=(("jammed", 60, 60_000),)), Stop(200, 230))
    for n in range(3):
        on = FIRST_WEEK_ON + timedelta(days=n)
        world.live(Shift(f"nord-{n}", on, stops, shift_id=f"nord-{n}-{on}", length_min=500))
    world.live(plain_shift("somebody", date(2026, 9, 30)), plain_shift("somebody", date(2026, 10, 1)))
    world.fold(batch=7)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWorld]:
    world = WholeWorld(tmp_path_factory.mktemp("sums"))
    world.live_three_weeks()
    late_news(world)
    yield world
    world.close()


def test_after_corrections_the_kept_sums_are_those_of_the_entries(database: Database, tmp_path: Path) -> None:
    world = WholeWorld(tmp_path, database=database)
    world.live_three_weeks()
    late_news(world)
    with world.database.reading() as session:
        found = kept(session)
        assert found
        assert found == worked_out(session)
        assert not [one for one in checked_sums(session) if one.differing]
        corrected = select(SubjectSumRow).where(col(SubjectSumRow.occasion_count) == 0)
        assert session.execute(corrected).first() is not None, "nothing was corrected away"


@pytest.mark.parametrize(
    ("from_on", "to_on"),
    [
        (date(2026, 9, 30), date(2026, 10, 26)),
        (date(2026, 10, 1), date(2026, 10, 31)),
        (date(2026, 10, 7), date(2026, 10, 9)),
        (date(2026, 10, 8), date(2026, 10, 21)),
        (date(2026, 9, 30), date(2026, 9, 30)),
    ],
)
def test_figures_are_the_same_from_sums_and_from_entries(lived: WholeWorld, from_on: date, to_on: date) -> None:
    with Session(lived.database.engine) as session:
        from_sums = told(session, from_on, to_on)
        session.execute(delete(SumsBuiltRow))
        from_entries = told(session, from_on, to_on)
        session.rollback()
    assert from_sums == from_entries


def test_a_ledger_of_before_gets_its_sums_with_the_next_entry(tmp_path: Path) -> None:
    world = WholeWorld(tmp_path)
    try:
        world.measure_all()
        world.live(*(plain_shift(f"nord-{n}", FIRST_WEEK_ON + timedelta(days=n)) for n in range(5)))
        world.fold()
        with world.database.writing() as session:
            session.execute(delete(SubjectSumRow))
            session.execute(delete(SumsBuiltRow))
        world.live(plain_shift("nord-9", FIRST_WEEK_ON))
        world.fold()
        with world.database.reading() as session:
            assert len(kept(session)) == 12
            assert kept(session) == worked_out(session)
    finally:
        world.close()


def test_a_sum_somebody_changed_took_away_or_made_up_is_named_by_technology_unit_and_week(lived: WholeWorld) -> None:
    row = SubjectSumRow
    with Session(lived.database.engine) as session:
        before = list(checked_sums(session))
        assert sum(one.sum_count for one in before) == session.execute(select(func.count()).select_from(row)).scalar()
        assert not [one for one in before if one.differing]
        keys = col(row.technology) == "keys", col(row.unit_id) == "nord", col(row.first_on) == FIRST_WEEK_ON
        some = session.exec(model.select(row).where(*keys).order_by(row.subject)).first()
        assert some is not None
        some.net_s += 600
        gone = col(row.technology) == "screen", col(row.unit_id) == "amager"
        last_on = session.execute(select(func.max(row.first_on)).where(*gone)).scalar()
        session.execute(delete(row).where(*gone, col(row.first_on) == last_on))
        made_up = row(**some.model_dump() | {"unit_id": "nowhere", "first_on": date(2027, 2, 1)})
        session.add(made_up)
        session.flush()
        found = [(one.technology, one.days[0], unit) for one in checked_sums(session) for unit in one.differing]
        later = [one for one in checked_sums(session, date(2027, 1, 1)) if one.differing]
        session.rollback()
    assert [(t, on, unit.unit_id) for t, on, unit in found] == [
        ("keys", FIRST_WEEK_ON, "nord"),
        ("keys", date(2027, 2, 1), "nowhere"),
        ("screen", last_on, "amager"),
    ]
    assert (found[0][2].sum_count, found[0][2].figure, found[0][2].difference) == (1, "net_s", 600)
    assert found[2][2].difference < 0
    assert [unit.unit_id for one in later for unit in one.differing] == ["nowhere"]

"""What the manager's pages compute beside the report, on both databases: cells, losses, waterfall, the check."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from gateway.pages.manager_choice import Choice, Period, chosen_rows, seen_rows, top_rows
from gateway.pages.manager_matrix import ALL, covered_of, matrix_of, spans_of, spark_spans, withheld_of
from gateway.pages.manager_quality import qualities_of, uncounted_of
from gateway.pages.manager_top_down import TOP as CHECK_TOP
from gateway.pages.manager_top_down import top_down
from gateway.pages.manager_walk import INPUTS
from gateway.pages.manager_waterfall import BOTTOM, TOP, draw, picture_of
from gateway.parts import Benefits
from kernel.database import Database
from kernel.localtime import at_local
from metrics.business_case import load_cases
from metrics.covered_days import Days
from metrics.report import adopted_subjects
from metrics.sums.by_subject import outcome_counts
from metrics.technologies import WATERFALL, Technology
from metrics.waterfall import WaterfallStep
from scheduling.tables import ShiftRow, VisitRow
from tests.metrics.all_technologies import LAST_ON, RESIDENCE, WholeWorld, adoptions
from tests.metrics.world import GO_LIVE_ON, UNITS, Shift, Stop

NOW = at_local(LAST_ON + timedelta(days=1), time(12))


def choice(unit_id: str | None = None, seen: tuple[str, ...] = (*UNITS, RESIDENCE)) -> Choice:
    benefits = Benefits(load_cases(), adoptions())
    known = {u.unit_id: u for adoption in benefits.adoptions.values() for u in adoption.units}
    mine = tuple(known[unit] for unit in seen)
    return Choice(
        benefits=benefits,
        subjects=adopted_subjects(benefits.cases, benefits.adoptions),
        mine=mine,
        units=tuple(u for u in mine if unit_id in (None, u.unit_id)),
        period=Period(GO_LIVE_ON, LAST_ON, "golive"),
        reading="stated",
        unit_id=unit_id,
    )


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWorld]:
    """Three weeks of everything. What a test adds to them is on a day of its own."""
    world = WholeWorld(tmp_path_factory.mktemp("lived"))
    world.live_three_weeks()
    yield world
    world.close()


def test_cells_losses_and_waterfall_say_the_same_as_the_rows(database: Database, tmp_path: Path) -> None:
    lived = WholeWorld(tmp_path, database=database)
    lived.live_three_weeks()
    with lived.database.reading() as session:
        for technology in WATERFALL:
            _cells_add_up(session, technology)
        rows = top_rows(seen_rows(session, choice(), NOW))
        covered = {
            t: covered_of([r for r in seen_rows(session, choice(), NOW) if r.technology == t]) for t in WATERFALL
        }
        picture = picture_of(session, choice(), covered, NOW)
        found = {quality.technology: quality for quality in qualities_of(session, rows, covered)}
    total = {row.technology: row for row in rows if row.unit_id is None}
    assert {s.technology: s.net_s for s in picture.steps} == {t: total[t].realised_s for t in WATERFALL}
    assert picture.freed_s == sum(total[t].realised_s or 0 for t in WATERFALL)
    assert picture.used_s == sum(total[t].used_s or 0 for t in WATERFALL)
    assert (picture.potential_s or 0) >= (picture.freed_s or 0)
    assert abs(picture.budget_s - sum(total[t].target_s for t in WATERFALL)) <= len(WATERFALL)
    # setting a lift up takes 30 s, four times a day; nothing else was lost in these weeks
    assert found["transfers"].loss_s == 30 * 4 * (total["transfers"].occasion_count or 0)
    assert {t: (q.loss_s, q.failure_count) for t, q in found.items() if t != "transfers"} == {
        "screen": (0, 0),
        "keys": (0, 0),
        "routing": (0, None),
    }
    assert {t: q.counted_count for t, q in found.items()} == {t: total[t].occasion_count for t in WATERFALL}
    for technology in WATERFALL:
        counted = next(entry for entry in lived.entries(technology) if entry.outcome == "counted")
        assert set(INPUTS[technology]) <= counted.inputs.keys(), technology


def _cells_add_up(session: Session, technology: Technology) -> None:
    rows = [row for row in seen_rows(session, choice(), NOW) if row.technology == technology]
    covered = covered_of(rows)
    for spans in (spans_of(technology, covered), spark_spans(covered)):
        matrix = matrix_of(session, technology, covered, spans, withheld_of(rows))
        for row in rows:
            unit = row.unit_id or ALL
            cells = [matrix.cells[index, unit] for index in range(len(spans))]
            assert sum(cell.net_s for cell in cells) == row.realised_s, (technology, unit)
            assert sum(cell.occasion_count for cell in cells) == row.occasion_count
    if technology == "screen":
        assert {(span.from_on.weekday(), span.to_on.weekday()) for span in spans_of(technology, covered)} == {(0, 6)}


def test_a_door_that_failed_and_a_shift_that_lost_time_stand_beside_the_minutes(lived: WholeWorld) -> None:
    stops = (
        Stop(70, 100, source="device", locked=True),
        Stop(200, 230, source="device", locked=True, openings=(("jammed", 190, 60_000),)),
        Stop(350, 380),
    )
    lived.live(*(Shift(f"nord-{n}", date(2026, 10, 20), stops) for n in range(6)))
    lived.fold()
    with lived.database.reading() as session:
        nord = choice("nord")
        rows = chosen_rows(seen_rows(session, nord, NOW), nord)
        covered = {"keys": covered_of([row for row in rows if row.technology == "keys"])}
        (keys,) = [q for q in qualities_of(session, rows, covered) if q.technology == "keys"]
        amager = choice("amager")
        others = chosen_rows(seen_rows(session, amager, NOW), amager)
        (untouched,) = [
            q
            for q in qualities_of(session, others, {"keys": covered_of([r for r in others if r.technology == "keys"])})
            if q.technology == "keys"
        ]
    # from the tap, a minute before the answer, until the visit begins ten minutes after it
    assert (keys.failure_count, keys.negative_count, keys.loss_s) == (6, 6, 6 * 11 * 60)
    assert (untouched.failure_count, untouched.negative_count, untouched.loss_s) == (0, 0, 0)


def test_the_potential_is_what_use_on_every_occasion_would_have_freed(lived: WholeWorld) -> None:
    amager = choice("amager")
    days: dict[Technology, dict[str, Days]] = {"keys": {"amager": (GO_LIVE_ON, LAST_ON)}}
    with lived.database.reading() as session:
        before = picture_of(session, amager, days, NOW)
    stops = (Stop(5, 30, locked=True, source="device"),)
    lived.live(*(Shift(f"amager-{n}", date(2026, 10, 24), stops, "amager", delivered_min=None) for n in range(10)))
    lived.fold()
    with lived.database.reading() as session:
        after = picture_of(session, amager, days, NOW)
        counted = sum(
            c.occasion_count for c in outcome_counts(session, "keys", "amager", *days["keys"]["amager"]) if not c.reason
        )
    keys_s = next(step.net_s for step in after.steps if step.technology == "keys")
    assert keys_s is not None
    assert counted
    assert before.potential_s is not None
    assert after.freed_s == before.freed_s
    assert after.potential_s == before.potential_s - keys_s + round(keys_s * (counted + 10) / counted)


def test_reasons_are_counted_by_frequency_and_those_of_few_have_no_number(lived: WholeWorld) -> None:
    late = [Shift(f"nord-{n}", date(2026, 10, 21), (Stop(5, 30),), delivered_min=None) for n in range(7)]
    unfit = [Shift(f"nord-{n}", date(2026, 10, 22), (Stop(5, 30, formerly_key=False),)) for n in range(6)]
    lived.live(*late, *unfit)
    lived.fold()
    with lived.database.reading() as session:
        days = {"nord": (GO_LIVE_ON, LAST_ON)}
        found = uncounted_of(session, "keys", days)
        assert [(each.reason, each.occasion_count) for each in found] == [
            ("route_not_delivered", 7),
            ("no_key_stop", 6),
        ]
    lived.live(*(Shift(f"nord-{n}", date(2026, 10, 23), (Stop(5, None),)) for n in range(2)))
    lived.fold()
    with lived.database.reading() as session:
        by_reason = {each.reason: each.occasion_count for each in uncounted_of(session, "keys", days)}
    assert by_reason["visit_not_ended"] is None
    # and one more, so that it is not what is left of the whole
    assert sum(count is None for count in by_reason.values()) >= 2


def test_a_withheld_row_has_no_cell_and_no_losses(lived: WholeWorld) -> None:
    with lived.database.reading() as session:
        rows = [row for row in seen_rows(session, choice(), NOW) if row.technology == "keys"]
        covered = covered_of(rows)
        matrix = matrix_of(session, "keys", covered, spans_of("keys", covered), frozenset({"nord", "amager"}))
    lived_in = {unit for (_index, unit), cell in matrix.cells.items() if cell.status == "shown"}
    assert lived_in == {"midtbyen", ALL}


def test_a_person_who_sees_one_centre_sees_no_sum_of_the_others(lived: WholeWorld) -> None:
    with lived.database.reading() as session:
        rows = seen_rows(session, choice(seen=("nord",)), NOW)
        steps = picture_of(session, choice(seen=("nord",)), {}, NOW).steps
    # the two she sees a sum of are in use in her centre alone
    assert {row.technology for row in rows if row.unit_id is None} == {"tablets", "citizen_access"}
    assert {row.unit_id for row in rows} == {"nord", None}
    assert {row.technology for row in rows} == {"screen", "keys", "routing", "tablets", "citizen_access"}
    nord = {row.technology: row.realised_s for row in rows}
    assert {s.technology: s.net_s for s in steps} == {t: nord.get(t) for t in WATERFALL}


def test_bars_begin_where_the_one_before_ended_and_a_loss_hangs_down() -> None:
    steps = [
        WaterfallStep("screen", 600, 300, False),
        WaterfallStep("transfers", None, None, False),
        WaterfallStep("keys", 400, 400, False),
        WaterfallStep("routing", -200, -200, False),
    ]
    picture = draw(steps, 1_600)
    by_key = {bar.key: bar for bar in picture.bars}
    assert (picture.freed_s, picture.used_s, picture.missing) == (800, 500, ("transfers",))
    assert by_key["keys"].y + by_key["keys"].height == by_key["screen"].y
    assert by_key["routing"].falls
    assert by_key["routing"].y == by_key["keys"].y
    assert by_key["routing"].y + by_key["routing"].height == pytest.approx(by_key["freed"].y, abs=0.2)
    assert (by_key["budget"].y, picture.zero_y) == (TOP, BOTTOM)
    below = draw([WaterfallStep("screen", -500, -500, False)], 500)
    assert below.zero_y == (TOP + BOTTOM) / 2
    assert below.bars[0].y == below.zero_y


def test_the_check_needs_two_months_of_a_centre_without_technology(database: Database) -> None:
    today = date(2026, 11, 20)
    with Session(database.engine) as session:
        assert (
            top_down(session, choice(), today).untreated_months,
            top_down(session, choice(), today).treated_min,
        ) == (
            0,
            None,
        )
        for month, minutes in ((7, 40), (8, 40), (10, 30)):
            _live_month(session, "nord", month, minutes)
        session.flush()
        period = Period(date(2026, 10, 1), today, None)
        asked = choice("nord")
        asked = Choice(asked.benefits, asked.subjects, asked.mine, asked.units, period, "stated", "nord")
        found = top_down(session, asked, today)
        session.rollback()
    # September holds the go-live: it is neither
    assert (found.untreated_months, found.treated_months) == (2, 1)
    assert (found.untreated_min, found.treated_min) == (40, 30)
    assert found.series is not None
    assert (round(found.series.step_min, 6), round(found.series.trend_min_a_month, 6)) == (-10, 0)
    assert [dot.treated for dot in found.dots] == [False, False, True]
    assert (found.top_min, found.dots[0].y) == (40, CHECK_TOP)


def _live_month(session: Session, unit: str, month: int, minutes_per_visit: int) -> None:
    """One carer, ten visits a day."""
    for day in (1, 10, 20):
        on = date(2026, month, day)
        began_at = at_local(on, time(7))
        session.add(_shift(unit, on, began_at, began_at + timedelta(minutes=10 * minutes_per_visit)))
        for n in range(10):
            session.add(_visit(unit, on, n, began_at))


def _shift(unit: str, on: date, began_at: datetime, ended_at: datetime) -> ShiftRow:
    return ShiftRow(
        id=f"s-{unit}-{on}",
        carer_id=f"c-{unit}",
        unit_id=unit,
        day=on,
        kind="day",
        planned_start_at=began_at,
        planned_end_at=ended_at,
        starts_from="citizen",
        ends_at_place="citizen",
        state="ended",
        started_at=began_at,
        ended_at=ended_at,
    )


def _visit(unit: str, on: date, number: int, at: datetime) -> VisitRow:
    return VisitRow(
        id=f"v-{unit}-{on}-{number}",
        citizen_id="somebody",
        unit_id=unit,
        day=on,
        service="talk",
        window_open_at=at,
        window_close_at=at,
        duration_s=600,
        mode="physical",
        required_skills=[],
        required_competences=[],
        state="ended",
    )

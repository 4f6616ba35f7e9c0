"""Every technology in one report: order, days, reasons, withholding, and the table."""

from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest

from kernel.localtime import at_local
from metrics.covered_days import covered_days
from metrics.report import BenefitRow, all_benefits
from metrics.report_formats import table_text, to_csv, to_json
from metrics.technologies import TECHNOLOGIES, Technology
from tests.metrics.care import MONDAY, SUNDAY, left
from tests.metrics.town import NOW, TO_ON, adoptions, cases, live_a_week
from tests.metrics.world import GO_LIVE_ON, World


def benefits(
    world: World, from_on: date = MONDAY, to_on: date = TO_ON, units: tuple[str, ...] = ("nord",)
) -> list[BenefitRow]:
    with world.database.reading() as session:
        return all_benefits(
            session,
            from_on=from_on,
            to_on=to_on,
            cases=cases(),
            adoptions=adoptions(units),
            reading="stated",
            now=NOW,
        )


def totals(rows: list[BenefitRow]) -> dict[str, BenefitRow]:
    return {row.technology: row for row in rows if row.unit_id is None}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("lived"))
    live_a_week(world, nord=6, amager=16)
    world.fold()
    yield world
    world.close()


def test_every_technology_has_a_row_per_unit_and_one_for_all_in_the_order_of_the_waterfall(lived: World) -> None:
    rows = benefits(lived, units=("nord", "amager"))
    assert [(row.technology, row.unit_id) for row in rows] == [
        (technology, unit_id) for technology in TECHNOLOGIES for unit_id in ("nord", "amager", None)
    ]
    found = totals(rows)
    assert (found["screen"].status, found["screen"].realised_s) == ("ok", 22 * 9_420)
    assert (found["screen"].occasion_count, found["transfers"].occasion_count) == (22, 22 * 7)
    assert (found["transfers"].clock, found["screen"].clock, found["keys"].owner) == (
        "leveret_tid",
        "vejtid_leveret",
        "H. Lund",
    )
    assert found["screen"].p10_s is not None
    assert found["screen"].target_probability_ratio is not None


def test_weeks_are_compared_with_the_target_of_the_whole_weeks_only_and_the_row_says_so(lived: World) -> None:
    long = totals(benefits(lived, from_on=GO_LIVE_ON))["screen"]
    week = totals(benefits(lived, to_on=SUNDAY))["screen"]
    assert (long.covered_from_on, long.covered_to_on) == (MONDAY, SUNDAY)
    assert (long.target_s, long.realised_s) == (week.target_s, week.realised_s)
    assert week.target_s > 0
    text = table_text(benefits(lived, from_on=GO_LIVE_ON))
    assert f"Skærmbesøg: tal og måltal gælder {MONDAY} – {SUNDAY}." in text


def test_a_single_day_has_no_week_and_today_no_settled_residents(lived: World) -> None:
    found = totals(benefits(lived, from_on=TO_ON, to_on=TO_ON))
    assert (found["screen"].status, found["screen"].reason) == ("too_little_data", "week_not_over")
    assert (found["transfers"].status, found["transfers"].reason) == ("too_little_data", "day_not_over")
    assert found["screen"].target_s > 0
    assert found["screen"].covered_to_on is None
    monday = totals(benefits(lived, from_on=MONDAY, to_on=MONDAY))
    assert (monday["transfers"].realised_s, monday["transfers"].p50_s) == (6 * 2_040, None)


def test_routing_has_figures_without_a_target_and_targets_without_figures_say_too_little_data(lived: World) -> None:
    found = totals(benefits(lived))
    assert (found["routing"].has_target, found["routing"].target_s) == (False, 0)
    assert found["routing"].target_probability_ratio is None
    assert (found["tablets"].status, found["tablets"].reason) == ("too_little_data", "not_measured")
    assert found["tablets"].target_s > 0
    assert (found["citizen_access"].status, found["citizen_access"].realised_s) == ("too_little_data", None)


def test_citizens_are_withheld_by_their_own_number_and_under_their_own_name(world: World) -> None:
    live_a_week(world, nord=16, amager=6)
    # Four of Amager's six screen citizens leave before the week is over: two are left.
    evening_at = at_local(SUNDAY, time(20))
    world.append(*(left(f"amager-citizen-{n}", evening_at, unit_id="amager") for n in range(4)))
    world.fold()
    rows = benefits(world, units=("nord", "amager"))
    hidden = [row for row in rows if row.status == "withheld"]
    assert [(row.technology, row.unit_id, row.reason) for row in hidden] == [
        ("screen", "nord", "subtraction"),
        ("screen", "amager", "few_subjects"),
    ]
    for row in hidden:
        assert row.realised_s is row.used_s is row.subject_count is row.occasion_count is row.event_count is None
    assert "Færre end 5 borgere – vises ikke." in table_text(rows)
    assert {row.status for row in rows if row.technology in ("keys", "transfers")} == {"ok"}


def test_without_own_baselines_there_is_too_little_data_and_no_zero(world: World) -> None:
    live_a_week(world, nord=4)
    world.fold()
    found = totals(benefits(world))
    for technology in ("screen", "transfers"):
        assert (found[technology].status, found[technology].reason) == ("too_little_data", "baseline_missing")
        assert found[technology].realised_s is None


def test_a_case_nobody_adopted_is_a_row_that_says_so(world: World) -> None:
    with world.database.reading() as session:
        rows = all_benefits(
            session, from_on=MONDAY, to_on=TO_ON, cases=cases(), adoptions={}, reading="stated", now=NOW
        )
    assert [row.technology for row in rows] == list(TECHNOLOGIES)
    assert {(row.status, row.reason) for row in rows} == {("too_little_data", "not_in_use_yet")}


def test_the_same_log_gives_the_same_report_byte_for_byte(
    lived: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = World(tmp_path_factory.mktemp("again"))
    live_a_week(again, nord=6, amager=16)
    again.fold(batch=61)
    both = [benefits(each, units=("nord", "amager")) for each in (lived, again)]
    again.close()
    assert to_json(both[0]) == to_json(both[1])


def test_the_table_lists_all_technologies_aligned_in_danish(lived: World) -> None:
    lines = table_text(benefits(lived)).splitlines()
    assert lines[0] == "2026-10-05 – 2026-10-14 · måltal som skrevet · screen-1, transfers-1, keys-1, routing-1"
    body = [line for line in lines[4:] if "  " in line]
    names = ["Skærmbesøg", "Lifte og vendesystemer", "Nøgler og kørebog", "Ruteplanlægning", "Tablets", "Borger.dk"]
    assert [line.split("  ")[0] for line in body] == [name for name in names for _unit in range(2)]
    assert len({len(line) for line in body}) == 1
    routing = next(line for line in body if line.startswith("Ruteplanlægning"))
    assert routing.split("Center Nord")[1].split()[0] == "–"


def test_the_csv_says_what_was_used_and_which_days_are_covered(lived: World) -> None:
    head, first, *_others = to_csv(benefits(lived)).splitlines()
    row = dict(zip(head.split(";"), first.split(";"), strict=True))
    assert (row["technology"], row["used_min"], row["realised_min"]) == ("screen", "942", "942")
    assert (row["covered_from_on"], row["covered_to_on"], row["owner"]) == ("2026-10-05", "2026-10-11", "H. Lund")


@pytest.mark.parametrize(
    ("technology", "from_on", "to_on", "covered"),
    [
        ("keys", MONDAY, date(2026, 12, 31), (MONDAY, TO_ON)),
        ("transfers", MONDAY, date(2026, 12, 31), (MONDAY, TO_ON - timedelta(days=1))),
        ("transfers", TO_ON, TO_ON, None),
        ("screen", MONDAY - timedelta(days=6), SUNDAY, (MONDAY, SUNDAY)),
        ("screen", MONDAY, SUNDAY - timedelta(days=1), None),
        ("screen", MONDAY, date(2026, 12, 31), (MONDAY, SUNDAY)),
        ("screen", MONDAY + timedelta(days=1), TO_ON, None),
    ],
)
def test_only_settled_days_of_a_period_are_covered(
    technology: Technology, from_on: date, to_on: date, covered: tuple[date, date] | None
) -> None:
    assert covered_days(technology, from_on, to_on, NOW) == covered

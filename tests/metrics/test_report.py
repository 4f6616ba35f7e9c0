"""The benefit report: figures, honesty about what is missing, and the four ways it is written."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from openpyxl import load_workbook

from kernel.events import Event
from metrics.business_case import load_cases
from metrics.estimate import PairedSubject
from metrics.report import BenefitRow, benefit_report
from metrics.report_figures import paired_sample
from metrics.report_formats import table_text, to_csv, to_json, to_xlsx, whole_minutes
from metrics.sums.by_subject import SubjectSum
from metrics.targets import Comparison
from tests.metrics.care import screen_csv
from tests.metrics.world import GO_LIVE_ON, UNITS, Shift, World, adoption, plain_shift, shift_events

DAY = date(2026, 11, 25)


def live_weeks(world: World, carers: dict[str, int], days: int = 5) -> None:
    """A few lived days; carers differ, so that the interval has a width."""
    shifts = [
        plain_shift(f"{unit}-{n}", GO_LIVE_ON + timedelta(days=day), unit, head_min=4 + n % 7, tail_min=2 + day % 3)
        for day in range(days)
        for unit, count in carers.items()
        for n in range(count)
    ]
    world.live(*shifts)
    world.fold()


LAST_ON = GO_LIVE_ON + timedelta(days=4)


def test_a_period_has_an_interval_a_chance_and_a_grade(world: World) -> None:
    world.measure()
    live_weeks(world, dict.fromkeys(UNITS, 20))
    *units, total = world.report(GO_LIVE_ON, LAST_ON)
    for row in units:
        assert row.status == "ok"
        assert row.p10_s is not None
        assert row.p50_s is not None
        assert row.p90_s is not None
        assert row.realised_s is not None
        assert row.p10_s < row.p50_s < row.p90_s
        assert row.p10_s < row.realised_s < row.p90_s
        assert (row.subject_count, row.occasion_count, row.event_count) == (20, 100, 900)
        assert (row.grade, row.threats) == ("C", ("selection", "regression", "drift"))
    assert total.realised_s == sum(row.realised_s or 0 for row in units)
    assert total.realised_s == sum(entry.net_s or 0 for entry in world.entries())
    assert total.target_s == sum(row.target_s for row in units) == (3 * 125 + 2 * 50) * 15 * 60
    assert total.subject_count == 60


def test_a_single_day_has_a_figure_without_an_interval(world: World) -> None:
    world.measure()
    live_weeks(world, dict.fromkeys(UNITS, 20), days=1)
    for row in world.report(GO_LIVE_ON, GO_LIVE_ON):
        assert row.realised_s is not None
        assert row.p10_s is row.p50_s is row.p90_s is row.target_probability_ratio is None


def test_the_two_readings_differ_in_the_target_and_never_in_what_was_realised(world: World) -> None:
    world.measure()
    live_weeks(world, dict.fromkeys(UNITS, 20))
    stated, implied = (world.report(GO_LIVE_ON, LAST_ON, reading)[-1] for reading in ("stated", "implied"))
    assert stated.target_s > implied.target_s > 0
    assert (stated.p10_s, stated.p90_s) == (implied.p10_s, implied.p90_s)


def test_without_a_baseline_the_report_says_too_little_data_and_no_zero(world: World) -> None:
    live_weeks(world, {"nord": 6})
    nord, midtbyen, _amager, total = world.report(GO_LIVE_ON, LAST_ON)
    assert (nord.status, nord.reason, nord.realised_s) == ("too_little_data", "baseline_missing", None)
    assert (midtbyen.status, midtbyen.reason) == ("too_little_data", "no_occasions")
    assert (total.status, total.realised_s) == ("too_little_data", None)
    assert "Nulpunktsmålingen mangler" in nord.reason_text("da")


def test_shifts_that_were_not_eligible_are_counted_and_give_no_minutes(world: World) -> None:
    world.measure()
    no_route = [
        Shift(f"vikar-{n}", GO_LIVE_ON, plain_shift("x", GO_LIVE_ON).stops, delivered_min=None, shift_id=f"s{n}")
        for n in range(4)
    ]
    world.live(*no_route)
    live_weeks(world, {"nord": 8}, days=2)
    nord = world.report(GO_LIVE_ON, GO_LIVE_ON + timedelta(days=1))[0]
    assert (nord.occasion_count, nord.ineligible_count) == (16, 4)


def test_before_go_live_nothing_is_promised_and_nothing_counted(world: World) -> None:
    before_on = GO_LIVE_ON - timedelta(days=7)
    world.measure()
    world.live(*(plain_shift(f"nord-{n}", before_on) for n in range(8)))
    world.fold()
    row = world.report(before_on, before_on + timedelta(days=1))[0]
    assert (row.target_s, row.status, row.reason) == (0, "too_little_data", "not_in_use_yet")


def test_a_unit_of_few_carers_is_withheld_together_with_the_one_that_would_give_it_away(
    world: World,
) -> None:
    world.measure()
    live_weeks(world, {"nord": 3, "midtbyen": 18, "amager": 19})
    nord, midtbyen, amager, total = world.report(GO_LIVE_ON, LAST_ON)
    assert (nord.status, nord.reason) == ("withheld", "few_subjects")
    assert (midtbyen.status, midtbyen.reason) == ("withheld", "subtraction")
    assert amager.status == total.status == "ok"
    for row in (nord, midtbyen):
        figures = (row.realised_s, row.p50_s, row.subject_count, row.occasion_count, row.event_count, row.grade)
        assert figures == (None,) * 6


def test_few_carers_are_also_withheld_on_a_single_day(world: World) -> None:
    world.measure()
    live_weeks(world, {"nord": 4}, days=1)
    nord, *_others, total = world.report(GO_LIVE_ON, GO_LIVE_ON)
    assert nord.status == total.status == "withheld"


def test_a_stated_comparison_raises_the_grade_with_devices_to_a(world: World) -> None:
    world.measure()
    live_weeks(world, dict.fromkeys(UNITS, 20))
    compared = adoption(Comparison(description="Center Syd uden elektroniske nøgler", by_lot=True))
    row = world.report(GO_LIVE_ON, LAST_ON, adopted=compared)[0]
    assert (row.grade, row.selection_not_ruled_out, row.threats) == ("A", False, ())


def test_days_that_have_not_come_yet_are_left_out_of_the_target(world: World) -> None:
    with world.database.reading() as session:
        rows = benefit_report(
            session,
            from_on=GO_LIVE_ON,
            to_on=GO_LIVE_ON + timedelta(days=30),
            cases=load_cases(),
            adoption=adoption(),
            reading="stated",
            now=world.clock.now() + timedelta(days=1),
        )
    assert rows[-1].target_s == 1875 * 60


def test_a_period_that_ends_before_it_begins_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="Expected a period"):
        world.report(DAY, DAY - timedelta(days=1))


def test_the_same_log_gives_the_same_table_byte_for_byte(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = World(tmp_path_factory.mktemp("again"))
    texts = []
    for each, batch in ((world, 2_000), (again, 37)):
        each.measure()
        each.live(
            *(
                plain_shift(f"{unit}-{n}", GO_LIVE_ON + timedelta(days=day), unit, head_min=4 + n % 7)
                for day in range(3)
                for unit in UNITS
                for n in range(16)
            )
        )
        each.fold(batch)
        texts.append(table_text(each.report(GO_LIVE_ON, GO_LIVE_ON + timedelta(days=2))))
    again.close()
    assert texts[0] == texts[1]


PERIOD_ROW = BenefitRow(
    technology="keys",
    unit_id="nord",
    unit_name="Center Nord",
    from_on=GO_LIVE_ON,
    to_on=DAY,
    reading="stated",
    target_s=75_000_00,
    status="ok",
    realised_s=70_000_00,
    p10_s=65_000_00,
    p50_s=70_000_00,
    p90_s=76_000_00,
    target_probability_ratio=0.147,
    grade="C",
    subject_count=42,
    occasion_count=1700,
    ineligible_count=12,
    event_count=15_300,
    rule_version="keys-1",
    threats=("selection", "regression", "drift"),
)
HIDDEN_ROW = BenefitRow(
    technology="keys",
    unit_id="syd",
    unit_name="=Syd",
    from_on=GO_LIVE_ON,
    to_on=DAY,
    reading="stated",
    target_s=1_000,
    status="withheld",
    reason="few_subjects",
)


def test_the_table_has_the_seven_columns_and_says_what_is_missing_below() -> None:
    assert table_text([PERIOD_ROW, HIDDEN_ROW]) == (
        "2026-09-30 – 2026-11-25 · måltal som skrevet · keys-1\n"
        "\n"
        "teknologi          enhed        måltal min  realiseret min P10–P50–P90  chance for måltal  evidens"
        "  hændelser bag\n"
        "─────────────────  ───────────  ──────────  ──────────────────────────  ─────────────────  ───────"
        "  ─────────────\n"
        "Nøgler og kørebog  Center Nord     125.000     108.333–116.667–126.667               15 %        C"
        "         15.300\n"
        "Nøgler og kørebog  =Syd                 17                  vises ikke                  –        –"
        "              –\n"
        "\n"
        "Nøgler og kørebog, =Syd: Færre end 5 medarbejdere – vises ikke.\n"
        "Kan ikke udelukkes: selektion, regression mod middel, udvikling over tid.\n"
    )


def test_a_loss_is_written_with_a_minus_and_not_a_dash() -> None:
    assert "\N{MINUS SIGN}4.167–116.667–126.667" in table_text([replace(PERIOD_ROW, p10_s=-250_000)])


def test_the_table_reads_in_english_too() -> None:
    text = table_text([PERIOD_ROW, HIDDEN_ROW], "en")
    assert "108,333–116,667–126,667" in text
    assert "Fewer than 5 carers" in text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.0, "<1 %"), (0.004, "<1 %"), (0.5, "50 %"), (0.996, ">99 %"), (1.0, ">99 %")]
)
def test_a_chance_is_never_printed_as_certain(ratio: float, text: str) -> None:
    row = replace(PERIOD_ROW, target_probability_ratio=ratio)
    assert text in table_text([row])


def test_json_holds_seconds_and_both_languages_of_the_reason() -> None:
    nord, syd = json.loads(to_json([PERIOD_ROW, HIDDEN_ROW]))
    assert (nord["p50_s"], nord["from_on"], nord["grade"]) == (70_000_00, "2026-09-30", "C")
    assert syd["realised_s"] is None
    assert syd["reason_en"].startswith("Fewer than 5")


def test_csv_and_workbook_carry_the_same_headings_and_figures() -> None:
    rows = list(csv.reader(io.StringIO(to_csv([PERIOD_ROW, HIDDEN_ROW])), delimiter=";"))
    sheet = load_workbook(io.BytesIO(to_xlsx([PERIOD_ROW, HIDDEN_ROW]))).active
    assert sheet is not None
    cells = [list(line) for line in sheet.iter_rows(values_only=True)]
    assert rows[0] == cells[0]
    p50 = rows[0].index("p50_min")
    assert rows[1][p50] == "116666,67"
    assert cells[1][p50] == 116666.67
    assert rows[2][p50] == ""
    assert cells[2][p50] is None


def test_a_name_that_looks_like_a_formula_stays_text() -> None:
    rows = list(csv.reader(io.StringIO(to_csv([HIDDEN_ROW])), delimiter=";"))
    assert rows[1][2] == "'=Syd"


@pytest.mark.parametrize(("seconds", "minutes"), [(29, 0), (30, 1), (-29, 0), (-30, -1), (3600, 60)])
def test_minutes_are_rounded_half_away_from_zero(seconds: int, minutes: int) -> None:
    assert whole_minutes(seconds) == minutes


def test_a_citizen_of_two_units_has_one_baseline_when_they_are_drawn_together(world: World) -> None:
    citizens = [f"citizen-{n}" for n in range(6)]
    (baseline,) = world.import_measurements("screen", screen_csv(citizens, [(100, 20), (130, 30), (90, 10)]))
    who = [world.pseudonyms.subject(citizen) for citizen in citizens]

    def sums(unit_id: str, weeks: int) -> list[SubjectSum]:
        return [SubjectSum(unit_id, s, baseline.id, weeks, weeks, weeks * 6_000, weeks * 1_600, 0, 0, 3) for s in who]

    with world.database.reading() as session:
        together = paired_sample(session, "", [*sums("nord", 2), *sums("amager", 3)])
    measured = tuple(sorted(60 * minutes for minutes in (120, 160, 100)))
    assert together.subjects == (PairedSubject(((5, measured),), 5 * 6_000),) * 6
    assert together.realised_s == 6 * 5 * 1_600


def test_a_figure_that_lacks_shifts_whose_end_was_never_told_says_so(world: World) -> None:
    world.measure()
    live_weeks(world, dict.fromkeys(UNITS, 20))
    lost = shift_events(plain_shift("nord-0", LAST_ON - timedelta(days=1), "nord"))[:-1]
    for number in range(3):
        begun = replace_shift(lost, f"unended-{number}")
        world.append(*begun)
    world.fold()
    nord, _midtbyen, amager, total = world.report(GO_LIVE_ON, LAST_ON)
    assert (nord.reason, amager.reason, total.reason) == ("events_missing_in_part", None, "events_missing_in_part")
    assert nord.reason_text() == "En del af vagterne mangler hændelser og er ikke talt med."


def replace_shift(events: Sequence[Event], shift_id: str) -> list[Event]:
    """The same events of another shift."""
    return [e.model_copy(update={"shift_id": shift_id}) if hasattr(e, "shift_id") else e for e in events]

"""Weeks of citizens who were never measured, counted against the unit's visits by shift and type."""

from collections.abc import Iterable
from datetime import date, time, timedelta

import pytest

from kernel.events import Event
from metrics.errors import TimeStudyError
from metrics.report import BenefitRow, all_benefits
from metrics.rules_beside.choice import choose_rule, net_by_rule, write_beside
from metrics.screen_weeks_ledger import judge_stored_weeks
from metrics.tables import EntryRow
from metrics.time_study import VISIT_COLUMNS
from tests.metrics.care import MONDAY, SETTLED_ON, SUNDAY, enrolled, screen_csv, screen_visit, visit
from tests.metrics.town import NOW, TO_ON, adoptions, cases
from tests.metrics.world import World

TUESDAY = MONDAY + timedelta(days=1)
OLD, NEW = [f"old-{n}" for n in range(6)], [f"new-{n}" for n in range(6)]


def visits_csv(minutes: dict[str, float], unit_id: str = "nord", day: int = 1) -> bytes:
    """Six citizens (of ``bath`` four), two visits each of every type in the day, ten of the minutes travel."""
    rows = [
        f"{unit_id};2026-09-{day:02d};day;{kind};m{n};2;{2 * each - 10 + 4 * (n % 2) - 2};10"
        for kind, each in minutes.items()
        for n in range(4 if kind == "bath" else 6)
    ]
    return "\n".join([";".join(VISIT_COLUMNS), *rows]).encode()


def week(citizen: str, service: str = "medicine", clock: time = time(9), call: bool = True) -> list[Event]:
    """A visit at the door of 30 + 5 minutes, a call of 8, and one nobody answered."""
    events = [*visit(citizen, MONDAY), *screen_visit(citizen, TUESDAY, clock, service=service)]
    return [*events, *screen_visit(citizen, TUESDAY, time(20), call="no_answer", minutes=1)] if call else events


def live(world: World, events: Iterable[Event]) -> None:
    world.append(*sorted(events, key=lambda event: event.at))
    world.append(*visit("somebody-else", SETTLED_ON, time(7)))
    world.fold()


def chosen(world: World, rule: str = "screen-2") -> None:
    with world.units.begin() as work:
        choose_rule(work, rule, "benefit_owner")


def entry_of(world: World, citizen: str) -> EntryRow:
    subject = world.pseudonyms.subject(citizen)
    return next(e for e in world.entries("screen") if e.subject == subject and e.day_on == SUNDAY)


def row_of(world: World) -> BenefitRow:
    with world.database.reading() as session:
        rows = all_benefits(
            session,
            from_on=MONDAY,
            to_on=TO_ON,
            cases=cases(),
            adoptions=adoptions(["nord"]),
            reading="stated",
            now=NOW,
        )
    return next(row for row in rows if row.technology == "screen" and row.unit_id == "nord")


def test_who_was_never_measured_counts_against_the_type_of_her_screen_visits(world: World) -> None:
    chosen(world)
    world.import_measurements("screen", screen_csv(OLD, [(140, 50), (160, 50)]))
    world.import_measurements("screen", visits_csv({"medicine": 20, "bath": 50}))
    live(world, [e for c in (OLD[0], NEW[0]) for e in (enrolled(c), *week(c))])
    own, new = entry_of(world, OLD[0]), entry_of(world, NEW[0])
    # Her own 200 minutes a week, whatever the unit's visits were.
    assert (own.rule_version, own.outcome, own.baseline_s) == ("screen-2", "counted", 200 * 60)
    # A visit for medicine was 20 minutes, and the one at the door is what it was; the unanswered call is a loss.
    assert (new.baseline_s, new.actual_s, new.overhead_s) == (20 * 60 + 35 * 60, 35 * 60 + 8 * 60, 60)
    assert (new.net_s, new.baseline_count) == (20 * 60 - 8 * 60 - 60, 1)
    assert new.inputs["replaced"] == {"day/medicine": 1}
    assert not [e for e in world.all_entries("screen") if e["rule_version"] == "screen-1" and e["net_s"] == new.net_s]


@pytest.mark.parametrize(
    ("service", "clock", "replaced", "baseline_min"),
    [
        ("medicine", time(9), {"day/medicine": 1}, 20),
        # Four were bathed: their mean would speak of them, so all ten citizens' 20 visits of the day count.
        ("bath", time(9), {"day": 1}, 32),
        ("never-measured", time(9), {"day": 1}, 32),
        # Nobody was measured in the evening.
        ("medicine", time(16), None, None),
    ],
)
def test_a_type_without_a_mean_falls_back_to_its_shift_and_a_shift_without_one_waits(
    world: World, service: str, clock: time, replaced: dict[str, int] | None, baseline_min: int | None
) -> None:
    chosen(world)
    world.import_measurements("screen", visits_csv({"medicine": 20, "bath": 50}))
    live(world, [enrolled(NEW[0]), *screen_visit(NEW[0], TUESDAY, clock, service=service)])
    entry = entry_of(world, NEW[0])
    assert entry.inputs.get("replaced") == replaced
    if baseline_min is None:
        assert (entry.outcome, entry.baseline_s) == ("no_baseline", None)
    else:
        assert entry.baseline_s == baseline_min * 60


def test_weeks_that_waited_count_when_the_visits_are_measured_and_keep_what_they_were_measured_against(
    world: World,
) -> None:
    chosen(world)
    live(world, [enrolled(NEW[0]), *week(NEW[0])])
    assert entry_of(world, NEW[0]).outcome == "no_baseline"
    world.import_measurements("screen", visits_csv({"medicine": 20}))
    world.fold()
    assert entry_of(world, NEW[0]).baseline_s == 55 * 60
    # Measured herself afterwards, and the unit anew: the week stays as it was counted.
    world.import_measurements("screen", screen_csv([NEW[0], *OLD[:4]], [(10, 10)]))
    world.import_measurements("screen", visits_csv({"medicine": 40}, day=8))
    world.append(*visit(NEW[0], SUNDAY, time(18), minutes=10))
    world.fold()
    assert (entry_of(world, NEW[0]).baseline_s, entry_of(world, NEW[0]).revision) == ((55 + 15) * 60, 4)


def test_both_versions_stand_side_by_side_and_a_figure_of_the_second_names_what_it_rests_on(world: World) -> None:
    world.import_measurements("screen", screen_csv(OLD, [(140, 50), (160, 50)]))
    world.import_measurements("screen", visits_csv({"medicine": 20, "bath": 50}))
    bathed = [e for n, c in enumerate(NEW) for e in (enrolled(c), *week(c, "bath" if n == 0 else "medicine"))]
    live(world, [*(e for c in OLD for e in (enrolled(c), *week(c))), *bathed])
    first = row_of(world)
    assert (first.subject_count, first.reason) == (6, "baseline_missing_in_part")
    assert not {"visit_types", "shift_mean"} & set(first.threats)
    before = world.all_entries()
    with world.units.begin() as work:
        assert write_beside(work, "screen-2", "benefit_owner") == "screen"
        assert judge_stored_weeks(work, MONDAY, SUNDAY) == 12
        assert judge_stored_weeks(work, MONDAY, SUNDAY) == 12
    assert [e for e in world.all_entries() if e["rule_version"] != "screen-2"] == before
    with world.database.reading() as session:
        old, new = (net_by_rule(session, "screen", r, MONDAY, SUNDAY)[0] for r in ("screen-1", "screen-2"))
    assert (old.occasion_count, new.occasion_count) == (6, 12)
    chosen(world)
    second = row_of(world)
    assert (second.subject_count, second.reason, second.rule_version) == (12, None, "screen-2")
    assert second.realised_s == new.net_s
    assert second.p10_s is not None
    assert second.p90_s is not None
    assert second.p10_s < new.net_s < second.p90_s
    assert {"visit_types", "shift_mean"} <= set(second.threats)
    assert "besøgstypens gennemsnit" in second.threats_text()
    assert "alle vagtens besøg" in second.threats_text()


def test_the_same_days_of_a_units_visits_are_not_measured_twice(world: World) -> None:
    world.import_measurements("screen", visits_csv({"medicine": 20}))
    # A citizen's own weeks are another thing, and so are another unit's visits.
    world.import_measurements("screen", screen_csv(OLD, [(140, 50)], first_week=36))
    world.import_measurements("screen", visits_csv({"medicine": 20}, "amager"))
    with pytest.raises(TimeStudyError, match="was not measured on"):
        world.import_measurements("screen", visits_csv({"talk": 20}))


def test_a_baseline_of_visits_is_nobodys_own_and_runs_out_after_twelve_months(world: World) -> None:
    chosen(world)
    (row,) = world.import_measurements("screen", visits_csv({"medicine": 20}))
    assert (row.kind, row.mean_s, row.measured_count, row.occasion_count) == ("visit", 20 * 60, 12, 6)
    assert row.valid_until_on == date(2027, 9, 1)
    live(world, [enrolled("m0"), *week("m0")])
    # m0 was among the measured, and counts against all of them.
    assert entry_of(world, "m0").baseline_s == (20 + 35) * 60

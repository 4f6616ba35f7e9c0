"""The waterfall: every technology on one day, and no minute in two steps."""

from datetime import time, timedelta

from kernel.localtime import at_local
from metrics.report import all_benefits
from metrics.waterfall import WaterfallStep, waterfall
from tests.metrics.care import MONDAY, SUNDAY, routing_csv
from tests.metrics.town import NOW, TO_ON, a_day_of_everything, adoptions, cases, live_a_week
from tests.metrics.world import Shift, Stop, World


def steps(world: World, unit_ids: list[str] | None = None, units: tuple[str, ...] = ("nord",)) -> list[WaterfallStep]:
    with world.database.reading() as session:
        return waterfall(
            session,
            from_on=MONDAY,
            to_on=TO_ON,
            cases=cases(),
            adoptions=adoptions(units),
            now=NOW,
            unit_ids=unit_ids,
        )


def test_on_a_day_with_every_technology_the_parts_are_known_and_add_up(world: World) -> None:
    a_day_of_everything(world)
    net_s = {
        technology: sum(e.net_s or 0 for e in world.entries(technology))
        for technology in ("screen", "transfers", "keys", "routing")
    }
    assert net_s == {
        # 60 min a week before; a visit of 20 min with 5 min of travel, and a call of 8 min
        "screen": 3_600 - 1_200 - 300 - 480,
        # 35 min of a second carer before; a minute to set the lift up
        "transfers": 2_100 - 60,
        # 25 min at and to the base before; head 6, tail 4, a jammed door 2 min
        "keys": 1_500 - 360 - 240 - 120,
        # 7 min a leg before; 5 min to the jammed door, 14 - 8 min past the call; the leg to the screen citizen is hers
        "routing": 2 * 420 - 300 - 360,
    }
    assert sum(net_s.values()) == 1_620 + 2_040 + 780 + 180


def test_no_minute_of_a_shift_is_in_two_rules(world: World) -> None:
    shift = a_day_of_everything(world)
    (keys,), (routing,), (_partial, week) = (world.entries(t) for t in ("keys", "routing", "screen"))
    minutes = [(stop.begun_min, stop.ended_min or 0) for stop in shift.stops]
    visits_s = sum(round((end - begin) * 60) for begin, end in minutes)
    to_screen_citizen_s = 7 * 60
    by_rules_s = (keys.actual_s or 0) + (keys.overhead_s or 0) + (routing.actual_s or 0)
    assert by_rules_s + visits_s + to_screen_citizen_s == shift.length_min * 60
    # Of the visits only those of the screen citizen are in a rule, and the way to her by its plan instead.
    assert (week.actual_s or 0) - week.inputs["travel_s"] == (20 + 8) * 60


def test_the_steps_stand_in_their_order_and_are_the_sums_of_the_report(world: World) -> None:
    live_a_week(world)
    world.fold()
    found = steps(world)
    assert [step.technology for step in found] == ["screen", "transfers", "keys", "routing"]
    assert found[0].net_s == 6 * (12_000 - 2_100 - 480)
    assert found[1].net_s == 6 * 7 * 2_040
    assert found[2].net_s == 6 * 5 * 900
    with world.database.reading() as session:
        rows = all_benefits(
            session,
            from_on=MONDAY,
            to_on=TO_ON,
            cases=cases(),
            adoptions=adoptions(("nord",)),
            reading="stated",
            now=NOW,
        )
    totals = {row.technology: (row.realised_s, row.used_s) for row in rows if row.unit_id is None}
    assert {step.technology: (step.net_s, step.used_s) for step in found}.items() <= totals.items()


def test_freed_time_is_used_only_in_blocks_that_hold_planned_work_and_losses_count_in_full(world: World) -> None:
    world.import_measurements("routing", routing_csv(10, 70))
    ways = {
        # 4 legs of 2 min: 20 min saved; 2 legs of 2 min: 10 min saved; 1 leg of 17 min: 10 min lost
        "block": tuple(Stop(10 + 12 * n, 20 + 12 * n) for n in range(5)),
        "crumb": tuple(Stop(10 + 12 * n, 20 + 12 * n) for n in range(3)),
        "loss": (Stop(10, 20), Stop(37, 50)),
    }
    world.live(*(Shift(f"{name}-{n}", MONDAY, stops) for name, stops in ways.items() for n in range(2)))
    world.fold()
    routing = steps(world)[3]
    assert routing.net_s == 2 * (1_200 + 600 - 600)
    assert routing.used_s == 2 * (1_200 - 600)


def test_what_is_not_settled_makes_a_step_provisional(world: World) -> None:
    live_a_week(world)
    world.fold()
    with world.database.reading() as session:
        seen = {
            hours: waterfall(
                session,
                from_on=MONDAY,
                to_on=SUNDAY,
                cases=cases(),
                adoptions=adoptions(("nord",)),
                now=at_local(SUNDAY + timedelta(days=1), time()) + timedelta(hours=hours),
            )
            for hours in (5, 7, 25)
        }
    assert [step.provisional for step in seen[5]] == [True, True, False, False]
    assert [step.provisional for step in seen[7]] == [True, False, False, False]
    assert [step.provisional for step in seen[25]] == [False, False, False, False]
    assert (seen[7][0].net_s, seen[25][0].net_s) == (None, 6 * 9_420)


def test_a_step_of_few_subjects_is_not_shown_alone_or_by_leaving_others_out(world: World) -> None:
    live_a_week(world, nord=6, amager=3)
    world.fold()
    both = ("nord", "amager")
    keys = {
        None: steps(world, None, both)[2],
        "nord": steps(world, ["nord"], both)[2],
        "amager": steps(world, ["amager"], both)[2],
    }
    assert keys[None].net_s == (6 + 3) * 5 * 900
    assert keys["nord"].net_s is None
    assert keys["amager"].net_s is None


def test_a_technology_nobody_has_taken_into_use_is_an_empty_step(world: World) -> None:
    with world.database.reading() as session:
        found = waterfall(session, from_on=MONDAY, to_on=TO_ON, cases=cases(), adoptions={}, now=NOW)
    assert [(step.net_s, step.used_s, step.provisional) for step in found] == [(None, None, False)] * 4

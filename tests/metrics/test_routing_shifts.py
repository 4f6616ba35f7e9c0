"""Rule routing-1: the legs of a shift, computed by hand."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from metrics.judgement import Judgement
from metrics.ledger import Baseline, ShiftProgress, fold_shift
from metrics.pseudonyms import Pseudonyms
from metrics.routing_shifts import judge
from scheduling.events import VisitBegun
from tests.metrics.care import enrolled, routing_csv, screen_csv, visit
from tests.metrics.world import GO_LIVE_ON, PSEUDONYM_KEY, Shift, Stop, World, shift_events

DAY = date(2026, 10, 12)
#: 7 minutes a leg: 10 measured legs of 70 minutes in all.
BASELINE = Baseline("b", "routing", "nord", "leg", 1, date(2026, 9, 1), date(2027, 9, 1), 70 * 60, 10, 1)


def judged(*stops: Stop, screen_citizens: Sequence[str] = (), baseline: Baseline | None = BASELINE) -> Judgement:
    progress = ShiftProgress("s")
    for position, event in enumerate(shift_events(Shift("c", DAY, stops, shift_id="s")), start=10):
        uses_screen = isinstance(event, VisitBegun) and event.citizen_id in screen_citizens
        fold_shift(progress, position, event, Pseudonyms(PSEUDONYM_KEY).subject("c"), screen_citizen=uses_screen)
    return judge(progress, baseline)


def test_a_shift_is_its_legs_at_the_mean_less_the_time_between_its_visits() -> None:
    found = judged(Stop(10, 40), Stop(45, 70), Stop(78, 100))
    assert (found.baseline_count, found.baseline_s) == (2, 2 * 7 * 60)
    assert (found.actual_s, found.overhead_s) == ((5 + 8) * 60, 0)
    assert found.net_s == 60


def test_a_mean_of_legs_is_rounded_once_for_the_shift() -> None:
    odd = Baseline("b", "routing", "nord", "leg", 1, date(2026, 9, 1), date(2027, 9, 1), 1_000, 3, 1)
    assert judged(Stop(0, 10), Stop(12, 20), Stop(22, 30), baseline=odd).baseline_s == 667


def test_a_screen_visit_between_two_visits_is_care_and_no_travel() -> None:
    found = judged(Stop(10, 40), Stop(42, 50, mode="screen"), Stop(56, 70))
    assert (found.inputs["legs"], found.actual_s) == (1, (16 - 8) * 60)


def test_time_before_a_door_that_does_not_open_belongs_to_keys() -> None:
    jammed = Stop(60, 80, locked=True, openings=(("jammed", 52, 60_000),))
    found = judged(Stop(10, 40), jammed)
    assert found.actual_s == (51 - 40) * 60


def test_a_leg_of_more_than_an_hour_holds_a_break_and_is_left_out_on_both_sides() -> None:
    found = judged(Stop(10, 40), Stop(101, 120), Stop(126, 140))
    assert (found.inputs["legs"], found.inputs["breaks"], found.inputs["break_s"]) == (1, 1, 61 * 60)
    assert (found.baseline_s, found.actual_s) == (420, 360)


def test_travel_to_a_citizen_who_uses_screen_visits_is_left_to_the_screen_rule() -> None:
    found = judged(Stop(10, 40), Stop(45, 70), Stop(78, 100), screen_citizens=["citizen-1"])
    assert (found.inputs["legs"], found.inputs["screen_citizen_legs"]) == (1, 1)
    assert (found.baseline_s, found.actual_s) == (420, 480)


def test_visits_at_one_address_that_overlap_have_no_way_between_them() -> None:
    found = judged(Stop(10, 40), Stop(30, 50), Stop(55, 60))
    assert (found.inputs["legs"], found.actual_s) == (2, 300)


@pytest.mark.parametrize(
    ("stops", "reason"),
    [
        ([], "no_visit"),
        ([Stop(5, 10, mode="screen")], "no_visit"),
        ([Stop(10, 40)], "no_leg"),
        ([Stop(10, 40), Stop(45, None)], "visit_not_ended"),
        ([Stop(10, 40), Stop(120, 140)], "no_leg"),
    ],
    ids=["none", "screen only", "one", "open", "break only"],
)
def test_a_shift_without_a_way_to_measure_says_why(stops: list[Stop], reason: str) -> None:
    found = judged(*stops)
    assert (found.outcome, found.reason, found.net_s) == ("ineligible", reason, None)


def test_a_unit_without_a_baseline_waits_for_one() -> None:
    found = judged(Stop(10, 40), Stop(45, 70), baseline=None)
    assert (found.outcome, found.eligible) == ("no_baseline", True)


def test_the_ledger_enters_routing_beside_keys_and_waits_for_a_baseline(world: World) -> None:
    world.live(Shift("c1", GO_LIVE_ON, (Stop(10, 40), Stop(45, 70))))
    world.fold()
    assert [e.outcome for e in world.entries("routing")] == ["no_baseline"]
    world.import_measurements("routing", routing_csv(10, 70))
    world.fold()
    (entry,) = world.entries("routing")
    assert (entry.revision, entry.baseline_count, entry.net_s) == (2, 1, 420 - 300)
    assert (entry.component, entry.clock, entry.rule_version) == ("between_visits", "vejtid", "routing-1")


def test_the_ledger_knows_who_uses_screen_visits_when_a_visit_begins(world: World) -> None:
    world.import_measurements("routing", routing_csv(10, 70))
    world.import_measurements("screen", screen_csv([f"citizen-{n}" for n in range(5)], [(100, 40)]))
    world.append(enrolled("citizen-1"))
    later = GO_LIVE_ON + timedelta(days=7)
    world.live(Shift("c1", later, (Stop(10, 40), Stop(45, 70), Stop(78, 100))))
    world.append(*visit("citizen-1", later))
    world.fold()
    (entry,) = world.entries("routing")
    assert (entry.baseline_count, entry.inputs["screen_citizen_legs"]) == (1, 1)

"""Rule keys-1 on single shifts, written by hand so that the minutes can be checked in the head."""

from datetime import date

import pytest

from kernel.events import Event
from metrics.keys_entries import Judgement, judge
from metrics.ledger import Baseline, RouteProgress, ShiftProgress, fold_route, fold_shift
from scheduling.events import RouteDelivered, RoutePublished, VisitBegun
from tests.metrics.world import Shift, Stop, plain_shift, shift_events

DAY = date(2026, 11, 25)
BASELINE = Baseline("b", "keys", "nord", "day", 1, date(2026, 9, 1), date(2027, 9, 1), 25 * 60, 1, 1)


def folded(events: list[Event]) -> tuple[ShiftProgress, RouteProgress]:
    shift, route = ShiftProgress("s"), RouteProgress("s:day")
    for position, event in enumerate(events, start=1):
        if isinstance(event, RoutePublished | RouteDelivered):
            fold_route(route, position, event)
        else:
            fold_shift(shift, position, event, "subject")
    return shift, route


def judged(shift: Shift, baseline: Baseline | None = BASELINE) -> Judgement:
    return judge(*folded(shift_events(shift)), baseline)


def shift_of(*stops: Stop, length_min: float = 420, delivered_min: float | None = 0) -> Shift:
    return Shift("carer", DAY, stops, length_min=length_min, delivered_min=delivered_min)


FIRST = Stop(6, 36)
LAST = Stop(376, 416)


def test_net_is_the_baseline_less_head_and_tail() -> None:
    found = judged(plain_shift("carer", DAY, head_min=6, tail_min=4))
    assert (found.outcome, found.eligible, found.reason) == ("counted", True, None)
    assert (found.baseline_s, found.actual_s, found.overhead_s, found.net_s) == (1500, 600, 0, 900)
    assert (found.inputs["head_s"], found.inputs["tail_s"]) == (360, 240)


def test_a_shift_that_took_longer_than_before_counts_against() -> None:
    assert judged(shift_of(Stop(40, 60), Stop(380, 400))).net_s == 1500 - 2400 - 1200


def test_a_visit_whose_beginning_was_never_told_began_when_its_end_says() -> None:
    whole = shift_events(plain_shift("carer", DAY, head_min=6, tail_min=4))
    lost = [event for event in whole if not isinstance(event, VisitBegun)]
    late = [*lost, *(event for event in whole if isinstance(event, VisitBegun))]
    assert judge(*folded(lost), BASELINE).net_s == judge(*folded(whole), BASELINE).net_s == 900
    assert judge(*folded(late), BASELINE).evidence_class == judge(*folded(whole), BASELINE).evidence_class == "device"
    assert judge(*folded(lost), BASELINE).evidence_class == "tap"


def test_head_and_tail_are_never_below_zero() -> None:
    found = judged(shift_of(Stop(-5, 20), Stop(400, 425), delivered_min=-10))
    assert (found.inputs["head_s"], found.inputs["tail_s"], found.net_s) == (0, 0, 1500)


def test_a_screen_visit_in_the_head_is_care_and_not_key_time() -> None:
    found = judged(shift_of(Stop(2, 22, mode="screen"), Stop(30, 60), LAST))
    assert found.inputs["head_s"] == 10 * 60


def test_screen_visits_never_bound_the_shift() -> None:
    found = judged(shift_of(FIRST, LAST, Stop(417, 419, mode="screen")))
    assert found.inputs["tail_s"] == 2 * 60


def test_a_jammed_door_costs_from_the_tap_until_the_visit_begins() -> None:
    jammed = Stop(200, 230, locked=True, openings=(("jammed", 190, 30_000),))
    found = judged(shift_of(FIRST, jammed, LAST))
    assert found.overhead_s == 10 * 60 + 30
    assert found.net_s == 1500 - 600 - 630
    assert found.inputs["failed_doors"] == 1


@pytest.mark.parametrize("state", ["refused", "unknown", "expired"])
def test_other_failed_openings_cost_too(state: str) -> None:
    stop = Stop(200, 230, locked=True, openings=((state, 195, 0),))  # type: ignore[arg-type]
    assert judged(shift_of(FIRST, stop, LAST)).overhead_s == 5 * 60


def test_an_opening_on_its_way_is_neither_a_loss_nor_evidence() -> None:
    sent = Stop(200, 230, locked=True, openings=(("sent", 190, 0), ("challenged", 189, 0)))
    with_sent, without = judged(shift_of(FIRST, sent, LAST)), judged(shift_of(FIRST, LAST))
    assert with_sent.overhead_s == 0
    assert len(with_sent.evidence) == len(without.evidence)


def test_an_opening_that_worked_costs_nothing() -> None:
    assert judged(shift_of(FIRST, Stop(200, 230, source="device", locked=True), LAST)).overhead_s == 0


def test_a_failed_door_at_the_first_visit_is_in_the_head_already() -> None:
    found = judged(shift_of(Stop(6, 36, locked=True, openings=(("jammed", 3, 0),)), LAST))
    assert (found.overhead_s, found.actual_s) == (0, 600)


def test_a_second_opening_during_the_visit_that_fails_costs_nothing() -> None:
    stop = Stop(200, 230, locked=True, openings=(("refused", 210, 0),))
    assert judged(shift_of(FIRST, stop, LAST)).overhead_s == 0


def test_losses_that_overlap_count_once() -> None:
    one = Stop(200, 210, locked=True, openings=(("jammed", 190, 0),))
    two = Stop(202, 230, locked=True, openings=(("jammed", 195, 0),))
    assert judged(shift_of(FIRST, one, two, LAST)).overhead_s == 12 * 60


@pytest.mark.parametrize(
    ("shift", "reason"),
    [
        (shift_of(), "no_visit"),
        (shift_of(Stop(6, 36, mode="screen")), "no_visit"),
        (shift_of(FIRST, Stop(380, None)), "visit_not_ended"),
        (shift_of(FIRST, LAST, delivered_min=None), "route_not_delivered"),
        (shift_of(FIRST, LAST, delivered_min=7), "route_delivered_late"),
        (shift_of(Stop(6, 36, formerly_key=False), Stop(376, 416, formerly_key=False)), "no_key_stop"),
        (shift_of(Stop(6, 36, formerly_key=False), Stop(300, 320, mode="screen")), "no_key_stop"),
    ],
    ids=["no visit", "screen only", "open visit", "no route", "late route", "no key", "key on screen only"],
)
def test_a_shift_that_is_not_eligible_has_a_reason_and_no_minutes(shift: Shift, reason: str) -> None:
    found = judged(shift)
    assert (found.outcome, found.eligible, found.reason) == ("ineligible", False, reason)
    assert found.net_s is found.actual_s is found.baseline_s is None


def test_a_route_delivered_at_the_very_instant_of_the_first_visit_is_in_time() -> None:
    assert judged(shift_of(FIRST, LAST, delivered_min=6)).eligible


def test_without_a_baseline_there_are_no_minutes_but_the_shift_is_eligible() -> None:
    found = judged(plain_shift("carer", DAY), baseline=None)
    assert (found.outcome, found.eligible, found.net_s) == ("no_baseline", True, None)
    assert found.inputs["head_s"] == 360


def test_evidence_holds_both_ends_the_delivery_the_bounding_stops_and_the_doors() -> None:
    events = shift_events(plain_shift("carer", DAY))
    found = judge(*folded(events), BASELINE)
    kinds = [events[position - 1].event_type for position in found.evidence]
    assert kinds == [
        "shift.started",
        "route.delivered",
        "door.opened",
        "opening.settled",
        "visit.begun",
        "door.opened",
        "opening.settled",
        "visit.ended",
        "shift.ended",
    ]


def test_evidence_is_by_device_when_the_first_and_last_locked_visit_began_at_the_door() -> None:
    assert judged(plain_shift("carer", DAY)).evidence_class == "device"
    tapped_last = shift_of(Stop(6, 36, source="device", locked=True), Stop(376, 416, locked=True))
    assert judged(tapped_last).evidence_class == "tap"
    assert judged(shift_of(FIRST, LAST)).evidence_class == "tap"
    tapped_between = shift_of(
        Stop(6, 36, source="device", locked=True),
        Stop(200, 230, locked=True),
        Stop(376, 416, source="device", locked=True),
    )
    assert judged(tapped_between).evidence_class == "device"


def test_an_open_shift_is_not_judged() -> None:
    events = shift_events(plain_shift("carer", DAY))[:-1]
    with pytest.raises(ValueError, match="closed shift"):
        judge(*folded(events), BASELINE)


def test_progress_survives_json() -> None:
    shift, route = folded(shift_events(plain_shift("carer", DAY)))
    again = ShiftProgress.from_json(
        shift.shift_id, shift.subject, shift.unit_id, shift.day, shift.last_position, shift.as_json()
    )
    assert again == shift
    assert RouteProgress.from_json(route.route_key, route.last_position, route.as_json()) == route


def test_an_event_folded_before_changes_nothing() -> None:
    events = shift_events(plain_shift("carer", DAY))
    shift, route = folded(events)
    before = (shift.as_json(), route.as_json())
    for position, event in enumerate(events, start=1):
        if isinstance(event, RoutePublished | RouteDelivered):
            assert not fold_route(route, position, event)
        else:
            assert not fold_shift(shift, position, event, "another")
    assert (shift.as_json(), route.as_json()) == before

"""The same events give the same figures, in whatever order they come and however often."""

from datetime import date, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.consumers import catch_up_together
from kernel.events import Event
from tests.metrics.care import (
    MONDAY,
    SETTLED_ON,
    enrolled,
    morning,
    routing_csv,
    screen_csv,
    screen_visit,
    transfer,
    transfers_csv,
    visit,
)
from tests.metrics.world import Shift, Stop, World, plain_shift, shift_events

CITIZENS = [f"screen-{n}" for n in range(5)]
RESIDENTS = [f"resident-{n}" for n in range(5)]
TECHNOLOGIES = ("screen", "transfers", "keys", "routing")
#: a door that did not open at first, and one that never did
BAD_DOORS = Shift(
    "nord-3",
    MONDAY,
    (
        Stop(6, 36, source="device", locked=True, openings=(("jammed", 4, 3_000),)),
        Stop(50, 80, locked=True, openings=(("refused", 48, 2_000), ("expired", 49, 5_000))),
        Stop(390, 416),
    ),
)


def week() -> list[Event]:
    """A week of shifts, screen visits held and failed, and transfers, answered and not."""
    shifts = [*(plain_shift(f"nord-{n}", MONDAY) for n in range(3)), BAD_DOORS]
    events = [event for shift in shifts for event in shift_events(shift)]
    for n, citizen in enumerate(CITIZENS):
        events += screen_visit(citizen, MONDAY + timedelta(days=n))
        events += visit(citizen, MONDAY + timedelta(days=n), time(14), minutes=20 + n)
    events += screen_visit(CITIZENS[0], MONDAY + timedelta(days=3), call="no_answer")
    for resident in RESIDENTS:
        events += [transfer(resident, MONDAY), transfer(resident, MONDAY, time(18), carers=2, second_carer_s=240)]
    return events


EVENTS = week()


def figures(told: list[Event], *, together: bool = False) -> set[tuple[object, ...]]:
    """What the ledgers say of the week once everything told has been read."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            world.measure(carers=6, unit_ids=["nord"])
            world.import_measurements("routing", routing_csv(10, 70))
            world.import_measurements("screen", screen_csv(CITIZENS, [(140, 50), (160, 50)]))
            world.import_measurements("transfers", transfers_csv(RESIDENTS, [30, 40]))
            world.append(*(enrolled(citizen) for citizen in CITIZENS))
            world.append(*told)
            world.append(*visit("somebody-else", SETTLED_ON, time(7)), morning(SETTLED_ON))
            if together:
                catch_up_together(world.units, world.ledgers(), batch=41)
            else:
                world.fold(batch=37)
            return {
                (e.technology, e.occasion_id, e.outcome, e.reason, e.baseline_s, e.actual_s, e.overhead_s, e.net_s)
                for technology in TECHNOLOGIES
                for e in world.entries(technology)
                if e.day_on >= MONDAY
            }
        finally:
            world.close()


IN_ORDER = figures(EVENTS)


def test_the_week_has_something_of_every_technology_to_lose() -> None:
    counted = {line[0] for line in IN_ORDER if line[2] == "counted"}
    assert counted == set(TECHNOLOGIES)
    # Minutes were lost at doors, and by a screen visit nobody answered.
    assert any(line[0] == "keys" and line[6] for line in IN_ORDER)
    assert any(line[0] == "screen" and line[6] for line in IN_ORDER)
    assert date(2026, 10, 5) == MONDAY


def test_ledgers_that_share_one_reading_of_the_log_say_the_same_as_each_by_itself() -> None:
    assert figures(EVENTS, together=True) == IN_ORDER


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(order=st.permutations(range(len(EVENTS))), again=st.sets(st.integers(0, len(EVENTS) - 1), max_size=25))
def test_any_order_and_any_number_of_times_is_the_same_week(order: list[int], again: set[int]) -> None:
    told = [event for n in order for event in [EVENTS[n]] * (2 if n in again else 1)]
    assert figures([*told, *(EVENTS[n] for n in again)]) == IN_ORDER

"""A unit that uses every technology for a week, with figures that can be worked out by hand."""

from collections.abc import Sequence
from datetime import time, timedelta

from kernel.events import Event
from kernel.localtime import at_local
from metrics.adoption import AdoptedUnit, Adoption
from metrics.business_case import BusinessCase, load_cases
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
from tests.metrics.world import GO_LIVE_ON, UNITS, Shift, Stop, World, plain_shift, shift_events

#: Visits and travel of two measured weeks, minutes: 200 on average.
_WEEKS_BEFORE = [(140.0, 50.0), (160.0, 50.0)]
#: The end of the period of these tests: the Wednesday after the week, when everything of it is settled.
TO_ON = SETTLED_ON + timedelta(days=1)
NOW = at_local(TO_ON, time(23))


def cases() -> dict[str, BusinessCase]:
    """The cases that ship, by id."""
    return load_cases()


def adoptions(unit_ids: Sequence[str] = ("nord", "amager"), owner: str | None = "H. Lund") -> dict[str, Adoption]:
    """Every case adopted by the same units in equal shares."""
    return {
        case.id: Adoption(
            case_id=case.id,
            owner=owner,
            units=tuple(
                AdoptedUnit(
                    unit_id=unit_id,
                    name=UNITS[unit_id],
                    document_unit=case.rollout.units[0].name,
                    go_live_on=GO_LIVE_ON,
                    share=1 / len(unit_ids),
                )
                for unit_id in unit_ids
            ),
        )
        for case in load_cases().values()
    }


def live_a_week(world: World, **people: int) -> None:
    """One week of some units (``nord=6`` where none are named) with so many carers, citizens and residents each.

    Per carer-shift (5 each): keys 1,500 - 600 s; the plain shift has no leg short enough for routing. Per
    citizen-week: 12,000 - (1,800 + 300) - 480 s. Per resident-day (7 each): 2,100 - 60 s. Units of fewer than
    five get no baseline of their own citizens and residents.
    """
    units = people or {"nord": 6}
    for unit_id, count in units.items():
        world.measure(unit_ids=[unit_id])
        world.import_measurements("routing", routing_csv(10, 70, unit_id))
        if count >= 5:
            world.import_measurements("screen", screen_csv(_names(unit_id, "citizen", count), _WEEKS_BEFORE, unit_id))
            world.import_measurements("transfers", transfers_csv(_names(unit_id, "resident", count), [30, 40], unit_id))
        world.append(*(enrolled(c, unit_id=unit_id) for c in _names(unit_id, "citizen", count)))
    for unit_id, count in units.items():
        for resident in _names(unit_id, "resident", count):
            world.append(enrolled(resident, "transfers", unit_id, at_local(MONDAY, time())))
    for day in range(7):
        for unit_id, count in units.items():
            _live_a_day(world, unit_id, count, day)
    world.append(*visit("somebody-else", SETTLED_ON), morning(SETTLED_ON))


def _live_a_day(world: World, unit_id: str, count: int, day: int) -> None:
    on = MONDAY + timedelta(days=day)
    events: list[Event] = [transfer(r, on, unit_id=unit_id) for r in _names(unit_id, "resident", count)]
    for citizen in _names(unit_id, "citizen", count):
        if day == 0:
            events += visit(citizen, on, unit_id=unit_id)
        if day == 1:
            events += screen_visit(citizen, on, unit_id=unit_id)
    if day < 5:
        events += [e for n in range(count) for e in shift_events(plain_shift(f"{unit_id}-c{n}", on, unit_id))]
    world.append(*events)


def _names(unit_id: str, kind: str, count: int) -> list[str]:
    return [f"{unit_id}-{kind}-{n}" for n in range(count)]


def a_day_of_everything(world: World) -> Shift:
    """One carer, one citizen on screen, one resident: a day on which every rule has something to take."""
    others = [f"other-{n}" for n in range(4)]
    world.measure()
    world.import_measurements("routing", routing_csv(10, 70))
    world.import_measurements("screen", screen_csv(["seen", *others], [(40, 20)]))
    world.import_measurements("transfers", transfers_csv(["moved", *others], [35]))
    world.append(enrolled("seen"))
    shift = Shift(
        "c1",
        MONDAY,
        (
            Stop(6, 36, source="device", locked=True),
            Stop(43, 83, locked=True, openings=(("jammed", 42, 60_000),)),
            Stop(90, 110, citizen_id="seen", travel_s=300),
            Stop(112, 120, mode="screen", citizen_id="seen"),
            Stop(124, 416, source="device", locked=True),
        ),
    )
    world.live(shift)
    world.append(transfer("moved", MONDAY), *visit("somebody-else", SETTLED_ON), morning(SETTLED_ON))
    world.fold()
    return shift

"""A baseline of lifts and turning systems from the log: days on which residents were still moved by two."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Literal

import pytest
from sqlmodel import select

from kernel.events import Event
from kernel.localtime import at_local
from metrics.before.measuring import freeze_from_log
from metrics.errors import TimeStudyError
from metrics.tables import BaselineRow, BaselineSampleRow
from scheduling.events import TransferPlanned
from tests.metrics.care import answer, morning, transfer
from tests.metrics.world import World

FIRST_ON = date(2026, 9, 14)
DAYS = [FIRST_ON + timedelta(days=n) for n in range(6)]
RESIDENTS = [f"r{n}" for n in range(5)]


def planned(resident: str, carers: Literal[1, 2], on: date = date(2026, 3, 2)) -> TransferPlanned:
    return TransferPlanned(
        at=at_local(on, time(10)),
        plan_id=f"{resident}-plan",
        citizen_id=resident,
        unit_id="nord",
        situation="bed_chair",
        times_per_day=2,
        carers_before=2,
        carers=carers,
    )


def days(resident: str, dates: Sequence[date] = DAYS) -> list[Event]:
    """Two transfers a day, a second carer there for ten and eight minutes."""
    return [
        transfer(resident, on, time(hour), carers=2, second_carer_s=second_s)
        for on in dates
        for hour, second_s in ((8, 600), (19, 480))
    ]


def freeze(world: World) -> BaselineRow:
    with world.units.begin() as work:
        (row,) = freeze_from_log(work, "nord", FIRST_ON, DAYS[-1], world.pseudonyms, "transfers")
        work.session.refresh(row)
        work.session.expunge(row)
    world.sequencer.run_until_empty()
    return row


def live(world: World, *events: Event) -> None:
    world.append(*sorted(events, key=lambda event: event.at))


def test_days_by_two_become_a_baseline_and_the_first_day_by_one_is_measured_against_it(world: World) -> None:
    live(world, *(e for r in RESIDENTS for e in (planned(r, 2), *days(r))))
    row = freeze(world)
    assert (row.kind, row.mean_s, row.occasion_count, row.subject_count) == ("day", 1_080, 30, 5)
    converted_on = date(2026, 10, 5)
    live(world, planned("r0", 1, converted_on), transfer("r0", converted_on), morning(converted_on + timedelta(days=1)))
    world.fold()
    entry = world.entries("transfers")[-1]
    # 18 minutes before; a minute to set the lift up since.
    assert (entry.day_on, entry.baseline_s, entry.net_s) == (converted_on, 1_080, 1_020)


def test_days_that_do_not_say_how_it_was_before_are_left_out(world: World) -> None:
    unknown = transfer("r0", DAYS[0], time(22), carers=None)
    late = transfer("r1", DAYS[1], time(22), carers=None)
    live(
        world,
        *(e for r in RESIDENTS for e in (planned(r, 2), *days(r))),
        # Nobody surveyed her; planned for one before, or in the middle with too few days left; too few days.
        *days("unsurveyed"),
        *(planned("by-one", 2), planned("by-one", 1, date(2026, 6, 1)), *days("by-one")),
        *(planned("half", 2), planned("half", 1, DAYS[3]), *days("half")),
        *(planned("few", 2), *days("few", DAYS[:4])),
        unknown,
        late,
        answer(late, 2, 120, at_local(DAYS[1], time(23))),
    )
    row = freeze(world)
    with world.database.reading() as session:
        measured = session.exec(select(BaselineSampleRow.subject, BaselineSampleRow.day_on)).all()
    subject = world.pseudonyms.subject
    assert {who for who, _on in measured} == {subject(r) for r in RESIDENTS}
    # One day of the thirty was never answered; one has a third transfer by two.
    assert (subject("r0"), DAYS[0]) not in measured
    assert (row.occasion_count, row.mean_s) == (29, round((29 * 1_080 + 120) / 29))


def test_four_residents_are_too_few(world: World) -> None:
    live(world, *(e for r in RESIDENTS[:4] for e in (planned(r, 2), *days(r))))
    with pytest.raises(TimeStudyError, match="at least 5 residents"):
        freeze(world)

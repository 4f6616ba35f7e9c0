"""Sampled days shared between their technologies, against days whose parts are known one by one."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from sqlmodel import col, delete, select

from gateway.usecases.replayed_day import SequenceReplayer
from gateway.usecases.split_days import sampled, split_sampled_days
from kernel.tables import ConsumerRow
from metrics.split.day import Replayer, split_day
from metrics.split.lived import LivedCitizen, LivedEnds, LivedLegs, LivedResident, LivedUnitDay
from metrics.split.store import lived_unit_day, split_sums
from metrics.split.tables import SplitDayRow
from metrics.store import entries_of
from metrics.technologies import WATERFALL, Technology
from tests.metrics.all_technologies import FIRST_WEEK_ON, RESIDENCE, WholeWorld
from tests.metrics.world import UNITS

DAY = date(2026, 10, 7)
PEOPLE = 12


def simulated(
    *, noise_s: int = 0, leg_lived_s: int = 360, technologies: tuple[Technology, ...] = WATERFALL, seed: int = 1
) -> LivedUnitDay:
    """A day with known parts: 15 min a shift, 20 min a citizen and day, 5 min a resident, and legs as said.

    Before, a leg took 360 s. The citizens' travel was 600 s before and is 200 s now.
    """
    rng = np.random.default_rng(seed)

    def around(seconds: int, number: int = 40) -> tuple[int, ...]:
        half = tuple(int(n) for n in rng.integers(0, noise_s + 1, number // 2))
        return tuple(seconds + n for n in half) + tuple(seconds - n for n in half)

    names = [f"s{n}" for n in range(PEOPLE)]
    measured = {
        "keys-base": tuple((1, s) for s in around(1_500)),
        "leg-base": tuple((10, s) for s in around(3_600)),
    }
    parts: dict[Technology, dict[str, object]] = {
        "keys": {"ends": tuple(LivedEnds(name, 600, "keys-base") for name in names)},
        "routing": {"legs": tuple(LivedLegs(name, 8, 8 * leg_lived_s, "leg-base") for name in names)},
        "transfers": {"residents": tuple(LivedResident(name, 300, around(600)) for name in names)},
        "screen": {
            "citizens": tuple(
                LivedCitizen(name, 700, 200, Fraction(1, 2), tuple((s, 1_200) for s in around(3_000))) for name in names
            )
        },
    }
    given = {field: value for technology in technologies for field, value in parts[technology].items()}
    return LivedUnitDay("nord", DAY, measured=measured, **given)  # type: ignore[arg-type]


def shares(day: LivedUnitDay, replayer: Replayer | None = None, draws: int = 32) -> dict[Technology, tuple[int, int]]:
    parts = split_day(replayer or SequenceReplayer(), day, draws)
    return {part.technology: (part.seconds, part.error_s) for part in parts}


def test_parts_that_do_not_meet_are_found_one_by_one_without_error() -> None:
    # Legs as long as before: nothing of the screen's travel hangs on the routes.
    assert shares(simulated()) == {
        "screen": (PEOPLE * (1_500 + 600 - 700 - 200), 0),
        "transfers": (PEOPLE * 300, 0),
        "keys": (PEOPLE * 900, 0),
        "routing": (0, 0),
    }


@pytest.mark.parametrize("alone", WATERFALL)
def test_each_technology_alone_has_what_it_has_beside_the_others(alone: Technology) -> None:
    assert shares(simulated(technologies=(alone,)))[alone] == shares(simulated())[alone]


def test_what_faster_legs_and_fewer_journeys_do_to_each_other_is_shared_in_halves() -> None:
    # Legs take two thirds of before. Journeys to the citizens of the screen were 600 s each, now 200 s.
    found = shares(simulated(leg_lived_s=240))
    # Alone the screen leaves journeys at the old speed (300 s); beside the routes it spares 400 s instead of 600.
    alone_s, after_routes_s = 1_500 + 600 - 700 - 300, 1_500 + 400 - 700 - 200
    assert found["screen"] == (PEOPLE * (alone_s + after_routes_s) // 2, 0)
    routes_alone_s, routes_after_s = 8 * 120 + 200, 8 * 120 + 100
    assert found["routing"] == (PEOPLE * (routes_alone_s + routes_after_s) // 2, 0)
    assert (found["keys"], found["transfers"]) == ((PEOPLE * 900, 0), (PEOPLE * 300, 0))


def test_the_error_of_the_replay_holds_what_is_known_and_shrinks_with_the_draws() -> None:
    known = shares(simulated())
    misses = 0
    for seed in range(10):
        few, many = (shares(simulated(noise_s=900, seed=seed), draws=draws) for draws in (8, 64))
        for technology in ("screen", "transfers", "keys", "routing"):
            assert many[technology][1] < few[technology][1]
            misses += abs(many[technology][0] - known[technology][0]) > 2 * many[technology][1]
    # Of 40 shares about two lie further off than two standard errors; nine come once in ten thousand tries.
    assert misses < 9


def test_one_draw_is_the_same_for_every_set_and_another_is_another() -> None:
    day = simulated(noise_s=900)
    one, fresh = SequenceReplayer(), SequenceReplayer()
    everything, without = frozenset(WATERFALL), frozenset[Technology]({"screen", "transfers", "routing"})
    gap = one.retime(day, without, 3) - one.retime(day, everything, 3)
    assert fresh.retime(day, without, 3) - fresh.retime(day, everything, 3) == gap
    assert one.retime(day, without, 4) != one.retime(day, without, 3)


def test_a_technology_few_stand_behind_takes_no_part() -> None:
    day = simulated(technologies=("keys", "routing"))
    few = LivedUnitDay("nord", DAY, ends=day.ends, legs=day.legs[:4], measured=day.measured)
    assert few.players() == ("keys",)
    with pytest.raises(ValueError, match="at least 2 draws"):
        split_day(SequenceReplayer(), few, draws=1)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWorld]:
    """Three weeks of three centres and a residence, every ledger read to its end."""
    world = WholeWorld(tmp_path_factory.mktemp("split"))
    world.live_three_weeks()
    yield world
    world.close()


def test_the_days_of_a_week_give_the_ledger_all_of_the_week_back(lived: WholeWorld) -> None:
    week = [FIRST_WEEK_ON + timedelta(days=n) for n in range(7)]
    with lived.database.reading() as session:
        days = [lived_unit_day(session, "nord", day) for day in week]
        for technology in ("screen", "keys", "routing"):
            entries = entries_of(session, technology, "nord", week[0], week[-1])
            net_s = sum(entry.net_s or 0 for entry in entries)
            assert abs(sum(ledger_s[technology] for _day, ledger_s in days) - net_s) <= 7
    assert days[2][0].players() == ("screen", "keys", "routing")


def test_sampled_days_are_split_once_and_come_to_what_the_ledger_has(lived: WholeWorld) -> None:
    units = [*UNITS, RESIDENCE]
    done = split_sampled_days(lived.units, units, lived.clock.now(), SequenceReplayer())
    assert done
    assert split_sampled_days(lived.units, units, lived.clock.now(), SequenceReplayer()) == 0
    with lived.database.reading() as session:
        rows = session.exec(select(SplitDayRow).order_by(col(SplitDayRow.day_on))).all()
        sums = split_sums(session, units, FIRST_WEEK_ON, FIRST_WEEK_ON + timedelta(days=20), WATERFALL)
    assert {row.unit_id for row in rows} <= set(UNITS)
    assert all(sampled(row.unit_id, row.day_on) for row in rows)
    assert [one.technology for one in sums] == ["screen", "keys", "routing"]
    together_s, ledger_s = sum(one.split_s for one in sums), sum(one.ledger_s for one in sums)
    assert abs(together_s - ledger_s) <= 4 * sum(one.error_s for one in sums) + 60
    assert all(one.error_s < 0.05 * ledger_s for one in sums)


def test_while_a_ledger_is_still_reading_nothing_is_split(lived: WholeWorld) -> None:
    with lived.units.begin() as work:
        work.session.exec(delete(SplitDayRow))
        reader = work.session.get(ConsumerRow, "benefit-ledger-keys")
        assert reader is not None
        position, reader.position = reader.position, 1
    assert split_sampled_days(lived.units, list(UNITS), lived.clock.now(), SequenceReplayer()) is None
    with lived.units.begin() as work:
        reader = work.session.get(ConsumerRow, "benefit-ledger-keys")
        assert reader is not None
        reader.position = position
    assert split_sampled_days(lived.units, list(UNITS), lived.clock.now(), SequenceReplayer())

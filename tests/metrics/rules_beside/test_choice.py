"""Two versions of the rule of keys side by side: a month can be read by either, and which one counts is data."""

from datetime import UTC, date, datetime

import pytest

from metrics.errors import BenefitError
from metrics.months import close_month, month_lines
from metrics.rules_beside.choice import ByRule, choose_rule, current_rules, net_by_rule, write_beside
from metrics.service import judge_stored_shifts
from tests.metrics.world import GO_LIVE_ON, Shift, Stop, World, plain_shift

DAY = date(2026, 10, 12)
MONTH = (date(2026, 10, 1), date(2026, 10, 31))
LAST_ON = date(2026, 10, 31)


def tapped(n: int) -> Shift:
    """As a plain shift, begun by a tap at a door that has a lock."""
    return Shift(f"tap-{n}", DAY, (Stop(6, 36, locked=True), Stop(380, 416, locked=True)))


def october(world: World) -> None:
    """Six shifts the doors began and six that taps did; a quarter of an hour each."""
    world.measure()
    world.live(*(plain_shift(f"nord-{n}", DAY) for n in range(6)), *(tapped(n) for n in range(6)))
    world.fold()


def by(world: World, rule: str) -> list[ByRule]:
    with world.database.reading() as session:
        return net_by_rule(session, "keys", rule, *MONTH)


def realised(world: World) -> tuple[int | None, str]:
    row = next(row for row in world.report(GO_LIVE_ON, LAST_ON) if row.unit_id == "nord")
    return row.realised_s, row.rule_version


def test_a_month_can_be_read_by_either_version_and_the_choice_says_which_counts(world: World) -> None:
    october(world)
    before = world.all_entries()
    assert by(world, "keys-2") == []
    with world.units.begin() as work:
        assert write_beside(work, "keys-2", "benefit_owner") == "keys"
        assert judge_stored_shifts(work, *MONTH) == 12
    assert by(world, "keys-1") == [ByRule("nord", "keys-1", 12 * 900, 12)]
    assert by(world, "keys-2") == [ByRule("nord", "keys-2", 6 * 900, 6)]
    # what stood before stands, and still counts
    assert [e for e in world.all_entries() if e["rule_version"] != "keys-2"] == before
    assert realised(world) == (12 * 900, "keys-1")
    with world.units.begin() as work:
        choose_rule(work, "keys-2", "benefit_owner")
    assert realised(world) == (6 * 900, "keys-2")
    assert by(world, "keys-1") == [ByRule("nord", "keys-1", 12 * 900, 12)]
    assert {entry.reason for entry in world.entries() if not entry.eligible} == {"begun_by_tap"}
    with world.units.begin() as work:
        choose_rule(work, "keys-1", "benefit_owner")
        assert current_rules(work.session)["keys"] == "keys-1"
    assert realised(world) == (12 * 900, "keys-1")


def test_both_versions_are_written_from_then_on_and_judging_again_writes_nothing(world: World) -> None:
    with world.units.begin() as work:
        write_beside(work, "keys-2", "benefit_owner")
    october(world)
    assert by(world, "keys-2") == [ByRule("nord", "keys-2", 6 * 900, 6)]
    lines = len(world.all_entries())
    with world.units.begin() as work:
        judge_stored_shifts(work, *MONTH)
    assert len(world.all_entries()) == lines


def test_a_closed_month_keeps_the_version_it_was_closed_with(world: World) -> None:
    october(world)
    world.clock.advance_to(datetime(2026, 11, 2, 8, tzinfo=UTC))
    with world.units.begin() as work:
        close_month(work, "2026-10", "benefit_owner")
    with world.units.begin() as work:
        write_beside(work, "keys-2", "benefit_owner")
        judge_stored_shifts(work, *MONTH)
        choose_rule(work, "keys-2", "benefit_owner")
    with world.database.reading() as session:
        (line,) = month_lines(session, "2026-10", "keys")
    assert (line.kind, line.rule_version, line.net_s) == ("closed", "keys-1", 12 * 900)


def test_few_carers_are_withheld_by_either_version_and_an_unknown_one_is_refused(world: World) -> None:
    world.measure()
    world.live(*(plain_shift(f"nord-{n}", DAY) for n in range(4)))
    world.fold()
    assert by(world, "keys-1") == [ByRule("nord", "keys-1", None, None)]
    with pytest.raises(BenefitError) as refused, world.units.begin() as work:
        choose_rule(work, "keys-9", "benefit_owner")
    assert refused.value.code == "rule_unknown"

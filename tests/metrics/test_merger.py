"""Three centres become two on a Wednesday, in the middle of both rollouts: no minute is lost and none counts twice."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest

from kernel.events import Event
from kernel.localtime import at_local
from metrics.adoption import AdoptedUnit, Adoption
from metrics.carried_baselines import carry_baselines
from metrics.errors import BenefitError, TimeStudyError
from metrics.report import BenefitRow, all_benefits
from metrics.tables import BaselineRow
from tests.metrics.all_technologies import case_id
from tests.metrics.care import MONDAY, enrolled, screen_csv, screen_visit, visit
from tests.metrics.town import cases
from tests.metrics.world import GO_LIVE_ON, UNITS, World, plain_shift, shift_events

#: Syd begins on the Wednesday of the second of three weeks.
MERGED_ON = MONDAY + timedelta(days=9)
LAST_ON = MONDAY + timedelta(days=20)
NOW = at_local(LAST_ON + timedelta(days=3), time(12))
MERGING = ("midtbyen", "amager")
PEOPLE = [(unit, n) for unit in UNITS for n in range(6)]


def adoption_of(technology: str, merged: bool) -> Adoption:
    ends: dict[str, Any] = {"valid_to_on": MERGED_ON - timedelta(days=1), "merged_into": "syd"} if merged else {}
    units = [
        AdoptedUnit(
            unit_id=unit,
            name=unit,
            document_unit=UNITS[unit],
            # Keys came to two of them a week before the third.
            go_live_on=GO_LIVE_ON if technology == "screen" or unit != "amager" else MONDAY + timedelta(days=7),
            share=1 / 3,
            **(ends if unit in MERGING else {}),
        )
        for unit in UNITS
    ]
    if merged:
        begins = {"go_live_on": MERGED_ON, "valid_from_on": MERGED_ON, "share": 0}
        units.append(AdoptedUnit(unit_id="syd", name="Syd", document_unit="Center Midtbyen", **begins))
    return Adoption(case_id=case_id("screen" if technology == "screen" else "keys"), units=tuple(units))


def unit_on(unit: str, day: date, merged: bool) -> str:
    return "syd" if merged and unit in MERGING and day >= MERGED_ON else unit


def lived(merged: bool) -> Iterator[Event]:
    """Three weeks: a shift a day, a visit and two screen visits a week of each citizen."""
    for unit, n in PEOPLE:
        for week in range(3):
            for day in (MONDAY + timedelta(days=7 * week + k) for k in range(5)):
                yield from shift_events(plain_shift(f"{unit}-{n}", day, unit_on(unit, day, merged)))
            for k, minutes in ((0, 20), (2, 10), (4, 15)):
                day = MONDAY + timedelta(days=7 * week + k)
                where = unit_on(unit, day, merged)
                if k:
                    yield from screen_visit(f"{unit}-citizen-{n}", day, time(9, n), minutes=minutes, unit_id=where)
                else:
                    yield from visit(f"{unit}-citizen-{n}", day, time(9, n), minutes=minutes, unit_id=where)
    yield from visit("somebody-else", LAST_ON + timedelta(days=2), time(7))


def carry(world: World, *from_units: str, to: str = "syd") -> list[BaselineRow]:
    with world.units.begin() as work:
        rows = carry_baselines(work, "keys", from_units, to)
        for row in rows:
            work.session.refresh(row)
            work.session.expunge(row)
    world.sequencer.run_until_empty()
    return rows


def live(world: World, merged: bool, moved_by: str = "register") -> None:
    world.measure(carers=10)
    for unit in UNITS:
        citizens = [f"{unit}-citizen-{n}" for n in range(6)]
        world.import_measurements("screen", screen_csv(citizens, [(140, 50), (160, 50)], unit))
        world.append(*(enrolled(citizen, unit_id=unit) for citizen in citizens))
    events = list(lived(merged))
    if merged and moved_by == "enrolment":
        at = at_local(MERGED_ON, time())
        events += [enrolled(f"{u}-citizen-{n}", unit_id="syd", at=at) for u, n in PEOPLE if u in MERGING]
    world.append(*sorted(events, key=lambda event: event.at))
    world.fold()
    if merged:
        (row,) = carry(world, *MERGING)
        assert (row.unit_id, row.subject_count, row.occasion_count, row.version) == ("syd", 20, 100, 1)
        world.fold()


def rows_of(world: World, merged: bool) -> dict[tuple[str, str | None], BenefitRow]:
    adopted = [adoption_of("screen", merged), adoption_of("keys", merged)]
    with world.database.reading() as session:
        rows = all_benefits(
            session,
            from_on=MONDAY,
            to_on=LAST_ON,
            cases=cases(),
            adoptions={each.case_id: each for each in adopted},
            reading="stated",
            now=NOW,
        )
    return {(row.technology, row.unit_id): row for row in rows}


@pytest.mark.parametrize("moved_by", ["register", "enrolment"])
def test_minutes_and_targets_of_three_centres_are_those_of_the_two_they_become(
    tmp_path_factory: pytest.TempPathFactory, world: World, moved_by: str
) -> None:
    apart = World(tmp_path_factory.mktemp("apart"))
    live(apart, merged=False)
    live(world, True, moved_by)
    before, after = rows_of(apart, merged=False), rows_of(world, merged=True)
    apart.close()
    for technology in ("screen", "keys"):
        was, became = before[technology, None], after[technology, None]
        assert was.realised_s == became.realised_s
        assert was.occasion_count == became.occasion_count
        # A day's target is whole seconds by unit.
        assert abs(was.target_s - became.target_s) <= 21
        assert became.reason is None
        units = [row for (t, unit), row in after.items() if t == technology and unit is not None]
        assert sum(row.realised_s or 0 for row in units) == became.realised_s
        assert sum(row.target_s for row in units) == became.target_s
    # The week of the merger is Syd's whole, with what was promised to the others for its Monday and Tuesday.
    syd, ended = after["screen", "syd"], after["screen", "amager"]
    assert (syd.covered_from_on, ended.covered_to_on) == (MONDAY + timedelta(days=7), MONDAY + timedelta(days=6))
    assert (syd.occasion_count, ended.occasion_count) == (24, 6)
    assert abs(syd.target_s - 2 * 2 * ended.target_s) <= 28


def test_without_a_baseline_of_its_own_the_new_unit_waits_and_says_so(world: World) -> None:
    world.measure(carers=10)
    world.append(*sorted(lived(merged=True), key=lambda event: event.at))
    world.fold()
    assert rows_of(world, merged=True)["keys", "syd"].reason == "baseline_missing"


def test_only_what_holds_is_carried_over_and_only_once(world: World) -> None:
    world.measure(carers=10, unit_ids=["midtbyen", "nord"])
    with pytest.raises(TimeStudyError, match="unit amager") as none:
        carry(world, *MERGING)
    assert "enhed amager" in none.value.text("da")
    carry(world, "midtbyen")
    with pytest.raises(BenefitError) as again:
        carry(world, "midtbyen")
    assert again.value.code == "time_study_already_imported"
    # Nord was measured on these days itself: two baselines would leave it open which one holds.
    with pytest.raises(TimeStudyError, match="was not measured on"):
        carry(world, "midtbyen", to="nord")

"""What was measured before each technology: files that the municipality's own import takes without a word."""

from collections import defaultdict
from datetime import date, timedelta

import pytest

from gateway.demo import studies
from gateway.demo.municipality import Municipality
from gateway.demo.scales import SCALES
from gateway.demo.templates import Templates
from metrics.study_csv import Measured
from metrics.time_study import MeasuredTechnology, read_time_study

GO_LIVE = date(2026, 11, 11)
WEEKS = 2


@pytest.fixture(scope="module")
def town() -> Municipality:
    """The small demo's municipality."""
    return Municipality(1, SCALES["small"].size)


@pytest.fixture(scope="module")
def templates(town: Municipality) -> Templates:
    """Its typical days."""
    return Templates.planned(town, GO_LIVE)


def _read(town: Municipality, content: bytes, technology: MeasuredTechnology) -> list[Measured]:
    units = {str(u.id) for u in (*town.units, *town.residences.units)}
    return list(read_time_study(content, known_units=units, today_on=GO_LIVE, technology=technology))


def test_each_technology_has_its_measurement(town: Municipality, templates: Templates) -> None:
    from_on, to_on = GO_LIVE - timedelta(weeks=WEEKS), GO_LIVE - timedelta(days=1)
    keys = _read(town, studies.keys_csv(town, from_on, to_on), "keys")
    routing = _read(town, studies.routing_csv(town, templates, from_on, to_on), "routing")
    screen = _read(town, studies.screen_csv(town, templates, WEEKS, GO_LIVE), "screen")
    transfers = _read(town, studies.transfers_csv(town, from_on, to_on), "transfers")

    shifts = sum(9 if (from_on + timedelta(days=n)).weekday() >= 5 else 21 for n in range(7 * WEEKS))
    assert (len(keys), len(routing)) == (shifts, shifts)
    assert {m.subject for m in screen} == {town.citizens[i].id for i in town.screen_days}
    assert len(screen) == WEEKS * len(town.screen_days)
    assert {m.subject for m in transfers} == {r.id for r in town.residences.residents}
    assert len(transfers) == 7 * WEEKS * len(town.residences.residents)
    assert max(m.on for m in (*keys, *routing, *screen, *transfers)) < GO_LIVE


def test_a_citizens_week_before_the_screens_is_all_physical(town: Municipality, templates: Templates) -> None:
    measured = defaultdict(list)
    for m in _read(town, studies.screen_csv(town, templates, WEEKS, GO_LIVE), "screen"):
        measured[m.subject].append(m)

    for citizen in town.screen_days:
        weekday = sum(w.duration_min for _, w in town.weekday_wishes if w.citizen == citizen) * 5
        weekend = sum(w.duration_min for _, w in town.weekend_wishes if w.citizen == citizen) * 2
        for week in measured[str(town.citizens[citizen].id)]:
            assert 0.75 * (weekday + weekend) < week.measured_s / 60 - week.travel_s / 60 < 1.5 * (weekday + weekend)


def test_the_same_seed_measures_the_same(town: Municipality, templates: Templates) -> None:
    again = Municipality(town.seed, town.size)

    assert studies.screen_csv(again, Templates.planned(again, GO_LIVE), WEEKS, GO_LIVE) == studies.screen_csv(
        town, templates, WEEKS, GO_LIVE
    )

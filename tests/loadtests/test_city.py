"""The city's part of the route benchmark on a town small enough for a test, and how parts are chosen."""

from dataclasses import replace

import pytest

from loadtests.bench_routes import PARTS, chosen_parts
from loadtests.city import CITY, planned


def test_a_town_planned_by_district_is_judged_whole_and_keeps_every_rule() -> None:
    found = planned(replace(CITY, visits=300, villages=4, radius_km=5.0), 1, 40, workers=0, most_visits=100)

    assert (found.broken, found.districts) == (0, 3)
    assert found.holds
    assert found.cost_min < found.unmended_cost_min
    assert not replace(found, broken=1).holds
    assert not replace(found, peak_mib=5_000.0).holds


def test_parts_are_chosen_by_name_and_what_follows_a_name_is_its_own() -> None:
    assert chosen_parts([]) == [(name, []) for name in PARTS]
    assert chosen_parts(["hhcrsp", "--seconds", "1", "city"]) == [("hhcrsp", ["--seconds", "1"]), ("city", [])]
    with pytest.raises(ValueError, match="Expected one of hhcrsp, curves, towns, continuity, ill, city, got --seconds"):
        chosen_parts(["--seconds", "1"])

"""An impossible visit in a real municipality: the board names visit and rule, and the job plans the rest."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from scheduling.model import Carer, Day
from scheduling.working_time.pay import PAY_RATES
from tests.gateway.platform import Platform, eventually, running_platform
from tests.scheduling.days import with_carer, with_visit


def _impossible(day: Day) -> Day:
    """In the first centre: a service nobody does, and a visit longer than any shift."""
    single = [v for v in day.visits if v.id not in day.pair_of and v.unit_id == day.units[0].id]
    early = _short_shift(day)
    day = with_carer(day, early.id, shift_ends_at=early.shift_starts_at + timedelta(hours=2, minutes=30))
    day = with_visit(day, single[5].id, required_skills=frozenset({"tracheostomi"}))
    return with_visit(day, single[6].id, duration_s=timedelta(hours=20).total_seconds())


def _short_shift(day: Day) -> Carer:
    """The first carer of the first centre: her way back is longer than what is left of her shift."""
    return next(c for c in day.carers if c.unit_id == day.units[0].id)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    yield from running_platform(tmp_path_factory.mktemp("impossible"), locks=False, change=_impossible)


def _left_over(office: Platform) -> dict[str, str]:
    board = office.signed_in("planner").get("/api/v1/board").json
    return {left["id"]: left["reason"] for left in board["unallocated"]}


def test_the_board_names_the_visit_and_the_rule_and_planning_again_plans_the_rest(office: Platform) -> None:
    unit = office.day.units[0]
    expected = {
        v.id: "Kompetencen mangler" if "tracheostomi" in v.required_skills else "Besøget kan ikke nås inden for"
        for v in office.day.visits
        if "tracheostomi" in v.required_skills or v.duration_s > timedelta(hours=19).total_seconds()
    }
    assert len(expected) == 2
    assert _named(office) == expected
    planner = office.signed_in("planner")

    asked = planner.post(
        "/api/v1/jobs", {"kind": "plan-day", "day": str(office.day.on), "unit_id": unit.id, "moves": 200}
    ).json["job"]
    job: dict[str, Any] = eventually(
        lambda: (j := planner.get(f"/api/v1/jobs/{asked['id']}").json["job"])["ended_at"] and j, 30
    )

    assert (job["state"], job["result"]["unallocated_count"]) == ("done", 2)
    assert _named(office) == expected


def test_a_move_tells_the_overtime_it_makes_before_it_is_confirmed(office: Platform) -> None:
    """In kroner, with what it costs that nobody was told the day before."""
    planner = office.signed_in("planner")
    early = _short_shift(office.day)
    lanes = [lane for lane in planner.get("/api/v1/board").json["lanes"] if lane["unit_id"] == early.unit_id]
    visits = [v["id"] for lane in lanes if lane["carer_id"] != early.id for v in lane["visits"] if not v["double"]]

    previews = [
        planner.post(f"/api/v1/visits/{v}/move", {"to_carer_id": early.id, "preview": True}).json for v in visits[:40]
    ]

    told = [p["cost_dkk_ore"] for p in previews if p.get("cost_dkk_ore")]
    assert max(told) > PAY_RATES[-1].overtime_notice_ore


def _named(office: Platform) -> dict[str, str]:
    """Left-over visits with the beginning of their reason."""
    return {visit_id: reason.split(" nogen vagt")[0] for visit_id, reason in _left_over(office).items()}

"""A carer is ill, over HTTP: whole proposals, one act, doors and tablets with it; two planners never both win."""

from typing import Any

import pytest
from sqlmodel import select

from devices.keys import store as keys
from kernel.tables import EventRow
from scheduling import absences
from scheduling.register.tables import CarerRow, EmploymentRow
from scheduling.shifts import shift_of
from scheduling.tables import ShiftRow
from tests.conftest import TODAY
from tests.gateway.platform import Platform
from tests.gateway.web import Answer, Person


@pytest.fixture(scope="module", autouse=True)
def off_duty(office: Platform) -> None:
    """Two carers of every unit who have the day off and could be called in."""
    with office.runtime.units.begin() as work:
        for unit in office.day.units:
            skills = sorted({skill for c in office.day.carers if c.unit_id == unit.id for skill in c.skills})
            for number in (1, 2):
                carer_id = f"off-{number}-{unit.id}"
                work.session.add(
                    CarerRow(id=carer_id, unit_id=unit.id, name=f"Vikar {number}", skills=skills, transport="bike")
                )
                work.session.add(EmploymentRow(carer_id=carer_id, unit_id=unit.id, from_on=TODAY))


def _lanes(planner: Person) -> dict[str, dict[str, Any]]:
    return {lane["carer_id"]: lane for lane in planner.get("/api/v1/board").json["lanes"]}


def _untouched(planner: Person) -> str:
    """A carer whose shift and visits have not begun."""
    for lane in _lanes(planner).values():
        fresh = lane["shift"]["state"] == "planned" and all(v["state"] != "begun" for v in lane["visits"])
        if fresh and len(lane["visits"]) >= 4:
            return str(lane["carer_id"])
    raise AssertionError("Expected a carer who has not begun, got none.")


def _cover(planner: Person, carer_id: str) -> dict[str, Any]:
    found: dict[str, Any] = planner.get(f"/api/v1/carers/{carer_id}/cover").json
    return found


def _report(planner: Person, carer_id: str, proposal: dict[str, Any]) -> Answer:
    seen = ", ".join(f'"{v["route_id"]}:{v["version"]}"' for v in proposal["versions"])
    return planner.post(f"/api/v1/carers/{carer_id}/absence", {"kind": "sick", "choice": proposal["id"]}, If_Match=seen)


def test_proposals_are_whole_solutions_and_change_nothing(office: Platform) -> None:
    planner = office.signed_in("planner")
    ill = _untouched(planner)
    before = _lanes(planner)

    found = _cover(planner, ill)

    assert found["waiting"] == len(before[ill]["visits"])
    for proposal in found["proposals"]:
        assert len(proposal["moves"]) + len(proposal["left_over"]) == found["waiting"]
        assert sum(t["visits"] for t in proposal["takes"]) == len(proposal["moves"])
        assert proposal["title"]
    kinds = [p["kind"] for p in found["proposals"]]
    assert kinds.count("split") == 1
    assert "substitute" in kinds
    assert _lanes(planner) == before


def test_one_act_gives_the_route_away_with_its_doors_and_tells_the_tablets(office: Platform) -> None:
    planner = office.signed_in("planner")
    ill = _untouched(planner)
    best = _cover(planner, ill)["proposals"][0]

    done = _report(planner, ill, best)

    assert done.status == 200, done.content
    assert done.json["text"].endswith("er meldt syg, og ruten er givet videre")
    after = _lanes(planner)
    assert ill not in after
    where = {v["id"]: lane["carer_id"] for lane in after.values() for v in lane["visits"]}
    assert all(where[m["visit_id"]] == m["to_carer_id"] for m in best["moves"])
    with office.runtime.database.reading() as session:
        assert keys.active_rights(session, TODAY, [ill]) == []
        rights = {r.visit_id: r.carer_id for r in keys.active_rights(session, TODAY, set(where.values()))}
        assert all(rights.get(m["visit_id"], m["to_carer_id"]) == m["to_carer_id"] for m in best["moves"])
        told = session.exec(select(EventRow).where(EventRow.event_type == "carer.absent")).all()
        assert [e.carer_id for e in told].count(ill) == 1
    one = best["moves"][0]
    gaining = office.signed_in(one["to_carer_id"]) if best["kind"] == "split" else None
    if gaining is not None:
        change = gaining.get("/api/v1/me/day").json["route"]["changes"][-1]
        assert change["reason"] == "Sygdom"
        assert change["came"]
    losing = office.signed_in(ill).get("/api/v1/me/day").json
    assert losing["shift"] is None
    assert losing["route"]["stops"] == []
    assert planner.get("/api/v1/board").json["attention"]["ill"] >= 1


def test_a_substitute_gets_a_shift_of_her_own(office: Platform) -> None:
    planner = office.signed_in("planner")
    ill = _untouched(planner)
    proposal = next(p for p in _cover(planner, ill)["proposals"] if p["kind"] == "substitute" and len(p["takes"]) == 1)
    substitute = proposal["takes"][0]["carer_id"]

    assert _report(planner, ill, proposal).status == 200

    lane = _lanes(planner)[substitute]
    assert {v["id"] for v in lane["visits"]} == {m["visit_id"] for m in proposal["moves"]}
    with office.runtime.database.reading() as session:
        shift = shift_of(session, substitute, TODAY)
        assert shift is not None
        assert shift.planned_start_at >= office.clock.now()


def test_a_proposal_that_no_longer_holds_is_refused_and_nothing_is_saved(office: Platform) -> None:
    first, second = office.signed_in("planner"), office.signed_in("planner-2")
    ill = _untouched(first)
    stale = next(p for p in _cover(first, ill)["proposals"] if p["kind"] == "split")
    taker = stale["moves"][0]["to_carer_id"]
    visit = stale["moves"][0]["visit_id"]
    lanes = _lanes(second)
    seen = ", ".join(f'"{lanes[c]["route_id"]}:{lanes[c]["version"]}"' for c in (ill, taker))
    moved = second.post(f"/api/v1/visits/{visit}/move", {"to_carer_id": taker, "reason": "sygdom"}, If_Match=seen)
    assert moved.status == 200, moved.content

    refused = _report(first, ill, stale)

    assert (refused.status, refused.code) == (412, "cover_gone")
    with office.runtime.database.reading() as session:
        assert ill not in {
            a.carer_id for a in absences.absent_on(session, TODAY, first.get("/api/v1/session").json["unit_ids"])
        }
        assert (
            session.exec(select(ShiftRow.state).where(ShiftRow.carer_id == ill, ShiftRow.day == TODAY)).one()
            == "planned"
        )


def test_who_has_no_shift_cannot_be_reported_ill_twice(office: Platform) -> None:
    planner = office.signed_in("planner")
    ill = _untouched(planner)
    best = _cover(planner, ill)["proposals"][0]
    assert _report(planner, ill, best).status == 200

    again = _report(planner, ill, best)

    assert (again.status, again.code) == (404, "no_shift_today")
    assert planner.get(f"/api/v1/carers/{ill}/cover").status == 404

"""A running day is saved over HTTP: whole solutions for what happened, one act, one way back, the doors with it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from devices.keys import store as keys
from kernel.tables import EventRow
from scheduling.register.tables import CarerRow, CitizenRow, ConsentRow, EmploymentRow
from scheduling.tables import VisitRow
from tests.conftest import TODAY
from tests.gateway.platform import Platform
from tests.gateway.web import Answer, Person


@pytest.fixture(scope="module", autouse=True)
def off_duty(office: Platform) -> None:
    """A carer of every unit who has the day off and could be called in."""
    with office.runtime.units.begin() as work:
        for unit in office.day.units:
            skills = sorted({skill for c in office.day.carers if c.unit_id == unit.id for skill in c.skills})
            carer_id = f"free-{unit.id}"
            work.session.add(CarerRow(id=carer_id, unit_id=unit.id, name="Vikar", skills=skills, transport="bike"))
            work.session.add(EmploymentRow(carer_id=carer_id, unit_id=unit.id, from_on=TODAY))


def _lanes(planner: Person) -> dict[str, dict[str, Any]]:
    return {lane["carer_id"]: lane for lane in planner.get("/api/v1/board").json["lanes"]}


def _places(planner: Person) -> dict[str, tuple[str, str]]:
    return {v["id"]: (c, v["start_at"]) for c, lane in _lanes(planner).items() for v in lane["visits"]}


def _lane(planner: Person, visits: int = 4) -> dict[str, Any]:
    """A carer whose shift and visits have not begun."""
    for lane in _lanes(planner).values():
        planned = [v for v in lane["visits"] if v["state"] in ("planned", "late") and not v["double"]]
        if lane["shift"]["state"] == "planned" and len(planned) == len(lane["visits"]) >= visits:
            return lane
    raise AssertionError("Expected a carer who has not begun, got none.")


def _ask(planner: Person, happened: dict[str, Any], *, deep: bool = False) -> list[dict[str, Any]]:
    answer = planner.post("/api/v1/reassignments/preview", {"happened": happened, "deep": deep})
    assert answer.status == 200, answer.content
    found: list[dict[str, Any]] = answer.json["proposals"]
    return found


def _do(planner: Person, happened: dict[str, Any], chosen: dict[str, Any], reason: str = "delay") -> Answer:
    seen = ", ".join(f'"{v["route_id"]}:{v["version"]}"' for v in chosen["versions"])
    body = {
        "happened": happened,
        "routes": chosen["routes"],
        "reason": reason,
        "substitute_id": chosen["substitute_id"],
    }
    return planner.post("/api/v1/reassignments", body, If_Match=seen)


def _undo(planner: Person, done: Answer) -> Answer:
    return planner.post(f"/api/v1/reassignments/{done.json['reassignment_id']}/undo")


def test_a_preview_changes_nothing_and_says_for_and_against_with_a_price(office: Platform) -> None:
    planner = office.signed_in("planner")
    before = _places(planner)
    lane = _lane(planner)

    found = _ask(planner, {"kind": "carer_late", "carer_id": lane["carer_id"], "minutes": 90})

    assert found[0]["title"]
    assert {p["kind"] for p in found} >= {"wait", "hand_over"}
    assert all(p["pros"] or p["cons"] for p in found)
    prices = [p["cost_min"] for p in found if not p["left_over"]]
    assert prices == sorted(prices)
    assert _places(planner) == before


def test_an_ill_carer_is_covered_and_the_undo_puts_every_visit_back(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    ill = lane["carer_id"]
    before = _places(planner)
    happened = {"kind": "carer_away", "carer_id": ill}
    chosen = next(p for p in _ask(planner, happened, deep=True) if p["kind"] != "substitute")

    done = _do(planner, happened, chosen, "illness")

    assert done.status == 200, done.content
    assert done.json["gone"] == [ill]
    now = _places(planner)
    assert all(now[m["visit_id"]][0] == m["to_carer_id"] for m in chosen["moves"])
    assert ill not in {c for c, _ in now.values()}
    with office.runtime.database.reading() as session:
        assert keys.active_rights(session, TODAY, [ill]) == []
    taker = chosen["moves"][0]["to_carer_id"]
    assert office.signed_in(taker).get("/api/v1/me/day").json["route"]["changes"][-1]["reason"] == "Sygdom"

    back = _undo(planner, done)

    assert back.status == 200, back.content
    assert back.json["text"].startswith("Fortrudt: ")
    assert _places(planner) == before
    assert office.signed_in(ill).get("/api/v1/me/day").json["shift"]["state"] == "planned"
    again = office.signed_in(taker).get("/api/v1/me/day").json["route"]["changes"][-1]
    assert again["reason"] == "Ændringen er fortrudt"
    assert (_undo(planner, done).status, _undo(planner, done).code) == (409, "act_undone")


def test_a_substitute_who_was_called_in_stays_at_home_when_it_is_undone(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    before = _places(planner)
    happened = {"kind": "carer_away", "carer_id": lane["carer_id"]}
    chosen = next(p for p in _ask(planner, happened) if p["kind"] == "substitute")
    done = _do(planner, happened, chosen, "illness")
    assert done.status == 200, done.content
    assert chosen["substitute_id"] in _lanes(planner)

    assert _undo(planner, done).status == 200

    assert _places(planner) == before
    assert chosen["substitute_id"] not in _lanes(planner)


def test_a_late_carer_keeps_her_delay_in_every_later_proposal_until_she_begins_a_visit(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    carer = lane["carer_id"]
    happened = {"kind": "carer_late", "carer_id": carer, "minutes": 45}
    wait = next(p for p in _ask(planner, happened) if p["kind"] == "wait")

    done = _do(planner, happened, wait)

    assert done.status == 200, done.content
    first = _lanes(planner)[carer]["visits"][0]
    moved_min = (_at(first["start_at"]) - _at(lane["visits"][0]["start_at"])).total_seconds() / 60
    assert moved_min >= 44
    # Asked about something else, the day still knows that she is late.
    on_time = {"kind": "carer_late", "carer_id": carer, "minutes": 1}
    later = next(p for p in _ask(planner, on_time) if p["kind"] == "wait")
    assert later["moves"] == []
    assert _undo(planner, done).status == 200


def test_a_longer_visit_is_longer_in_the_plan_and_short_again_when_undone(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    visit = lane["visits"][1]["id"]
    happened = {"kind": "visit_longer", "visit_id": visit, "minutes": 30}
    with office.runtime.database.reading() as session:
        planned_s = session.get_one(VisitRow, visit).duration_s

    done = _do(planner, happened, _ask(planner, happened)[0], "longer")

    assert done.status == 200, done.content
    with office.runtime.database.reading() as session:
        row = session.get_one(VisitRow, visit)
        assert row.duration_s == planned_s + 1800
        assert row.end_at is not None
        assert row.start_at is not None
        assert (row.end_at - row.start_at).total_seconds() == pytest.approx(planned_s + 1800)
    assert _undo(planner, done).status == 200
    with office.runtime.database.reading() as session:
        assert session.get_one(VisitRow, visit).duration_s == planned_s


def test_a_door_that_will_not_open_is_tried_again_later_or_the_visit_is_taken_off(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    visit = lane["visits"][0]
    happened = {"kind": "door_shut", "visit_id": visit["id"], "minutes": 60}
    found = _ask(planner, happened)
    assert {"take_off"} < {p["kind"] for p in found}
    for proposal in found:
        for move in proposal["moves"]:
            if move["visit_id"] == visit["id"]:
                assert _at(move["start_at"]) >= office.clock.now() + timedelta(minutes=59)

    off = _do(planner, happened, next(p for p in found if p["kind"] == "take_off"), "door")

    assert off.status == 200, off.content
    assert visit["id"] in {v["id"] for v in off.json["unallocated"]}
    assert _undo(planner, off).status == 200
    assert visit["id"] in {v["id"] for v in _lanes(planner)[lane["carer_id"]]["visits"]}


def test_an_urgent_visit_goes_to_who_can_be_there_first_with_a_right_to_the_door(office: Platform) -> None:
    planner = office.signed_in("planner")
    citizen = next(c for c in office.day.citizens if c.door is not None and c.door.device_id is not None)
    happened = {"kind": "urgent", "citizen_id": citizen.id, "minutes": 20, "within_min": 30}
    found = _ask(planner, happened)
    starts = [next(m["start_at"] for m in p["moves"] if p["id"].startswith("insert")) for p in found]
    assert starts == sorted(starts)

    done = _do(planner, happened, found[0], "urgent")

    assert done.status == 200, done.content
    (visit_id,) = {v for vs in found[0]["routes"].values() for v in vs} - {str(v.id) for v in office.day.visits}
    with office.runtime.database.reading() as session:
        row = session.get_one(VisitRow, visit_id)
        assert (row.priority, row.state) == (1, "planned")
        rights = keys.active_rights(session, TODAY, [str(row.carer_id)])
        assert visit_id in {r.visit_id for r in rights}
    assert _undo(planner, done).status == 200
    with office.runtime.database.reading() as session:
        assert session.get_one(VisitRow, visit_id).state == "cancelled"
    assert visit_id not in _places(planner)


def test_two_visits_are_swapped_between_their_carers(office: Platform) -> None:
    planner = office.signed_in("planner")
    for lane in _lanes(planner).values():
        visit = next((v for v in lane["visits"] if v["state"] == "planned" and not v["double"]), None)
        if visit is None:
            continue
        happened = {"kind": "swap", "visit_id": visit["id"]}
        found = _ask(planner, happened)
        if found:
            break
    done = _do(planner, happened, found[0], "swap")

    assert done.status == 200, done.content
    places = _places(planner)
    assert len(found[0]["moves"]) >= 2
    assert all(places[m["visit_id"]][0] == m["to_carer_id"] for m in found[0]["moves"])
    assert _undo(planner, done).status == 200


def test_the_neighbouring_unit_lends_a_hand_and_gets_it_back(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    visit = lane["visits"][0]["id"]
    neighbour = next(u.id for u in office.day.units if u.id != lane["unit_id"] and _has_carers(office, u.id))
    happened = {"kind": "lend", "visit_id": visit, "unit_id": neighbour}
    found = _ask(planner, happened)
    assert found, "Expected somebody of the neighbouring unit who can."

    done = _do(planner, happened, found[0], "lend")

    assert done.status == 200, done.content
    taker = _lanes(planner)[_places(planner)[visit][0]]
    assert taker["unit_id"] == neighbour
    assert _undo(planner, done).status == 200
    assert _places(planner)[visit][0] == lane["carer_id"]


def test_a_visit_goes_to_the_screen_only_where_every_criterion_holds(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    visit = next(v["id"] for v in lane["visits"] if v["mode"] == "physical")
    happened = {"kind": "to_screen", "visit_id": visit}
    criteria = planner.get(f"/api/v1/visits/{visit}/screen-criteria").json["criteria"]
    if not all(criteria.values()):
        refused = planner.post("/api/v1/reassignments/preview", {"happened": happened})
        assert (refused.status, refused.code) == (409, "screen_not_possible")
    _say_yes_to_screens(office, visit)
    assert planner.get(f"/api/v1/visits/{visit}/screen-criteria").json["criteria"]["consent"]

    done = _do(planner, happened, _ask(planner, happened)[0], "to_screen")

    assert done.status == 200, done.content
    with office.runtime.database.reading() as session:
        row = session.get_one(VisitRow, visit)
        assert (row.mode, row.door_id) == ("screen", None)
        assert visit not in {r.visit_id for r in keys.active_rights(session, TODAY, [str(row.carer_id)])}
    back = {"kind": "to_physical", "visit_id": visit}
    assert _do(planner, back, _ask(planner, back)[0], "to_physical").status == 200
    with office.runtime.database.reading() as session:
        assert session.get_one(VisitRow, visit).mode == "physical"


def test_a_choice_on_old_versions_is_refused_and_nothing_is_saved(office: Platform) -> None:
    first, second = office.signed_in("planner"), office.signed_in("planner-2")
    lane = _lane(first)
    happened = {"kind": "carer_late", "carer_id": lane["carer_id"], "minutes": 60}
    stale = next(p for p in _ask(first, happened) if p["kind"] == "hand_over")
    other = next(p for p in _ask(second, happened) if p["kind"] == "wait")
    assert _do(second, happened, other).status == 200
    before = _places(first)

    refused = _do(first, happened, stale)

    assert (refused.status, refused.code) == (412, "route_stale")
    assert _places(first) == before


def test_a_choice_that_breaks_a_rule_is_refused_with_the_rule(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    happened = {"kind": "carer_late", "carer_id": lane["carer_id"], "minutes": 5}
    wait = next(p for p in _ask(planner, happened) if p["kind"] == "wait")
    stranger = next(c for c in _lanes(planner).values() if c["unit_id"] != lane["unit_id"])
    routes = {lane["carer_id"]: [v["id"] for v in lane["visits"]][1:], stranger["carer_id"]: [lane["visits"][0]["id"]]}

    refused = _do(planner, happened, wait | {"routes": routes})

    assert refused.status == 422
    assert refused.code in ("choice_incomplete", "move_breaks_rule", "versions_missing")


def test_what_was_done_is_listed_and_an_overtaken_act_cannot_be_undone(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    happened = {"kind": "carer_late", "carer_id": lane["carer_id"], "minutes": 30}
    done = _do(planner, happened, next(p for p in _ask(planner, happened) if p["kind"] == "wait"))
    again = {"kind": "carer_late", "carer_id": lane["carer_id"], "minutes": 20}
    assert _do(planner, again, next(p for p in _ask(planner, again) if p["kind"] == "wait")).status == 200

    acts = {a["reassignment_id"]: a for a in planner.get("/api/v1/reassignments").json["acts"]}
    refused = _undo(planner, done)

    assert acts[done.json["reassignment_id"]]["can_undo"] is False
    assert (refused.status, refused.code) == (412, "act_overtaken")
    with office.runtime.database.reading() as session:
        told = session.exec(select(EventRow).where(EventRow.event_type == "day.reassigned")).all()
    assert {str(e.data["reassignment_id"]) for e in told} >= {done.json["reassignment_id"]}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _has_carers(office: Platform, unit_id: str) -> bool:
    return any(c.unit_id == unit_id for c in office.day.carers)


def _say_yes_to_screens(office: Platform, visit_id: str) -> None:
    with office.runtime.units.begin() as work:
        row = work.session.get_one(VisitRow, visit_id)
        citizen = work.session.get_one(CitizenRow, row.citizen_id)
        citizen.preferences = {**citizen.preferences, "screen_ok": True}
        work.session.add(citizen)
        work.session.add(ConsentRow(citizen_id=citizen.id, kind="screen", given_on=TODAY))

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
        told = session.exec(select(EventRow).where(EventRow.event_type == "carer.absent")).all()
        assert [e.carer_id for e in told] == [ill]
    assert planner.get("/api/v1/board").json["attention"]["ill"] == 1
    twice = planner.post("/api/v1/reassignments/preview", {"happened": happened})
    assert (twice.status, twice.code) == (404, "no_shift_today")
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
    called_in = _lanes(planner)[chosen["substitute_id"]]
    assert {v["id"] for v in called_in["visits"]} == {
        m["visit_id"] for m in chosen["moves"] if m["to_carer_id"] == chosen["substitute_id"]
    }
    assert _at(called_in["shift"]["planned_start_at"]) >= office.clock.now()

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
    away = {"kind": "carer_away", "carer_id": lane["carer_id"]}
    stale = next(p for p in _ask(first, happened) if p["kind"] == "hand_over")
    ill = next(p for p in _ask(first, away) if p["kind"] == "split")
    other = next(p for p in _ask(second, happened) if p["kind"] == "wait")
    assert _do(second, happened, other).status == 200
    before, ill_before = _places(first), first.get("/api/v1/board").json["attention"]["ill"]

    refused = [_do(first, happened, stale), _do(first, away, ill, "illness")]

    assert [(r.status, r.code) for r in refused] == [(412, "route_stale")] * 2
    assert _places(first) == before
    assert _lanes(first)[lane["carer_id"]]["shift"]["state"] == "planned"
    assert first.get("/api/v1/board").json["attention"]["ill"] == ill_before


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


def _citizen_with(office: Platform, planner: Person, state: str = "planned") -> tuple[str, list[str]]:
    """A citizen at home with planned visits on routes, and those visits."""
    places = _places(planner)
    away = {a["citizen_id"] for a in planner.get("/api/v1/citizen-absences").json["absences"]}
    with office.runtime.database.reading() as session:
        rows = session.exec(select(VisitRow).where(VisitRow.day == TODAY, VisitRow.state != "cancelled")).all()
        hers: dict[str, list[VisitRow]] = {}
        for row in rows:
            hers.setdefault(row.citizen_id, []).append(row)
        for citizen_id, visits in sorted(hers.items()):
            if citizen_id not in away and all(v.id in places and v.state == state for v in visits):
                return citizen_id, sorted(v.id for v in visits)
    raise AssertionError("Expected a citizen whose visits have not begun, got none.")


def _visit_of_tomorrow(office: Platform, like: str) -> str:
    """The same visit once more tomorrow, on nobody's route yet."""
    with office.runtime.units.begin() as work:
        row = work.session.get_one(VisitRow, like)
        opens, closes = (at + timedelta(days=1) for at in (row.window_open_at, row.window_close_at))
        again = VisitRow(
            id=f"again-{like}"[:64],
            citizen_id=row.citizen_id,
            unit_id=row.unit_id,
            day=TODAY + timedelta(days=1),
            service=row.service,
            window_open_at=opens,
            window_close_at=closes,
            duration_s=row.duration_s,
            mode=row.mode,
            required_skills=[],
            required_competences=[],
            priority=row.priority,
        )
        work.session.add(again)
        return again.id


def _states(office: Platform, visit_ids: list[str]) -> set[tuple[str, str | None]]:
    with office.runtime.database.reading() as session:
        return {(session.get_one(VisitRow, v).state, session.get_one(VisitRow, v).outcome) for v in visit_ids}


def test_who_is_admitted_loses_her_visits_by_a_choice_with_a_price_and_gets_them_back_by_one_undo(
    office: Platform,
) -> None:
    planner = office.signed_in("planner")
    citizen_id, visits = _citizen_with(office, planner)
    tomorrow = _visit_of_tomorrow(office, visits[0])
    before = _places(planner)
    happened = {"kind": "citizen_away", "citizen_id": citizen_id, "citizen_absence": "hospital"}

    chosen = next(p for p in _ask(planner, happened) if p["kind"] == "fall_away")
    assert _places(planner) == before
    names = {lane["carer_id"]: lane["name"] for lane in _lanes(planner).values()}
    assert {(g["visit_id"], g["name"]) for g in chosen["gone"]} == {(v, names[before[v][0]]) for v in visits}
    assert chosen["cost_min"] < 0
    assert "1 besøg de næste dage falder også væk" in chosen["cons"]

    done = _do(planner, happened, chosen, "citizen_hospital")

    assert done.status == 200, done.content
    assert "er ikke hjemme, og besøgene er taget af" in done.json["text"]
    assert not set(visits) & set(_places(planner))
    assert _states(office, [*visits, tomorrow]) == {("cancelled", "hospital")}
    loser = before[visits[0]][0]
    with office.runtime.database.reading() as session:
        assert not set(visits) & {r.visit_id for r in keys.active_rights(session, TODAY, [loser])}
    told = office.signed_in(loser).get("/api/v1/me/day").json["route"]["changes"][-1]
    assert told["reason"] == "Borgeren er indlagt"
    assert citizen_id in {a["citizen_id"] for a in planner.get("/api/v1/citizen-absences").json["absences"]}
    twice = planner.post("/api/v1/reassignments/preview", {"happened": happened})
    assert (twice.status, twice.code) == (409, "citizen_already_away")

    back = _undo(planner, done)

    assert back.status == 200, back.content
    assert _places(planner) == before
    assert _states(office, [*visits, tomorrow]) == {("planned", None)}
    assert citizen_id not in {a["citizen_id"] for a in planner.get("/api/v1/citizen-absences").json["absences"]}
    assert (_undo(planner, done).status, _undo(planner, done).code) == (409, "act_undone")


def test_who_comes_home_gets_her_visits_from_those_who_had_them_or_they_wait_as_tasks(office: Platform) -> None:
    planner = office.signed_in("planner")
    citizen_id, visits = _citizen_with(office, planner)
    before = _places(planner)
    gone = {"kind": "citizen_away", "citizen_id": citizen_id, "citizen_absence": "away"}
    chosen = next(p for p in _ask(planner, gone) if p["kind"] == "fall_away")
    assert _do(planner, gone, chosen, "citizen_away").status == 200
    without = _places(planner)
    home = {"kind": "citizen_home", "citizen_id": citizen_id}

    found = _ask(planner, home)
    assert found[-1]["kind"] == "leave_waiting"
    assert {u["visit_id"] for u in found[-1]["left_over"]} == set(visits)
    as_before = next(p for p in found if {m["to_carer_id"] for m in p["moves"]} == {before[v][0] for v in visits})
    done = _do(planner, home, as_before, "citizen_home")

    assert done.status == 200, done.content
    assert {v: _places(planner)[v][0] for v in visits} == {v: before[v][0] for v in visits}
    assert _undo(planner, done).status == 200
    assert _places(planner) == without
    assert _states(office, visits) == {("cancelled", "away")}
    assert citizen_id in {a["citizen_id"] for a in planner.get("/api/v1/citizen-absences").json["absences"]}

    waits = _do(planner, home, _ask(planner, home)[-1], "citizen_home")

    assert waits.status == 200, waits.content
    assert set(visits) <= {v["id"] for v in waits.json["unallocated"]}
    assert set(visits) <= {task["visit_id"] for task in planner.get("/api/v1/tasks").json["tasks"]}
    again = planner.post("/api/v1/reassignments/preview", {"happened": home})
    assert (again.status, again.code) == (409, "citizen_not_away")


def test_an_undo_leaves_a_visit_with_the_carer_who_has_got_it_since(office: Platform) -> None:
    planner = office.signed_in("planner")
    lane = _lane(planner)
    visit = next(v["id"] for v in lane["visits"] if not v["double"])
    seen = f'"{lane["route_id"]}:{lane["version"]}"'
    off = planner.post(f"/api/v1/visits/{visit}/move", {"to_carer_id": None, "reason": "wish"}, If_Match=seen)
    assert off.status == 200, off.content
    mates = [c for c in _lanes(planner).values() if c["unit_id"] == lane["unit_id"] and c["visits"]]
    other = next(c for c in mates if c["carer_id"] != lane["carer_id"])
    happened = {"kind": "carer_late", "carer_id": other["carer_id"], "minutes": 20}
    wait = next(p for p in _ask(planner, happened) if p["kind"] == "wait")
    done = _do(planner, happened, wait)
    assert done.status == 200, done.content
    apart = {lane["carer_id"], other["carer_id"], *wait["routes"]}
    proposals = planner.get(f"/api/v1/visits/{visit}/proposals").json["proposals"]
    to = next(p["carer_id"] for p in proposals if p["carer_id"] not in apart)
    taker = _lanes(planner)[to]
    seen = f'"{taker["route_id"]}:{taker["version"]}"'
    given = planner.post(f"/api/v1/visits/{visit}/move", {"to_carer_id": to, "reason": "wish"}, If_Match=seen)
    assert given.status == 200, given.content

    assert _undo(planner, done).status == 200

    assert _places(planner)[visit][0] == to


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

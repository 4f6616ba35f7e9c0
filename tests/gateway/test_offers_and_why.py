"""A visit on offer to several, why a visit is where it is, and what the rest of the day looks like: over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import select

from kernel.tables import EventRow
from scheduling.tables import TaskRow
from tests.gateway.platform import Platform
from tests.gateway.web import Answer, Person


def _lanes(planner: Person) -> dict[str, dict[str, Any]]:
    return {lane["carer_id"]: lane for lane in planner.get("/api/v1/board").json["lanes"]}


def _offered(planner: Person, wanted: int = 2) -> tuple[str, list[str]]:
    """A visit on a route, and carers who could take it."""
    for lane in _lanes(planner).values():
        for visit in reversed(lane["visits"]):
            if visit["state"] != "planned" or visit["double"]:
                continue
            found = planner.get(f"/api/v1/visits/{visit['id']}/proposals").json["proposals"]
            if len(found) >= wanted:
                return visit["id"], [p["carer_id"] for p in found[:wanted]]
    raise AssertionError("Expected a visit that could be offered, got none.")


def _carer_of(planner: Person, visit_id: str) -> str | None:
    for carer_id, lane in _lanes(planner).items():
        if visit_id in {v["id"] for v in lane["visits"]}:
            return carer_id
    return None


def test_of_several_who_accept_at_once_one_gets_the_visit_and_the_others_are_told(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, carers = _offered(planner, 3)
    made = planner.post(f"/api/v1/visits/{visit}/offers", {"carer_ids": carers, "reason": "illness"})
    assert made.status == 201, made.content
    offer = made.json["offer_id"]
    people = {c: office.signed_in(c) for c in carers}
    for person in people.values():
        (seen,) = [o for o in person.get("/api/v1/me/offers").json["offers"] if o["offer_id"] == offer]
        assert seen["reason"] == "Sygdom"
        assert not any(char.isdigit() for char in seen["street"])
    together = Barrier(len(people))

    def accept(carer: str) -> Answer:
        together.wait(10)
        return people[carer].post(f"/api/v1/me/offers/{offer}/acceptance")

    with ThreadPoolExecutor(len(people)) as pool:
        answers = dict(zip(people, pool.map(accept, people), strict=True))

    won = [c for c, a in answers.items() if a.status == 200]
    assert len(won) == 1, {c: a.content for c, a in answers.items()}
    assert {a.code for a in answers.values() if a.status != 200} == {"offer_over"}
    assert _carer_of(planner, visit) == won[0]
    with office.runtime.database.reading() as session:
        events = session.exec(select(EventRow).where(EventRow.event_type == "offer.settled")).all()
    told = {str(e.carer_id): e.data["outcome"] for e in events if e.data["offer_id"] == offer}
    assert told == {c: "won" if c == won[0] else "lost" for c in carers}
    assert all(person.get("/api/v1/me/offers").json["offers"] == [] for person in people.values())
    assert planner.get(f"/api/v1/visits/{visit}/offers").json["offer"] is None


def test_an_offer_that_was_withdrawn_can_be_made_again_but_not_accepted(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, carers = _offered(planner)
    body = {"carer_ids": carers, "reason": "illness"}
    offer = planner.post(f"/api/v1/visits/{visit}/offers", body).json["offer_id"]
    twice = planner.post(f"/api/v1/visits/{visit}/offers", body)
    assert (twice.status, twice.code) == (409, "offer_open")

    assert planner.post(f"/api/v1/visits/{visit}/offers/{offer}/withdrawal").status == 204

    late = office.signed_in(carers[0]).post(f"/api/v1/me/offers/{offer}/acceptance")
    assert (late.status, late.code) == (409, "offer_over")
    again = planner.post(f"/api/v1/visits/{visit}/offers", body)
    assert again.status == 201
    planner.post(f"/api/v1/visits/{visit}/offers/{again.json['offer_id']}/withdrawal")


def test_a_visit_nobody_asked_may_take_is_offered_to_nobody(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, _ = _offered(planner)
    refused = planner.post(f"/api/v1/visits/{visit}/offers", {"carer_ids": ["nobody"], "reason": "illness"})
    assert (refused.status, refused.code) == (422, "offer_to_nobody")


def test_a_planner_reads_why_this_carer_and_why_not_another(office: Platform) -> None:
    planner = office.signed_in("planner")
    visit, carers = _offered(planner)

    found = planner.get(f"/api/v1/visits/{visit}/why?carer_id={carers[0]}").json

    assert any("må og kan tage besøget" in s for s in found["sentences"])
    instead = found["instead"]
    assert instead["carer_id"] == carers[0]
    assert instead["breaches"] == []
    assert instead["cost_min"] == pytest.approx(sum(p["cost_min"] for p in instead["parts"]), abs=0.4)
    nursing = next(v for v in office.day.visits if _unable(office, v.id) and _carer_of(planner, v.id) is not None)
    unable = _unable(office, nursing.id)
    other = planner.get(f"/api/v1/visits/{nursing.id}/why?carer_id={unable}").json["instead"]
    assert "Kompetencen mangler" in {b["title"] for b in other["breaches"]}
    assert other["parts"] == []


def _unable(office: Platform, visit_id: str) -> str | None:
    """A carer of the visit's unit who lacks a skill it needs."""
    visit = next(v for v in office.day.visits if v.id == visit_id)
    lacks = (c.id for c in office.day.carers if c.unit_id == visit.unit_id and not visit.required_skills <= c.skills)
    return next(lacks, None)


def test_a_carer_reads_why_she_got_a_visit_and_nothing_about_others(office: Platform) -> None:
    planner = office.signed_in("planner")
    carer, lane = next((c, la) for c, la in _lanes(planner).items() if len(la["visits"]) > 2)
    visit = lane["visits"][1]["id"]
    person = office.signed_in(carer)

    said = person.get(f"/api/v1/me/visits/{visit}/why").json["sentences"]

    assert said
    assert any("vej fra dit besøg før" in s or "i forvejen" in s or "skærmbesøg" in s for s in said)
    other = next(c for c in _lanes(planner) if c != carer)
    refused = office.signed_in(other).get(f"/api/v1/me/visits/{visit}/why")
    assert (refused.status, refused.code) == (403, "not_your_visit")


def test_the_rest_of_the_day_names_fragile_visits_and_the_share_of_days_a_route_stays_on_time(office: Platform) -> None:
    planner = office.signed_in("planner")

    found = planner.get("/api/v1/foresight").json

    assert {r["carer_id"] for r in found["routes"]} <= set(_lanes(planner))
    assert all(0 <= r["on_time_percent"] <= 100 for r in found["routes"])
    assert found == planner.get("/api/v1/foresight").json
    assert all(v["late_min"] > 5 or v["late_percent"] >= 20 for v in found["visits"])


def test_a_visit_that_will_miss_its_window_is_a_task_before_it_does_and_settled_once_it_will_not(
    office: Platform,
) -> None:
    planner = office.signed_in("planner")
    lane = next(la for la in _lanes(planner).values() if la["shift"]["state"] == "planned" and len(la["visits"]) >= 5)
    happened = {"kind": "carer_late", "carer_id": lane["carer_id"], "minutes": 150}
    found = planner.post("/api/v1/reassignments/preview", {"happened": happened}).json["proposals"]
    wait = next(p for p in found if p["kind"] == "wait")
    seen = ", ".join(f'"{v["route_id"]}:{v["version"]}"' for v in wait["versions"])
    body = {"happened": happened, "routes": wait["routes"], "reason": "delay"}
    done = planner.post("/api/v1/reassignments", body, If_Match=seen)
    assert done.status == 200, done.content

    office.runtime.outlooks.look()

    mine = {v["id"] for v in lane["visits"]}
    tasks = [t for t in planner.get("/api/v1/tasks").json["tasks"] if t["kind"] == "will_be_late"]
    assert mine & {t["visit_id"] for t in tasks}
    assert "når ikke tidsrummet" in tasks[0]["text"]
    assert planner.post(f"/api/v1/reassignments/{done.json['reassignment_id']}/undo").status == 200
    office.runtime.outlooks.look()
    with office.runtime.database.reading() as session:
        rows = session.exec(select(TaskRow).where(TaskRow.kind == "will_be_late")).all()
    assert all(row.state == "settled" for row in rows if row.visit_id in mine)

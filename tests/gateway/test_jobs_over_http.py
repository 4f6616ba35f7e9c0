"""Planning a day as a job: asked for over HTTP, run by Celery in memory, watched, stopped, applied or not."""

from typing import Any

import pytest

from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person


def _job(planner: Person, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = planner.get(f"/api/v1/jobs/{job_id}").json["job"]
    return found


def _ask(planner: Person, office: Platform, unit: int, **more: Any) -> str:
    body = {"kind": "plan-day", "day": str(office.day.on), "unit_id": office.day.units[unit].id, "moves": 200} | more
    answer = planner.post("/api/v1/jobs", body)
    assert answer.status == 202, answer.content
    assert answer.json["job"]["state"] == "waiting"
    return str(answer.json["job"]["id"])


def _ended(planner: Person, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = eventually(lambda: (j := _job(planner, job_id))["ended_at"] and j, 30)
    assert found, _job(planner, job_id)
    return found


def _lanes(planner: Person, unit_id: str) -> dict[str, Any]:
    lanes = planner.get("/api/v1/board").json["lanes"]
    return {lane["carer_id"]: lane for lane in lanes if lane["unit_id"] == unit_id}


def test_a_worker_really_plans_the_day_and_the_routes_get_a_new_version(office: Platform) -> None:
    planner = office.signed_in("planner")
    before = _lanes(planner, office.day.units[0].id)

    job = _ended(planner, _ask(planner, office, 0))

    assert (job["state"], job["progress_ratio"], job["error_code"]) == ("done", 1.0, None)
    assert job["result"]["visit_count"] > 0
    assert job["result"]["district_count"] == 2, "it has more visits than a district may have"
    assert {j["kind"] for j in planner.get("/api/v1/jobs").json["jobs"]} == {"plan-day"}, "districts are not listed"
    after = _lanes(planner, office.day.units[0].id)
    assert {c: x["version"] for c, x in after.items()} == {c: x["version"] + 1 for c, x in before.items()}


def test_a_long_job_tells_its_progress_and_stops_when_asked_without_changing_a_route(office: Platform) -> None:
    planner = office.signed_in("planner")
    before = _lanes(planner, office.day.units[1].id)
    job_id = _ask(planner, office, 1, moves=5_000_000)

    progressed = eventually(lambda: (j := _job(planner, job_id))["progress_ratio"] > 0 and j, 30)
    assert progressed["state"] == "running"
    asked = planner.post(f"/api/v1/jobs/{job_id}/cancel").json["job"]
    assert asked["cancel_requested"] is True
    job = _ended(planner, job_id)

    assert (job["state"], job["result"]) == ("cancelled", None)
    assert _lanes(planner, office.day.units[1].id) == before
    late = planner.post(f"/api/v1/jobs/{job_id}/cancel")
    assert (late.status, late.code) == (409, "job_not_cancellable")


def test_all_units_are_planned_as_one_act_and_only_who_sees_all_of_them_sees_the_job(office: Platform) -> None:
    planner = office.signed_in("planner")
    units = [unit.id for unit in office.day.units]
    before = {unit_id: _lanes(planner, unit_id) for unit_id in units}
    with office.runtime.units.begin() as work:
        work.session.add(
            IdentityRow(
                id="planner-of-one",
                role="planner",
                name="Én enhed",
                unit_ids=units[:1],
                pin_hash=hash_pin("1234"),
                demo=True,
            )
        )
    other = office.signed_in("planner-of-one")

    asked = planner.post("/api/v1/jobs", {"kind": "plan-all", "day": str(office.day.on), "moves": 600})
    job = _ended(planner, str(asked.json["job"]["id"]))

    assert (asked.status, job["state"], job["unit_id"]) == (202, "done", None)
    assert job["result"]["district_count"] == 4
    for unit_id in units:
        after = _lanes(planner, unit_id)
        assert {c: x["version"] for c, x in after.items()} == {c: x["version"] + 1 for c, x in before[unit_id].items()}
    assert other.get(f"/api/v1/jobs/{job['id']}").code == "other_unit"
    assert other.post(f"/api/v1/jobs/{job['id']}/cancel").code == "other_unit"
    assert job["id"] not in {j["id"] for j in other.get("/api/v1/jobs").json["jobs"]}


def test_a_job_that_cannot_be_done_says_why(office: Platform) -> None:
    planner = office.signed_in("planner")

    job = _ended(planner, _ask(planner, office, 0, day="2026-12-24"))

    assert (job["state"], job["error_code"]) == ("failed", "not_found")


def test_what_has_begun_keeps_its_carer_when_the_day_is_planned_anew(office: Platform) -> None:
    planner = office.signed_in("planner")
    unit = office.day.units[2].id
    carers = [c for c in office.first_stops if next(x.unit_id for x in office.day.carers if x.id == c) == unit]
    begun: dict[str, str] = {}
    for carer_id in carers[:3]:
        tablet = office.tablet(carer_id)
        visit_id = tablet.start_shift("citizen")["route"]["stops"][0]["visit_id"]
        tablet.begin_visit(visit_id)
        begun[visit_id] = carer_id

    job = _ended(planner, _ask(planner, office, 2, seed=5, moves=3_000))

    assert job["state"] == "done", job
    for visit_id, carer_id in begun.items():
        panel = planner.get(f"/api/v1/visits/{visit_id}").json
        assert (panel["state"], panel["carer_id"]) == ("begun", carer_id)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "make-coffee"},
        {"day": "tomorrow"},
        {"moves": -1},
        {"moves": 5_000_001},
        {"seed": -1},
        {"unit_id": "x" * 65},
        {"unit_id": None},
    ],
)
def test_a_job_that_makes_no_sense_is_refused_before_it_is_stored(office: Platform, change: dict[str, Any]) -> None:
    planner = office.signed_in("planner")
    body = {"kind": "plan-day", "day": str(office.day.on), "unit_id": office.day.units[0].id} | change
    count = len(planner.get("/api/v1/jobs").json["jobs"])

    answer = planner.post("/api/v1/jobs", body)

    assert (answer.status, answer.code) == (422, "invalid_input")
    assert len(planner.get("/api/v1/jobs").json["jobs"]) == count


def test_a_job_nobody_knows_is_not_found(office: Platform) -> None:
    planner = office.signed_in("planner")
    assert planner.get("/api/v1/jobs/nothing").status == 404
    assert planner.post("/api/v1/jobs/nothing/cancel").status == 404

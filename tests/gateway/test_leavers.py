"""Who has left gets in nowhere; who is not at home is not visited; who comes home is planned again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from devices.keys.model import Bolt
from devices.keys.tables import LockRow, RightRow
from gateway.demo.tablets import Tablet, TabletError
from gateway.tables import IdentityRow
from kernel.log import read_after
from scheduling.register.tables import EmploymentRow
from scheduling.tables import TaskRow, VisitRow
from tests.gateway.near_link import fleet_of, held_grant, open_beside
from tests.gateway.platform import Platform, eventually


def _ready(platform: Platform) -> tuple[Tablet, dict[str, Any]]:
    tablet = platform.tablet(platform.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    return tablet, stop


def _citizen_of(platform: Platform, visit_id: str) -> str:
    return str(next(v.citizen_id for v in platform.day.visits if v.id == visit_id))


def _events(platform: Platform, event_type: str) -> list[dict[str, Any]]:
    assert eventually(platform.runtime.pipeline.idle)
    with platform.runtime.database.reading() as session:
        return [e.data for e in read_after(session, 0, 100_000, {event_type})]


def _planned(platform: Platform, carer_id: str) -> list[VisitRow]:
    with platform.runtime.database.reading() as session:
        return list(session.exec(select(VisitRow).where(VisitRow.carer_id == carer_id)).all())


def _refusal(call: Any, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(TabletError) as caught:
        call(*arguments)
    return caught.value.status, str(caught.value.code)


def test_who_has_left_opens_no_door_signs_in_no_more_and_her_visits_wait_for_others(platform: Platform) -> None:
    leaver, stop = _ready(platform)
    lock_id = stop["door"]["lock_id"]
    cti, token = held_grant(leaver, stop["visit_id"])
    before = [v.id for v in _planned(platform, leaver.carer_id)]

    done = platform.signed_in("planner").post(f"/api/v1/carers/{leaver.carer_id}/leaving", {"reason": "opsagt"})

    assert done.status == 200, done.content
    assert (done.json["sessions_ended"], done.json["visits_without_carer"]) == (1, len(before))
    assert _refusal(leaver.call, "GET", "/api/v1/me/day") == (401, "employment_ended")
    assert _refusal(leaver.sign_in) == (403, "employment_ended"), "the right PIN opens nothing any more"
    fleet = fleet_of(platform, lock_id)
    assert eventually(lambda: cti in fleet.locks[lock_id].access.ctis)
    assert open_beside(fleet, lock_id, leaver.key, token, cti) is Bolt.LOCKED
    assert _planned(platform, leaver.carer_id) == []
    with platform.runtime.database.reading() as session:
        tasks = session.exec(select(TaskRow).where(TaskRow.kind == "carer_left")).all()
        rights = session.exec(
            select(RightRow).where(RightRow.carer_id == leaver.carer_id, RightRow.state == "active")
        ).all()
        jobs = session.exec(select(EmploymentRow).where(EmploymentRow.carer_id == leaver.carer_id)).all()
    assert {t.visit_id for t in tasks if t.carer_id == leaver.carer_id} == set(before)
    assert rights == []
    assert all(job.to_on is not None for job in jobs)
    again = platform.signed_in("planner").post(f"/api/v1/carers/{leaver.carer_id}/leaving", {"reason": "opsagt"})
    assert (again.status, again.code) == (409, "already_left")


def test_a_last_day_to_come_leaves_the_day_as_it_is_and_ends_with_it(platform: Platform) -> None:
    leaver, _ = _ready(platform)
    before = len(_planned(platform, leaver.carer_id))
    planner = platform.signed_in("planner")
    path, today = f"/api/v1/carers/{leaver.carer_id}/leaving", platform.day.on

    over = planner.post(path, {"reason": "pension", "last_on": (today - timedelta(days=1)).isoformat()})
    done = planner.post(path, {"reason": "pension", "last_on": today.isoformat()})

    assert (over.status, over.code) == (422, "last_day_over")
    assert (done.status, done.json["sessions_ended"], done.json["visits_without_carer"]) == (200, 0, 0)
    assert len(_planned(platform, leaver.carer_id)) == before
    assert leaver.day()["shift"]["state"] == "begun"
    with platform.runtime.database.reading() as session:
        identity = session.get_one(IdentityRow, leaver.carer_id)
    assert identity.valid_until_on == today


def test_an_admission_cancels_the_visits_and_coming_home_makes_tasks_of_them(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    citizen, lock_id = _citizen_of(platform, stop["visit_id"]), stop["door"]["lock_id"]
    cti, token = held_grant(tablet, stop["visit_id"])
    planner = platform.signed_in("planner")

    gone = planner.post(f"/api/v1/citizens/{citizen}/absence", {"kind": "hospital"})

    assert gone.status == 201, gone.content
    cancelled = gone.json["visits_cancelled"]
    assert cancelled >= 1
    assert stop["visit_id"] not in {s["visit_id"] for s in tablet.day()["route"]["stops"]}
    fleet = fleet_of(platform, lock_id)
    assert eventually(lambda: cti in fleet.locks[lock_id].access.ctis)
    assert open_beside(fleet, lock_id, tablet.key, token, cti) is Bolt.LOCKED
    with platform.runtime.database.reading() as session:
        visit = session.get_one(VisitRow, stop["visit_id"])
    assert (visit.state, visit.outcome, visit.carer_id) == ("cancelled", "hospital", None)
    assert citizen in {a["citizen_id"] for a in planner.get("/api/v1/citizen-absences").json["absences"]}
    twice = planner.post(f"/api/v1/citizens/{citizen}/absence", {"kind": "away"})
    assert (twice.status, twice.code) == (409, "citizen_already_away")

    home = planner.post(f"/api/v1/citizens/{citizen}/return", {})

    assert (home.status, home.json["visits_restored"]) == (200, cancelled)
    with platform.runtime.database.reading() as session:
        visit = session.get_one(VisitRow, stop["visit_id"])
        tasks = session.exec(select(TaskRow).where(TaskRow.kind == "citizen_home", TaskRow.citizen_id == citizen)).all()
    assert (visit.state, visit.outcome, visit.unallocated_reason) == ("planned", None, "citizen_home")
    assert len(tasks) == cancelled
    board = planner.get("/api/v1/board").json
    assert stop["visit_id"] in {u["id"] for u in board["unallocated"]}
    not_away = planner.post(f"/api/v1/citizens/{citizen}/return", {})
    assert (not_away.status, not_away.code) == (409, "citizen_not_away")
    assert [e["kind"] for e in _events(platform, "citizen.away") if e["citizen_id"] == citizen] == ["hospital"]
    assert len([e for e in _events(platform, "visit.cancelled") if e["citizen_id"] == citizen]) == cancelled


def test_a_visit_given_back_while_the_citizen_is_away_brings_no_right_to_the_door(platform: Platform) -> None:
    _, stop = _ready(platform)
    citizen = _citizen_of(platform, stop["visit_id"])
    planner = platform.signed_in("planner")
    until = platform.clock.now() + timedelta(days=2)
    starts_at = platform.clock.now() + timedelta(hours=24)

    gone = planner.post(
        f"/api/v1/citizens/{citizen}/absence",
        {"kind": "away", "from_at": starts_at.isoformat(), "until_at": until.isoformat()},
    )
    wrong = planner.post(
        f"/api/v1/citizens/{citizen}/absence",
        {"kind": "away", "from_at": until.isoformat(), "until_at": starts_at.isoformat()},
    )

    assert (gone.status, gone.json["visits_cancelled"]) == (201, 0), "today's visits are made"
    assert (wrong.status, wrong.code) == (422, "absence_ends_first")
    with platform.runtime.database.reading() as session:
        rights = session.exec(
            select(RightRow).where(RightRow.visit_id == stop["visit_id"], RightRow.state == "active")
        ).all()
    assert len(rights) == 1


def test_a_lost_tablets_silent_lock_gets_a_higher_epoch_within_seconds(platform: Platform) -> None:
    lost, stop = _ready(platform)
    lock_id = stop["door"]["lock_id"]
    held_grant(lost, stop["visit_id"])
    fleet = fleet_of(platform, lock_id)
    fleet.lose(lock_id)

    platform.signed_in("planner").post(f"/api/v1/carers/{lost.carer_id}/tablet-lost", {"reason": "stjålet"})

    def epoch() -> int:
        with platform.runtime.database.reading() as session:
            return session.get_one(LockRow, lock_id).epoch

    assert epoch() == 0, "first it is given its five seconds"
    assert eventually(lambda: epoch() == 1)
    fleet.restore(lock_id)
    assert eventually(lambda: fleet.locks[lock_id].access.epoch == 1), "it hears of it when it is back"


def test_a_withdrawn_consent_marks_the_visit_and_a_given_one_opens_the_door_again(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    citizen = _citizen_of(platform, stop["visit_id"])
    with platform.runtime.units.begin() as work:
        work.session.add(
            IdentityRow(
                id="citizen-here",
                role="citizen",
                name="Borger",
                citizen_id=citizen,
                unit_ids=[],
                pin_hash=work.session.get_one(IdentityRow, tablet.carer_id).pin_hash,
                demo=True,
            )
        )
    home = platform.stranger("citizen")
    assert home.sign_in("citizen-here").status == 200

    home.post("/api/v1/citizen/consents/electronic_key/withdrawal", {})

    mine = next(s for s in tablet.day()["route"]["stops"] if s["visit_id"] == stop["visit_id"])
    assert mine["door"] is None
    assert mine["key_note"] is not None
    with platform.runtime.database.reading() as session:
        (task,) = session.exec(
            select(TaskRow).where(TaskRow.kind == "key_needed", col(TaskRow.visit_id) == stop["visit_id"])
        ).all()
    assert task.state == "open"

    assert home.post("/api/v1/citizen/consents/electronic_key", {}).json["rights_issued"] >= 1

    opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
    assert platform.settled(tablet, opening["id"])["state"] == "unlocked"

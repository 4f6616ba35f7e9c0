"""Nødkald: into any home of one's unit within two taps, with a reason, loud, reviewed; and into no other."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from devices.keys.model import Bolt, Operation
from devices.keys.tables import EmergencyRow, GrantRow
from gateway.demo.tablets import Tablet, TabletError
from gateway.usecases.emergency import escalate
from gateway.wire import b64u, from_b64u
from kernel.log import read_after
from scheduling.register.tables import CitizenRow, ConsentRow
from scheduling.tables import TaskRow
from tests.gateway.near_link import fleet_of
from tests.gateway.platform import Platform, eventually


def _on_duty(platform: Platform) -> Tablet:
    tablet = platform.tablet(platform.fresh_carer())
    tablet.start_shift("citizen")
    return tablet


def _unit_of(platform: Platform, tablet: Tablet) -> str:
    return next(str(c.unit_id) for c in platform.day.carers if c.id == tablet.carer_id)


def _stranger_to(platform: Platform, tablet: Tablet, *, same_unit: bool = True) -> tuple[CitizenRow, str]:
    """A citizen the carer has no visit at, and the lock on the door."""
    unit = _unit_of(platform, tablet)
    mine = {s["citizen_name"] for s in tablet.day()["route"]["stops"]}
    with platform.runtime.database.reading() as session:
        taken = set(session.exec(select(EmergencyRow.citizen_id)).all())
        # another test may have had them take their consent back
        taken |= set(session.exec(select(ConsentRow.citizen_id).where(col(ConsentRow.withdrawn_on).is_not(None))).all())
        rows = session.exec(select(CitizenRow).order_by(col(CitizenRow.id))).all()
    found = next(
        r
        for r in rows
        if (r.unit_id == unit) is same_unit and r.name not in mine and r.lock_device_id and r.id not in taken
    )
    assert found.lock_device_id is not None
    return found, found.lock_device_id


def _bolt(platform: Platform, lock_id: str) -> Bolt:
    return fleet_of(platform, lock_id).locks[lock_id].bolt


def _events(platform: Platform, event_type: str) -> list[dict[str, Any]]:
    assert eventually(platform.runtime.pipeline.idle)
    with platform.runtime.database.reading() as session:
        return [e.data for e in read_after(session, 0, 100_000, {event_type})]


def test_an_emergency_that_was_looked_at_before_its_door_opened_is_looked_at_again(platform: Platform) -> None:
    tablet = _on_duty(platform)
    citizen, _ = _stranger_to(platform, tablet)
    said = {"citizen_id": citizen.id, "reason": "no_answer"}
    asked = tablet.call("POST", "/api/v1/me/emergencies", said)
    emergency_id, opening, grant = asked["emergency"]["emergency_id"], asked["opening"], asked["grant"]
    planner = platform.signed_in("planner")
    judged = planner.post(f"/api/v1/emergencies/{emergency_id}/review", {"outcome": "ok"})
    assert judged.status == 200, judged.content

    token = from_b64u(grant["token"])
    signature = tablet.key.prove(
        opening["lock_id"], Operation.OPEN, from_b64u(grant["cti"]), from_b64u(opening["nonce"])
    )
    proof = {"token": b64u(token), "public_key": b64u(tablet.key.public_key), "signature": b64u(signature)}
    tablet.call("POST", f"/api/v1/openings/{opening['id']}/proof", proof)

    assert platform.settled(tablet, opening["id"])["state"] == "unlocked"

    def waits() -> bool:
        return emergency_id in {e["emergency_id"] for e in planner.get("/api/v1/emergencies").json["waiting"]}

    assert eventually(waits)


def test_a_carer_without_a_visit_there_opens_the_door_with_a_reason_and_everybody_hears_of_it(
    platform: Platform,
) -> None:
    tablet = _on_duty(platform)
    citizen, lock_id = _stranger_to(platform, tablet)
    found = tablet.call("POST", "/api/v1/me/emergencies/search", {"text": citizen.name.split()[0].lower()})
    assert citizen.id in {c["citizen_id"] for c in found["citizens"]}

    answer = tablet.emergency(citizen.id, "fall")
    settled = platform.settled(tablet, answer["opening"]["id"])

    assert (settled["state"], settled["emergency"]) == ("unlocked", True)
    assert "bliver set igennem" in settled["text"]
    assert _bolt(platform, lock_id) is Bolt.UNLOCKED
    emergency_id = answer["emergency"]["emergency_id"]
    (requested,) = [e for e in _events(platform, "emergency.requested") if e["emergency_id"] == emergency_id]
    assert (requested["reason"], requested["citizen_id"], requested["carer_id"]) == (
        "fall",
        citizen.id,
        tablet.carer_id,
    )
    alarms = [e for e in _events(platform, "alarm.raised") if e["door_id"] == citizen.door_id]
    assert [(a["kind"], a["severity"]) for a in alarms] == [("emergency_opening", "critical")]
    opened = [e for e in _events(platform, "door.opened") if e["emergency_id"] == emergency_id]
    assert [(e["door_id"], e["visit_id"], e["carer_id"]) for e in opened] == [(citizen.door_id, None, tablet.carer_id)]
    waiting = platform.signed_in("planner").get("/api/v1/emergencies").json["waiting"]
    (mine,) = [e for e in waiting if e["emergency_id"] == emergency_id]
    assert (mine["citizen_short"], mine["reason_text"], mine["opened_at"] is not None) == (citizen.short, "fald", True)


def test_the_grant_holds_for_fifteen_minutes_and_no_longer(platform: Platform) -> None:
    tablet = _on_duty(platform)
    citizen, _ = _stranger_to(platform, tablet)

    answer = tablet.emergency(citizen.id, "no_answer")

    with platform.runtime.database.reading() as session:
        grant = session.exec(select(GrantRow).where(GrantRow.right_id == answer["emergency"]["emergency_id"])).one()
        row = session.get_one(EmergencyRow, answer["emergency"]["emergency_id"])
    assert grant.basis == "emergency"
    assert timedelta(minutes=14, seconds=58) <= grant.expires_at - row.requested_at <= timedelta(minutes=15)


def test_a_second_tap_is_the_same_emergency_and_costs_no_quota(platform: Platform) -> None:
    tablet = _on_duty(platform)
    citizen, _ = _stranger_to(platform, tablet)
    body = {"citizen_id": citizen.id, "reason": "other"}

    first, second = (tablet.call("POST", "/api/v1/me/emergencies", body) for _ in range(2))

    assert first["emergency"] == second["emergency"]
    assert first["grant"]["cti"] == second["grant"]["cti"]
    assert first["opening"]["id"] != second["opening"]["id"]


def test_an_emergency_opens_no_door_of_another_unit_and_none_without_consent_or_duty(platform: Platform) -> None:
    tablet = _on_duty(platform)
    foreign, foreign_lock = _stranger_to(platform, tablet, same_unit=False)
    citizen, lock_id = _stranger_to(platform, tablet)
    with platform.runtime.units.begin() as work:
        for consent in work.session.exec(
            select(ConsentRow).where(ConsentRow.citizen_id == citizen.id, ConsentRow.kind == "electronic_key")
        ):
            consent.withdrawn_on = platform.day.on
    off_duty = platform.tablet(platform.fresh_carer())

    for who, home, expected in (
        (tablet, foreign.id, (403, "other_units_citizen")),
        (tablet, "nobody", (403, "other_units_citizen")),
        (tablet, citizen.id, (403, "no_consent_there")),
        (off_duty, foreign.id, (409, "shift_not_begun")),
    ):
        with pytest.raises(TabletError) as caught:
            who.emergency(home, "fall")
        assert (caught.value.status, caught.value.code) == expected
    assert _bolt(platform, foreign_lock) is _bolt(platform, lock_id) is Bolt.LOCKED
    assert foreign.id not in {
        c["citizen_id"]
        for c in tablet.call("POST", "/api/v1/me/emergencies/search", {"text": foreign.name})["citizens"]
    }
    assert tablet.call("POST", "/api/v1/me/emergencies/search", {"text": "a"})["citizens"] == []


def test_no_carer_gets_into_more_homes_within_an_hour_than_the_signers_quota(platform: Platform) -> None:
    tablet = _on_duty(platform)
    for _ in range(6):
        citizen, _ = _stranger_to(platform, tablet)
        tablet.call("POST", "/api/v1/me/emergencies", {"citizen_id": citizen.id, "reason": "other"})
    citizen, lock_id = _stranger_to(platform, tablet)

    with pytest.raises(TabletError) as caught:
        tablet.emergency(citizen.id, "other")

    assert (caught.value.status, caught.value.code) == (403, "no_emergency_grant")
    assert _bolt(platform, lock_id) is Bolt.LOCKED


def test_an_emergency_is_reviewed_once_by_a_planner_of_the_unit_and_what_was_wrong_needs_words(
    platform: Platform,
) -> None:
    tablet = _on_duty(platform)
    citizen, _ = _stranger_to(platform, tablet)
    told = tablet.emergency(citizen.id, "acute_illness")
    emergency_id = told["emergency"]["emergency_id"]
    # one that is reviewed before its door has opened is looked at again
    platform.settled(tablet, told["opening"]["id"])
    planner = platform.signed_in("planner")
    path = f"/api/v1/emergencies/{emergency_id}/review"

    without = planner.post(path, {"outcome": "not_ok"})
    done = planner.post(path, {"outcome": "not_ok", "note": "Der var ingen hjemme. Talt med medarbejderen."})
    again = planner.post(path, {"outcome": "ok"})

    assert (without.status, without.code) == (422, "review_note_missing")
    assert (done.status, done.json["emergency"]["outcome"]) == (200, "not_ok")
    assert (again.status, again.code) == (409, "already_reviewed")
    lists = planner.get("/api/v1/emergencies").json
    assert emergency_id not in {e["emergency_id"] for e in lists["waiting"]}
    assert emergency_id in {e["emergency_id"] for e in lists["reviewed"]}
    (review,) = [e for e in _events(platform, "emergency.reviewed") if e["emergency_id"] == emergency_id]
    assert (review["outcome"], review["by_role"]) == ("not_ok", "planner")


def test_what_nobody_reviews_within_a_day_becomes_a_task_once(platform: Platform) -> None:
    tablet = _on_duty(platform)
    citizen, _ = _stranger_to(platform, tablet)
    emergency_id = tablet.emergency(citizen.id, "fall")["emergency"]["emergency_id"]
    with platform.runtime.units.begin() as work:
        row = work.session.get_one(EmergencyRow, emergency_id)
        row.requested_at -= timedelta(hours=25)

    def tasks() -> list[TaskRow]:
        with platform.runtime.database.reading() as session:
            return list(
                session.exec(
                    select(TaskRow).where(TaskRow.kind == "emergency_unreviewed", TaskRow.citizen_id == citizen.id)
                ).all()
            )

    assert eventually(tasks), "the watch looks by itself"
    assert escalate(platform.runtime.units) == 0
    (task,) = tasks()
    shown = platform.signed_in("planner").get("/api/v1/tasks").json["tasks"]
    assert "gennemset" in next(t["text"] for t in shown if t["task_id"] == task.task_id)


def test_a_door_for_two_opens_when_both_have_tapped_within_a_minute(platform: Platform) -> None:
    first, second = _on_duty(platform), None
    unit = _unit_of(platform, first)
    while second is None or _unit_of(platform, second) != unit:
        second = _on_duty(platform)
    citizen, lock_id = _stranger_to(platform, first)
    planner = platform.signed_in("planner")
    marked = planner.post(f"/api/v1/doors/{citizen.door_id}/holders", {"holders": 2})
    assert marked.status == 200, marked.content

    one = first.emergency(citizen.id, "fall")["opening"]
    waits = eventually(lambda: _second_within_s(first, one["id"]))
    assert 0 < waits <= 60
    assert first.opening(one["id"])["title"] == "Venter på kollega"
    assert _bolt(platform, lock_id) is Bolt.LOCKED
    two = second.emergency(citizen.id, "fall")["opening"]

    assert platform.settled(second, two["id"])["state"] == "unlocked"
    assert eventually(lambda: first.opening(one["id"])["state"] == "unlocked")
    assert _bolt(platform, lock_id) is Bolt.UNLOCKED


def _second_within_s(tablet: Tablet, opening_id: str) -> float:
    return float(tablet.opening(opening_id)["second_within_s"] or 0)

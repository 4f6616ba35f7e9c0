"""Alarms of a running platform: locks and lifts tell, people take and clear, batteries and inspections fall due."""

from datetime import timedelta
from typing import Any

import pytest

from devices.alarms.store import note_locked
from devices.inbox.model import Incoming
from devices.keys.cose import server_trust
from devices.registry.battery_log import days_of, note_levels
from devices.simulator.lock import SimulatedLock
from devices.transfers.tables import TransferDeviceRow
from gateway.rounds import Rounds
from gateway.settings import AlarmSettings
from kernel.localtime import local_day
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.conftest import STEADY
from tests.gateway.near_link import fleet_of
from tests.gateway.platform import SEED, Platform, eventually, lock_of
from tests.gateway.residence_town import UNIT, ResidenceTown, add_person, build_residence
from tests.gateway.transfer_steps import cycle, report
from tests.gateway.web import Person

FORM = {"Content_Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def technician(platform: Platform) -> Person:
    return platform.signed_in("technician")


@pytest.fixture(scope="module")
def house(platform: Platform) -> ResidenceTown:
    return build_residence(platform.runtime)


def _open(person: Person, device_id: str) -> dict[str, dict[str, Any]]:
    items = person.get("/api/v1/alarms").json["items"]
    return {a["kind"]: a for a in items if a["device_id"] == device_id}


def _a_lock(platform: Platform) -> tuple[str, str]:
    visit_id = platform.first_stops[platform.fresh_carer()]
    return lock_of(platform.day, visit_id), visit_id


def _say(platform: Platform, lock_id: str, *kinds: str) -> None:
    """The lock notices something itself and sends it over the broker."""
    fleet = fleet_of(platform, lock_id)
    for kind in kinds:
        fleet.act(lock_id, lambda lock, kind=kind: lock.observe(kind))


def _rounds(platform: Platform) -> Rounds:
    return Rounds(platform.runtime.units, AlarmSettings(not_locked_after_min=10))


def test_what_a_lock_notices_is_an_alarm_until_it_says_the_opposite(platform: Platform, technician: Person) -> None:
    lock_id, _ = _a_lock(platform)

    _say(platform, lock_id, "door_ajar", "tamper")
    found = eventually(lambda: len(_open(technician, lock_id)) == 2 and _open(technician, lock_id))
    assert found
    assert (found["tamper"]["severity"], found["door_ajar"]["severity"]) == ("critical", "warn")
    assert found["door_ajar"]["advice"]

    _say(platform, lock_id, "door_closed")
    assert eventually(lambda: set(_open(technician, lock_id)) == {"tamper"})
    over = next(
        a
        for a in technician.get("/api/v1/alarms?cleared=true").json["items"]
        if (a["device_id"], a["kind"]) == (lock_id, "door_ajar")
    )
    assert over["cleared_at"]
    assert over["cleared_by_role"] is None, "it ended by itself"


def test_an_alarm_is_taken_seen_and_cleared_with_a_note_on_the_page_of_either_role(
    platform: Platform, technician: Person
) -> None:
    lock_id, _ = _a_lock(platform)
    _say(platform, lock_id, "tamper")
    assert eventually(lambda: _open(technician, lock_id))
    alarm_id = _open(technician, lock_id)["tamper"]["alarm_id"]
    planner = platform.signed_in("planner")

    page = planner.get("/planlaegger/alarmer").content.decode()
    assert alarm_id in page
    taken = planner.call("POST", "/planlaegger/alarmer", f"alarm_id={alarm_id}&act=take".encode(), **FORM)
    assert taken.status == 303
    refused = technician.call("POST", "/tekniker/alarmer", f"alarm_id={alarm_id}&act=take".encode(), **FORM)
    assert (refused.status, "En kollega har taget alarmen" in refused.content.decode()) == (412, True)
    unsaid = technician.call("POST", "/tekniker/alarmer", f"alarm_id={alarm_id}&act=clear".encode(), **FORM)
    assert (unsaid.status, "Skriv kort, hvad der blev gjort" in unsaid.content.decode()) == (422, True)
    done = technician.call(
        "POST", "/tekniker/alarmer", f"alarm_id={alarm_id}&act=clear&note=L%C3%A5get+skruet+fast".encode(), **FORM
    )
    assert done.status == 303
    assert "tamper" not in _open(technician, lock_id)
    assert "Låget skruet fast" in technician.get("/tekniker/alarmer?afsluttede=true").content.decode()


def test_a_jammed_door_is_an_alarm_with_owner_and_acknowledgement_on_the_page_and_over_when_the_lock_turns_again(
    platform: Platform, technician: Person
) -> None:
    carer_id = platform.fresh_carer()
    tablet, visit_id = platform.tablet(carer_id), platform.first_stops[carer_id]
    lock_id = lock_of(platform.day, visit_id)
    door_id = tablet.start_shift("citizen")["route"]["stops"][0]["door"]["id"]
    lock = fleet_of(platform, lock_id).locks[lock_id]
    lock.obstruct(on=True)

    assert platform.settled(tablet, tablet.open_door(door_id, visit_id)["id"])["state"] == "jammed"

    found = eventually(lambda: _open(technician, lock_id).get("jam"))
    assert (found["severity"], found["device_id"]) == ("critical", lock_id)
    post = f"alarm_id={found['alarm_id']}&act="
    for act in ("acknowledge", "take"):
        assert technician.call("POST", "/tekniker/alarmer", f"{post}{act}".encode(), **FORM).status == 303
    page = technician.get("/tekniker/alarmer").content.decode()
    assert "Låsen er fastklemt" in page
    planner = platform.signed_in("planner")
    (seen,) = [a for a in planner.get("/api/v1/alarms").json["items"] if a["alarm_id"] == found["alarm_id"]]
    assert (seen["owner_role"], seen["acknowledged_by_role"]) == ("technician", "technician")
    assert seen["acknowledged_at"]

    lock.obstruct(on=False)
    assert platform.settled(tablet, tablet.open_door(door_id, visit_id)["id"])["state"] == "unlocked"
    assert eventually(lambda: "jam" not in _open(technician, lock_id)), "it turned: the alarm is over by itself"


def test_a_log_that_somebody_has_rewritten_is_an_alarm_and_none_of_it_counts(
    platform: Platform, technician: Person
) -> None:
    lock_id, _ = _a_lock(platform)
    _say(platform, lock_id, "door_ajar")
    assert eventually(lambda: "door_ajar" in _open(technician, lock_id))
    lock = fleet_of(platform, lock_id).locks[lock_id]
    # its key was copied: the twin signs another story from the beginning
    server = server_trust([platform.runtime.issuer_key()], [], [platform.runtime.root_key()])
    twin = SimulatedLock(lock_id, server, world=platform.clock, link=platform.runtime.link, behaviour=STEADY, seed=SEED)
    assert twin.public_key == lock.public_key
    twin.power_on()
    for _ in range(lock.log.next_seq):
        twin.observe("tamper")
    (batch,) = [each.payload for each in twin.connected() if each.name == "evt"]
    tenant = platform.runtime.settings.mqtt.tenant

    platform.runtime.inbox.accept([Incoming(tenant, "lock", lock_id, "evt", batch, platform.clock.now())])

    found = eventually(lambda: _open(technician, lock_id).get("chain_fork"))
    assert (found["severity"], found["facts"]["reason"]) == ("critical", "chain_fork")
    assert "Enhedens log passer ikke sammen" in technician.get("/tekniker/alarmer").content.decode()
    assert "tamper" not in _open(technician, lock_id), "what the other log says is not believed"


def test_every_page_a_planner_uses_is_reached_from_the_board(platform: Platform) -> None:
    planner = platform.signed_in("planner")
    board = planner.get("/planlaegger").content.decode()
    for path in ("alarmer", "noedaabninger", "arbejdsordrer", "kompetencer", "forflytninger", "beredskab"):
        assert f'href="/planlaegger/{path}"' in board
        assert planner.get(f"/planlaegger/{path}").status == 200
    technician = platform.signed_in("technician")
    start = technician.get("/tekniker").content.decode()
    for path in ("alarmer", "ordrer", "doere", "hjaelpemidler", "opret"):
        assert f'href="/tekniker/{path}"' in start
        assert technician.get(f"/tekniker/{path}").status == 200


def test_a_door_nobody_locked_after_the_visit_is_an_alarm_only_where_the_lock_tells(
    platform: Platform, technician: Person
) -> None:
    carer_id = platform.fresh_carer()
    tablet, visit_id = platform.tablet(carer_id), platform.first_stops[carer_id]
    lock_id = lock_of(platform.day, visit_id)
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    assert platform.settled(tablet, tablet.open_door(stop["door"]["id"], visit_id)["id"])["state"] == "unlocked"
    assert eventually(lambda: _begun(platform, visit_id))
    tablet.end_visit(visit_id, "done")
    rounds, later = _rounds(platform), platform.clock.now() + timedelta(minutes=11)

    rounds.go_round(later)
    assert "not_locked_after_visit" not in _open(technician, lock_id), "this lock has never said that it locked"
    _tells(platform, lock_id)
    rounds.go_round(platform.clock.now() + timedelta(minutes=9))
    assert "not_locked_after_visit" not in _open(technician, lock_id), "it is not time yet"
    rounds.go_round(later)
    found = _open(technician, lock_id)["not_locked_after_visit"]
    assert found["citizen_number"]
    technician.post(f"/api/v1/alarms/{found['alarm_id']}/clearance", {"note": "Borgeren går selv ud"})
    rounds.go_round(later)
    assert "not_locked_after_visit" not in _open(technician, lock_id), "who looked at it is believed"


def _begun(platform: Platform, visit_id: str) -> bool:
    with platform.runtime.database.reading() as session:
        return session.get_one(VisitRow, visit_id).begun_at is not None


def _tells(platform: Platform, lock_id: str) -> None:
    """The lock has said before that it was locked."""
    with platform.runtime.units.begin() as work:
        note_locked(work.session, lock_id, work.now - timedelta(days=1))


def test_a_battery_that_will_not_last_gets_one_work_order_and_a_new_one_ends_it(
    platform: Platform, technician: Person
) -> None:
    lock_id, _ = _a_lock(platform)
    today = local_day(platform.clock.now())
    levels = {(lock_id, today - timedelta(days=n)): 4_500 + 10 * n for n in range(30)}
    with platform.runtime.units.begin() as work:
        note_levels(work.session, levels)

    _rounds(platform).go_round(platform.clock.now())
    _rounds(platform).go_round(platform.clock.now())

    alarm = _open(technician, lock_id)["battery_low"]
    assert (alarm["severity"], alarm["facts"]["days_left"], alarm["times"]) == ("warn", 10, 1)
    orders = [o for o in technician.get("/api/v1/work-orders").json["items"] if o["device_id"] == lock_id]
    assert [(o["task"], o["automatic"]) for o in orders] == [("battery", True)]
    shown = technician.get(f"/api/v1/devices/{lock_id}").json["device"]
    assert shown["battery_forecast"] == "soon"
    assert "Skift batteri inden 30 dage" in technician.get(f"/tekniker/enhed/{lock_id}").content.decode()

    with platform.runtime.units.begin() as work:
        note_levels(work.session, {(lock_id, today): 6_000})
    _rounds(platform).go_round(platform.clock.now())
    assert "battery_low" not in _open(technician, lock_id)
    assert not [o for o in technician.get("/api/v1/work-orders").json["items"] if o["device_id"] == lock_id]


def test_what_locks_report_becomes_their_battery_series(platform: Platform) -> None:
    lock_id, _ = _a_lock(platform)
    _say(platform, lock_id, "door_ajar", "door_closed")

    def levels() -> list[int]:
        with platform.runtime.database.reading() as session:
            today = local_day(platform.clock.now())
            return [d.level_mv for d in days_of(session, [lock_id], today)[lock_id]]

    assert eventually(levels) == [fleet_of(platform, lock_id).locks[lock_id].battery_mv]


def test_a_lift_with_a_fault_or_a_late_inspection_is_not_for_one_carer_and_says_why(
    platform: Platform, house: ResidenceTown
) -> None:
    planner = platform.signed_in(house.planner)
    operations = _technician_of_house(platform)
    now = platform.clock.now()
    numbers = _numbers(platform)
    plan = {"unit_id": UNIT, "citizen_number": numbers["resident-1"], "situation": "bed_chair", "aid": "lift"}
    plan_id = planner.post("/api/v1/transfer-plans", {**plan, "times_per_day": 6}).json["plan_id"]
    path = f"/api/v1/transfer-plans/{plan_id}/carers"

    report(platform.runtime, house.lift, [cycle(1, now - timedelta(minutes=40), fault="overload", load_kg=212)])
    refused = planner.post(path, {"carers": 1})
    assert (refused.status, refused.code) == (409, "aid_not_approved")
    assert "melder en fejl" in refused.json["detail_da"]
    report(platform.runtime, house.lift, [cycle(2, now - timedelta(minutes=30), load_kg=81)])
    assert planner.post(path, {"carers": 1}).status == 200, "it has run without a fault since"

    _mounted_on(platform, house.lift, 366 + 30)
    assert planner.post(path, {"carers": 2}).status == 200
    late = planner.post(path, {"carers": 1})
    assert (late.code, "hovedeftersynet" in late.json["detail_da"]) == ("aid_not_approved", True)
    Rounds(platform.runtime.units, AlarmSettings()).go_round(now)
    assert _open(operations, house.lift)["inspection_due"]["severity"] == "critical"
    (aid,) = [a for a in operations.get("/api/v1/aids").json["items"] if a["device_id"] == house.lift]
    assert (aid["inspection"], aid["one_carer"], aid["cycles"], aid["faults"]) == ("overdue", False, 1, 1)
    assert aid["heaviest_kg"] == 212

    done = operations.post(
        f"/api/v1/aids/{house.lift}/inspections",
        {"on": local_day(now).isoformat(), "passed": True, "note": "Bærebånd skiftet"},
    )
    assert done.status == 201, done.content
    assert (done.json["aid"]["inspection"], done.json["aid"]["one_carer"]) == ("ok", True)
    assert "inspection_due" not in _open(operations, house.lift)
    assert planner.post(path, {"carers": 1}).status == 200


def test_an_inspection_that_cannot_be_right_is_said_beside_the_form_and_the_rated_load_is_entered_with_it(
    platform: Platform, house: ResidenceTown
) -> None:
    add_person(platform.runtime, "house-fitter", "technician", UNIT)
    operations = platform.signed_in("house-fitter")
    today = local_day(platform.clock.now())
    path = f"/tekniker/enhed/{house.lift}/eftersyn"

    def enter(on: str, rated: str) -> tuple[int, str]:
        form = f"on={on}&result=passed&note=Kontrolleret&rated_load_kg={rated}"
        answer = operations.call("POST", path, form.encode(), **FORM)
        return answer.status, answer.content.decode()

    status, page = enter((today + timedelta(days=1)).isoformat(), "")
    assert (status, f"til {today:%d.%m.%Y}." in page) == (422, True)
    assert 'value="Kontrolleret"' in page, "nothing has to be typed twice"
    assert "Skriv datoen" in enter("i går", "")[1]
    assert "Mærkelasten er et tal" in enter(today.isoformat(), "tung")[1]
    assert enter(today.isoformat(), "187,5")[0] == 303

    (aid,) = [a for a in operations.get("/api/v1/aids").json["items"] if a["device_id"] == house.lift]
    assert aid["rated_load_kg"] == 187.5
    before = aid["overloads"]
    report(platform.runtime, house.lift, [cycle(3, platform.clock.now() - timedelta(minutes=5), load_kg=190)])
    (aid,) = [a for a in operations.get("/api/v1/aids").json["items"] if a["device_id"] == house.lift]
    assert aid["overloads"] == before + 1


def test_a_rota_on_which_nobody_has_the_course_is_refused_and_the_planner_can_record_one(
    platform: Platform, house: ResidenceTown
) -> None:
    planner = platform.signed_in(house.planner)
    anna, bo, cecilie = house.carers
    plan = {"unit_id": UNIT, "citizen_number": _numbers(platform)["resident-1"], "situation": "turning"}
    made = planner.post("/api/v1/transfer-plans", {**plan, "aid": "turning", "times_per_day": 4})
    path = f"/api/v1/transfer-plans/{made.json['plan_id']}/carers"

    refused = planner.post(path, {"carers": 1})
    assert (refused.status, refused.code) == (409, "rota_without_competence")
    assert "dagvagten" in refused.json["detail_da"], "both courses in turning expired yesterday"
    today = local_day(platform.clock.now()).isoformat()
    course = {"code": "transfer_turning", "acquired_on": today}
    assert planner.post(f"/api/v1/carers/{bo}/competences", course).status == 201
    assert planner.post(path, {"carers": 1}).status == 200
    names = [c["name"] for c in planner.get("/api/v1/competences").json["items"]]
    assert names == sorted(names), "by name and by nothing else"
    unknown = planner.post(f"/api/v1/carers/{cecilie}/competences", {**course, "code": "brain_surgery"})
    assert (unknown.status, unknown.code) == (422, "competence_unknown")
    assert anna in {c["carer_id"] for c in planner.get("/api/v1/competences").json["items"]}

    (unit,) = [u for u in planner.get("/api/v1/transfer-plans").json["units"] if u["unit_id"] == UNIT]
    assert (unit["two_person_per_day"], unit["converted_per_day"]) == (10, 10)
    assert unit["told_share"] == 0.60, "the first year's share of the source"
    csv = planner.get("/api/v1/transfer-plans.csv").content.decode("utf-8-sig").splitlines()
    assert csv[0].startswith("unit;citizen_number;situation")
    assert len(csv) == 3
    page = planner.get("/planlaegger/forflytninger").content.decode()
    assert "10 af 10 forflytninger om dagen" in page


def _numbers(platform: Platform) -> dict[str, int]:
    with platform.runtime.database.reading() as session:
        return {c: session.get_one(CitizenRow, c).short for c in ("resident-1", "resident-2")}


def _mounted_on(platform: Platform, device_id: str, days_ago: int) -> None:
    with platform.runtime.units.begin() as work:
        row = work.session.get_one(TransferDeviceRow, device_id)
        row.mounted_on = local_day(work.now) - timedelta(days=days_ago)


def _technician_of_house(platform: Platform) -> Person:
    add_person(platform.runtime, "house-technician", "technician", UNIT)
    return platform.signed_in("house-technician")

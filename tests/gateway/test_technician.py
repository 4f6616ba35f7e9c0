"""A technician mounts devices, sees how they are, and takes them down; what hung on a lock goes with it."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from devices.driving.tables import VehicleRow
from devices.inbox.model import Incoming
from devices.keys.cose import SigningKey, server_trust
from devices.keys.model import Bolt
from devices.keys.tables import LockRow, RightRow
from devices.registry.order_messages import from_text, order_shown, sign_order, to_text
from devices.registry.tables import DeviceRow, WorkOrderRow
from devices.simulator.lock import SimulatedLock
from devices.transfers.tables import TransferDeviceRow
from gateway.demo.stage import connect_locks
from gateway.pins import hash_pin
from gateway.tables import CitizenAccessRow, IdentityRow
from kernel.log import read_after
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.conftest import STEADY
from tests.gateway.near_link import fleet_of, held_grant, open_beside
from tests.gateway.platform import Platform, eventually, lock_of
from tests.gateway.web import Answer, Person
from tests.gateway.work_order_steps import answer_to, order_code

FORM = {"Content_Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def technician(platform: Platform) -> Person:
    return platform.signed_in("technician")


@pytest.fixture(scope="module")
def planner(platform: Platform) -> Person:
    return platform.signed_in("planner")


def _enrol(technician: Person, planner: Person, **body: Any) -> Answer:
    """Enrol under an order for exactly this; a lock answers with a key of its own."""
    ordered = {name: body[name] for name in ("kind", "unit_id", "citizen_number", "door_id") if name in body}
    code = order_code(planner, task="mount", **ordered)
    own = {"device_answer": answer_to(code), "own_key_tried": True} if body["kind"] == "lock" else {}
    return technician.post("/api/v1/devices", {"work_order": code, **own, **body})


def _citizen_of(platform: Platform, visit_id: str) -> CitizenRow:
    with platform.runtime.database.reading() as session:
        row = session.get_one(CitizenRow, session.get_one(VisitRow, visit_id).citizen_id)
        session.expunge(row)
        return row


def test_the_list_tells_contact_power_firmware_and_faults_and_no_home(platform: Platform, technician: Person) -> None:
    first = eventually(lambda: _all_told(technician.get("/api/v1/devices?kind=lock")))
    assert first, "every lock says that it is here"
    second = technician.get(f"/api/v1/devices?kind=lock&cursor={first.json['next']}")

    items = first.json["items"]
    assert len(items) == 50
    assert {i["kind"] for i in items} == {"lock"}
    assert not {i["device_id"] for i in items} & {i["device_id"] for i in second.json["items"]}
    with platform.runtime.database.reading() as session:
        homes = session.exec(select(CitizenRow)).all()
    assert not any(h.address.encode() in first.content or h.name.encode() in first.content for h in homes)


def test_one_device_tells_where_it_is_and_the_citizen_sees_that_somebody_looked(
    platform: Platform, technician: Person
) -> None:
    visit_id = platform.first_stops[platform.fresh_carer()]
    citizen, lock_id = _citizen_of(platform, visit_id), lock_of(platform.day, visit_id)

    shown = technician.get(f"/api/v1/devices/{lock_id}").json

    assert shown["place"] == {"address": citizen.address, "citizen_number": citizen.short}
    with platform.runtime.database.reading() as session:
        (look,) = session.exec(select(CitizenAccessRow).where(CitizenAccessRow.citizen_id == citizen.id)).all()
    assert (look.role, look.what, look.purpose) == ("technician", "device", "maintenance")


def test_a_message_set_aside_is_shown_with_its_device_and_why(platform: Platform, technician: Person) -> None:
    lock_id = lock_of(platform.day, platform.first_stops[platform.fresh_carer()])
    at = platform.clock.now() - timedelta(seconds=1)
    platform.runtime.inbox.accept([Incoming("demo", "lock", lock_id, "evt", b"\x00not cbor", at)])

    shown = technician.get(f"/api/v1/devices/{lock_id}").json

    assert shown["device"]["messages_set_aside"] == 1
    assert "messages" in shown["device"]["faults"]
    assert shown["messages"][0]["reason_text"]
    assert lock_id in technician.get("/tekniker").content.decode()


def test_retiring_a_lock_withdraws_the_rights_to_its_door_and_its_grants_open_it_no_more(
    platform: Platform, technician: Person
) -> None:
    tablet = platform.tablet(platform.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    lock_id, door_id = stop["door"]["lock_id"], stop["door"]["id"]
    fleet = fleet_of(platform, lock_id)
    cti, token = held_grant(tablet, stop["visit_id"])

    done = technician.post(f"/api/v1/devices/{lock_id}/retirement", {"reason": "stolen"})

    assert done.status == 200, done.content
    assert done.json["device"]["state"] == "retired"
    assert done.json["rights_withdrawn"] >= 1
    assert _active_rights(platform, door_id) == []
    assert tablet.day()["route"]["stops"][0]["door"] is None
    assert eventually(lambda: fleet.locks[lock_id].access.epoch > 0)
    assert open_beside(fleet, lock_id, tablet.key, token, cti) is Bolt.LOCKED, "it may lie in somebody's bag"
    again = technician.post(f"/api/v1/devices/{lock_id}/retirement", {"reason": "other"})
    assert (again.status, again.code) == (409, "device_retired")
    assert eventually(platform.runtime.pipeline.idle)
    events = _events(platform, "device.retired")
    assert [e["reason"] for e in events if e["device_id"] == lock_id] == ["stolen"]
    at = platform.clock.now() - timedelta(seconds=1)
    accepted = platform.runtime.inbox.accept([Incoming("demo", "lock", lock_id, "death", b"\xa0", at)])
    assert accepted is not None
    assert technician.get(f"/api/v1/devices/{lock_id}").json["device"]["messages_set_aside"] >= 1


def test_a_new_lock_on_the_same_door_gets_todays_rights_at_once(
    platform: Platform, technician: Person, planner: Person
) -> None:
    visit_id = platform.first_stops[platform.fresh_carer()]
    citizen, old = _citizen_of(platform, visit_id), lock_of(platform.day, visit_id)
    before = {r.visit_id for r in _active_rights(platform, citizen.door_id or "")}
    assert technician.post(f"/api/v1/devices/{old}/retirement", {"reason": "replaced"}).status == 200

    made = _enrol(technician, planner, kind="lock", unit_id=citizen.unit_id, citizen_number=citizen.short)

    assert made.status == 201, made.content
    new = made.json["device"]["device_id"]
    assert made.json["device"]["faults"] == ["never_seen"]
    assert {r.visit_id for r in _active_rights(platform, citizen.door_id or "")} == before
    with platform.runtime.database.reading() as session:
        assert session.get_one(CitizenRow, citizen.id).lock_device_id == new
        assert (session.get_one(DeviceRow, new).work_order or "").startswith("AO-")
        assert session.get_one(DeviceRow, new).own_key_tried_at is not None
    assert eventually(platform.runtime.pipeline.idle)
    assert {e["door_id"] for e in _events(platform, "device.enrolled") if e["device_id"] == new} == {citizen.door_id}


def test_a_kiosk_is_enrolled_with_a_pin_and_signed_out_when_it_is_taken_down(
    platform: Platform, technician: Person, planner: Person
) -> None:
    citizen = _citizen_of(platform, platform.first_stops[platform.fresh_carer()])
    made = _enrol(technician, planner, kind="kiosk", unit_id=citizen.unit_id, citizen_number=citizen.short, pin="4711")
    kiosk_id = made.json["device"]["device_id"]
    screen = platform.stranger("kiosk")
    assert screen.sign_in(kiosk_id, "0000").status == 401
    assert screen.sign_in(kiosk_id, "4711").json["role"] == "kiosk"
    assert technician.get(f"/api/v1/devices/{kiosk_id}").json["place"]["citizen_number"] == citizen.short

    assert technician.post(f"/api/v1/devices/{kiosk_id}/retirement", {"reason": "taken_down"}).status == 200

    refused = screen.get("/api/v1/citizen/visits")
    assert (refused.status, refused.code) == (401, "device_retired")
    assert platform.stranger("kiosk").sign_in(kiosk_id, "4711").status == 401


def test_a_car_and_a_lift_are_known_to_their_own_parts_of_the_system(
    platform: Platform, technician: Person, planner: Person
) -> None:
    citizen = _citizen_of(platform, platform.first_stops[platform.fresh_carer()])
    car = _enrol(technician, planner, kind="vehicle", unit_id=citizen.unit_id, reg_no="ab12345")
    lift = _enrol(
        technician,
        planner,
        kind="lift",
        unit_id=citizen.unit_id,
        citizen_number=citizen.short,
        model="Loft 200",
        rated_load_kg=200,
    )
    twice = _enrol(technician, planner, kind="vehicle", unit_id=citizen.unit_id, reg_no="AB12345")

    assert (car.status, lift.status) == (201, 201)
    assert (twice.status, twice.code) == (409, "vehicle_exists")
    with platform.runtime.database.reading() as session:
        vehicle = session.get_one(VehicleRow, car.json["device"]["device_id"])
        mounted = session.get_one(TransferDeviceRow, lift.json["device"]["device_id"])
        assert (session.get_one(DeviceRow, mounted.device_id).work_order or "").startswith("AO-")
    assert vehicle.reg_no == "AB12345"
    assert (mounted.citizen_id, mounted.in_residence, mounted.model) == (citizen.id, False, "Loft 200")
    assert mounted.rated_load_kg == 200


WRONG: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"citizen_number": None}, (422, "citizen_number_missing")),
    ({"citizen_number": 999_999}, (422, "citizen_number_unknown")),
    ({"device_answer": None}, (422, "proof_missing")),
    ({"device_answer": "AAAA"}, (422, "proof_wrong")),
    ({"device_answer": "{held}"}, (409, "public_key_taken")),
    ({"device_answer": "{default}"}, (403, "default_key")),
    ({"device_answer": "{other order}"}, (422, "proof_other_order")),
    ({"own_key_tried": False}, (422, "own_key_untried")),
    ({"work_order": "AO-2026-117"}, (422, "order_unreadable")),
    ({"work_order": ""}, (422, "invalid_input")),
    ({"work_order": "{forged}"}, (403, "order_forged")),
    ({"work_order": "{foreign}"}, (403, "order_foreign")),
    ({"kind": "lift"}, (422, "order_other_device")),
    ({"kind": "kiosk", "pin": "12"}, (422, "invalid_input")),
    ({"kind": "toaster"}, (422, "invalid_input")),
    ({"unit_id": "elsewhere"}, (403, "other_unit")),
]


@pytest.mark.parametrize(("change", "expected"), WRONG, ids=str)
def test_what_does_not_fit_is_said_nothing_is_enrolled_and_the_order_still_holds(
    platform: Platform, technician: Person, planner: Person, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    with platform.runtime.database.reading() as session:
        citizen = session.exec(select(CitizenRow).where(CitizenRow.lock_device_id != None)).first()  # noqa: E711
        known = len(session.exec(select(DeviceRow.device_id)).all())
    assert citizen is not None
    place = {"kind": "lock", "unit_id": citizen.unit_id, "citizen_number": citizen.short}
    code, other = (order_code(planner, task="mount", **place) for _ in range(2))
    right = {**place, "work_order": code, "device_answer": answer_to(code), "own_key_tried": True}
    facts = {
        "{held}": next(iter(platform.fleets[0].locks.values())).prove_key(from_text(code)),
        "{default}": from_text(answer_to(code, SigningKey(bytes(range(32))))),
        "{other order}": from_text(answer_to(other)),
        "{forged}": _signed_by(code, SigningKey(secrets.token_bytes(32))),
        "{foreign}": _signed_by(code, platform.runtime.service_key, tenant="nabokommunen"),
    }
    asked = {k: to_text(facts[v]) if isinstance(v, str) and v in facts else v for k, v in change.items()}

    answer = technician.post("/api/v1/devices", {**right, **asked})

    assert (answer.status, answer.code) == expected, answer.content
    assert answer.json["detail_da"]
    with platform.runtime.database.reading() as session:
        assert len(session.exec(select(DeviceRow.device_id)).all()) == known
        open_codes = [r.signed for r in session.exec(select(WorkOrderRow).where(WorkOrderRow.state == "open"))]
    assert from_text(code) in open_codes


def _signed_by(code: str, key: SigningKey, **change: str) -> bytes:
    return sign_order(replace(order_shown(from_text(code)), **change), key)  # type: ignore[arg-type]


def test_an_order_counts_once_in_its_window_and_for_its_place(
    platform: Platform, technician: Person, planner: Person
) -> None:
    citizen = _citizen_of(platform, platform.first_stops[platform.fresh_carer()])
    place = {"kind": "kiosk", "unit_id": citizen.unit_id, "citizen_number": citizen.short}
    code, now = order_code(planner, task="mount", **place), platform.clock.now()
    body = {**place, "work_order": code, "pin": "4711"}
    later = order_code(planner, task="mount", **place, from_at=(now + timedelta(days=1)).isoformat())
    soon = (now + timedelta(seconds=1)).isoformat()
    short = order_code(planner, task="mount", **place, from_at=(now - timedelta(days=1)).isoformat(), until_at=soon)
    withdrawn = planner.post("/api/v1/work-orders", {"task": "mount", **place}).json["order"]
    assert planner.post(f"/api/v1/work-orders/{withdrawn['order_id']}/cancellation").status == 200
    neighbour = _citizen_of(platform, platform.first_stops[platform.fresh_carer()])
    with platform.runtime.units.begin() as work:
        other = work.session.get_one(CitizenRow, neighbour.id)
        other.unit_id = citizen.unit_id
    platform.clock.advance_to(platform.clock.now() + timedelta(seconds=2))

    elsewhere = technician.post("/api/v1/devices", {**body, "citizen_number": neighbour.short})
    first, again = (technician.post("/api/v1/devices", body) for _ in range(2))
    early = technician.post("/api/v1/devices", {**body, "work_order": later})
    late = technician.post("/api/v1/devices", {**body, "work_order": short})
    void = technician.post("/api/v1/devices", {**body, "work_order": withdrawn["code"]})

    assert (elsewhere.status, elsewhere.code) == (422, "order_other_place")
    assert (first.status, again.status, again.code) == (201, 409, "order_used")
    assert [a.code for a in (early, late, void)] == ["order_early", "order_expired", "order_cancelled"]
    assert "gælder kun én gang" in again.json["detail_da"]
    (done,) = [
        o
        for o in technician.get("/api/v1/work-orders?state=done").json["items"]
        if o["device_id"] == first.json["device"]["device_id"]
    ]
    assert done["code"] is None, "a technician sees what there is to do, not the codes"


def test_a_lock_is_changed_for_another_in_one_act_and_the_carer_gets_in_by_the_new_one(
    platform: Platform, technician: Person, planner: Person
) -> None:
    tablet = platform.tablet(platform.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    old_id, door_id, visit_id = stop["door"]["lock_id"], stop["door"]["id"], stop["visit_id"]
    rights = {r.right_id for r in _active_rights(platform, door_id)}
    fleet = fleet_of(platform, old_id)
    cti, token = held_grant(tablet, visit_id)
    trust = server_trust([platform.runtime.issuer_key()], [platform.runtime.service_key.verifying_key])
    code = order_code(planner, task="replace", device_id=old_id)
    fresh = SimulatedLock("fresh", trust, world=platform.clock, link=platform.runtime.link, seed=99, behaviour=STEADY)
    body = {"work_order": code, "device_answer": to_text(fresh.prove_key(from_text(code)))}

    untried = technician.post(f"/api/v1/devices/{old_id}/replacement", body)
    assert (untried.status, untried.code) == (422, "own_key_untried")
    assert tablet.day()["route"]["stops"][0]["door"]["lock_id"] == old_id, "a refusal changes nothing"
    done = technician.post(f"/api/v1/devices/{old_id}/replacement", {**body, "own_key_tried": True})

    assert done.status == 201, done.content
    new_id = done.json["device"]["device_id"]
    assert (done.json["retired"]["state"], done.json["retired"]["device_id"]) == ("retired", old_id)
    assert {r.right_id for r in _active_rights(platform, door_id)} == rights, "never without its rights"
    assert tablet.day()["route"]["stops"][0]["door"]["lock_id"] == new_id
    assert eventually(lambda: fleet.locks[old_id].access.epoch > 0)
    assert open_beside(fleet, old_id, tablet.key, token, cti) is Bolt.LOCKED, "the old one opens for nobody any more"
    mounted = SimulatedLock(new_id, trust, world=platform.clock, link=platform.runtime.link, seed=99, behaviour=STEADY)
    with platform.runtime.units.begin() as work:
        # The simulated lock's key follows from its id, which it only got by being enrolled.
        work.session.get_one(LockRow, new_id).public_key = mounted.public_key
    platform.fleets.append(connect_locks(platform.runtime, [mounted], delay_ratio=0.0, outages_from=None))
    settled = platform.settled(tablet, tablet.open_door(door_id, visit_id)["id"])
    assert settled["state"] == "unlocked", settled
    replay = technician.post(f"/api/v1/devices/{new_id}/replacement", {**body, "own_key_tried": True})
    assert (replay.status, replay.code) == (409, "order_used")


def test_the_pages_mount_and_take_down_without_a_script(
    platform: Platform, technician: Person, planner: Person
) -> None:
    citizen = _citizen_of(platform, platform.first_stops[platform.fresh_carer()])
    empty = technician.call("POST", "/tekniker/opret", f"kind=kiosk&unit_id={citizen.unit_id}&pin=12".encode(), **FORM)
    page = empty.content.decode()
    assert empty.status == 422
    assert "Scan koden på arbejdsordren" in page
    assert "Koden skal være 4 til 8 cifre." in page
    assert 'value="12"' not in page, "a code is never sent back"

    code = order_code(planner, task="mount", kind="kiosk", unit_id=citizen.unit_id, citizen_number=citizen.short)
    form = f"kind=kiosk&unit_id={citizen.unit_id}&work_order={code}&citizen_number={citizen.short}&pin=4711"
    made = technician.call("POST", "/tekniker/opret", form.encode(), **FORM)
    assert made.status == 303
    one = technician.get(made.headers["location"]).content.decode()
    assert "Enheden er oprettet" in one
    assert "AO-" in one
    device_page = made.headers["location"].split("?")[0]
    unsaid = technician.call("POST", f"{device_page}/udtag", b"", **FORM)
    assert (unsaid.status, "Vælg, hvorfor enheden tages ud af drift." in unsaid.content.decode()) == (422, True)
    assert technician.call("POST", f"{device_page}/udtag", b"reason=broken", **FORM).status == 303
    assert "Enheden er taget ud af drift." in technician.get(device_page).content.decode()


def _all_told(answer: Answer) -> Answer | None:
    told = ("online", "firmware", "last_seen_at", "battery_mv")
    return answer if all(item[name] for item in answer.json["items"] for name in told) else None


def _active_rights(platform: Platform, door_id: str) -> list[RightRow]:
    with platform.runtime.database.reading() as session:
        query = select(RightRow).where(RightRow.door_id == door_id, RightRow.state == "active")
        return list(session.exec(query).all())


def _events(platform: Platform, event_type: str) -> list[dict[str, Any]]:
    with platform.runtime.database.reading() as session:
        return [e.data for e in read_after(session, 0, 100_000, {event_type})]


def test_a_lock_cannot_be_hung_on_another_homes_door_or_in_another_units_stairwell(
    platform: Platform, technician: Person, planner: Person
) -> None:
    mine = _citizen_of(platform, platform.first_stops[platform.fresh_carer()])
    with platform.runtime.database.reading() as session:
        homes = session.exec(select(CitizenRow)).all()
    other = next(h for h in homes if h.door_id not in (None, mine.door_id))
    body = {"kind": "lock", "unit_id": mine.unit_id, "citizen_number": mine.short}

    refused = _enrol(technician, planner, **body, door_id=other.door_id)
    stairwell = _enrol(technician, planner, **body, door_id="stairwell-a")
    assert (refused.status, refused.code) == (422, "door_elsewhere")
    assert stairwell.status == 201
    foreign = next(h for h in homes if h.unit_id != mine.unit_id)
    third = {**body, "unit_id": foreign.unit_id, "citizen_number": foreign.short}
    assert _enrol(technician, planner, **third, door_id="stairwell-a").code == "door_elsewhere"


def test_an_english_technician_is_refused_in_english(technician: Person) -> None:
    form = b"kind=lift&unit_id=not-mine&work_order=AO-1"
    technician.hold("lang", "en")
    said = technician.call("POST", "/tekniker/opret", form, **FORM)
    technician.hold("lang", "da")

    assert said.status == 403
    assert "That unit is not yours." in said.content.decode()


def test_a_technician_sees_and_runs_again_what_devices_of_her_own_units_sent(platform: Platform) -> None:
    with platform.runtime.units.begin() as work:
        units = sorted({str(c.unit_id) for c in platform.day.carers})
        for unit in units[:2]:
            row = IdentityRow(
                id=f"technician-{unit}", role="technician", name="T", unit_ids=[unit], demo=True, pin_hash=""
            )
            row.pin_hash = hash_pin("1234")
            work.session.add(row)
            work.session.add(
                DeviceRow(device_id=f"odd-{unit}", kind="lock", tenant="demo", unit_id=unit, enrolled_at=work.now)
            )
    platform.runtime.inbox.accept(
        [
            Incoming("demo", "lock", name, "birth", b"\xff", platform.clock.now())
            for name in (f"odd-{units[0]}", "nobody")
        ]
    )
    (mine, theirs), path = (platform.signed_in(f"technician-{u}") for u in units[:2]), "/api/v1/operations/quarantine"
    own, others = ([r["id"] for r in p.get(path).json["items"]] for p in (mine, theirs))
    every = [r["id"] for r in platform.signed_in("operations").get(path).json["items"]]

    assert own
    assert not set(own) & set(others)
    assert set(own) | set(others) < set(every)
    assert theirs.post(f"{path}/{own[0]}/dismiss").status == 404
    assert theirs.post(f"{path}/{own[0]}/replay").status == 404
    unknown = next(i for i in every if i not in own + others)
    assert mine.post(f"{path}/{unknown}/dismiss").status == 404
    assert mine.post(f"{path}/{own[0]}/dismiss").status == 200

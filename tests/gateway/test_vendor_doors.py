"""Doors of another maker beside ours: opened through its cloud, believed as far as it can prove, moved to and fro."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from devices.alarms.tables import AlarmRow
from devices.keys.model import Operation
from devices.keys.tables import DoorRow, EmergencyRow, OpeningRow
from devices.keys.vendors.listening import KIND
from devices.keys.vendors.tables import VendorAccessRow, VendorLockRow
from devices.simulator.holder import HolderKey
from devices.simulator.vendor_hooks import Delivery
from gateway.demo.tablets import Tablet, TabletError
from gateway.wire import b64u, from_b64u
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.gateway.near_link import held_grant
from tests.gateway.platform import eventually
from tests.gateway.stairwells import build_stairwell
from tests.gateway.vendor_town import Town, vendor_town

FORM = {"Content_Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    yield from vendor_town(tmp_path_factory.mktemp("vendors"))


def test_a_planned_visit_opens_through_the_vendors_cloud_and_begins_with_the_door(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    assert (stop["by_vendor"], stop["door_note"]) == (True, "Låsen kan kun åbnes med net.")

    opening = town.tap(tablet, stop)

    assert (opening["state"], opening["by_vendor"]) == ("unlocked", True)
    assert "leverandør" in opening["text"]
    assert town.cloud.vendor.locks[ref].motor_runs == 1
    visit = next(s for s in tablet.day()["route"]["stops"] if s["visit_id"] == stop["visit_id"])
    assert (visit["state"], visit["source"]) == ("begun", "device")
    (told,) = town.told(stop["door"]["id"])
    assert (told.source, told.visit_id, told.opening_id) == ("vendor_log", stop["visit_id"], opening["id"])


def test_a_lost_answer_is_unknown_until_the_webhook_tells_and_nobody_asks_twice(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    town.cloud.manners.silent = True
    town.cloud.faults.after_opening.append(500)
    opening = town.tap(tablet, stop)
    town.cloud.manners.silent = False
    if opening["state"] == "unknown":  # else the log was read before the ten seconds were over
        assert eventually(lambda: tablet.opening(opening["id"])["state"] == "unlocked", 15.0)

    assert tablet.opening(opening["id"])["state"] == "unlocked"
    assert town.cloud.vendor.locks[ref].motor_runs == 1
    assert town.cloud.requests.count(("POST", f"/v1/locks/{ref}/open")) == 1


def test_a_session_without_the_shifts_key_opens_no_vendors_door(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    thief = Tablet("127.0.0.1", town.platform.port, tablet.carer_id, HolderKey.generate())
    thief.sign_in()

    with pytest.raises(TabletError) as refused:
        thief.open_door(stop["door"]["id"], stop["visit_id"])

    assert (refused.value.status, refused.value.code) == (403, "proof_other_key")
    assert town.cloud.vendor.locks[ref].motor_runs == 0
    thief.close()


def test_an_emergency_at_a_vendors_door_is_refused_before_anything_is_sent_and_says_what_to_do(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    found = tablet.call("POST", "/api/v1/me/emergencies/search", {"text": stop["citizen_name"]})["citizens"]
    assert next(home for home in found if home["citizen_id"] == stop["citizen_id"])["opens"] is False
    asked = len(town.cloud.requests)

    with pytest.raises(TabletError) as refused:
        tablet.emergency(stop["citizen_id"], "fall")

    assert (refused.value.status, refused.value.code) == (409, "vendors_lock_there")
    assert "Brug nøgleboks" in str(refused.value)
    assert [r for r in town.cloud.requests[asked:] if r[1].endswith("/open")] == []
    assert town.cloud.vendor.locks[ref].motor_runs == 0
    with town.platform.runtime.database.reading() as session:
        rows = session.exec(select(EmergencyRow).where(EmergencyRow.door_id == stop["door"]["id"])).all()
    assert rows == [], "nobody has to review what never was"


def test_a_vendors_door_never_promises_two_and_one_that_did_opens_for_nobody(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    door_id, planner = stop["door"]["id"], town.platform.signed_in("planner")

    for person in (planner, town.technician):
        said = person.post(f"/api/v1/doors/{door_id}/holders", {"holders": 2})
        assert (said.status, said.code) == (409, "vendor_never_for_two")
    page = town.technician.call("POST", f"/tekniker/doer/{door_id}", b"holders=2", **FORM)
    assert page.status == 409
    assert "den kan ikke kræve to" in page.content.decode()

    with town.platform.runtime.units.begin() as work:  # a door that was marked before this was refused
        work.session.get_one(DoorRow, door_id).holders = 2
    with pytest.raises(TabletError) as refused:
        town.tap(tablet, stop)
    assert refused.value.code == "vendor_never_for_two"
    assert town.cloud.vendor.locks[ref].motor_runs == 0


def test_a_proof_sent_twice_is_one_order(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    asked = {"visit_id": stop["visit_id"]}
    opening = tablet.call("POST", f"/api/v1/doors/{stop['door']['id']}/openings", asked)["opening"]
    proof = tablet.key.prove(opening["lock_id"], Operation.OPEN, from_b64u(opening["cti"]), from_b64u(opening["nonce"]))
    body = {"token": "AA", "public_key": b64u(tablet.key.public_key), "signature": b64u(proof)}
    for _ in range(3):
        tablet.call("POST", f"/api/v1/openings/{opening['id']}/proof", body)

    assert town.platform.settled(tablet, opening["id"])["state"] == "unlocked"
    assert town.cloud.vendor.locks[ref].motor_runs == 1
    assert town.cloud.requests.count(("POST", f"/v1/locks/{ref}/open")) == 1


def test_a_cloud_that_is_away_refuses_at_once_and_nothing_opens_later(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    town.cloud.stop()
    opening = town.tap(tablet, stop)
    town.cloud.start()

    assert (opening["state"], opening["code"]) == ("refused", "vendor_unreachable")
    assert "Døren er stadig låst." in opening["text"]
    assert town.tap(tablet, stop)["state"] == "unlocked"
    assert town.cloud.vendor.locks[ref].motor_runs == 1


def test_a_withdrawal_outlives_the_vendors_outage_and_the_planner_sees_its_bound(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    planner = town.platform.signed_in("planner")
    panel = planner.get(f"/api/v1/visits/{stop['visit_id']}").json["door"]
    assert "Kan åbnes uden net: nej" in panel["keeps"]
    assert "Adgang kan trækkes tilbage: inden for 30 s" in panel["keeps"]
    assert "Loggen er underskrevet af låsen: nej" in panel["keeps"]

    town.cloud.stop()
    left = planner.post(f"/api/v1/carers/{tablet.carer_id}/leaving", {"reason": "stoppet"})
    assert left.status == 200, left.content
    away = planner.get(f"/api/v1/visits/{stop['visit_id']}").json["door"]
    until_at = datetime.fromisoformat(away["withdrawn_until_at"])
    assert until_at > town.platform.clock.now() + timedelta(minutes=20), "unheard, it ends with its window"
    town.cloud.start()

    assert eventually(lambda: town.window_of(ref) is None, 20.0), "told again until it is confirmed"
    assert eventually(lambda: _settled(town, stop["door"]["id"]))
    heard = planner.get(f"/api/v1/visits/{stop['visit_id']}").json["door"]
    bound = datetime.fromisoformat(heard["withdrawn_until_at"]) - town.platform.clock.now()
    assert timedelta() < bound <= timedelta(seconds=30)
    town.platform.clock.advance_to(town.platform.clock.now() + timedelta(seconds=31))
    access_id = next(i for i, a in town.cloud.vendor.accesses.items() if a.lock_ref == ref)
    town.cloud.open_by_app(access_id)
    assert town.cloud.vendor.locks[ref].motor_runs == 0, "and after thirty seconds it holds"


def test_webhooks_twice_backwards_replayed_or_forged_tell_of_each_opening_once(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    hooks = town.cloud.hooks
    assert hooks is not None
    town.cloud.manners.twice = town.cloud.manners.backwards = True
    access_id = next(i for i, a in town.cloud.vendor.accesses.items() if a.lock_ref == ref)
    for _ in range(3):
        town.cloud.open_by_app(access_id)
    assert eventually(lambda: len(town.told(stop["door"]["id"])) == 3)
    town.cloud.manners.twice = town.cloud.manners.backwards = False
    taken = next(delivery for delivery, status in reversed(hooks.sent) if status == 200)

    forged = Delivery(taken.headers | {"X-Vendor-Delivery": "another"}, taken.body)
    old = hooks.signed([town.cloud.vendor.log[-1]], time.time() - 3_600)
    assert [hooks.send(each) for each in (taken, forged, old)] == [409, 403, 403]
    assert hooks.send(hooks.signed(list(town.cloud.vendor.log))) == 200

    told = town.told(stop["door"]["id"])
    assert len(told) == 3
    assert {(each.visit_id, each.source) for each in told} == {(stop["visit_id"], "vendor_log")}
    visit = next(s for s in tablet.day()["route"]["stops"] if s["visit_id"] == stop["visit_id"])
    assert visit["state"] == "begun"


def test_a_door_is_moved_to_our_own_lock_and_back_with_both_listed(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    door_id = stop["door"]["id"]
    page = f"/tekniker/doer/{door_id}"
    shown = town.technician.get(page).content.decode()
    assert "Leverandørens sky" in shown
    assert "Vores egen lås" in shown
    assert ref in shown

    assert town.technician.call("POST", page, b"vendor=native", **FORM).status == 303
    assert eventually(lambda: town.window_of(ref) is None), "the vendor's access is withdrawn with the same act"
    assert tablet.day()["route"]["stops"][0]["by_vendor"] is False
    tablet.forget_grants()
    assert town.tap(tablet, stop)["state"] == "unlocked"
    assert town.cloud.vendor.locks[ref].motor_runs == 0, "our own lock has opened"

    assert town.technician.call("POST", page, b"vendor=cloud", **FORM).status == 303
    door = town.technician.get(f"/api/v1/doors/{door_id}").json["door"]
    assert {(lock["vendor"], lock["acts"]) for lock in door["locks"]} == {("native", False), ("cloud", True)}
    with pytest.raises(StopIteration):
        held_grant(tablet, stop["visit_id"])


def test_a_door_stays_where_a_stairwell_needs_it_and_while_somebody_is_opening_it(town: Town) -> None:
    tablet, stop, ref = town.carer_at_vendor_door()
    door_id, platform = stop["door"]["id"], town.platform
    unit = next(str(c.unit_id) for c in platform.day.carers if c.id == tablet.carer_id)
    stairs = build_stairwell(platform.runtime, platform.clock, None, unit, "stairs-vendors")
    way, vendor = f"/api/v1/doors/{door_id}/stairwell", f"/api/v1/doors/{door_id}/vendor"

    alone = town.technician.call("PUT", way, {"stairwell_id": stairs.door_id})
    assert (alone.status, alone.code) == (409, "stairwell_of_vendor"), "a vendor's lock opens nothing but itself"
    assert town.technician.post(vendor, {"vendor": "native"}).status == 200
    assert eventually(lambda: town.window_of(ref) is None), "what the other maker held is withdrawn"
    assert town.technician.call("PUT", way, {"stairwell_id": stairs.door_id}).status == 200
    for each in (door_id, stairs.door_id):
        said = town.technician.post(f"/api/v1/doors/{each}/vendor", {"vendor": "cloud"})
        assert (said.status, said.code) == (409, "vendor_not_for_stairwell")
    page = town.technician.call("POST", f"/tekniker/doer/{door_id}", b"vendor=cloud", **FORM)
    assert page.status == 409
    assert "Opgang og lejlighed åbnes her med ét tryk" in page.content.decode()
    assert town.window_of(ref) is None, "nothing was half done"

    assert town.technician.call("PUT", way, {"stairwell_id": None}).status == 200
    stairs.stop()
    tablet.forget_grants()
    asked = {"visit_id": stop["visit_id"]}
    opening = tablet.call("POST", f"/api/v1/doors/{door_id}/openings", asked)["opening"]
    assert opening["state"] == "challenged"
    said = town.technician.post(vendor, {"vendor": "cloud"})
    assert (said.status, said.code) == (409, "vendor_door_in_use")
    assert platform.settled(tablet, opening["id"])["state"] == "expired"
    assert town.technician.post(vendor, {"vendor": "cloud"}).status == 200
    assert eventually(lambda: town.window_of(ref) is not None)


def test_the_same_deny_by_default_judges_a_vendors_door(town: Town) -> None:
    tablet, stop, _ = town.carer_at_vendor_door()
    colleague, _, _ = town.carer_at_vendor_door()

    opening = colleague.open_door(stop["door"]["id"], stop["visit_id"])

    assert (opening["state"], opening["code"]) == ("refused", "not_on_route")
    with town.platform.runtime.database.reading() as session:
        row = session.exec(select(OpeningRow).where(OpeningRow.opening_id == opening["id"])).one()
    assert row.vendor == "cloud"
    planner = town.platform.signed_in("planner")
    assert planner.post(f"/api/v1/carers/{tablet.carer_id}/tablet-lost", {"reason": "væk"}).status == 200


def test_wrong_input_is_refused_in_plain_words_and_nothing_is_listed(town: Town) -> None:
    tablet = town.platform.tablet(town.platform.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    with town.platform.runtime.database.reading() as session:
        citizen = session.get_one(CitizenRow, session.get_one(VisitRow, stop["visit_id"]).citizen_id)
        unit, number = citizen.unit_id, citizen.short
        before = len(session.exec(select(VendorLockRow.lock_id)).all())

    body = {"unit_id": unit, "citizen_number": number, "lock_ref": "V-404"}
    refused = town.technician.post("/api/v1/vendor-locks", body)
    assert (refused.status, refused.code) == (422, "vendor_lock_unknown")
    form = f"unit_id={unit}&citizen_number={number}&lock_ref=V-404".encode()
    assert "kender ingen lås" in town.technician.call("POST", "/tekniker/doere", form, **FORM).content.decode()
    moved = town.technician.post(f"/api/v1/doors/{stop['door']['id']}/vendor", {"vendor": "cloud"})
    assert (moved.status, moved.code) == (409, "vendor_lock_missing")
    with town.platform.runtime.database.reading() as session:
        assert len(session.exec(select(VendorLockRow.lock_id)).all()) == before
        alarms = session.exec(select(AlarmRow).where(AlarmRow.kind == KIND, col(AlarmRow.cleared_at).is_(None))).all()
    assert [alarm.severity for alarm in alarms if alarm.severity == "critical"] == []


def _settled(town: Town, door_id: str) -> bool:
    with town.platform.runtime.database.reading() as session:
        rows = session.exec(select(VendorAccessRow).where(VendorAccessRow.door_id == door_id)).all()
        return all(row.settled for row in rows)

"""Stairwell and flat in one tap: two locks of two administrations, one grant, each judged by its owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlmodel import col, select

from devices.keys.model import Bolt, Operation
from devices.keys.prepared import known_uses
from devices.keys.revocations import raise_epoch
from devices.keys.tables import EmergencyRow, GrantRow, OpeningRow
from devices.registry.tables import DeviceRow
from devices.simulator.holder import HolderKey
from gateway.demo.tablets import Tablet
from gateway.usecases.doors import tell_locks
from gateway.wire import b64u, from_b64u
from kernel.log import read_after
from scheduling.register.tables import CitizenRow
from tests.gateway.near_link import fleet_of, held_grant, open_beside
from tests.gateway.platform import Platform, eventually
from tests.gateway.stairwells import HOUSING, TOWN, Stairwell, build_stairwell, put_before
from tests.gateway.web import Answer, Person

Opening = dict[str, Any]
_NUMBERS = count(1)
FORM = {"Content_Type": "application/x-www-form-urlencoded"}


@dataclass
class Home:
    """A carer's first stop, and the stairwell before it."""

    platform: Platform
    tablet: Tablet
    stop: dict[str, Any]
    stairs: Stairwell

    @property
    def flat(self) -> Bolt:
        """How the flat's own lock stands."""
        lock_id = self.stop["door"]["lock_id"]
        return fleet_of(self.platform, lock_id).locks[lock_id].bolt

    def tap(self, *lock_ids: str) -> list[Opening]:
        """Tap once; an opening for each lock."""
        body = {"visit_id": self.stop["visit_id"]} | ({"lock_ids": list(lock_ids)} if lock_ids else {})
        answer = self.tablet.call("POST", f"/api/v1/doors/{self.stop['door']['id']}/openings", body)
        return [answer["opening"], *answer["way"]]

    def prove(self, opening: Opening) -> Opening:
        """Answer one lock's challenge with the grant."""
        cti, token = held_grant(self.tablet, self.stop["visit_id"])
        key = self.tablet.key
        signature = key.prove(opening["lock_id"], Operation.OPEN, cti, from_b64u(opening["nonce"]))
        body = {"token": b64u(token), "public_key": b64u(key.public_key), "signature": b64u(signature)}
        proved: Opening = self.tablet.call("POST", f"/api/v1/openings/{opening['id']}/proof", body)["opening"]
        return proved

    def settled(self, opening: Opening) -> str:
        """How one of them ended."""
        return str(self.platform.settled(self.tablet, opening["id"])["state"])

    def opened(self) -> list[str]:
        """What the log says has opened for this carer, lock by lock."""
        with self.platform.runtime.database.reading() as session:
            events = read_after(session, 0, 100_000, {"door.opened"})
            return [e.data["lock_id"] for e in events if e.data["shift_id"] == self.tablet.day()["shift"]["id"]]


@pytest.fixture(scope="module")
def technician(platform: Platform) -> Person:
    return platform.signed_in("technician")


@pytest.fixture
def home(platform: Platform, technician: Person) -> Iterator[Home]:
    """A carer on shift whose first door lies behind a stairwell of the housing company."""
    carer_id = platform.fresh_carer()
    unit = next(str(c.unit_id) for c in platform.day.carers if c.id == carer_id)
    tablet = platform.tablet(carer_id)
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    stairs = build_stairwell(platform.runtime, platform.clock, platform.near, unit, f"stairs-{next(_NUMBERS)}")
    put_before(technician, stairs, stop["door"]["id"], platform.runtime.issuer_key())
    assert eventually(lambda: stairs.lock.trust_version == 1)
    yield Home(platform, tablet, tablet.day()["route"]["stops"][0], stairs)
    stairs.stop()


def test_one_tap_asks_both_locks_and_each_answers_for_itself(home: Home) -> None:
    flat, stairs = home.tap()
    assert [o["state"] for o in (flat, stairs)] == ["challenged", "challenged"]
    assert (flat["on_way"], stairs["on_way"], flat["act_id"]) == (False, True, stairs["act_id"])
    assert stairs["lock_id"] == home.stairs.lock_id == home.stop["door"]["way"][0]["lock_id"]

    home.prove(stairs)
    assert home.settled(stairs) == "unlocked"
    assert home.flat is Bolt.LOCKED
    assert home.tablet.day()["route"]["stops"][0]["state"] == "planned", "nobody is at the citizen's yet"
    home.prove(flat)

    assert home.settled(flat) == "unlocked"
    assert (home.stairs.lock.bolt, home.flat) == (Bolt.UNLOCKED, Bolt.UNLOCKED)
    visit = eventually(lambda: (s := home.tablet.day()["route"]["stops"][0])["state"] == "begun" and s)
    assert visit["source"] == "device"
    both = sorted([home.stop["door"]["lock_id"], home.stairs.lock_id])
    assert eventually(lambda: sorted(home.opened()) == both)


def test_a_stairwell_out_of_reach_does_not_keep_the_flat_shut_and_is_tried_again_alone(home: Home) -> None:
    home.stairs.fleet.lose(home.stairs.lock_id)
    assert eventually(lambda: not _online(home))
    flat, stairs = home.tap()
    assert (flat["state"], stairs["state"]) == ("challenged", "requested")
    home.prove(flat)
    assert (home.settled(flat), home.settled(stairs)) == ("unlocked", "expired")
    home.stairs.fleet.restore(home.stairs.lock_id)
    assert eventually(lambda: _online(home))

    (again,) = home.tap(home.stairs.lock_id)
    home.prove(again)

    assert home.settled(again) == "unlocked"
    assert eventually(lambda: home.stairs.lock_id in home.opened())
    assert home.opened().count(home.stop["door"]["lock_id"]) == 1, "the door that had opened is not asked again"
    with home.platform.runtime.database.reading() as session:
        rows = session.exec(select(OpeningRow).where(OpeningRow.visit_id == home.stop["visit_id"])).all()
    assert sorted((r.on_way, r.state) for r in rows) == [(False, "unlocked"), (True, "expired"), (True, "unlocked")]


def test_a_visit_that_is_not_hers_opens_neither(home: Home) -> None:
    cti, token = held_grant(home.tablet, home.stop["visit_id"])
    version = home.stairs.lock.access.crl_version
    planner = home.platform.signed_in("planner")
    lost = planner.post(f"/api/v1/carers/{home.tablet.carer_id}/tablet-lost", {"reason": "væk"})
    assert lost.status == 200, lost.content
    assert eventually(lambda: home.stairs.lock.access.crl_version > version)
    assert home.stairs.said_to(home.tablet.key, cti, token) == "epoch_revoked"
    assert home.stairs.lock.bolt is Bolt.LOCKED


def test_each_administration_has_an_epoch_of_its_own_at_the_lock_they_share(home: Home, technician: Person) -> None:
    caretaker, stairs, clock = HolderKey.generate(), home.stairs, home.platform.clock
    cti, token = held_grant(home.tablet, home.stop["visit_id"])
    old, new = stairs.owners_grant(caretaker, clock), stairs.owners_grant(caretaker, clock, epoch=1)
    assert stairs.said_to(caretaker, *old) is None

    voided = technician.post(f"/api/v1/devices/{stairs.lock_id}/issuer-epoch", {"issuer": HOUSING})

    assert (voided.status, voided.json["epoch"]) == (200, 1)
    assert eventually(lambda: stairs.lock.access.lowest_epoch(HOUSING) == 1)
    assert stairs.said_to(caretaker, *old) == "epoch_revoked"
    assert stairs.said_to(home.tablet.key, cti, token) is None, "ours are another administration's grants"
    before = stairs.lock.access.lowest_epoch(TOWN)
    with home.platform.runtime.units.begin() as work:
        raised = raise_epoch(work, stairs.lock_id)
    tell_locks(home.platform.runtime.parts, frozenset({stairs.lock_id}))
    assert eventually(lambda: stairs.lock.access.lowest_epoch(TOWN) == raised > before)
    assert stairs.said_to(home.tablet.key, cti, token) == "epoch_revoked"
    assert stairs.said_to(caretaker, *new) is None, "theirs did not rise with ours"
    assert all(home.settled(home.prove(o)) == "unlocked" for o in home.tap()), "a new grant carries the new epoch"


def test_an_emergency_opens_the_stairwell_in_the_same_act_as_the_flat(home: Home) -> None:
    citizen = home.stop["citizen_id"]

    entered = home.tablet.emergency(citizen, "fall")

    flat, (stairs,) = entered["opening"], entered["way"]
    assert (flat["on_way"], stairs["on_way"], flat["act_id"]) == (False, True, stairs["act_id"])
    assert [one["lock_id"] for one in entered["grant"]["way"]] == [home.stairs.lock_id] == [stairs["lock_id"]]
    for opening in (stairs, flat):
        assert home.settled(opening) == "unlocked"
    assert (home.stairs.lock.bolt, home.flat) == (Bolt.UNLOCKED, Bolt.UNLOCKED)
    assert eventually(lambda: len(home.opened()) == 2)
    with home.platform.runtime.database.reading() as session:
        row = session.exec(select(EmergencyRow).where(EmergencyRow.shift_id == home.tablet.day()["shift"]["id"])).one()
    assert row.opened_at is not None
    body = {"citizen_id": citizen, "reason": "fall", "lock_ids": [home.stairs.lock_id]}
    again = home.tablet.call("POST", "/api/v1/me/emergencies", body)
    assert ([again["opening"]["lock_id"]], again["way"]) == ([home.stairs.lock_id], []), "the flat is not asked again"
    assert again["emergency"]["emergency_id"] == entered["emergency"]["emergency_id"]


def test_a_stairwell_opened_with_a_prepared_grant_alone_is_loud_and_uses_up_no_code(home: Home) -> None:
    planner, platform = home.platform.signed_in("planner"), home.platform
    named = planner.post(f"/api/v1/carers/{home.tablet.carer_id}/offline-tablet", {"designated": True})
    assert named.status == 200, named.content
    home.tablet.call("POST", "/api/v1/me/prepared", {})
    with platform.runtime.database.reading() as session:
        query = select(GrantRow).where(GrantRow.door_id == home.stop["door"]["id"], GrantRow.basis == "prepared")
        grant = session.exec(query).one()
        cti, token, shift_id = bytes(grant.cti), bytes(grant.token), grant.shift_id

    def emergencies() -> list[EmergencyRow]:
        with platform.runtime.database.reading() as session:
            return list(session.exec(select(EmergencyRow).where(EmergencyRow.shift_id == shift_id)).all())

    def uses() -> dict[str, int]:
        with platform.runtime.database.reading() as session:
            return known_uses(session, shift_id)

    assert open_beside(home.stairs.fleet, home.stairs.lock_id, home.tablet.key, token, cti) is Bolt.UNLOCKED

    (alone,) = eventually(emergencies)
    assert (alone.door_id, alone.reason, alone.opened_at) == (home.stop["door"]["id"], "offline", None)
    assert uses() == {}, "the flat's code still holds"
    lock_id = home.stop["door"]["lock_id"]
    assert open_beside(fleet_of(platform, lock_id), lock_id, home.tablet.key, token, cti) is Bolt.UNLOCKED
    assert eventually(lambda: uses() == {home.stop["door"]["id"]: 1})
    assert [row.emergency_id for row in emergencies()] == [alone.emergency_id], "one act, one review"


def test_the_way_is_said_anew_and_what_was_minted_for_the_old_one_opens_neither(home: Home, technician: Person) -> None:
    cti, token = held_grant(home.tablet, home.stop["visit_id"])

    way = technician.call("PUT", f"/api/v1/doors/{home.stop['door']['id']}/stairwell", {"stairwell_id": None})

    assert (way.status, way.json["locks_told"]) == (200, 2)
    assert eventually(lambda: cti in home.stairs.lock.access.ctis)
    assert home.stairs.said_to(home.tablet.key, cti, token) == "epoch_revoked"
    (flat,) = home.tap()
    assert home.settled(home.prove(flat)) == "unlocked"
    assert home.stairs.lock.bolt is Bolt.LOCKED


def test_a_technician_sets_up_a_stairwell_and_a_door_for_two_on_the_pages(home: Home, technician: Person) -> None:
    door_id, stairs_id = home.stop["door"]["id"], home.stairs.door_id
    with home.platform.runtime.database.reading() as session:
        number = session.exec(select(CitizenRow.short).where(CitizenRow.door_id == door_id)).one()
    listed = technician.get("/tekniker/doere").content.decode()
    assert f"/tekniker/doer/{stairs_id}" in listed
    assert door_id in technician.get(f"/tekniker/doer/{stairs_id}").content.decode()

    gone = _form(home, technician, stairs_id, f"not_behind={door_id}")
    assert gone.status == 303, gone.content
    assert [each["lock_id"] for each in _way(home)] == []
    back = _form(home, technician, stairs_id, f"behind={number}")
    assert back.status == 303, back.content
    assert [each["lock_id"] for each in _way(home)] == [home.stairs.lock_id]
    assert _form(home, technician, door_id, "stairwell=-").status == 303
    assert _form(home, technician, door_id, f"stairwell={stairs_id}").status == 303
    assert [each["lock_id"] for each in _way(home)] == [home.stairs.lock_id]
    for wrong in ("behind=99999999", "behind=abc"):
        said = _form(home, technician, stairs_id, wrong)
        assert said.status == 422
        assert "Ingen borger i enheden har nummer" in said.content.decode()

    common = _form(home, technician, stairs_id, "holders=2")
    assert common.status == 409
    assert "Kun en borgers egen dør kan kræve to." in common.content.decode()
    cti, token = held_grant(home.tablet, home.stop["visit_id"])
    assert _form(home, technician, door_id, "holders=2").status == 303
    assert "Kræver to medarbejdere" in technician.get(f"/tekniker/doer/{door_id}").content.decode()
    assert eventually(lambda: cti in home.stairs.lock.access.ctis), "the stairwell hears of it too"
    assert home.stairs.said_to(home.tablet.key, cti, token) == "epoch_revoked"
    flat = home.tap()[0]
    assert home.prove(flat)["state"] == "sent"
    assert eventually(lambda: home.tablet.opening(flat["id"])["title"] == "Venter på kollega")
    assert home.flat is Bolt.LOCKED
    assert _form(home, technician, door_id, "holders=1").status == 303


def _form(home: Home, technician: Person, door_id: str, body: str) -> Answer:
    # of two words at the same instant the signer believes the narrower
    home.platform.clock.advance_to(home.platform.clock.now() + timedelta(seconds=1))
    return technician.call("POST", f"/tekniker/doer/{door_id}", body.encode(), **FORM)


def _way(home: Home) -> list[dict[str, Any]]:
    way: list[dict[str, Any]] = home.tablet.day()["route"]["stops"][0]["door"]["way"]
    return way


def test_what_is_no_way_to_a_door_is_refused_with_a_sentence(home: Home, technician: Person) -> None:
    own = home.stop["door"]["id"]
    with home.platform.runtime.database.reading() as session:
        query = select(CitizenRow.door_id).where(col(CitizenRow.door_id).is_not(None), CitizenRow.door_id != own)
        neighbour = session.exec(query).first()
    empty = home.stairs.list_for(None)
    for path, body, expected in (
        (f"doors/{own}/stairwell", {"stairwell_id": neighbour}, (409, "stairwell_is_home")),
        (f"doors/{own}/stairwell", {"stairwell_id": "nothing"}, (404, "not_found")),
        (f"doors/{home.stairs.door_id}/stairwell", {"stairwell_id": home.stairs.door_id}, (409, "stairwell_in_a_row")),
        (f"devices/{home.stairs.lock_id}/issuers", {"message": b64u(empty)}, (409, "list_not_newer")),
        (f"devices/{home.stairs.lock_id}/issuers", {"message": b64u(b"\x00")}, (422, "signature_malformed")),
        (f"devices/{home.stop['door']['lock_id']}/issuers", {"message": b64u(empty)}, (422, "list_not_for_lock")),
    ):
        answer = technician.call("PUT", f"/api/v1/{path}", body)
        assert (answer.status, answer.code) == expected, (path, answer.content)


def _online(home: Home) -> bool:
    with home.platform.runtime.database.reading() as session:
        return bool(session.exec(select(DeviceRow.online).where(DeviceRow.device_id == home.stairs.lock_id)).one())

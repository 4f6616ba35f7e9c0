"""Bad messages on the real broker: kept with a reason, counted, told, replayed once their device is known."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from sqlmodel import select

from devices.broker import Publication
from devices.connections import BrokerConnection
from devices.inbox.model import Incoming
from devices.keys.cose import VerifyingKey, server_trust
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from devices.simulator.lock import SimulatedLock
from kernel.clock import SimulatedWorldClock
from kernel.tables import EventRow
from tests.conftest import STEADY
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person

QUARANTINE = "/api/v1/operations/quarantine"
NEW_LOCK = "f00dfeedf00dfeedf00dfeedf00dfeed"


@pytest.fixture(scope="module")
def sender(platform: Platform) -> Iterator[BrokerConnection]:
    """Somebody who may publish whatever they like."""
    made = BrokerConnection(platform.runtime.address, "anybody", [], lambda _delivery: None, session_expiry_s=0)
    made.start()
    assert made.wait_up(10)
    yield made
    made.stop()


@pytest.fixture
def drift(platform: Platform) -> Person:
    """Somebody of operations."""
    return platform.signed_in("operations")


def _enrolled(platform: Platform) -> str:
    return sorted(platform.fleets[0].locks)[0]


def _lock(platform: Platform, lock_id: str, ahead: timedelta = timedelta(0)) -> SimulatedLock:
    trust = server_trust([platform.runtime.issuer_key()], [VerifyingKey(platform.runtime.service_key.public_bytes)])
    world = SimulatedWorldClock(platform.clock.now() + ahead)
    made = SimulatedLock(lock_id, trust, world=world, link=platform.runtime.link, behaviour=STEADY, seed=99)
    made.power_on()
    return made


def _topic(lock_id: str, name: str = "birth", tenant: str = "demo", kind: str = "lock") -> str:
    return f"omsorgstid/v1/{tenant}/{kind}/{lock_id}/up/{name}"


def _unknown(platform: Platform) -> tuple[str, bytes]:
    return _topic("nobody-enrolled-me"), _lock(platform, "nobody-enrolled-me").birth()


def _broken(platform: Platform) -> tuple[str, bytes]:
    return _topic(_enrolled(platform)), b"\xff\x00 not CBOR"


def _empty(platform: Platform) -> tuple[str, bytes]:
    return _topic(_enrolled(platform), "answer"), b"\x00"


def _later(platform: Platform) -> tuple[str, bytes]:
    fields = cbor2.loads(_lock(platform, _enrolled(platform)).birth())
    return _topic(_enrolled(platform)), cbor2.dumps({**fields, "v": 9}, canonical=True)


def _ahead(platform: Platform) -> tuple[str, bytes]:
    return _topic(_enrolled(platform)), _lock(platform, _enrolled(platform), timedelta(minutes=5)).birth()


def _foreign(platform: Platform) -> tuple[str, bytes]:
    return _topic(_enrolled(platform), tenant="syddjurs"), _lock(platform, _enrolled(platform)).birth()


def _nowhere(platform: Platform) -> tuple[str, bytes]:
    return _topic(_enrolled(platform), "gossip"), b"hello"


Case = Callable[[Platform], tuple[str, bytes]]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (_unknown, "unknown_device"),
        (_broken, "broken_payload"),
        (_empty, "bad_signature"),
        (_later, "wrong_version"),
        (_ahead, "future_timestamp"),
        (_foreign, "foreign_tenant"),
        (_nowhere, "unknown_topic"),
    ],
)
def test_bad_input_is_kept_with_its_reason_counted_and_told(
    platform: Platform, sender: BrokerConnection, drift: Person, case: Case, reason: str
) -> None:
    topic, payload = case(platform)
    before = drift.get("/api/v1/operations/quarantine").json["counts"]

    sender.publish(Publication(topic, payload)).result(10)
    item = eventually(lambda: _find(drift, reason))

    assert item, f"expected a message set aside as {reason}"
    assert item["state"] == "open"
    assert item["size_bytes"] == len(payload)
    assert item["reason_text"] != reason, "a person gets a sentence"
    assert item["expected"]
    assert item["found"]
    counts = drift.get("/api/v1/operations/quarantine").json["counts"]
    assert counts[reason] == before[reason] + 1
    assert counts["accepted"] >= before["accepted"]
    assert drift.get("/readyz").status == 200


def test_a_duplicate_is_counted_and_put_away_without_asking_anybody(
    platform: Platform, sender: BrokerConnection, drift: Person
) -> None:
    fleet, lock_id = platform.fleets[0], sorted(platform.fleets[0].locks)[1]
    fleet.lose(lock_id)
    assert eventually(lambda: fleet.wait_up(0.1))
    lock = fleet.locks[lock_id]
    spoken = [o.payload for o in lock.observe("door_ajar") if o.name == "evt"]
    before = drift.get("/api/v1/operations/quarantine").json["counts"]

    for _ in range(2):
        sender.publish(Publication(_topic(lock_id, "evt"), spoken[-1])).result(10)

    assert eventually(lambda: _counts(drift)["duplicate"] > before["duplicate"])
    counts = drift.get("/api/v1/operations/quarantine").json["counts"]
    assert counts["duplicate"] == before["duplicate"] + 1
    dismissed = drift.get("/api/v1/operations/quarantine?state=dismissed").json["items"]
    assert "duplicate" in {i["reason"] for i in dismissed}
    assert _find(drift, "duplicate") is None, "nobody has to look at it"
    fleet.restore(lock_id)


def test_a_message_is_taken_in_once_its_device_is_enrolled(
    platform: Platform, sender: BrokerConnection, drift: Person
) -> None:
    lock = _lock(platform, NEW_LOCK)
    sender.publish(Publication(_topic(NEW_LOCK), lock.birth())).result(10)
    item = eventually(lambda: _by_size(drift, "unknown_device", len(lock.birth())))
    assert item
    path = f"/api/v1/operations/quarantine/{item['id']}/replay"
    too_early = drift.post(path).json
    assert (too_early["accepted"], too_early["item"]["state"]) == (False, "open")

    unit = platform.day.units[0].id
    with platform.runtime.units.begin() as work:
        enrol(work, "demo", [Enrolment(DeviceKind.LOCK, unit, "simulated-1", "door-new", NEW_LOCK)])
        mount_locks(work, [LockEnrolment(NEW_LOCK, "door-new", unit, lock.public_key)])
    replayed = drift.post(path).json

    assert (replayed["accepted"], replayed["item"]["state"]) == (True, "replayed")
    again = drift.post(path)
    assert (again.status, again.code) == (409, "quarantine_settled")
    devices = _all(drift, "/api/v1/operations/devices?kind=lock")
    mine = next(d for d in devices if d["device_id"] == NEW_LOCK)
    assert (mine["online"], mine["battery_level"]) == (True, "ok")


def test_a_message_that_was_dismissed_stays_dismissed(
    platform: Platform, sender: BrokerConnection, drift: Person
) -> None:
    sender.publish(Publication(_topic(_enrolled(platform)), b"\xfe noise")).result(10)
    item = eventually(lambda: _by_size(drift, "broken_payload", 7))
    path = f"/api/v1/operations/quarantine/{item['id']}"

    assert drift.post(f"{path}/dismiss").json["item"]["state"] == "dismissed"
    assert drift.post(f"{path}/dismiss").status == 409
    assert drift.post(f"{path}/replay").status == 409


def test_the_drift_page_lists_page_by_page_without_gaps(platform: Platform, drift: Person) -> None:
    devices = _all(drift, "/api/v1/operations/devices")

    ids = [d["device_id"] for d in devices]
    assert len(ids) == len(set(ids)) >= len(platform.fleets[0].locks)
    assert ids == sorted(ids)
    counts = drift.get("/api/v1/operations/devices").json["counts"]
    assert counts["enrolled"] == len(ids)


def test_the_parts_behind_are_named_with_their_state(drift: Person) -> None:
    parts = drift.get("/api/v1/operations/parts").json

    assert {p["name"]: p["state"] for p in parts["parts"]} == {
        "broker": "ok",
        "database": "ok",
        "inbox": "ok",
        "signer": "ok",
        "video_peer": "ok",
    }
    assert parts["queues"]["events"] > 0


@pytest.mark.parametrize("quarantine_id", ["0", "999999", "99999999999999999999", "-1", "abc"])
def test_a_message_that_is_not_there_is_not_found(drift: Person, quarantine_id: str) -> None:
    for act in ("replay", "dismiss"):
        assert drift.post(f"/api/v1/operations/quarantine/{quarantine_id}/{act}").status in (404, 422)


@pytest.mark.parametrize("cursor", ["0", "-5", "99999999999999999999", "x"])
def test_an_odd_cursor_gives_an_empty_page_or_a_sentence(drift: Person, cursor: str) -> None:
    assert drift.get(f"/api/v1/operations/quarantine?cursor={cursor}").status in (200, 422)


LIFT = "f00d0000f00d0000f00d0000f00d0000"


def _lift_birth(boot: object) -> bytes:
    return json.dumps({"v": 1, "device": LIFT, "boot": boot, "firmware": "1.0"}).encode()


@pytest.fixture(scope="module")
def lift(platform: Platform) -> str:
    """An enrolled lift nobody hears of."""
    with platform.runtime.units.begin() as work:
        enrol(work, "demo", [Enrolment(DeviceKind.LIFT, platform.day.units[0].id, device_id=LIFT)])
    return LIFT


def _set_aside(platform: Platform, drift: Person, payload: bytes) -> dict[str, Any]:
    """A message of the lift that cannot be taken in, as the page lists it."""
    at = platform.clock.now()
    platform.runtime.inbox.accept([Incoming("demo", "lift", LIFT, "birth", payload, at)])
    items: list[dict[str, Any]] = drift.get("/api/v1/operations/quarantine").json["items"]
    return items[0]


def test_a_message_is_read_corrected_beside_the_original_and_taken_in_as_corrected(
    platform: Platform, drift: Person, lift: str
) -> None:
    item = _set_aside(platform, drift, _lift_birth("seven"))
    path = f"/api/v1/operations/quarantine/{item['id']}"
    arrived = drift.get(path).json["arrived"]
    assert arrived["format"] == "json"
    assert json.loads(arrived["text"])["boot"] == "seven"

    corrected = drift.post(f"{path}/correction", {"format": "json", "content": _lift_birth(7).decode()})

    assert corrected.json["item"]["state"] == "open", "a correction alone takes nothing in"
    found = drift.get(path).json
    assert json.loads(found["arrived"]["text"])["boot"] == "seven", "what arrived is kept"
    assert json.loads(found["corrected"]["text"])["boot"] == 7
    assert drift.post(f"{path}/replay").json["accepted"] is True
    device = next(d for d in _all(drift, "/api/v1/operations/devices?kind=lift") if d["device_id"] == lift)
    assert device["online"]
    again = drift.post(f"{path}/correction", {"format": "json", "content": _lift_birth(8).decode()})
    assert (again.status, again.code) == (409, "quarantine_settled")
    looked, wrote = _told(platform, "message.looked_at"), _told(platform, "message.corrected")
    assert [e["by_role"] for e in looked if e["quarantine_id"] == item["id"]] == ["operations", "operations"]
    assert [(e["by_role"], e["kind"]) for e in wrote] == [("operations", "lift")]


def test_a_correction_that_says_nothing_or_nothing_new_is_refused_in_words(
    platform: Platform, drift: Person, lift: str
) -> None:
    item = _set_aside(platform, drift, _lift_birth("eight"))
    path = f"/api/v1/operations/quarantine/{item['id']}/correction"

    for body, code in (
        ({"format": "json", "content": "{"}, "correction_unreadable"),
        ({"format": "hex", "content": "0g"}, "correction_unreadable"),
        ({"format": "json", "content": _lift_birth("eight").decode()}, "correction_same"),
    ):
        answer = drift.post(path, body)
        assert (answer.status, answer.code) == (422, code)
        assert answer.json["detail_da"]


def test_a_signed_message_that_was_corrected_is_not_the_locks_word(platform: Platform, drift: Person) -> None:
    lock_id = _enrolled(platform)
    at = platform.clock.now()
    platform.runtime.inbox.accept([Incoming("demo", "lock", lock_id, "answer", b"\xd2\x84\x40\xa0\x40\x40", at)])
    item = drift.get("/api/v1/operations/quarantine").json["items"][0]
    assert item["reason"] == "bad_signature"
    path = f"/api/v1/operations/quarantine/{item['id']}"
    assert drift.get(path).json["arrived"]["format"] == "cbor"

    assert drift.post(f"{path}/correction", {"format": "hex", "content": "d2 84 40 a0 41 00 40"}).status == 200

    assert drift.post(f"{path}/replay").json["accepted"] is False


def test_everything_of_one_reason_is_run_again_at_once_and_running_it_again_changes_nothing(
    platform: Platform, drift: Person, sender: BrokerConnection
) -> None:
    ids = [f"beef{n:028x}" for n in range(5)]
    birth = {"v": 1, "boot": 1, "firmware": "1.0"}
    for device_id in ids:
        topic = _topic(device_id, kind="turning")
        sender.publish(Publication(topic, json.dumps({**birth, "device": device_id}).encode())).result(10)
    waits = eventually(lambda: _waiting(drift).get("unknown_device", 0) >= 5 and drift.get(QUARANTINE).json["open"])
    assert waits["count"] >= 5
    assert waits["oldest_at"]
    with platform.runtime.units.begin() as work:
        enrol(work, "demo", [Enrolment(DeviceKind.TURNING, platform.day.units[0].id, device_id=i) for i in ids])

    first = drift.post(f"{QUARANTINE}/replays", {"reason": "unknown_device"}).json
    seen = len(_told(platform, "device.seen"))
    second = drift.post(f"{QUARANTINE}/replays", {"reason": "unknown_device"}).json

    assert first["accepted"] == 5
    assert (second["accepted"], second["left"]) == (0, first["left"])
    assert len(_told(platform, "device.seen")) == seen
    assert drift.post(f"{QUARANTINE}/replays", {"reason": "no such reason"}).status == 422


def _waiting(drift: Person) -> dict[str, int]:
    return {r["reason"]: r["count"] for r in drift.get(QUARANTINE).json["open"]["by_reason"]}


def _told(platform: Platform, event_type: str) -> list[dict[str, Any]]:
    with platform.runtime.database.reading() as session:
        return list(session.exec(select(EventRow.data).where(EventRow.event_type == event_type)).all())


def _find(drift: Person, reason: str) -> dict[str, Any] | None:
    items: list[dict[str, Any]] = drift.get("/api/v1/operations/quarantine").json["items"]
    return next((i for i in items if i["reason"] == reason), None)


def _by_size(drift: Person, reason: str, size_bytes: int) -> Any:
    items: list[dict[str, Any]] = drift.get("/api/v1/operations/quarantine").json["items"]
    return next((i for i in items if i["reason"] == reason and i["size_bytes"] == size_bytes), None)


def _all(drift: Person, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        joint = "&" if "?" in path else "?"
        page = drift.get(path + (f"{joint}cursor={cursor}" if cursor else "")).json
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = page["next"]


def _counts(drift: Person) -> dict[str, int]:
    counts: dict[str, int] = drift.get("/api/v1/operations/quarantine").json["counts"]
    return counts

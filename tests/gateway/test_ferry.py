"""A door opens with no network at all, and its log comes home through somebody else's tablet."""

import secrets
from typing import Any

import pytest
from sqlmodel import col, select

from devices.inbox.tables import QuarantineRow
from devices.keys.answer import read_answer
from devices.keys.cose import VerifyingKey, lock_trust
from devices.keys.messages import Ask, CfgReport, Challenge, ChallengeRequest, decode_message
from devices.keys.model import Bolt, ClockState
from devices.keys.revocations import revocation_lists
from devices.keys.signer import turn_key
from devices.keys.tables import LockRow
from devices.keys.topics import Direction
from devices.registry.tables import DeviceRow
from devices.simulator.fleet import Fleet
from devices.simulator.holder import HolderKey
from devices.simulator.near_client import NearClient
from gateway.demo.tablets import Tablet, TabletError
from gateway.wire import b64u, from_b64u
from kernel.tables import EventRow
from scheduling.tables import VisitRow
from tests.gateway.near_link import fleet_of, held_grant
from tests.gateway.platform import Platform, eventually

Messages = list[tuple[str, bytes]]


def cut_off(platform: Platform, carer_id: str | None = None) -> tuple[Tablet, dict[str, Any], Fleet]:
    """A carer on shift before her first door, whose lock has lost its network."""
    tablet = platform.tablet(carer_id or platform.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    held_grant(tablet, stop["visit_id"])
    fleet = fleet_of(platform, stop["door"]["lock_id"])
    fleet.lose(stop["door"]["lock_id"])
    assert eventually(lambda: not device(platform, stop["door"]["lock_id"]).online)
    return tablet, stop, fleet


def device(platform: Platform, lock_id: str) -> DeviceRow:
    with platform.runtime.database.reading() as session:
        return session.exec(select(DeviceRow).where(DeviceRow.device_id == lock_id)).one()


def open_near(platform: Platform, tablet: Tablet, stop: dict[str, Any]) -> Messages:
    """Open over the near link alone; what the lock gave besides the challenge."""
    cti, token = held_grant(tablet, stop["visit_id"])
    lock_id = stop["door"]["lock_id"]
    with near(platform, lock_id) as link:
        link.send("challenge", ChallengeRequest(secrets.token_bytes(16)).encode())
        challenge = decode_message(Direction.UP, "challenge", link.next("challenge"))
        assert isinstance(challenge, Challenge)
        link.send("open", tablet.key.command(challenge, token, cti).encode())
        return [("answer", link.next("answer")), ("evt", link.next("evt"))]


def near(platform: Platform, lock_id: str) -> NearClient:
    assert platform.near is not None
    return NearClient(platform.near.url, lock_id)


def fetch_log(platform: Platform, lock_id: str) -> Messages:
    """What any tablet gets that comes by; the birth last."""
    with near(platform, lock_id) as link:
        return [(message.name, message.payload) for message in link.fetch_log()]


def ferry(tablet: Tablet, lock_id: str, messages: Messages) -> dict[str, Any]:
    body = {"lock_id": lock_id, "messages": [{"name": n, "payload": b64u(p)} for n, p in messages]}
    answer: dict[str, Any] = tablet.call("POST", "/api/v1/me/ferry", body)
    return answer


def hand_over(platform: Platform, lock_id: str, down: list[dict[str, str]]) -> None:
    with near(platform, lock_id) as link:
        for message in down:
            link.send(message["name"], from_b64u(message["payload"]))
        link.send("ask", Ask().encode())  # the second birth comes after all of it was heard
        for _ in range(2):
            link.next("birth")


def opened_events(platform: Platform, lock_id: str) -> list[EventRow]:
    with platform.runtime.database.reading() as session:
        rows = session.exec(select(EventRow).where(EventRow.event_type == "door.opened")).all()
        return [row for row in rows if row.data["lock_id"] == lock_id]


def test_an_opening_without_any_network_comes_home_through_another_carers_tablet(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    lock_id = stop["door"]["lock_id"]

    (_, said), _ = open_near(platform, tablet, stop)
    lock = fleet.locks[lock_id]
    assert read_answer(said, lock_trust(VerifyingKey(lock.public_key))).result == "opened"
    opened_at = platform.clock.now()
    other = platform.tablet(platform.fresh_carer())
    brought = ferry(other, lock_id, fetch_log(platform, lock_id))

    assert (brought["accepted"], brought["set_aside"]) == (2, 0)
    assert [message["name"] for message in brought["down"]] == ["ack"]
    (event,) = opened_events(platform, lock_id)
    told = event.data
    assert (told["visit_id"], told["carer_id"], told["opening_id"]) == (stop["visit_id"], tablet.carer_id, None)
    with platform.runtime.database.reading() as session:
        visit = session.get(VisitRow, stop["visit_id"])
        assert visit is not None
        assert (visit.state, visit.source) == ("begun", "device")
        assert visit.begun_at is not None
        assert abs((visit.begun_at - opened_at).total_seconds()) < 5

    hand_over(platform, lock_id, brought["down"])
    assert lock.log.last_ack == lock.log.next_seq - 1
    again = ferry(tablet, lock_id, [("answer", said)])
    assert (again["accepted"], len(opened_events(platform, lock_id))) == (1, 1)

    fleet.restore(lock_id)
    assert fleet.wait_up(10)
    assert len(opened_events(platform, lock_id)) == 1


def test_a_ferried_birth_tells_versions_and_not_that_the_lock_is_online(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    lock_id = stop["door"]["lock_id"]

    assert ferry(tablet, lock_id, fetch_log(platform, lock_id)[-1:])["accepted"] == 1

    assert not device(platform, lock_id).online
    fleet.restore(lock_id)


def test_junk_is_kept_with_its_reason_and_the_good_beside_it_goes_in(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    lock_id = stop["door"]["lock_id"]
    open_near(platform, tablet, stop)
    (_, log), birth = fetch_log(platform, lock_id)
    torn = log[:-1] + bytes([log[-1] ^ 1])

    brought = ferry(tablet, lock_id, [("evt", b"\x00"), ("evt", torn), ("answer", b"rubbish"), birth])

    assert (brought["accepted"], brought["set_aside"], brought["down"]) == (1, 3, [])
    with platform.runtime.database.reading() as session:
        rows = session.exec(select(QuarantineRow).where(QuarantineRow.device_id == lock_id)).all()
        assert {row.reason for row in rows} >= {"broken_payload", "bad_signature"}
    fleet.restore(lock_id)


def test_one_locks_log_under_another_locks_name_is_set_aside(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    lock_id = stop["door"]["lock_id"]
    other = next(known for known in fleet.locks if known != lock_id)
    open_near(platform, tablet, stop)
    messages = fetch_log(platform, lock_id)

    for name in (other, "no-lock-of-ours"):
        assert ferry(tablet, name, messages)["set_aside"] == 2
    fleet.restore(lock_id)


def test_a_lost_clock_is_told_the_time_by_a_tablet_that_runs_between_lock_and_network(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    lock_id = stop["door"]["lock_id"]
    lock = fleet.locks[lock_id]
    fleet.beside(lock_id, lambda own: own.change_battery()).result(10)
    with near(platform, lock_id) as link:
        asked = link.next("time")
    assert lock.clock.state is ClockState.LOST

    hand_over(platform, lock_id, ferry(tablet, lock_id, [("time", asked)])["down"])

    assert lock.clock.state is not ClockState.LOST
    open_near(platform, tablet, stop)
    assert lock.bolt is Bolt.UNLOCKED
    fleet.restore(lock_id)


def test_what_a_tablet_carries_to_a_silent_lock_shuts_out_who_stole_the_one_before(platform: Platform) -> None:
    lost, stop, fleet = cut_off(platform)
    lock_id = stop["door"]["lock_id"]
    cti, token = held_grant(lost, stop["visit_id"])
    platform.signed_in("planner").post(f"/api/v1/carers/{lost.carer_id}/tablet-lost", {"reason": "stjålet"})
    found = platform.tablet(lost.carer_id, HolderKey.generate())
    found.start_shift("citizen")
    lock = fleet.locks[lock_id]
    assert lock.access.crl_version == 0, "the lock has heard of nothing"

    carried = found.call("GET", f"/api/v1/me/ferry/{lock_id}")
    hand_over(platform, lock_id, carried["down"])
    with near(platform, lock_id) as link:
        link.send("challenge", ChallengeRequest(b"\x77" * 16).encode())
        challenge = decode_message(Direction.UP, "challenge", link.next("challenge"))
        assert isinstance(challenge, Challenge)
        link.send("open", lost.key.command(challenge, token, cti).encode())
        answer = read_answer(link.next("answer"), lock_trust(VerifyingKey(lock.public_key)))

    assert (answer.code, lock.bolt) == ("epoch_revoked", Bolt.LOCKED)
    fleet.restore(lock_id)


def test_a_made_up_report_does_not_make_a_lost_tablets_door_safe_and_the_locks_signed_log_does(
    platform: Platform,
) -> None:
    lost, stop, fleet = cut_off(platform)
    lock_id, planner = stop["door"]["lock_id"], platform.signed_in("planner")
    planner.post(f"/api/v1/carers/{lost.carer_id}/tablet-lost", {"reason": "stjålet"})
    carrier = platform.tablet(platform.fresh_carer())
    carrier.start_shift("citizen")

    def bound() -> str | None:
        doors = planner.get(f"/api/v1/carers/{lost.carer_id}/withdrawn-doors").json["doors"]
        until: str | None = next(d["until_at"] for d in doors if d["door_id"] == stop["door"]["id"])
        return until

    assert bound() is not None
    newest = CfgReport(lock_id, 1, 0, 999, 9, {})
    ferry(carrier, lock_id, [("cfg", newest.encode())])
    assert bound() is not None, "anybody could have said so"

    with platform.runtime.units.begin() as work:
        lists = revocation_lists(work, [lock_id], platform.runtime.service_key)
    hand_over(platform, lock_id, [{"name": "crl", "payload": b64u(lists[0].payload)}])
    ferry(carrier, lock_id, fetch_log(platform, lock_id))
    assert bound() is None
    fleet.restore(lock_id)


def test_a_tablet_gets_nothing_to_carry_to_a_door_that_is_not_hers_today(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    fleet.restore(stop["door"]["lock_id"])
    hers = {s["door"]["lock_id"] for s in tablet.day()["route"]["stops"] if s["door"]}
    foreign = next(lock_id for lock_id in fleet.locks if lock_id not in hers)

    for lock_id in (foreign, "no-lock-of-ours"):
        with pytest.raises(TabletError) as caught:
            tablet.call("GET", f"/api/v1/me/ferry/{lock_id}")
        assert (caught.value.status, caught.value.code) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"lock_id": "a/b", "messages": [{"name": "evt", "payload": "oA"}]},
        {"lock_id": "x", "messages": []},
        {"lock_id": "x", "messages": [{"name": "open", "payload": "oA"}]},
        {"lock_id": "x", "messages": [{"name": "evt", "payload": "not base64!"}]},
        {"lock_id": "x", "messages": [{"name": "evt", "payload": "oA"}] * 65},
    ],
)
def test_a_load_of_another_form_is_refused_whole(platform: Platform, body: dict[str, Any]) -> None:
    tablet = platform.tablet(platform.fresh_carer())

    with pytest.raises(TabletError) as caught:
        tablet.call("POST", "/api/v1/me/ferry", body)

    assert (caught.value.status, caught.value.code) == (422, "invalid_input")


def test_the_lock_row_learns_the_versions_a_tablet_saw(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    lock_id = stop["door"]["lock_id"]
    ferry(tablet, lock_id, fetch_log(platform, lock_id))
    with platform.runtime.database.reading() as session:
        row = session.get(LockRow, lock_id)
        assert row is not None
        assert row.crl_reported == fleet.locks[lock_id].access.crl_version
    fleet.restore(lock_id)


def test_a_replaced_issuer_key_reaches_every_lock_by_broker_and_the_silent_one_by_tablet(platform: Platform) -> None:
    tablet, stop, fleet = cut_off(platform)
    silent = stop["door"]["lock_id"]
    key_file = platform.runtime.settings.work_dir / "issuer.key"
    assert turn_key.main(["announce", "--key-file", str(key_file)]) == 0
    assert eventually(lambda: platform.runtime.signer.status().trust_version == 1)

    sent = platform.runtime.trust_keeper.look()

    assert sent in (0, mounted(platform)), "all at once, by this look or by the one every ten seconds"
    others = [lock for each in platform.fleets for lock_id, lock in each.locks.items() if lock_id != silent]
    assert eventually(lambda: all(lock.trust_version == 1 for lock in others))
    assert fleet.locks[silent].trust_version == 0
    carried = tablet.call("GET", f"/api/v1/me/ferry/{silent}")["down"]
    hand_over(platform, silent, carried)
    assert fleet.locks[silent].trust_version == 1

    ferry(tablet, silent, fetch_log(platform, silent))
    assert eventually(lambda: reported(platform) == {1})
    assert platform.runtime.trust_keeper.look() == 0
    fleet.restore(silent)


def mounted(platform: Platform) -> int:
    return sum(len(fleet.locks) for fleet in platform.fleets)


def reported(platform: Platform) -> set[int]:
    with platform.runtime.database.reading() as session:
        return set(session.exec(select(LockRow.trust_reported).where(col(LockRow.retired_at).is_(None))).all())


def test_a_technician_s_settings_reach_the_lock_and_come_back_confirmed(platform: Platform) -> None:
    operations = platform.signed_in("operations")
    lock_id, lock = next((known, lock) for known, lock in sorted(platform.fleets[0].locks.items()))
    path = f"/api/v1/devices/{lock_id}/settings"

    said = operations.call("PUT", path, {"ajar_s": 120, "relock_s": 30})

    assert (said.status, said.json["version"], said.json["confirmed"]) == (200, 1, False)
    assert eventually(lambda: operations.get(path).json["confirmed"])
    assert (lock.cfg_version, lock.settings) == (1, {"ajar_s": 120, "relock_s": 30})
    assert operations.call("PUT", path, {"ajar_s": 120, "relock_s": 30}).json["version"] == 1, "nothing changed"
    for wrong in ({"ajar_s": 9}, {"relock_s": 601}, {"anything": 1}):
        assert operations.call("PUT", path, wrong).status == 422

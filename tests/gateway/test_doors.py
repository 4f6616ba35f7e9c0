"""*Lås op* over HTTP and MQTT: every end an opening can have, and everything that must not open a door."""

import asyncio
from datetime import datetime
from threading import active_count
from time import monotonic
from typing import Any

import pytest
from sqlmodel import col, select

from devices.inbox.model import Outgoing
from devices.keys.messages import Challenge, ChallengeRequest
from devices.keys.model import Bolt, Operation
from devices.keys.openings import challenge_request, find_opening, request_id
from devices.keys.tables import LockRow, OpeningRow
from devices.simulator.holder import HolderKey
from gateway.demo.agenda import Agenda
from gateway.demo.doorstep import Doorstep
from gateway.demo.tablets import Tablet, TabletError
from gateway.wire import b64u, from_b64u
from kernel.log import read_after
from kernel.tables import EventRow
from scheduling.register.tables import ConsentRow
from tests import own_loop
from tests.gateway.platform import Platform, eventually, odd_carers


def _ready(platform: Platform, carer_id: str | None = None) -> tuple[Tablet, dict[str, Any]]:
    """A tablet whose shift has begun, and the first stop of its route."""
    tablet = platform.tablet(carer_id or platform.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    assert stop["door"] is not None
    return tablet, stop


def _tap(tablet: Tablet, stop: dict[str, Any], **more: Any) -> dict[str, Any]:
    path = f"/api/v1/doors/{stop['door']['id']}/openings"
    opening: dict[str, Any] = tablet.call("POST", path, {"visit_id": stop["visit_id"], **more})["opening"]
    return opening


def _bolt(platform: Platform, stop: dict[str, Any]) -> Bolt:
    lock_id = stop["door"]["lock_id"]
    return next(fleet.locks[lock_id].bolt for fleet in platform.fleets if lock_id in fleet.locks)


def _proof(
    tablet: Tablet, opening: dict[str, Any], stop: dict[str, Any], key: HolderKey | None = None
) -> dict[str, Any]:
    grants = tablet.call("GET", "/api/v1/me/grants")["grants"]
    grant = next(g for g in grants if g["visit_id"] == stop["visit_id"])
    signer = key or tablet.key
    signature = signer.prove(opening["lock_id"], Operation.OPEN, from_b64u(grant["cti"]), from_b64u(opening["nonce"]))
    return {"token": grant["token"], "public_key": b64u(signer.public_key), "signature": b64u(signature)}


def test_a_door_opens_by_challenge_proof_and_the_locks_own_word(platform: Platform) -> None:
    tablet, stop = _ready(platform)

    opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
    settled = platform.settled(tablet, opening["id"])

    assert opening["state"] == "sent"
    assert (settled["state"], settled["late"], settled["title"]) == ("unlocked", False, "Døren er låst op")
    assert _bolt(platform, stop) is Bolt.UNLOCKED
    visit = tablet.day()["route"]["stops"][0]
    assert (visit["state"], visit["source"]) == ("begun", "device")
    said = platform.stranger().get("/metrics").content.decode()
    counted = {
        line.split(" ")[0]: float(line.split(" ")[1])
        for line in said.splitlines()
        if "ingest" in line and line[0] != "#"
    }
    assert counted['omsorgstid_ingest_messages_total{result="accepted"}'] > 0
    assert counted["omsorgstid_ingest_batches_total"] > 0


def test_a_door_can_not_be_opened_before_the_shift_has_begun(platform: Platform) -> None:
    tablet = platform.tablet(platform.fresh_carer())
    stop = tablet.day()["route"]["stops"][0]

    with pytest.raises(TabletError) as caught:
        _tap(tablet, stop)

    assert (caught.value.status, caught.value.code) == (409, "shift_not_begun")
    assert _bolt(platform, stop) is Bolt.LOCKED


def test_outside_the_visits_window_the_door_stays_shut_and_the_carer_is_told_when(platform: Platform) -> None:
    tablet, _ = _ready(platform)
    stops = [s for s in tablet.day()["route"]["stops"] if s["door"] is not None]
    last = stops[-1]
    assert last["door"]["opens_from_at"] > platform.clock.now().isoformat()

    opening = _tap(tablet, last)

    assert (opening["state"], opening["code"]) == ("refused", "outside_visit_window")
    assert opening["title"] == "Afvist – uden for besøgets tid"
    assert opening["text"].startswith("Døren kan åbnes fra ")
    assert opening["text"].endswith("Døren er stadig låst.")
    assert _bolt(platform, last) is Bolt.LOCKED


def test_a_moved_visits_door_is_closed_to_the_old_carer_and_open_to_the_new_one_at_once(platform: Platform) -> None:
    old, stop = _ready(platform)
    planner = platform.signed_in("planner")
    board = planner.get("/api/v1/board").json
    proposals = planner.get(f"/api/v1/visits/{stop['visit_id']}/proposals").json["proposals"]
    assert proposals, "somebody has to be able to take the visit"
    best = next(p for p in proposals if p["carer_id"] not in odd_carers(platform))
    lane = next(lane for lane in board["lanes"] if lane["carer_id"] == old.carer_id)
    seen = f'"{lane["route_id"]}:{lane["version"]}", "{best["route_id"]}:{best["version"]}"'
    old_grants = {g["visit_id"] for g in old.call("GET", "/api/v1/me/grants")["grants"]}
    assert stop["visit_id"] in old_grants

    moved = planner.post(
        f"/api/v1/visits/{stop['visit_id']}/move", {"to_carer_id": best["carer_id"], "reason": "sygdom"}, If_Match=seen
    )
    assert moved.status == 200, moved.content
    refused = _tap(old, stop)

    assert (refused["state"], refused["code"]) == ("refused", "not_on_route")
    assert refused["title"] == "Afvist – besøget er ikke dit længere"
    assert "Flyttet til en kollega 07:" in refused["text"]
    assert "sygdom" in refused["text"]
    assert stop["visit_id"] not in {g["visit_id"] for g in old.call("GET", "/api/v1/me/grants")["grants"]}
    new, _ = _ready(platform, best["carer_id"])
    theirs = next(s for s in new.day()["route"]["stops"] if s["visit_id"] == stop["visit_id"])
    platform.clock.advance_to(max(platform.clock.now(), _instant(theirs["door"]["opens_from_at"])))
    opening = new.open_door(theirs["door"]["id"], theirs["visit_id"])
    assert platform.settled(new, opening["id"])["state"] == "unlocked"


def test_without_the_citizens_consent_no_electronic_key_works(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    citizen = next(v.citizen_id for v in platform.day.visits if v.id == stop["visit_id"])
    with platform.runtime.units.begin() as work:
        for consent in work.session.exec(select(ConsentRow).where(ConsentRow.citizen_id == citizen)):
            consent.withdrawn_on = platform.day.on

    opening = _tap(tablet, stop)

    assert (opening["state"], opening["code"]) == ("refused", "consent_withdrawn")
    assert "Ring på. Brug aftalt nøgle." in opening["text"]


def test_a_lock_with_an_empty_battery_is_not_tried(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    lock_id = stop["door"]["lock_id"]
    with platform.runtime.units.begin() as work:
        lock = work.session.get(LockRow, lock_id)
        assert lock is not None
        lock.battery_mv = 4_300

    opening = _tap(tablet, stop)

    assert (opening["state"], opening["code"]) == ("refused", "battery_low")
    assert "Brug nøgleboks. Fejlen er meldt." in opening["text"]


def test_a_jammed_lock_says_so_and_the_visit_does_not_begin(platform: Platform) -> None:
    tablet, stop = _ready(platform, odd_carers(platform)[0])

    opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
    settled = platform.settled(tablet, opening["id"])

    assert settled["state"] == "jammed"
    assert "Tryk døren ind mod karmen." in settled["text"]
    assert tablet.day()["route"]["stops"][0]["state"] == "planned"


def test_a_lock_without_network_is_not_reached_in_time_and_does_not_open_later(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    lock_id = stop["door"]["lock_id"]
    fleet = platform.fleets[0]
    fleet.lose(lock_id)
    assert eventually(lambda: fleet.wait_up(0.1))

    began_s = monotonic()
    opening = _tap(tablet, stop)
    settled = platform.settled(tablet, opening["id"])

    assert (settled["state"], settled["title"]) == ("expired", "Nåede ikke låsen i tide")
    assert settled["text"] == "Intet blev sendt. Døren åbner ikke senere."
    assert 4.0 < monotonic() - began_s < 9.0
    fleet.restore(lock_id)
    assert fleet.wait_up(10)
    assert fleet.wait_idle(10)
    assert _bolt(platform, stop) is Bolt.LOCKED
    assert tablet.opening(opening["id"])["state"] == "expired"


def test_fifty_locks_that_say_nothing_are_waited_for_together_and_by_no_thread(platform: Platform) -> None:
    desk, requests = platform.runtime.parts.doors, [bytes([number]) * 16 for number in range(50)]

    async def ask(request: bytes) -> list[Challenge | None]:
        question = Outgoing("lock", f"nobody{request[0]}", "challenge", ChallengeRequest(request).encode())
        return await desk.challenges_soon([(question, request)], 0.5)

    async def ask_all() -> tuple[list[list[Challenge | None]], int]:
        waiting = [asyncio.create_task(ask(request)) for request in requests]
        before = active_count()
        await asyncio.wait(waiting, timeout=0.1)
        return [await each for each in waiting], active_count() - before

    began_s = monotonic()
    given, more_threads = own_loop.run(ask_all())

    assert given == [[None]] * 50
    assert more_threads < 3
    assert monotonic() - began_s < 10


def test_a_day_nobody_watches_does_not_wait_for_a_lock_that_has_lost_its_network(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    lock_id, fleet, parts = stop["door"]["lock_id"], platform.fleets[0], platform.runtime.parts
    fleet.lose(lock_id)
    assert eventually(lambda: fleet.wait_up(0.1))
    doors = parts.doors
    agenda = Agenda(platform.runtime, platform.running, [fleet], [], hurried=True)
    hurried = Doorstep(agenda, fleet, hurried=True)
    try:
        opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
        state = hurried.settled(tablet, opening)
        with platform.runtime.database.reading() as session:
            question = challenge_request(find_opening(session, opening["id"]))
        began_s = monotonic()
        given = parts.doors.challenges([(question, request_id(opening["id"]))], 60.0)
        asked_s = monotonic() - began_s
    finally:
        parts.doors = doors
        fleet.restore(lock_id)
    assert fleet.wait_up(10)

    assert (opening["state"], state) == ("requested", "expired")
    assert (given, asked_s < 30) == ([None], True)
    assert _bolt(platform, stop) is Bolt.LOCKED


def test_a_lock_that_does_not_answer_is_unknown_after_ten_seconds_and_believed_when_it_speaks(
    platform: Platform,
) -> None:
    tablet, stop = _ready(platform, odd_carers(platform)[1])

    lock_id, fleet = stop["door"]["lock_id"], platform.fleets[1]
    began_s = monotonic()
    opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
    assert opening["state"] == "sent"
    # The motor turns, and meanwhile the network goes: the lock's word cannot come.
    assert eventually(lambda: _bolt(platform, stop) is Bolt.UNLOCKED)
    fleet.lose(lock_id)
    given_up = platform.settled(tablet, opening["id"])

    assert (given_up["state"], given_up["title"]) == ("unknown", "Ukendt: låsen svarer ikke")
    assert 9.5 < monotonic() - began_s < 13
    seen = tablet.call("POST", f"/api/v1/openings/{opening['id']}/observation", {"seen": "open"})["opening"]
    assert (seen["state"], seen["observation"]) == ("unknown", "open")
    fleet.restore(lock_id)
    late = eventually(lambda: _if_unlocked(tablet, opening["id"]))
    assert late["late"] is True
    assert tablet.day()["route"]["stops"][0]["state"] == "begun"
    with pytest.raises(TabletError) as caught:
        tablet.call("POST", f"/api/v1/openings/{opening['id']}/observation", {"seen": "locked"})
    assert caught.value.code == "lock_has_answered"


def test_a_proof_with_another_shifts_key_moves_nothing(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    opening = _tap(tablet, stop)
    assert opening["state"] == "challenged"

    body = _proof(tablet, opening, stop, HolderKey.generate())
    with pytest.raises(TabletError) as caught:
        tablet.call("POST", f"/api/v1/openings/{opening['id']}/proof", body)

    assert (caught.value.status, caught.value.code) == (403, "proof_other_key")
    assert _bolt(platform, stop) is Bolt.LOCKED
    # The right key is still good within the five seconds: a wrong try by somebody else blocks nobody.
    body = _proof(tablet, opening, stop)
    tablet.call("POST", f"/api/v1/openings/{opening['id']}/proof", body)
    assert platform.settled(tablet, opening["id"])["state"] == "unlocked"


def test_a_challenge_handed_back_is_stored_by_nobody_before_and_taken_for_its_own_opening_only(
    platform: Platform,
) -> None:
    tablet, stop = _ready(platform)
    first, second = (_tap(tablet, stop, hands_back=True) for _ in range(2))
    assert (first["state"], second["state"]) == ("challenged", "challenged")
    with platform.runtime.database.reading() as session:
        rows = session.exec(select(OpeningRow).where(OpeningRow.visit_id == stop["visit_id"])).all()
        assert {(row.state, row.nonce) for row in rows} == {("requested", None)}

    body = _proof(tablet, second, stop)
    for nonce, seal in ((first["nonce"], first["seal"]), (second["nonce"], first["seal"]), ("A" * 22, "A" * 22)):
        stolen = body | {"nonce": nonce, "seal": seal}
        assert _refusal(tablet, second["id"], stolen) == "challenge_not_for_opening"
    # Without the challenge there is nothing a proof could be about.
    assert tablet.call("POST", f"/api/v1/openings/{second['id']}/proof", body)["opening"]["state"] == "requested"
    assert _bolt(platform, stop) is Bolt.LOCKED

    own = body | {"nonce": second["nonce"], "seal": second["seal"]}
    assert tablet.call("POST", f"/api/v1/openings/{second['id']}/proof", own)["opening"]["state"] == "sent"
    assert platform.settled(tablet, second["id"])["state"] == "unlocked"


def test_a_proof_sent_twice_opens_once(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    opening = _tap(tablet, stop)
    body = _proof(tablet, opening, stop)

    for _ in range(2):
        tablet.call("POST", f"/api/v1/openings/{opening['id']}/proof", body)

    assert platform.settled(tablet, opening["id"])["state"] == "unlocked"
    lock = platform.fleets[0].locks[stop["door"]["lock_id"]]
    assert platform.fleets[0].wait_idle(10)
    assert lock.ignored.total() == 0


def test_somebody_elses_opening_does_not_exist(platform: Platform) -> None:
    mine, stop = _ready(platform)
    other, _ = _ready(platform)
    opening = _tap(mine, stop)
    body = _proof(mine, opening, stop)

    for method, path, sent in (
        ("GET", f"/api/v1/openings/{opening['id']}", None),
        ("POST", f"/api/v1/openings/{opening['id']}/proof", body),
        ("POST", f"/api/v1/openings/{opening['id']}/observation", {"seen": "open"}),
    ):
        with pytest.raises(TabletError) as caught:
            other.call(method, path, sent)
        assert (caught.value.status, caught.value.code) == (404, "not_found"), path


def test_the_door_of_a_visit_that_is_not_mine_is_refused_and_no_other_door_goes_with_it(platform: Platform) -> None:
    mine, stop = _ready(platform)
    other, theirs = _ready(platform)

    refused = _tap(other, stop)
    assert (refused["state"], refused["code"]) == ("refused", "not_on_route")
    crossed = {"door": theirs["door"], "visit_id": stop["visit_id"]}
    with pytest.raises(TabletError) as caught:
        _tap(mine, crossed)
    assert caught.value.status == 404


def test_after_the_shift_has_ended_its_key_opens_nothing(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    opening = _tap(tablet, stop)
    body = _proof(tablet, opening, stop)
    tablet.end_shift("citizen")

    late = _refusal(tablet, opening["id"], body)

    assert late in ("grant_not_for_opening", "epoch_revoked")
    assert tablet.call("GET", "/api/v1/me/grants")["grants"] == []
    assert _bolt(platform, stop) is Bolt.LOCKED


def test_every_opening_of_this_module_is_in_the_log_with_its_end(platform: Platform) -> None:
    """Runs last: whatever the tests above did, nothing that was asked for is without a word in the log."""
    _ready(platform)
    assert eventually(platform.runtime.pipeline.idle)
    with platform.runtime.database.reading() as session:
        openings = {r.opening_id: r.state for r in session.exec(select(OpeningRow))}
        events = read_after(session, 0, 10_000, {"opening.requested", "opening.settled"})
        positions = session.exec(select(EventRow.position).order_by(col(EventRow.position))).all()

    assert {e.data["opening_id"] for e in events if e.event_type == "opening.requested"} == set(openings)
    last = {e.data["opening_id"]: e.data["state"] for e in events if e.event_type == "opening.settled"}
    ends = {"unlocked", "refused", "jammed", "expired", "unknown"}
    assert last == {opening_id: state for opening_id, state in openings.items() if state in ends}
    assert list(positions) == list(range(1, len(positions) + 1))


def _refusal(tablet: Tablet, opening_id: str, body: dict[str, Any]) -> str:
    try:
        answer = tablet.call("POST", f"/api/v1/openings/{opening_id}/proof", body)
    except TabletError as err:
        return str(err.code)
    return str(answer["opening"]["code"])


def _if_unlocked(tablet: Tablet, opening_id: str) -> dict[str, Any]:
    opening: dict[str, Any] = tablet.opening(opening_id)
    return opening if opening["state"] == "unlocked" else {}


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)

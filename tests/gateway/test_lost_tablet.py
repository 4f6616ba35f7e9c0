"""A lost tablet: it is signed out, its key opens nothing, online or beside the lock, and the shift goes on."""

from typing import Any

import pytest
from sqlmodel import select

from devices.keys.model import Bolt, Operation
from devices.simulator.holder import HolderKey
from gateway.demo.tablets import TabletError
from gateway.wire import b64u, from_b64u
from kernel.log import read_after
from scheduling.tables import ShiftRow, TaskRow
from tests.gateway.near_link import fleet_of, held_grant, open_beside
from tests.gateway.platform import Platform, eventually


def test_whoever_finds_a_lost_tablet_gets_into_no_system_and_through_no_door(platform: Platform) -> None:
    lost = platform.tablet(platform.fresh_carer())
    stop = lost.start_shift("citizen")["route"]["stops"][0]
    lock_id = stop["door"]["lock_id"]
    fleet = fleet_of(platform, lock_id)
    cti, token = held_grant(lost, stop["visit_id"])

    done = platform.signed_in("planner").post(f"/api/v1/carers/{lost.carer_id}/tablet-lost", {"reason": "glemt"})

    assert done.status == 200, done.content
    assert done.json["sessions_ended"] == 1
    assert done.json["locks_told"] >= 1
    for method, path, body in (
        ("GET", "/api/v1/me/day", None),
        ("GET", "/api/v1/me/grants", None),
        ("POST", f"/api/v1/doors/{stop['door']['id']}/openings", {"visit_id": stop["visit_id"]}),
    ):
        with pytest.raises(TabletError) as caught:
            lost.call(method, path, body)
        assert (caught.value.status, caught.value.code) == (401, "tablet_lost"), path
        assert "meldt tabt" in str(caught.value)
    assert eventually(lambda: cti in fleet.locks[lock_id].access.ctis)
    assert open_beside(fleet, lock_id, lost.key, token, cti) is Bolt.LOCKED, "no network is needed to say no"


def test_the_proof_of_a_lost_tablet_is_worth_nothing_even_for_an_opening_under_way(platform: Platform) -> None:
    lost = platform.tablet(platform.fresh_carer())
    stop = lost.start_shift("citizen")["route"]["stops"][0]
    cti, token = held_grant(lost, stop["visit_id"])
    path = f"/api/v1/doors/{stop['door']['id']}/openings"
    opening = lost.call("POST", path, {"visit_id": stop["visit_id"]})["opening"]
    assert opening["state"] == "challenged"
    platform.signed_in("operations").post(f"/api/v1/carers/{lost.carer_id}/tablet-lost", {"reason": "stjålet"})
    # Even with the carer's PIN, the proof of the old key is refused by the server ...
    lost.sign_in()
    signature = lost.key.prove(opening["lock_id"], Operation.OPEN, cti, from_b64u(opening["nonce"]))
    proof = {"token": b64u(token), "public_key": b64u(lost.key.public_key), "signature": b64u(signature)}
    with pytest.raises(TabletError) as caught:
        lost.call("POST", f"/api/v1/openings/{opening['id']}/proof", proof)
    assert caught.value.code == "grant_not_for_opening"
    # ... the old key cannot take the shift up again ...
    refused = _refusal(lost.call, "POST", "/api/v1/me/shift/start", _start(lost.key))
    assert refused == (409, "key_reported_lost")
    # ... and no grant is minted for it.
    assert lost.call("GET", "/api/v1/me/grants")["grants"] == []

    lock_id = stop["door"]["lock_id"]
    assert fleet_of(platform, lock_id).locks[lock_id].bolt is Bolt.LOCKED


def test_the_shift_goes_on_with_another_tablets_key(platform: Platform) -> None:
    lost = platform.tablet(platform.fresh_carer())
    stop = lost.start_shift("citizen")["route"]["stops"][0]
    platform.signed_in("planner").post(f"/api/v1/carers/{lost.carer_id}/tablet-lost", {"reason": "glemt"})
    found = platform.tablet(lost.carer_id, HolderKey.generate())
    shift = found.day()["shift"]
    assert (shift["state"], shift["key_lost"], shift["holder_thumbprint"]) == ("begun", True, None)

    begun = found.start_shift("citizen")["shift"]

    assert (begun["key_lost"], begun["started_at"]) == (False, shift["started_at"])
    assert begun["holder_thumbprint"] == found.key.thumbprint.hex()
    opening = found.open_door(stop["door"]["id"], stop["visit_id"])
    assert platform.settled(found, opening["id"])["state"] == "unlocked"
    third = _refusal(found.call, "POST", "/api/v1/me/shift/start", _start(HolderKey.generate()))
    assert third == (409, "shift_already_begun")


def test_a_lost_tablet_stands_in_the_log_and_on_the_planners_list_once(platform: Platform) -> None:
    lost = platform.tablet(platform.fresh_carer())
    lost.start_shift("citizen")
    planner = platform.signed_in("planner")
    first, second = (
        planner.post(f"/api/v1/carers/{lost.carer_id}/tablet-lost", {"reason": "glemt i bussen"}) for _ in range(2)
    )

    assert (first.json["shift_id"], second.json) == (
        f"{platform.day.on.isoformat()}.{lost.carer_id}",
        {"shift_id": None, "sessions_ended": 0, "locks_told": 0},
    )
    assert eventually(platform.runtime.pipeline.idle)
    with platform.runtime.database.reading() as session:
        events = [e.data for e in read_after(session, 0, 100_000, {"tablet.lost"})]
        tasks = session.exec(select(TaskRow).where(TaskRow.carer_id == lost.carer_id)).all()
        shift = session.get_one(ShiftRow, first.json["shift_id"])
    mine = [e for e in events if e["carer_id"] == lost.carer_id]
    assert [(e["reason"], e["holder_thumbprint"]) for e in mine] == [("glemt i bussen", lost.key.thumbprint.hex())]
    assert [(t.kind, t.state) for t in tasks] == [("tablet_lost", "open")]
    assert (shift.holder_thumbprint, shift.lost_thumbprint) == (None, lost.key.thumbprint.hex())


def test_off_duty_only_the_sessions_end(platform: Platform) -> None:
    tablet = platform.tablet(platform.fresh_carer())

    done = platform.signed_in("planner").post(f"/api/v1/carers/{tablet.carer_id}/tablet-lost", {"reason": "glemt"})

    assert done.json == {"shift_id": None, "sessions_ended": 1, "locks_told": 0}
    assert _refusal(tablet.call, "GET", "/api/v1/me/day") == (401, "tablet_lost")


@pytest.mark.parametrize(
    ("carer", "body", "expected"),
    [
        ("nobody", {"reason": "glemt"}, (404, "not_found")),
        ("{own}", {"reason": ""}, (422, "invalid_input")),
        ("{own}", {}, (422, "invalid_input")),
    ],
)
def test_what_cannot_be_reported_is_refused(
    platform: Platform, carer: str, body: dict[str, str], expected: tuple[int, str]
) -> None:
    own = next(iter(platform.first_stops))

    answer = platform.signed_in("planner").post(f"/api/v1/carers/{carer.format(own=own)}/tablet-lost", body)

    assert (answer.status, answer.code) == expected


def _start(key: HolderKey) -> dict[str, str]:
    return {"place": "citizen", "holder_key": b64u(key.public_key)}


def _refusal(call: Any, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(TabletError) as caught:
        call(*arguments)
    return caught.value.status, str(caught.value.code)

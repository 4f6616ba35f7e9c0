"""Rights follow the route online: within five seconds the lock itself says no to what has left it."""

from datetime import datetime
from time import monotonic
from typing import Any

from sqlmodel import col, select

from devices.keys import store
from devices.keys.model import Bolt
from devices.keys.tables import GrantRow
from gateway.demo.tablets import Tablet
from kernel.tables import JobRow
from tests.gateway.near_link import fleet_of, held_grant, open_beside
from tests.gateway.platform import Platform, eventually, odd_carers

BOUND_S = 5.0


def _ready(platform: Platform, carer_id: str | None = None) -> tuple[Tablet, dict[str, Any]]:
    tablet = platform.tablet(carer_id or platform.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    return tablet, stop


def _seconds_until_revoked(platform: Platform, lock_id: str, cti: bytes, since_s: float) -> float:
    lock = fleet_of(platform, lock_id).locks[lock_id]
    assert eventually(lambda: cti in lock.access.ctis, BOUND_S), "the lock has not heard of it"
    return monotonic() - since_s


def test_the_lock_refuses_the_key_of_a_shift_that_has_ended(platform: Platform) -> None:
    tablet, stop = _ready(platform)
    lock_id = stop["door"]["lock_id"]
    cti, token = held_grant(tablet, stop["visit_id"])

    since_s = monotonic()
    tablet.end_shift("base")

    assert _seconds_until_revoked(platform, lock_id, cti, since_s) < BOUND_S
    assert open_beside(fleet_of(platform, lock_id), lock_id, tablet.key, token, cti) is Bolt.LOCKED


def test_a_new_plan_of_the_day_reaches_the_locks_of_every_right_it_took(platform: Platform) -> None:
    tablets = [_ready(platform)[0] for _ in range(6)]
    for tablet in tablets:
        tablet.call("GET", "/api/v1/me/grants")
    planner = platform.signed_in("planner")
    units = {str(c.unit_id) for c in platform.day.carers if c.id in {t.carer_id for t in tablets}}
    with platform.runtime.database.reading() as session:
        before = set(session.exec(select(GrantRow.cti).where(col(GrantRow.revoked_at).is_not(None))).all())

    for unit in sorted(units):
        job = planner.post(
            "/api/v1/jobs",
            {"kind": "plan-day", "day": platform.day.on.isoformat(), "unit_id": unit, "moves": 20, "seed": 7},
        ).json["job"]
        assert eventually(lambda job=job: _state(platform, job["id"]) in ("done", "failed"), 30.0)
        assert _state(platform, job["id"]) == "done"

    since_s = monotonic()
    taken = _taken(platform, before)
    assert taken, "the new plan gives somebody's visit away or moves its window"
    for lock_id, cti in taken:
        _seconds_until_revoked(platform, lock_id, cti, since_s)
    assert monotonic() - since_s < BOUND_S


def test_the_lock_refuses_the_old_carer_within_five_seconds_of_a_move_and_opens_for_the_new_one(
    platform: Platform,
) -> None:
    old, stop = _ready(platform)
    lock_id = stop["door"]["lock_id"]
    fleet = fleet_of(platform, lock_id)
    cti, token = held_grant(old, stop["visit_id"])
    planner = platform.signed_in("planner")
    board = planner.get("/api/v1/board").json
    ranked = planner.get(f"/api/v1/visits/{stop['visit_id']}/proposals").json["proposals"]
    best = next(p for p in ranked if p["carer_id"] not in odd_carers(platform))
    lane = next(lane for lane in board["lanes"] if lane["carer_id"] == old.carer_id)
    seen = f'"{lane["route_id"]}:{lane["version"]}", "{best["route_id"]}:{best["version"]}"'

    since_s = monotonic()
    moved = planner.post(
        f"/api/v1/visits/{stop['visit_id']}/move", {"to_carer_id": best["carer_id"], "reason": "sygdom"}, If_Match=seen
    )
    assert moved.status == 200, moved.content

    assert _seconds_until_revoked(platform, lock_id, cti, since_s) < BOUND_S
    assert open_beside(fleet, lock_id, old.key, token, cti) is Bolt.LOCKED, "no server was asked"
    new, _ = _ready(platform, best["carer_id"])
    theirs = next(s for s in new.day()["route"]["stops"] if s["visit_id"] == stop["visit_id"])
    opens_at = datetime.fromisoformat(theirs["door"]["opens_from_at"])
    platform.clock.advance_to(max(platform.clock.now(), opens_at))
    opening = new.open_door(theirs["door"]["id"], theirs["visit_id"])
    assert platform.settled(new, opening["id"])["state"] == "unlocked"


def _taken(platform: Platform, before: set[bytes]) -> list[tuple[str, bytes]]:
    with platform.runtime.database.reading() as session:
        rows = session.exec(select(GrantRow).where(col(GrantRow.revoked_at).is_not(None))).all()
        locks = store.locks_of_doors(session, {row.door_id for row in rows})
    return [(locks[row.door_id][0], bytes(row.cti)) for row in rows if row.cti not in before]


def _state(platform: Platform, job_id: str) -> str:
    with platform.runtime.database.reading() as session:
        return session.get_one(JobRow, job_id).state

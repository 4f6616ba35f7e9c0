"""People with something real in their hands: a stolen tablet, a copy of one, an old job, another unit, a link."""

from datetime import timedelta
from functools import partial
from time import time

from sqlmodel import select

from devices.keys.model import Bolt
from devices.simulator.lock import SimulatedLock
from gateway import auth, sessions
from loadtests.attack.attempt import Attack, Held, Tried, bring_lists, let_in, refused, shut
from loadtests.attack.knock import knock, near
from loadtests.attack.lists import report_lost
from loadtests.attack.stage import Stage, Target, require
from scheduling.tables import VisitRow

_REFUSED = ("not_on_route", "outside_visit_window", "not_found", "shift_not_begun", "forbidden", "other_unit")


def _out_of_reach(stage: Stage, target: Target) -> None:
    stage.fleet.lose(target.lock_id)
    require(lambda: stage.fleet.wait_up(0.1), "the lock to lose its network")


def _thief(stage: Stage, *, stolen: bool) -> Tried:
    """Keys and grants in the wrong hands; the planner hears of it while the lock is out of reach."""
    target, unreached = stage.target(), stage.target()
    _out_of_reach(stage, target)
    _out_of_reach(stage, unreached)
    for each in (target, unreached):
        report_lost(stage, each)
    # What no protocol can refuse: the lock has heard nothing, and the grant is good until its window is over.
    declared = let_in(stage, unreached, knock(stage, unreached, "near"))
    beside = near(stage, target.lock_id)
    bring_lists(stage, beside)
    ferried = shut(stage, target.lock_id, knock(stage, target, "near"))
    stage.fleet.restore(target.lock_id)
    require(lambda: stage.fleet.wait_up(0.1), "the lock to come back")
    online = shut(stage, target.lock_id, knock(stage, target, "online"))
    for method, path in (("GET", "/api/v1/me/day"), ("GET", "/api/v1/me/grants")):
        online = online & refused(partial(target.tablet.call, method, path), "tablet_lost")
    if stolen:
        few = Held(target.unsealed <= 4, f"{target.unsealed} doors unsealed")
        online, ferried = few & online, few & ferried
    stage.beside(unreached.lock_id, _locks)

    def later(later_stage: Stage) -> Held:
        return shut(later_stage, unreached.lock_id, knock(later_stage, unreached, "near"))

    until = f"{unreached.closes_at + timedelta(seconds=60):%H:%M} UTC (end of window)"
    bound = f"opens until {until}" if declared else f"shut; at latest {until}"
    return Tried(online, ferried, bound, [later])


def _ex_employee(stage: Stage) -> Tried:
    target, unreached = stage.target(), stage.target()
    _out_of_reach(stage, target)
    _out_of_reach(stage, unreached)
    planner = stage.person("planner")
    for each in (target, unreached):
        planner.call("POST", f"/api/v1/carers/{each.tablet.carer_id}/leaving", {"reason": "opsagt"})
    beside = near(stage, target.lock_id)
    bring_lists(stage, beside)
    ferried = shut(stage, target.lock_id, knock(stage, target, "near"))
    declared = let_in(stage, unreached, knock(stage, unreached, "near"))
    stage.beside(unreached.lock_id, _locks)
    stage.fleet.restore(target.lock_id)
    require(lambda: stage.fleet.wait_up(0.1), "the lock to come back")
    online = shut(stage, target.lock_id, knock(stage, target, "online"))
    online = online & refused(lambda: target.tablet.call("GET", "/api/v1/me/day"))
    online = online & refused(target.tablet.sign_in)

    def later(later_stage: Stage) -> Held:
        return shut(later_stage, unreached.lock_id, knock(later_stage, unreached, "near"))

    until = f"{unreached.closes_at + timedelta(seconds=60):%H:%M} UTC (end of window)"
    return Tried(online, ferried, f"opens until {until}" if declared else f"shut; at latest {until}", [later])


def _other_unit(stage: Stage) -> Tried:
    own = stage.target()
    other = stage.other_target(own, unit=True)
    path, body = f"/api/v1/doors/{other.door_id}/openings", {"visit_id": other.visit_id}
    online = _no_opening(own, path, body)
    stolen = Target(
        own.tablet,
        other.lock_id,
        other.door_id,
        other.visit_id,
        own.unit_id,
        own.cti,
        own.token,
        own.closes_at,
        own.unsealed,
    )
    online = online & shut(stage, other.lock_id, knock(stage, stolen, "online"))
    return Tried(online, shut(stage, other.lock_id, knock(stage, stolen, "near")))


def _citizen_link(stage: Stage) -> Tried:
    """The session of a redeemed screen-visit link, at the routes of doors."""
    target = stage.target()
    with stage.runtime.units.begin() as work:
        visit = work.session.exec(select(VisitRow).where(VisitRow.id == target.visit_id)).one()
        token = sessions.open_link_session(
            work, room_id="room", citizen_id=visit.citizen_id, unit_id=visit.unit_id, expires_s=time() + 3600
        )
    asked = {
        ("POST", f"/api/v1/doors/{target.door_id}/openings"): {"visit_id": target.visit_id},
        ("GET", "/api/v1/me/grants"): None,
        ("GET", "/api/v1/me/day"): None,
        ("GET", f"/api/v1/me/ferry/{target.lock_id}"): None,
    }
    outcomes: list[Held] = []
    for surface in ("link", "tablet"):
        client = stage.stranger(f"{auth.cookie_of(surface)}={token}")
        for (method, path), body in asked.items():
            outcomes.append(refused(partial(client.call, method, path, body, {"X-Surface": surface})))
    online = outcomes[0]
    for outcome in outcomes[1:]:
        online = online & outcome
    return Tried(online, Held(True, "holds no grant"))


def _no_opening(own: Target, path: str, body: dict[str, str]) -> Held:
    """The server gives no challenge: refused with a problem, or an opening that is refused by rule."""
    try:
        opening = own.tablet.call("POST", path, body)["opening"]
    except own.tablet.refused as error:
        return Held(error.code in _REFUSED, f"{error.status} {error.code}")
    return Held(opening["state"] == "refused", f"refused {opening['code']}")


def _locks(lock: SimulatedLock) -> None:
    """Somebody inside turns the key."""
    lock.turn_key(Bolt.LOCKED)


ATTACKS = (
    Attack("cloned tablet", lambda stage: _thief(stage, stolen=False)),
    Attack("stolen unlocked tablet", lambda stage: _thief(stage, stolen=True)),
    Attack("ex-employee", _ex_employee),
    Attack("carer of another unit", _other_unit),
    Attack("citizen link used for a door", _citizen_link),
)

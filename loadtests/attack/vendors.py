"""Another maker's cloud, or who pretends to be it: what it says is believed by its signature, once, and only of the
doors it still opens; and nobody opens its doors by a session or a bearer of somebody else.

Its locks have no near link and carry no log: the column for a tablet says so.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import time
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import col, select

from devices.alarms.tables import AlarmRow
from devices.keys.model import Operation
from devices.keys.vendors.model import LogEntry
from devices.simulator.holder import HolderKey
from devices.simulator.vendor_hooks import Delivery, HookManners, WebhookSender
from gateway.wire import b64u, from_b64u
from kernel.tables import EventRow
from loadtests.attack.attempt import NOTHING, Attack, Held, Tried, refused
from loadtests.attack.stage import VENDOR_REFS, Stage, Target, require
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow

_NO_NEAR_LINK = Held(True, "no near link")
_AWAY = "its cloud away: shut"


@dataclass(frozen=True)
class Door:
    """A carer at a door that the vendor's lock opens now."""

    target: Target
    ref: str
    access_id: str

    @property
    def path(self) -> str:
        """Where a tap goes."""
        return f"/api/v1/doors/{self.target.door_id}/openings"


def _at_vendor_door(stage: Stage) -> Door:
    target = stage.target()
    taken = {a.lock_ref for a in stage.cloud.vendor.accesses.values()}
    ref = next(ref for ref in VENDOR_REFS if ref not in taken)
    with stage.runtime.database.reading() as session:
        citizen = session.get_one(CitizenRow, session.get_one(VisitRow, target.visit_id).citizen_id)
        body = {"unit_id": citizen.unit_id, "citizen_number": citizen.short, "lock_ref": ref}
    technician = stage.person("technician")
    technician.call("POST", "/api/v1/vendor-locks", body)
    technician.call("POST", f"/api/v1/doors/{target.door_id}/vendor", {"vendor": "cloud"})
    access_id = require(lambda: _access(stage, ref), "the vendor to hear of the right")
    return Door(target, ref, access_id)


def _access(stage: Stage, ref: str) -> str | None:
    accesses = stage.cloud.vendor.accesses.items()
    return next((i for i, a in accesses if a.lock_ref == ref and a.withdrawn_at is None), None)


def _opened(stage: Stage, door: Door) -> LogEntry:
    """What the vendor would log had it opened."""
    return LogEntry(1_000 + int(door.ref[2:]), door.ref, "opened", stage.world.now(), None, door.access_id)


def _told(stage: Stage, door: Door) -> list[Mapping[str, Any]]:
    """What our log has been told of openings of the door."""
    with stage.runtime.database.reading() as session:
        rows = session.exec(select(EventRow.data).where(EventRow.event_type == "door.opened")).all()
    return [data for data in rows if data["door_id"] == door.target.door_id]


def _visit_is(stage: Stage, door: Door, state: str) -> Held:
    with stage.runtime.database.reading() as session:
        found = session.get_one(VisitRow, door.target.visit_id).state
    return Held(found == state, f"visit {found}")


def _hooks(stage: Stage) -> WebhookSender:
    if stage.cloud.hooks is None:
        raise ValueError("Expected a cloud that sends webhooks, got one that sends none.")
    return stage.cloud.hooks


def _answers(stage: Stage, deliveries: list[Delivery], *wanted: int) -> Held:
    found = [_hooks(stage).send(each) for each in deliveries]
    said = ", ".join(str(status) for status in sorted(set(found)))
    return Held(all(status in wanted for status in found), f"hook {said}")


def _forged(stage: Stage) -> Tried:
    door, hooks = _at_vendor_door(stage), _hooks(stage)
    true = hooks.signed([_opened(stage, door)])
    stranger = WebhookSender("http://127.0.0.1", b"a guess", HookManners()).signed([_opened(stage, door)])
    other = hooks.signed([replace(_opened(stage, door), kind="locked")])
    unsigned = {name: value for name, value in true.headers.items() if name != "X-Vendor-Signature"}
    bearer = unsigned | {"Authorization": f"Bearer {next(iter(stage.cloud.tokens))}"}
    forgeries = [
        stranger,
        Delivery(other.headers, true.body),
        Delivery(true.headers | {"X-Vendor-Delivery": "another"}, true.body),
        Delivery(true.headers | {"X-Vendor-Timestamp": str(int(time()) + 1)}, true.body),
        Delivery(unsigned, true.body),
        Delivery(bearer, true.body),
    ]
    online = _answers(stage, forgeries, 401, 403, 422)
    online = online & Held(_told(stage, door) == [], "nothing told") & _visit_is(stage, door, "planned")
    # the same words, truly signed, are believed: it was the signature that was missing
    return Tried(online & _answers(stage, [true], 200) & _visit_is(stage, door, "begun"), _NO_NEAR_LINK)


def _replayed(stage: Stage) -> Tried:
    door, hooks = _at_vendor_door(stage), _hooks(stage)
    true = hooks.signed([_opened(stage, door)])
    first = _answers(stage, [true], 200)
    again = Delivery(true.headers | {"X-Vendor-Delivery": "another"}, true.body)
    old = hooks.signed([_opened(stage, door)], time() - 3_600)
    online = first & _answers(stage, [true], 409) & _answers(stage, [again, old], 403)
    anew = _answers(stage, [hooks.signed([_opened(stage, door)])], 200)
    return Tried(online & anew & Held(len(_told(stage, door)) == 1, "told once"), _NO_NEAR_LINK)


def _foreign_bearer(stage: Stage) -> Tried:
    door = _at_vendor_door(stage)
    genuine = next(iter(stage.cloud.tokens))
    order = {"access": door.access_id, "request": "1"}
    path = f"/v1/locks/{door.ref}/open"
    statuses = {_ask_cloud(stage, path, order, token) for token in ("", "0" * 32, genuine[:-1])}
    online = Held(statuses == {401}, f"vendor {', '.join(str(status) for status in statuses)}")
    # and the vendor's own bearer is nobody here
    stranger = stage.stranger()
    ours: tuple[tuple[str, str, Any], ...] = (
        ("POST", door.path, {"visit_id": door.target.visit_id}),
        ("GET", "/api/v1/me/grants", None),
        ("POST", f"/api/v1/doors/{door.target.door_id}/vendor", {"vendor": "native"}),
    )
    for method, address, body in ours:
        sent = {"Authorization": f"Bearer {genuine}"}
        online = online & refused(partial(stranger.call, method, address, body, sent))
    return Tried(online & _motor_stands(stage, door), _NO_NEAR_LINK)


def _session_alone(stage: Stage) -> Tried:
    """A stolen session at a vendor's door: the lock asks for nobody's signature, so the server does."""
    door = _at_vendor_door(stage)
    tablet = door.target.tablet
    opening = tablet.call("POST", door.path, {"visit_id": door.target.visit_id})["opening"]
    thief = HolderKey.generate()
    nonce, cti = from_b64u(opening["nonce"]), from_b64u(opening["cti"])
    signature = thief.prove(opening["lock_id"], Operation.OPEN, cti, nonce)
    proof = {"token": "AA", "public_key": b64u(thief.public_key), "signature": b64u(signature)}
    asked = partial(tablet.call, "POST", f"/api/v1/openings/{opening['id']}/proof", proof)
    return Tried(refused(asked, "proof_other_key") & _motor_stands(stage, door), _NO_NEAR_LINK, _AWAY)


def _door_that_moved(stage: Stage) -> Tried:
    """The vendor speaks, truly signed, of a door that another lock opens now."""
    door, hooks = _at_vendor_door(stage), _hooks(stage)
    stage.person("technician").call("POST", f"/api/v1/doors/{door.target.door_id}/vendor", {"vendor": "native"})
    tapped = door.target.tablet.call("POST", door.path, {"visit_id": door.target.visit_id})["opening"]
    entry = _opened(stage, door)
    lies = [entry, replace(entry, number=entry.number + 100, request=tapped["id"])]
    online = _answers(stage, [hooks.signed([each]) for each in lies], 200) & _visit_is(stage, door, "planned")
    said = door.target.tablet.call("GET", f"/api/v1/openings/{tapped['id']}")["opening"]["state"]
    online = online & Held(said != "unlocked", f"opening {said}")
    with stage.runtime.database.reading() as session:
        query = select(AlarmRow.kind).where(AlarmRow.door_id == door.target.door_id, col(AlarmRow.cleared_at).is_(None))
        alarms = session.exec(query).all()
    told = [data["visit_id"] for data in _told(stage, door)]
    online = online & Held("idle_lock_opened" in alarms, "alarm raised") & Held(not any(told), "no visit told")
    return Tried(online, _NO_NEAR_LINK, NOTHING)


def _motor_stands(stage: Stage, door: Door) -> Held:
    turned = stage.cloud.vendor.locks[door.ref].motor_runs
    return Held(turned == 0, "motor stood still" if turned == 0 else "THE DOOR OPENED")


def _ask_cloud(stage: Stage, path: str, body: Mapping[str, Any], token: str) -> int:
    at = urlsplit(stage.cloud.url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=5)
    try:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        connection.request("POST", path, json.dumps(body), headers)
        return connection.getresponse().status
    finally:
        connection.close()


ATTACKS = (
    Attack("forged vendor webhook", _forged),
    Attack("replayed vendor webhook", _replayed),
    Attack("foreign bearer at a vendor's door", _foreign_bearer),
    Attack("session without the key at a vendor's door", _session_alone),
    Attack("webhook of a door that has moved", _door_that_moved),
)

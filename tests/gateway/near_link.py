"""A tablet that holds itself against a lock: the same challenge and proof, and no network in between."""

import secrets
from collections.abc import Sequence
from threading import Event
from typing import Any

from devices.keys.messages import Challenge, ChallengeRequest, decode_message
from devices.keys.model import Bolt
from devices.keys.topics import Direction
from devices.simulator.body import Outgoing
from devices.simulator.fleet import Fleet
from devices.simulator.holder import HolderKey
from devices.simulator.lock import SimulatedLock
from gateway.demo.tablets import Tablet
from gateway.wire import from_b64u
from tests.gateway.platform import Platform


def held_grant(tablet: Tablet, visit_id: str) -> tuple[bytes, bytes]:
    """What a tablet holds for a visit: the grant's number and the grant."""
    grants: list[dict[str, Any]] = tablet.call("GET", "/api/v1/me/grants")["grants"]
    grant = next(g for g in grants if g["visit_id"] == visit_id)
    return from_b64u(grant["cti"]), from_b64u(grant["token"])


def fleet_of(platform: Platform, lock_id: str) -> Fleet:
    """The fleet a lock is part of."""
    return next(fleet for fleet in platform.fleets if lock_id in fleet.locks)


def open_beside(fleet: Fleet, lock_id: str, key: HolderKey, token: bytes, cti: bytes) -> Bolt:
    """Hold a tablet against a lock; how the bolt stands afterwards. What the lock logs goes home by its network."""
    done = Event()

    def act(lock: SimulatedLock) -> Sequence[Outgoing]:
        asked = ChallengeRequest(secrets.token_bytes(16))
        (given,) = lock.on_message("challenge", asked.encode(), "near")
        challenge = decode_message(Direction.UP, given.name, given.payload)
        assert isinstance(challenge, Challenge)
        said = lock.on_message("open", key.command(challenge, token, cti).encode(), "near")
        done.set()
        return [each for each in said if each.name == "evt"]

    fleet.act(lock_id, act)
    assert done.wait(10)
    return fleet.locks[lock_id].bolt

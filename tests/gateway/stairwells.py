"""A stairwell of a housing company in front of a citizen's flat: its own issuer and root, run over our broker."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from devices.keys.answer import Answer, read_answer
from devices.keys.cose import SigningKey, VerifyingKey, lock_trust, server_trust
from devices.keys.grant import CTI_BYTES, Grant, mint_grant
from devices.keys.messages import Challenge, ChallengeRequest, decode_message
from devices.keys.model import Operation
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.keys.topics import Direction
from devices.keys.trust_list import TrustedIssuer, TrustList, sign_trust
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from devices.simulator.body import Outgoing
from devices.simulator.fleet import Fleet
from devices.simulator.holder import HolderKey
from devices.simulator.lock import SimulatedLock
from devices.simulator.near_link import NearLink
from gateway.demo.stage import connect_locks
from gateway.runtime import Runtime
from gateway.wire import b64u
from kernel.clock import WorldClock
from tests.conftest import STEADY
from tests.gateway.web import Person

TOWN, HOUSING = "omsorgstid", "boligselskab"


@dataclass
class Stairwell:
    """The housing company's lock, what it signs with, and its place on our broker."""

    door_id: str
    lock: SimulatedLock
    fleet: Fleet
    issuer: SigningKey
    root: SigningKey

    @property
    def lock_id(self) -> str:
        """The lock."""
        return self.lock.lock_id

    def list_for(self, town: VerifyingKey | None, version: int = 1) -> bytes:
        """Whose grants its owner says it believes."""
        issuers = [TrustedIssuer(HOUSING, (self.issuer.public_bytes,))]
        if town is not None:
            issuers.append(TrustedIssuer(TOWN, (town.public_bytes,)))
        return sign_trust(TrustList(self.lock_id, version, HOUSING, tuple(issuers)), self.root)

    def owners_grant(self, caretaker: HolderKey, clock: WorldClock, epoch: int = 0) -> tuple[bytes, bytes]:
        """A grant the housing company gives its caretaker: cti and token."""
        now, cti = clock.now().replace(microsecond=0), bytes([epoch + 1]) * CTI_BYTES
        grant = Grant(
            iss=HOUSING,
            aud=(self.lock_id,),
            nbf_at=now - timedelta(hours=1),
            exp_at=now + timedelta(hours=1),
            cti=cti,
            cnf=caretaker.thumbprint,
            scope=frozenset({Operation.OPEN}),
            epoch=epoch,
        )
        return cti, mint_grant(grant, self.issuer)

    def said_to(self, key: HolderKey, cti: bytes, token: bytes) -> str | None:
        """What the lock says to a grant beside it: the code of its denial, nothing if it opens."""
        heard: list[Answer] = []
        done = Event()

        def act(lock: SimulatedLock) -> Sequence[Outgoing]:
            (given,) = lock.on_message("challenge", ChallengeRequest(secrets.token_bytes(16)).encode(), "near")
            challenge = decode_message(Direction.UP, given.name, given.payload)
            assert isinstance(challenge, Challenge)
            said = lock.on_message("open", key.command(challenge, token, cti).encode(), "near")
            trust = lock_trust(VerifyingKey(lock.public_key))
            heard.extend(read_answer(each.payload, trust) for each in said if each.name == "answer")
            done.set()
            return [each for each in said if each.name == "evt"]

        self.fleet.act(self.lock_id, act)
        assert done.wait(10)
        return heard[0].code

    def stop(self) -> None:
        """Off the network."""
        self.fleet.stop()


def build_stairwell(
    runtime: Runtime, clock: WorldClock, near: NearLink | None, unit_id: str, door_id: str = "stairwell"
) -> Stairwell:
    """Hang the lock on a common door of a unit and bring it to the broker; nobody goes through it yet."""
    issuer, root = SigningKey(bytes([21]) * 32), SigningKey(bytes([23]) * 32)
    service = VerifyingKey(runtime.service_key.public_bytes)
    trust = server_trust([issuer.verifying_key], [service], [root.verifying_key])
    lock = SimulatedLock(f"{door_id}-lock", trust, world=clock, link=runtime.link, behaviour=STEADY, seed=3)
    with runtime.units.begin() as work:
        enrol(work, runtime.settings.mqtt.tenant, [Enrolment(DeviceKind.LOCK, unit_id, "X", door_id, lock.lock_id)])
        mount_locks(work, [LockEnrolment(lock.lock_id, door_id, unit_id, lock.public_key)])
    fleet = connect_locks(runtime, [lock], delay_ratio=0.0, outages_from=None)
    if near is not None:
        near.add(fleet)
    return Stairwell(door_id, lock, fleet, issuer, root)


def put_before(technician: Person, stairwell: Stairwell, door_id: str, town: VerifyingKey) -> None:
    """Its owner's list is handed in, and a technician says that the way to a door leads through it."""
    path = f"/api/v1/devices/{stairwell.lock_id}/issuers"
    taken = technician.call("PUT", path, {"message": b64u(stairwell.list_for(town))})
    assert (taken.status, taken.json["owner"]) == (200, HOUSING), taken.content
    way = technician.call("PUT", f"/api/v1/doors/{door_id}/stairwell", {"stairwell_id": stairwell.door_id})
    assert way.status == 200, way.content

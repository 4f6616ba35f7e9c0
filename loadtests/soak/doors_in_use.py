"""Locks that report all the time while processes are killed, and write down for themselves what they said."""

import random
from threading import Event, Thread
from typing import Any

from devices.broker_process import BrokerProcess
from devices.keys.chain import read_event
from devices.keys.cose import Trust, VerifyingKey, lock_trust, server_trust
from devices.keys.messages import EventBatch, decode_message
from devices.keys.topics import Direction
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.body import Outgoing
from devices.simulator.fleet import Fleet
from devices.simulator.lock import BROKER, SimulatedLock
from kernel.clock import SystemLinkClock, SystemWorldClock
from loadtests.platform import TENANT
from loadtests.world import World

_CONNECT_S = 120.0
#: a town of this size says ten to twenty things a second
_EMIT_EVERY_S = 0.06


class LedgerLock(SimulatedLock):
    """A lock that writes down for itself everything it ever signed, whatever the server makes of it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ledger: dict[int, bytes] = {}
        self.trust = lock_trust(VerifyingKey(self.public_key))

    def power_on(self) -> list[Outgoing]:
        """As any lock."""
        return self._noted(super().power_on())

    def observe(self, kind: str, payload: Any = None) -> list[Outgoing]:
        """As any lock."""
        return self._noted(super().observe(kind, payload))

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As any lock."""
        return self._noted(super().on_message(name, payload, source))

    def _noted(self, out: list[Outgoing]) -> list[Outgoing]:
        for said in out:
            batch = decode_message(Direction.UP, "evt", said.payload) if said.name == "evt" else None
            for logged in batch.events if isinstance(batch, EventBatch) else ():
                self.ledger.setdefault(read_event(logged.raw, self.trust).event.seq, logged.raw)
        return out


def fleet_of(world: World, broker: BrokerProcess) -> Fleet:
    """Every lock of a world, connected.

    Raises
    ------
    TimeoutError
        If the broker does not take them.
    """
    link, clock = SystemLinkClock(), SystemWorldClock()
    trust: Trust = server_trust(
        [VerifyingKey(bytes.fromhex(world.issuer_key))], [VerifyingKey(bytes.fromhex(world.service_key))]
    )
    locks = [
        LedgerLock(lock_id, trust, world=clock, link=link, behaviour=FAULTLESS, seed=world.seed)
        for lock_id in world.locks
    ]
    fleet = Fleet(broker.address, TENANT, locks, link, delay_ratio=0.0)
    fleet.start()
    if not fleet.wait_up(_CONNECT_S):
        raise TimeoutError(f"Expected every lock to connect, got {fleet.up_count}.")
    return fleet


class Emitting:
    """Something happens at some door, again and again."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._draw = random.Random(seed)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="doors", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        lock_ids = sorted(self._fleet.locks)
        while not self._stopping.wait(_EMIT_EVERY_S):
            self._fleet.act(self._draw.choice(lock_ids), lambda lock: lock.observe("door_ajar"))

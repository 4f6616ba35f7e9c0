"""What a simulated lock is made of: key, log, clock, battery, bolt, and what it must not forget."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from devices.keys import cbor
from devices.keys.answer import Answer, sign_answer
from devices.keys.cbor import Cbor
from devices.keys.chain import SALT_BYTES, ChainEvent
from devices.keys.cose import SigningKey
from devices.keys.model import Bolt, DenialCode, LockResult
from devices.registry.order_messages import order_shown, prove_key
from devices.simulator.admission import AccessMemory
from devices.simulator.behaviour import LockBehaviour, LockStreams
from devices.simulator.clock import LockClock
from devices.simulator.log import EventLog
from kernel.clock import LinkClock, WorldClock


class Outgoing(NamedTuple):
    """A message to publish below the lock's ``up``: name, payload, and how long the act behind it takes."""

    name: str
    payload: bytes
    delay_s: float


class LockBody:
    """The parts of one lock and the two things it says on paper: events and answers.

    Parameters
    ----------
    lock_id
        Its random id.
    world, link
        The two clocks.
    behaviour, seed
        What it draws its faults from.
    capacity
        How many events it holds.
    """

    def __init__(
        self,
        lock_id: str,
        *,
        world: WorldClock,
        link: LinkClock,
        behaviour: LockBehaviour,
        seed: int,
        capacity: int,
    ) -> None:
        self.lock_id = lock_id
        self.behaviour = behaviour
        self.streams = LockStreams(seed, lock_id, behaviour)
        self._key = SigningKey(self.streams.private_key())
        self.public_key = self._key.public_bytes
        self.log = EventLog(lock_id, self._key, capacity)
        self.access = AccessMemory()
        self.clock = LockClock(world, link, self.streams.drift_ppm())
        self.bolt = Bolt.LOCKED
        #: whether it can be reached over the near link
        self.radio = True
        #: whether something keeps the bolt from moving: a door out of true, a foot in it
        self.obstructed = False
        self.battery_uv = self.streams.battery_start_mv() * 1000
        self.boot = 0
        self._world = world
        self._started_at: datetime = world.now()

    @property
    def battery_mv(self) -> int:
        """Battery level, millivolt."""
        return self.battery_uv // 1000

    def start(self) -> None:
        """A new boot number; the uptime counts from here."""
        self.boot += 1
        self._started_at = self._world.now()
        if self.streams.loses_clock():
            self.clock.lose()

    def run_motor(self, towards: Bolt) -> tuple[int, bool]:
        """Move the bolt: milliseconds the motor ran, and whether it got there."""
        motor_ms, jammed = self.streams.motor_ms(), self.streams.jams() or self.obstructed
        self.battery_uv = max(0, self.battery_uv - self.behaviour.battery_drop_uv)
        self.bolt = Bolt.UNKNOWN if jammed else towards
        return motor_ms, not jammed

    def record(
        self,
        kind: str,
        cti: bytes | None = None,
        result: str | None = None,
        payload: Mapping[str, Cbor] | None = None,
        at: datetime | None = None,
    ) -> int:
        """Append an event to the log; its number. ``at`` is only given for what happened in the past."""
        uptime = (at or self._world.now()) - self._started_at
        draft = ChainEvent(
            lock=self.lock_id,
            boot=self.boot,
            seq=self.log.next_seq,
            ts_at=at or self.clock.now_at(),
            uptime_ms=max(0, int(uptime.total_seconds() * 1000)),
            type=kind,
            cti=cti,
            result=result,
            battery_mv=self.battery_mv,
            prev=b"",
            commitment=None,
        )
        salt = self.streams.octets(SALT_BYTES)
        return self.log.record(draft, salt, None if payload is None else cbor.encode(payload)).event.seq

    def answer(
        self,
        request: bytes,
        result: LockResult,
        code: DenialCode | None = None,
        cti: bytes | None = None,
        seq: int | None = None,
        motor_ms: int = 0,
    ) -> bytes:
        """A signed answer about the present."""
        answer = Answer(
            lock=self.lock_id,
            request=request,
            result=result,
            code=None if code is None else code.value,
            cti=cti,
            boot=self.boot,
            seq=seq,
            ts_at=self.clock.now_at(),
            battery_mv=self.battery_mv,
            motor_ms=motor_ms,
            bolt=self.bolt,
        )
        return sign_answer(answer, self._key)

    def prove_key(self, order: bytes) -> bytes:
        """The answer to a work order (``devices/registry/order_messages.py``)."""
        return prove_key(order_shown(order), self._key)

    def events(self, from_seq: int, delay_s: float = 0.0) -> list[Outgoing]:
        """Everything held from a number on, ready to send."""
        return [Outgoing("evt", batch.encode(), delay_s) for batch in self.log.batches(from_seq)]

"""Simulated lifts and turning systems: cycles in a buffer until the server has them, JSON over MQTT.

A device keeps every cycle until a ``dn/ack`` names it, over starts and lost networks. Cycles are sent as soon as
they happen and again when no watermark comes; after a few repeats one by one, so that a single cycle the server sets
aside does not hold back the others.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Condition

from devices.broker import Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.connections import DeviceClient, DeviceConnections
from devices.events import TransferDevice
from devices.keys.envelope import VERSION, to_ms
from devices.keys.topics import Direction, Topic, subscription
from devices.transfers.messages import ACK, CYCLE, BadgeSeen, Cycle, CycleBatch, read_ack
from kernel.clock import LinkClock, WorldClock

BATCH = 100
"""Cycles in one message: well below the largest payload, badges included."""

RESEND_S = 5.0
ONE_BY_ONE_AFTER = 3
STUCK_AFTER = 6
_LOOK_S = 0.5
FIRMWARE = "sim-transfer-1"
FAULTS = ("overload", "emergency_stop", "obstacle")


@dataclass(frozen=True, slots=True)
class TransferBehaviour:
    """What a population of devices draws its cycles from.

    Parameters
    ----------
    median_s, sigma
        Time from lifting to putting down: lognormal.
    setup_s
        Least and most set-up before it: sling or sheet, 1 to 3 minutes (an assumption of the domain facts).
    load_kg, load_sigma_kg
        What is lifted: normal, cut to 40 to 180 kg.
    fault_ratio
        Share of cycles that end in a fault.
    """

    median_s: float = 240.0
    sigma: float = 0.3
    setup_s: tuple[int, int] = (60, 180)
    load_kg: float = 76.0
    load_sigma_kg: float = 15.0
    fault_ratio: float = 0.004

    def __post_init__(self) -> None:
        if not 0 <= self.fault_ratio <= 1:
            raise ValueError(f"Expected fault_ratio from 0 to 1, got {self.fault_ratio}.")
        if not 0 <= self.setup_s[0] <= self.setup_s[1]:
            raise ValueError(f"Expected set-up seconds least <= most, got {self.setup_s}.")


class SimulatedTransferDevice:
    """One lift or turning system. Messages in, messages out, no socket.

    Parameters
    ----------
    seed
        Seed of the whole simulation; each device draws from streams of its own.
    """

    def __init__(
        self,
        device_id: str,
        kind: TransferDevice,
        *,
        world: WorldClock,
        seed: int,
        behaviour: TransferBehaviour | None = None,
    ) -> None:
        self.device_id, self.kind = device_id, kind
        self.boot = 0
        self._world = world
        self._behaviour = behaviour or TransferBehaviour()
        self._times = Random(f"{seed}/{device_id}/times")
        self._loads = Random(f"{seed}/{device_id}/loads")
        self._faults = Random(f"{seed}/{device_id}/faults")
        self._next_seq = 1
        #: start to its cycles the server has not named yet, by number
        self._held: dict[int, dict[int, Cycle]] = {}

    @property
    def held(self) -> int:
        """How many cycles wait for their watermark."""
        return sum(len(cycles) for cycles in self._held.values())

    def power_on(self) -> None:
        """Start: a new start number, numbers from 1. What was held is held on."""
        self.boot += 1
        self._next_seq = 1

    def draw(self, begun_at: datetime, badges: Sequence[str] = ()) -> Cycle:
        """A cycle whose set-up begins at an instant, drawn and recorded; the badges are there all the time."""
        b = self._behaviour
        setup_s = self._times.randint(*b.setup_s)
        lasts_s = round(self._times.lognormvariate(math.log(b.median_s), b.sigma))
        started_at = begun_at + timedelta(seconds=setup_s)
        ended_at = started_at + timedelta(seconds=lasts_s)
        load_kg = round(min(max(self._loads.gauss(b.load_kg, b.load_sigma_kg), 40.0), 180.0), 1)
        fault = self._faults.choice(FAULTS) if self._faults.random() < b.fault_ratio else None
        seen = tuple(BadgeSeen(badge, begun_at, ended_at) for badge in badges)
        return self.record(started_at, ended_at, setup_s=setup_s, load_kg=load_kg, badges=seen, fault=fault)

    def record(
        self,
        started_at: datetime,
        ended_at: datetime,
        *,
        setup_s: int = 0,
        load_kg: float | None = None,
        badges: Sequence[BadgeSeen] = (),
        fault: str | None = None,
    ) -> Cycle:
        """Keep a cycle that has happened."""
        cycle = Cycle(self._next_seq, started_at, ended_at, load_kg, setup_s, tuple(badges), fault)
        self._next_seq += 1
        self._held.setdefault(self.boot, {})[cycle.seq] = cycle
        return cycle

    def birth(self) -> bytes:
        """``up/birth``."""
        told = {"device": self.device_id, "boot": self.boot, "firmware": FIRMWARE, "ts": to_ms(self._world.now())}
        return json.dumps({"v": VERSION, **told}).encode()

    def last_will(self) -> bytes:
        """``up/death`` of this start."""
        return json.dumps({"v": VERSION, "device": self.device_id, "boot": self.boot}).encode()

    def batches(self, size: int = BATCH) -> list[CycleBatch]:
        """Everything held, oldest start first, in messages of at most so many cycles."""
        found = []
        for boot, cycles in sorted(self._held.items()):
            ordered = [cycles[seq] for seq in sorted(cycles)]
            found += [
                CycleBatch(self.device_id, boot, tuple(ordered[at : at + size])) for at in range(0, len(ordered), size)
            ]
        return found

    def acknowledge(self, payload: bytes) -> None:
        """``dn/ack``: forget what the server has, and nothing else."""
        ack = read_ack(payload)
        held = self._held.get(ack.boot)
        if ack.device_id != self.device_id or held is None:
            return
        for seq in [seq for seq in held if seq <= ack.upto or seq in ack.also]:
            del held[seq]
        if not held:
            del self._held[ack.boot]


@dataclass
class _Carried:
    device: SimulatedTransferDevice
    up: bool = False
    waiting_since_s: float | None = None
    repeats: int = field(default=0)


class TransferFleet:
    """Carries simulated devices over MQTT: one thread, one session and one last will each."""

    def __init__(
        self, address: BrokerAddress, tenant: str, devices: Iterable[SimulatedTransferDevice], link: LinkClock
    ) -> None:
        self._tenant, self._link = tenant, link
        self._carried = {device.device_id: _Carried(device) for device in devices}
        self._changed = Condition()
        self._under_way = 0
        self._stopping = False
        self._connections = DeviceConnections(address)
        self._connections.add([self._client(carried) for carried in self._carried.values()])

    @property
    def devices(self) -> Mapping[str, SimulatedTransferDevice]:
        """The devices by id. Whoever changes one goes through :meth:`act`."""
        return {device_id: carried.device for device_id, carried in self._carried.items()}

    @property
    def stuck(self) -> frozenset[str]:
        """Devices with a cycle that gets no watermark however often it is sent."""
        with self._changed:
            return frozenset(i for i, carried in self._carried.items() if carried.repeats > STUCK_AFTER)

    def start(self) -> None:
        """Switch every device on and bring it to the network; returns at once."""
        for carried in self._carried.values():
            carried.device.power_on()
        self._connections.connect(*(self._client_id(carried) for carried in self._carried.values()))
        self._connections.network.submit(self._look_after)

    def stop(self) -> None:
        """Say goodbye for every device."""
        self._stopping = True
        self._connections.stop()

    def wait_up(self, timeout_s: float) -> bool:
        """Wait until every device is connected. Returns whether that was reached."""
        return self._connections.wait_up(len(self._carried), timeout_s)

    def lose(self, device_id: str) -> None:
        """Take the network from a device; its last will goes out, its cycles stay with it."""
        self._connections.lose(self._client_id(self._carried[device_id]))

    def restore(self, device_id: str) -> None:
        """Give a device its network back."""
        self._connections.connect(self._client_id(self._carried[device_id]))

    def act(self, device_id: str, act: Callable[[SimulatedTransferDevice], object]) -> None:
        """Have something happen to a device, on its own thread, and send what it holds."""
        carried = self._carried[device_id]
        with self._changed:
            self._under_way += 1

        def run() -> None:
            try:
                act(carried.device)
                self._send_held(carried)
            finally:
                self._done()

        if not self._connections.network.submit(run):
            self._done()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until every connected device has its watermarks (stuck ones excepted). Whether that was reached."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout_s)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        with self._changed:
            return self._is_idle()

    def _is_idle(self) -> bool:
        return self._under_way == 0 and not any(
            c.up and c.device.held and c.repeats <= STUCK_AFTER for c in self._carried.values()
        )

    def _client(self, carried: _Carried) -> DeviceClient:
        device = carried.device
        return DeviceClient(
            client_id=self._client_id(carried),
            subscriptions=(subscription(self._tenant, device.kind, device.device_id, Direction.DOWN),),
            will=lambda: self._publication(device, "death", device.last_will(), retain=True),
            on_message=lambda delivery: self._take(carried, delivery),
            on_up=lambda: self._come_up(carried),
            on_down=lambda: self._go_down(carried),
        )

    def _client_id(self, carried: _Carried) -> str:
        return f"{carried.device.kind}-{carried.device.device_id}"

    def _come_up(self, carried: _Carried) -> None:
        with self._changed:
            carried.up, carried.repeats, carried.waiting_since_s = True, 0, None
        device = carried.device
        # The broker may have kept the last will of an earlier link; it is no longer true.
        self._publish(carried, self._publication(device, "death", b"", retain=True))
        self._publish(carried, self._publication(device, "birth", device.birth(), retain=True))
        self._send_held(carried)

    def _go_down(self, carried: _Carried) -> None:
        with self._changed:
            carried.up, carried.waiting_since_s = False, None
            self._changed.notify_all()

    def _take(self, carried: _Carried, delivery: Delivery) -> None:
        name = delivery.topic.rsplit("/", 1)[-1]
        if name == "ask":
            self._come_up(carried)
        if name == ACK:
            before = carried.device.held
            carried.device.acknowledge(delivery.payload)
            with self._changed:
                if carried.device.held < before:
                    carried.repeats = 0
                if not carried.device.held:
                    carried.waiting_since_s = None
                self._changed.notify_all()

    def _send_held(self, carried: _Carried) -> None:
        if not carried.up or not carried.device.held:
            return
        with self._changed:
            carried.waiting_since_s = self._link.monotonic_s()
        for batch in carried.device.batches(1 if carried.repeats >= ONE_BY_ONE_AFTER else BATCH):
            self._publish(carried, self._publication(carried.device, CYCLE, batch.encode()))

    def _publish(self, carried: _Carried, publication: Publication) -> None:
        with self._changed:
            self._under_way += 1
        sent = self._connections.publish(self._client_id(carried), publication)
        # A device keeps its cycles until the watermark, so a message that fails costs only the moment.
        sent.add_done_callback(lambda _: self._done())

    def _done(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def _look_after(self) -> None:
        """Repeat what has waited too long for its watermark; what is stuck only now and then."""
        if self._stopping:
            return
        now_s = self._link.monotonic_s()
        for carried in self._carried.values():
            pause_s = RESEND_S * (10 if carried.repeats > STUCK_AFTER else 1)
            if carried.up and carried.waiting_since_s is not None and now_s - carried.waiting_since_s > pause_s:
                with self._changed:
                    carried.repeats += 1
                    self._changed.notify_all()
                self._send_held(carried)
        self._connections.network.loop.call_later(_LOOK_S, self._look_after)

    def _publication(
        self, device: SimulatedTransferDevice, name: str, payload: bytes, retain: bool = False
    ) -> Publication:
        return Publication(str(Topic(self._tenant, device.kind, device.device_id, Direction.UP, name)), payload, retain)

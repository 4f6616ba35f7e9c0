"""The devices of a load run, a process of its own: locks, trackers and lifts over MQTT.

A message's time is from handing it to the client until the server's signed word is back that it is committed: an
upper bound of publish to committed, with the way back in it.
"""

import random
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from devices.broker_address import BrokerAddress
from devices.driving.messages import read_ack
from devices.driving.model import Position
from devices.keys.cose import Trust, VerifyingKey, server_trust
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.body import Outgoing
from devices.simulator.fleet import Fleet
from devices.simulator.lift import SimulatedTransferDevice, TransferFleet
from devices.simulator.lock import BROKER, SimulatedLock
from devices.simulator.vehicle import BATCH, DriveLeg, SimulatedTracker
from devices.simulator.vehicle_fleet import VehicleFleet
from kernel.clock import LinkClock, SystemLinkClock, SystemWorldClock, WorldClock
from loadtests.generator import DeviceResult, Sent, Task, read_task, sleep_until, wait_for_start
from loadtests.ingest import silence
from loadtests.world import Car, World

_CONNECT_S = 60.0
_SETTLE_S = 15.0
_FIX_EVERY_S = 2.0
_LIFT_EVERY_S = 20.0
_DEG_PER_S = 0.00006


class TimedLock(SimulatedLock):
    """A lock that notes when its events left and when they were acknowledged. Everything on the network thread."""

    def __init__(self, lock_id: str, trust: Trust, *, world: WorldClock, link: LinkClock, seed: int) -> None:
        super().__init__(lock_id, trust, world=world, link=link, behaviour=FAULTLESS, seed=seed)
        self.sent: list[Sent] = []
        self._waiting: dict[int, Sent] = {}

    def tell(self) -> Sequence[Outgoing]:
        """Something happens at the door; the time runs."""
        out = self.observe("door_ajar")
        told = Sent(device=self.lock_id, boot=self.boot, seq=self.log.next_seq - 1, at_s=time.monotonic(), ack_s=None)
        self.sent.append(told)
        self._waiting[told.seq] = told
        return out

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As any lock; an acknowledgement stops the time of what it names."""
        out = super().on_message(name, payload, source)
        if name == "ack":
            now_s = time.monotonic()
            for seq in [seq for seq in self._waiting if seq <= self.log.last_ack]:
                told = self._waiting.pop(seq)
                told.ack_s = now_s - told.at_s
        return out


class TimedTracker(SimulatedTracker):
    """A tracker that notes how long its batches took."""

    def __init__(self, car: Car, leg: DriveLeg, seed: int) -> None:
        super().__init__(car.id, [leg], odometer_m=car.odometer_m, seed=seed, every_s=_FIX_EVERY_S)
        self.times: list[tuple[float, float]] = []
        self.waiting: dict[int, float] = {}

    def _send(self, fixes: Sequence[object]) -> list[Outgoing]:
        out = super()._send(fixes)  # type: ignore[arg-type]
        if out:
            self.waiting.setdefault(self._sent_seq, time.monotonic())
        return out

    def on_message(self, name: str, payload: bytes) -> list[Outgoing]:
        """As any tracker; an acknowledgement stops the time of what it names."""
        out = super().on_message(name, payload)
        if name == "ack":
            upto, now_s = read_ack(payload).upto_seq, time.monotonic()
            for seq in [seq for seq in self.waiting if seq <= upto]:
                at_s = self.waiting.pop(seq)
                self.times.append((at_s, now_s - at_s))
        return out


class DeviceFleet:
    """Every device of a world on its broker."""

    def __init__(self, task: Task) -> None:
        self._profile, self._world_clock = task.profile, SystemWorldClock()
        world, link = task.world, SystemLinkClock()
        broker = task.broker
        address = BrokerAddress(broker.host, broker.port, username=broker.username, password=broker.password)
        trust = server_trust(
            [VerifyingKey(bytes.fromhex(world.issuer_key))], [VerifyingKey(bytes.fromhex(world.service_key))]
        )
        self._timed = {
            lock_id: TimedLock(lock_id, trust, world=self._world_clock, link=link, seed=world.seed)
            for lock_id in world.locks
        }
        # Motor time zero: what is measured is us.
        self.locks = Fleet(address, world.tenant, self._timed.values(), link, delay_ratio=0.0)
        self._random = random.Random(world.seed)
        self.trackers = self._make_trackers(world)
        self.cars = VehicleFleet(address, world.tenant, self.trackers, link)
        self._lifts = [
            SimulatedTransferDevice(lift, "lift", world=self._world_clock, seed=world.seed) for lift in world.lifts
        ]
        self.lifts = TransferFleet(address, world.tenant, self._lifts, link)
        self._told: Mapping[str, int] = {}

    def start(self) -> None:
        """Connect all of them.

        Raises
        ------
        TimeoutError
            If not all are connected and quiet in time.
        """
        for fleet in (self.locks, self.cars, self.lifts):
            fleet.start()
        if not all(fleet.wait_up(_CONNECT_S) for fleet in (self.locks, self.cars, self.lifts)):
            raise TimeoutError(f"Expected every device to connect within {_CONNECT_S:g} s.")
        if not self.locks.wait_idle(_CONNECT_S):
            raise TimeoutError("Expected every lock's first events to be acknowledged.")

    def stop(self) -> None:
        """Say goodbye."""
        for fleet in (self.locks, self.cars, self.lifts):
            fleet.stop()

    def run(self, start_s: float) -> DeviceResult:
        """Send until the profile's time is over; go through its storm."""
        storm, end_s = self._profile.storm, start_s + self._profile.seconds
        recovered_s = None
        if storm is None:
            self._send(start_s, end_s)
        else:
            back_s = start_s + storm.back_after_s
            self._send(start_s, start_s + storm.cut_after_s)
            self._cut(storm.events_per_device)
            sleep_until(back_s)
            recovered_s = self._come_back(back_s, end_s)
            self._send(time.monotonic(), end_s)
        return self._result(recovered_s)

    def _send(self, from_s: float, until_s: float) -> None:
        sleep_until(from_s)
        pace_s = 1 / self._profile.pace.device_messages_per_s
        lock_ids = sorted(self._timed)
        next_s = next_cars_s = next_lift_s = from_s
        while next_s < until_s:
            sleep_until(next_s)
            if lock_ids:
                self.locks.act(self._random.choice(lock_ids), _tell)
            next_s += pace_s
            if next_s >= next_cars_s and self.trackers:
                self.cars.advance_to(self._world_clock.now())
                next_cars_s = next_s + 0.5
            if next_s >= next_lift_s and self._lifts:
                self._lift(self._random.choice(self._lifts).device_id)
                next_lift_s = next_s + _LIFT_EVERY_S / len(self._lifts)

    def _lift(self, device_id: str) -> None:
        now = self._world_clock.now()
        self.lifts.act(device_id, lambda d: d.record(now - timedelta(minutes=4), now, setup_s=60, load_kg=70.0))

    def _cut(self, events_per_device: int) -> None:
        for lock_id in self._timed:
            self.locks.lose(lock_id)
        for car in self.trackers:
            self.cars.lose(car.vehicle_id)
            car.waiting.clear()
        for lift in self._lifts:
            self.lifts.lose(lift.device_id)
        for _ in range(events_per_device):
            for lock_id in self._timed:
                self.locks.act(lock_id, lambda lock: lock.observe("door_ajar"))

    def _come_back(self, back_s: float, end_s: float) -> float | None:
        kept = {lock_id: lock.log.next_seq - 1 for lock_id, lock in self._timed.items()}
        for lock_id in self._timed:
            self.locks.restore(lock_id)
        for car in self.trackers:
            self.cars.restore(car.vehicle_id)
        for lift in self._lifts:
            self.lifts.restore(lift.device_id)
        while time.monotonic() < end_s:
            up = self.locks.up_count == len(self._timed)
            if up and all(self._timed[lock_id].log.last_ack >= seq for lock_id, seq in kept.items()):
                remaining_s = max(0.0, end_s - time.monotonic())
                if self.cars.wait_up(remaining_s) and self.lifts.wait_up(remaining_s):
                    return time.monotonic() - back_s
            time.sleep(0.02)
        return None

    def _result(self, recovered_s: float | None) -> DeviceResult:
        deadline_s = time.monotonic() + _SETTLE_S
        while self._unacknowledged() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        return DeviceResult(
            sent=[told for lock in self._timed.values() for told in lock.sent],
            others=[each for tracker in self.trackers for each in tracker.times],
            acknowledged={lock_id: lock.log.last_ack for lock_id, lock in self._timed.items()},
            unacknowledged=self._unacknowledged(),
            recovered_s=recovered_s,
        )

    def _unacknowledged(self) -> int:
        locks = sum(lock.log.next_seq - 1 - lock.log.last_ack for lock in self._timed.values())
        cars = sum(tracker.waiting_for_watermark for tracker in self.trackers)
        return locks + cars + sum(lift.held for lift in self._lifts)

    def _make_trackers(self, world: World) -> list[TimedTracker]:
        now = self._world_clock.now()
        # Through the preparation and the whole run.
        lasts_s = self._profile.seconds + 120.0
        found = []
        for car in world.cars:
            start = Position(car.lat_deg, car.lon_deg)
            end = Position(car.lat_deg + _DEG_PER_S * lasts_s, car.lon_deg)
            # Every tracker has a beat of its own; started in one instant they would speak in one for ever.
            set_out_at = now + timedelta(seconds=self._random.uniform(0, _FIX_EVERY_S * BATCH))
            leg = DriveLeg(start, end, set_out_at, set_out_at + timedelta(seconds=lasts_s))
            found.append(TimedTracker(car, leg, world.seed))
        return found


def _tell(lock: SimulatedLock) -> Sequence[Outgoing]:
    return lock.tell() if isinstance(lock, TimedLock) else ()


def main() -> int:
    """Connect, wait for the start, run, hand over."""
    silence()
    task = read_task()
    fleet = DeviceFleet(task)
    fleet.start()
    try:
        result = fleet.run(wait_for_start())
    finally:
        fleet.stop()
    task.out.write_text(result.model_dump_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

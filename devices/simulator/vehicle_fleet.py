"""Carries simulated trackers over MQTT: one thread, one session and one last will each.

Fixes are taken in world time, when :meth:`VehicleFleet.advance_to` says how late it is; a tracker that gets no
watermark for what it sent sends it again, in link time.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from threading import Condition

import structlog

from devices.broker import Delivery, Publication
from devices.broker_address import BrokerAddress
from devices.connections import DeviceClient, DeviceConnections
from devices.driving.messages import KIND
from devices.keys.topics import Direction, Topic, subscription
from devices.simulator.body import Outgoing
from devices.simulator.vehicle import SimulatedTracker
from kernel.clock import LinkClock

log = structlog.get_logger(__name__)

RESEND_S = 5.0
_LOOK_S = 0.5
_RETAINED = frozenset({"birth", "death"})


@dataclass
class _Carried:
    tracker: SimulatedTracker
    wanted: bool = False
    up: bool = False
    waiting_since_s: float | None = None


class VehicleFleet:
    """Simulated trackers on a broker.

    Parameters
    ----------
    tenant
        Whose cars they are.
    """

    def __init__(
        self,
        address: BrokerAddress,
        tenant: str,
        trackers: Iterable[SimulatedTracker],
        link: LinkClock,
        *,
        at_once: int = 50,
    ) -> None:
        self._tenant = tenant
        self._link = link
        self._carried = {tracker.vehicle_id: _Carried(tracker) for tracker in trackers}
        self._changed = Condition()
        self._under_way = 0
        self._stopping = False
        self._connections = DeviceConnections(address, at_once)
        self._connections.add([self._client(carried) for carried in self._carried.values()])

    def start(self) -> None:
        """Bring every tracker to the network; returns at once."""
        for vehicle_id in self._carried:
            self.restore(vehicle_id)
        self._connections.network.submit(self._look_after)

    def stop(self) -> None:
        """Say goodbye for every tracker."""
        self._stopping = True
        self._connections.stop()

    def lose(self, vehicle_id: str) -> None:
        """Take the network from a tracker; its last will goes out, and it goes on taking fixes."""
        self._want(vehicle_id, False)
        self._connections.lose(_client_id(vehicle_id))

    def restore(self, vehicle_id: str) -> None:
        """Give a tracker its network (back); it sends what the server lacks."""
        self._want(vehicle_id, True)
        self._connections.connect(_client_id(vehicle_id))

    def advance_to(self, now: datetime) -> None:
        """Let every tracker take its fixes up to this world time and send what is due."""
        with self._changed:
            self._under_way += 1

        def run() -> None:
            try:
                for carried in self._carried.values():
                    messages = carried.tracker.advance_to(now)
                    if carried.up:
                        self._send(carried, messages)
            finally:
                self._done()

        if not self._connections.network.submit(run):
            self._done()

    @property
    def next_fix_at(self) -> datetime | None:
        """World time of the next fix of any tracker, ``None`` when every leg is told."""
        times = [at for c in self._carried.values() if (at := c.tracker.next_fix_at) is not None]
        return min(times, default=None)

    @property
    def trackers(self) -> Mapping[str, SimulatedTracker]:
        """The trackers by id; to be looked at only."""
        return {vehicle_id: carried.tracker for vehicle_id, carried in self._carried.items()}

    @property
    def idle(self) -> bool:
        """Whether nothing is under way: no message to the broker, nothing sent without its watermark."""
        with self._changed:
            return self._is_idle()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is under way. Returns whether that was reached."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout_s)

    def wait_up(self, timeout_s: float) -> bool:
        """Wait until every tracker that should be connected is. Returns whether that was reached."""
        with self._changed:
            return self._changed.wait_for(lambda: all(c.up == c.wanted for c in self._carried.values()), timeout_s)

    def _is_idle(self) -> bool:
        settled = all(c.up == c.wanted for c in self._carried.values())
        waiting = any(c.up and c.tracker.waiting_for_watermark for c in self._carried.values())
        return self._under_way == 0 and settled and not waiting

    def _client(self, carried: _Carried) -> DeviceClient:
        vehicle_id = carried.tracker.vehicle_id
        return DeviceClient(
            client_id=_client_id(vehicle_id),
            subscriptions=(subscription(self._tenant, KIND, vehicle_id, Direction.DOWN),),
            will=lambda: self._publication(vehicle_id, "death", carried.tracker.last_will()),
            on_message=lambda delivery: self._take(carried, delivery),
            on_up=lambda: self._come_up(carried),
            on_down=lambda: self._go_down(carried),
        )

    def _want(self, vehicle_id: str, wanted: bool) -> None:
        with self._changed:
            self._carried[vehicle_id].wanted = wanted

    def _come_up(self, carried: _Carried) -> None:
        with self._changed:
            carried.up = True
        # The broker may have kept the last will of an earlier link; it is no longer true.
        self._send(carried, [Outgoing("death", b"", 0.0), *carried.tracker.connected()])

    def _go_down(self, carried: _Carried) -> None:
        with self._changed:
            carried.up, carried.waiting_since_s = False, None
            self._changed.notify_all()

    def _take(self, carried: _Carried, delivery: Delivery) -> None:
        self._send(carried, carried.tracker.on_message(delivery.topic.rsplit("/", 1)[-1], delivery.payload))

    def _send(self, carried: _Carried, messages: Sequence[Outgoing]) -> None:
        vehicle_id = carried.tracker.vehicle_id
        for message in messages:
            with self._changed:
                self._under_way += 1
            publication = self._publication(vehicle_id, message.name, message.payload)
            self._connections.publish(_client_id(vehicle_id), publication).add_done_callback(self._confirmed)
        with self._changed:
            if not carried.tracker.waiting_for_watermark:
                carried.waiting_since_s = None
            elif carried.waiting_since_s is None or messages:
                carried.waiting_since_s = self._link.monotonic_s()
            self._changed.notify_all()

    def _confirmed(self, sent: "Future[None]") -> None:
        if sent.exception() is not None:
            # A tracker keeps its fixes until the watermark, so only the moment is lost.
            log.debug("message_not_sent")
        self._done()

    def _done(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def _look_after(self) -> None:
        """Repeat what has waited too long for its watermark."""
        if self._stopping:
            return
        now_s = self._link.monotonic_s()
        for carried in self._carried.values():
            since_s = carried.waiting_since_s
            if carried.up and since_s is not None and now_s - since_s > RESEND_S:
                self._send(carried, carried.tracker.repeat())
        self._connections.network.loop.call_later(_LOOK_S, self._look_after)

    def _publication(self, vehicle_id: str, name: str, payload: bytes) -> Publication:
        topic = Topic(self._tenant, KIND, vehicle_id, Direction.UP, name)
        return Publication(str(topic), payload, retain=name in _RETAINED)


def _client_id(vehicle_id: str) -> str:
    return f"{KIND}-{vehicle_id}"

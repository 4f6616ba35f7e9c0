"""A street of simulated locks, an ingest process, a gateway and a tablet, that can die at every step.

The code that runs is the real one: committer, inbox, handlers, rights, openings, locks. What is modelled is what lies
between them (:mod:`loadtests.soak.model_broker`) and how they die (:mod:`loadtests.soak.fuse`).
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

from devices.broker import Delivery, Publication
from devices.inbox.committer import Committer
from devices.inbox.service import Inbox
from devices.keys import service
from devices.keys.control import read_crl
from devices.keys.cose import SigningKey, Trust, server_trust
from devices.keys.lock_events import LockVoice, lock_handlers
from devices.keys.messages import Ask, OpenCommand, decode_message
from devices.keys.schemas import LockEnrolment
from devices.keys.topics import Direction, Topic
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol, presence_handlers, touch
from devices.registry.store import known_devices
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.body import Outgoing
from devices.simulator.lock import BROKER, SimulatedLock
from gateway.migrations import migrate
from kernel.clock import ManualLinkClock, SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from loadtests.soak.fuse import Fuse, FusedUnits, KilledError, fused
from loadtests.soak.model_broker import Down, ModelBroker
from loadtests.soak.oracle import BrokenPromiseError, Oracle

TENANT, UNIT = "street", "unit"
LOCKS = ("lock-a", "lock-b", "lock-c")
START_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
SERVICE = SigningKey(bytes(range(32)))
ISSUER = SigningKey(bytes(range(32, 64)))
#: only to end a run that hangs: a machine that is busy with other things takes its time
_WAIT_S = 300.0
_ROUNDS = 40


@dataclass
class Wire:
    """How a lock is connected."""

    up: bool = False
    #: it believes to be connected, and nothing arrives either way
    half_open: bool = False


@dataclass
class Process:
    """One life of a process that takes messages in: its inbox, and the fuse it ends by."""

    fuse: Fuse
    units: FusedUnits
    inbox: Inbox


class MortalCommitter(Committer):
    """The committer as it is; where its process ends, its thread ends without a word."""

    def _run(self) -> None:
        with suppress(KilledError):
            super()._run()


@dataclass
class Street:
    """Everything, in a directory of its own."""

    folder: Path
    make_committer: Callable[..., Committer] = MortalCommitter
    make_lock: Callable[..., SimulatedLock] = SimulatedLock
    world: SimulatedWorldClock = field(default_factory=lambda: SimulatedWorldClock(START_AT))
    link: ManualLinkClock = field(default_factory=lambda: ManualLinkClock(1_000.0))
    broker: ModelBroker = field(default_factory=ModelBroker)
    longest_queue: int = 0
    """The most messages the inbox was ever given at once."""
    deaths: list[str] = field(default_factory=list)
    """The steps the ingest process ended at."""
    broken: BrokenPromiseError | None = None
    """What the oracle saw on the committer's thread."""

    def __post_init__(self) -> None:
        shutil.copyfile(_template(), self.folder / "street.db")
        self.database = Database(f"sqlite:///{self.folder / 'street.db'}")
        self.oracle = Oracle(self.database)
        self.locks = {lock_id: self.make_lock(lock_id, trust(), **self._clocks()) for lock_id in LOCKS}
        self.wires = {lock_id: Wire() for lock_id in LOCKS}
        self.ingest = self.start_process()
        for lock_id, lock in self.locks.items():
            self.oracle.watch(lock_id, lock.public_key)
            self.restart_lock(lock_id)
            self.connect(lock_id)

    def close(self) -> None:
        """Let go of the database."""
        self.database.dispose()

    # Locks ---------------------------------------------------------------------------------------------------

    def restart_lock(self, lock_id: str) -> None:
        """Its battery was out: everything it held in working memory is gone."""
        self.wires[lock_id] = Wire()
        self.spoke(lock_id, self.locks[lock_id].power_on(), BROKER)

    def connect(self, lock_id: str) -> None:
        """Its link stands."""
        if self.wires[lock_id].up or not self.broker.running:
            return
        self.wires[lock_id] = Wire(up=True)
        self.say(lock_id, self.locks[lock_id].connected())
        self.broker.lock_came(lock_id)
        self.hear(lock_id)

    def cut(self, lock_id: str, *, half_open: bool) -> None:
        """Its link breaks, noticed or not."""
        self.wires[lock_id] = Wire(up=half_open, half_open=half_open)

    def emit(self, lock_id: str, count: int) -> None:
        """So many things happen at the door."""
        for _ in range(count):
            self.say(lock_id, self.locks[lock_id].observe("door_ajar"))

    def resend(self, lock_id: str) -> None:
        """It waited too long for its watermark."""
        lock = self.locks[lock_id]
        ask = Ask(from_seq=lock.log.last_ack + 1).encode()
        self.say(lock_id, lock.on_message("ask", ask))

    def replay(self, number: int) -> None:
        """A hostile broker says again what it once said to a lock."""
        if self.broker.said:
            message = self.broker.said[number % len(self.broker.said)]
            self.tell(message.lock_id, message.name, message.payload, BROKER)

    # Ingest --------------------------------------------------------------------------------------------------

    def pump(self, steps: int | None = None, only: str = "") -> None:
        """The ingest process takes in what waits; it ends after so many steps, and the next one goes on."""
        ingest = self.ingest
        ingest.fuse.arm(steps, only)
        deliveries = self.broker.deliver()
        if not deliveries:
            return
        self.longest_queue = max(self.longest_queue, len(deliveries))
        committer = self.make_committer(ingest.inbox, TENANT, self.world, self.link)
        committer.attach(_StreetInlet(self, ingest.fuse))
        for delivery in deliveries:
            committer.offer(delivery)
        committer.start()
        deadline_s = monotonic() + _WAIT_S
        while not committer.wait_idle(0.01) and not ingest.fuse.blown:
            if monotonic() > deadline_s:
                raise BrokenPromiseError("the committer neither finished nor ended")
        committer.stop()
        if self.broken is not None:
            raise self.broken
        if ingest.fuse.blown:
            self.deaths.append(ingest.fuse.blown)
            self.broker.server_gone()
            self.ingest = self.start_process()
        for lock_id in LOCKS:
            self.hear(lock_id)

    def stall(self, seconds: float) -> None:
        """The database is away when the next transaction begins."""
        self.ingest.units.stalls.append(seconds)

    # In the end ----------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """Everything works again; whoever has something to say says it until all is quiet.

        Raises
        ------
        BrokenPromiseError
            If it never gets quiet.
        """
        self.broker.running = True
        self.ingest.units.stalls.clear()
        for lock_id in LOCKS:
            self.wires[lock_id] = Wire()
            self.connect(lock_id)
        for _ in range(_ROUNDS):
            self.pump()
            behind = [lock_id for lock_id, lock in self.locks.items() if lock.log.last_ack < lock.log.next_seq - 1]
            if not behind and not self.broker.waiting:
                return
            for lock_id in behind:
                self.resend(lock_id)
        raise BrokenPromiseError(f"{behind} never got their watermark")

    # -----------------------------------------------------------------------------------------------------------

    def _clocks(self) -> dict[str, Any]:
        return {"world": self.world, "link": self.link, "behaviour": FAULTLESS, "seed": 1}

    def start_process(self) -> Process:
        """A process with an inbox of its own, alive."""
        fuse = Fuse()
        units = FusedUnits(UnitsOfWork(self.database, self.world), fuse, self.link)
        voice = LockVoice(SERVICE, self.link.monotonic_s)
        handlers = {
            **presence_handlers({"lock": voice.birth}),
            **lock_handlers(SERVICE, self.link.monotonic_s),
        }
        return Process(fuse, units, Inbox(units, fused(handlers, fuse), TENANT, known_devices, touch))

    def spoke(self, lock_id: str, out: list[Outgoing], source: str) -> None:
        """Look at what a lock says."""
        lock = self.locks[lock_id]
        now, link_s = self.world.now(), self.link.monotonic_s()
        self.oracle.lock_spoke(lock_id, out, now=now, link_s=link_s, boot=lock.boot, source=source)

    def say(self, lock_id: str, out: list[Outgoing]) -> None:
        """A lock says something by itself."""
        self.spoke(lock_id, out, BROKER)
        self._publish(lock_id, out)

    def _publish(self, lock_id: str, out: Sequence[Outgoing]) -> None:
        """It goes to the broker, if the link stands."""
        wire = self.wires[lock_id]
        for message in out:
            if wire.up and not wire.half_open:
                topic = str(Topic(TENANT, "lock", lock_id, Direction.UP, message.name))
                self.broker.publish_up(lock_id, topic, message.payload)

    def tell(self, lock_id: str, name: str, payload: bytes, source: str) -> list[Outgoing]:
        """A message reaches a lock. Returns what it says to it, which also goes to the broker."""
        lock, ledger = self.locks[lock_id], self.oracle.ledgers[lock_id]
        if name == "open":
            command = decode_message(Direction.DOWN, "open", payload)
            ledger.command = command if isinstance(command, OpenCommand) else None
        known = lock.access.crl_version
        out = lock.on_message(name, payload, source)
        self.spoke(lock_id, out, source)
        if lock.access.crl_version > known:
            ledger.revoked = set(read_crl(payload, trust()).ctis)
        self.oracle.deleted_up_to(lock_id, lock.log.last_ack)
        # Asked over the near link it answers there; what it logs goes to the broker as well.
        self._publish(lock_id, [m for m in out if source == BROKER or m.name in ("evt", "cfg")])
        return out

    def hear(self, lock_id: str) -> None:
        """A lock whose link stands takes what waits for it."""
        while self.wires[lock_id].up and not self.wires[lock_id].half_open:
            message = self.broker.next_down(lock_id)
            if message is None:
                return
            self.tell(lock_id, message.name, message.payload, BROKER)


@dataclass
class _StreetInlet:
    """The committer's connection: every single thing it does is a step the process can end at."""

    street: Street
    fuse: Fuse

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, one by one."""
        for delivery in deliveries:
            self.fuse.step("before an acknowledgement")
            message = self.street.broker.acknowledge(delivery)
            if message is not None:
                name = delivery.topic.rsplit("/", 1)[-1]
                try:
                    self.street.oracle.acknowledged_to_the_broker(message.lock_id, delivery.payload, name)
                except BrokenPromiseError as broken:
                    self.street.broken = broken

    def publish(self, publication: Publication) -> "Future[None]":
        """An answer to a lock."""
        self.fuse.step("before an answer")
        topic = Topic.parse(publication.topic)
        self.street.broker.publish_down(Down(topic.device_id, topic.name, publication.payload), publication.retain)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def reconnect(self) -> None:
        """Ask for everything once more."""
        self.street.broker.server_gone()

    def pause(self, paused: bool) -> None:
        """Nothing more comes anyway while a batch is being taken in."""


def trust() -> Trust:
    """What the street's locks believe."""
    return server_trust([ISSUER.verifying_key], [SERVICE.verifying_key])


@lru_cache(maxsize=1)
def _template() -> Path:
    """A migrated database with every lock enrolled, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="omsorgstid-street-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(f"sqlite:///{folder / 'template.db'}")
    migrate(database)
    world = SimulatedWorldClock(START_AT)
    clocks: dict[str, Any] = {"world": world, "link": ManualLinkClock(), "behaviour": FAULTLESS, "seed": 1}
    keys = {lock_id: SimulatedLock(lock_id, trust(), **clocks).public_key for lock_id in LOCKS}
    with UnitsOfWork(database, world).begin() as work:
        doors = {lock_id: f"door-{lock_id}" for lock_id in LOCKS}
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, UNIT, device_id=i, door_id=d) for i, d in doors.items()])
        service.mount_locks(work, [LockEnrolment(i, d, UNIT, keys[i]) for i, d in doors.items()])
    database.dispose()
    return folder / "template.db"

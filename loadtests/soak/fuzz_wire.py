"""Fuzz over a real broker into a real inbox: every message is taken in or kept with a reason, and none is lost.

    python -m loadtests.soak wire --messages 1000

Three devices that are really enrolled speak, the lock with its own key, so that damage inside a good signature
gets as far as the database. A message that stopped the batch it came in would stop everything behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep

from sqlmodel import Session, select

from devices.broker import Publication
from devices.connections import BrokerConnection
from devices.driving.messages import without_private_places
from devices.inbox import counter_store
from devices.inbox.tables import QuarantineRow
from devices.keys.messages import EventBatch, LoggedEvent
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.keys.topics import Direction, Topic
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from gateway.runtime import Runtime
from loadtests.soak.mutations import Mutator
from loadtests.soak.readers import KEY, LOCK, Reader, readers

UNIT, CAR, LIFT = "fuzz-unit", "car-1", "lift-1"
_WAIT_S = 60.0
#: a packet the broker itself takes; a longer one costs its sender the connection and reaches nobody
_LONGEST_BYTES = 60_000
#: reader, kind of device, its id, last level of the topic
_SENT = (
    ("up/birth", "lock", LOCK, "birth"),
    ("up/death", "lock", LOCK, "death"),
    ("up/challenge", "lock", LOCK, "challenge"),
    ("answer", "lock", LOCK, "answer"),
    ("event", "lock", LOCK, "evt"),
    ("up/evt", "lock", LOCK, "evt"),
    ("up/cfg", "lock", LOCK, "cfg"),
    ("up/time", "lock", LOCK, "time"),
    ("vehicle up/birth", "vehicle", CAR, "birth"),
    ("vehicle up/death", "vehicle", CAR, "death"),
    ("vehicle up/fix", "vehicle", CAR, "fix"),
    ("lift up/birth", "lift", LIFT, "birth"),
    ("lift up/cycle", "lift", LIFT, "cycle"),
)


@dataclass
class WireFuzzed:
    """What became of all of them."""

    sent: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    """How many were accepted, and how many were kept for each reason."""
    missing: list[bytes] = field(default_factory=list)
    """Payloads that were neither accepted nor kept."""
    not_accepted: list[tuple[str, str]] = field(default_factory=list)
    """Kept because our own code failed on them: name and error. Nothing is lost, but it is a fault to mend."""

    @property
    def settled(self) -> int:
        """How many met an end."""
        return sum(self.outcomes.values())


def fuzz_over_the_broker(runtime: Runtime, messages: int, seed: int = 1) -> WireFuzzed:
    """Send so many odd messages from three enrolled devices through a runtime's broker; wait until all are settled.

    Raises
    ------
    TimeoutError
        If they are not: a message stands in the way of those behind it.
    """
    _enrol(runtime)
    before = _counts(runtime)
    mutator, known, found = Mutator(seed), readers(), WireFuzzed()
    sender = BrokerConnection(runtime.address, "fuzz", [], lambda _delivery: None)
    sender.start()
    payloads: list[tuple[str, bytes]] = []
    try:
        if not sender.wait_up(_WAIT_S):
            raise TimeoutError("Expected the broker to take the sender.")
        waiting = []
        for number in range(messages):
            reader, kind, device_id, name = _SENT[number % len(_SENT)]
            payload = _odd(known[reader], name, mutator)
            payloads.append((name, payload))
            topic = Topic(runtime.settings.mqtt.tenant, kind, device_id, Direction.UP, name)
            waiting.append(sender.publish(Publication(str(topic), payload)))
        for done in waiting:
            done.result(_WAIT_S)
        found.sent = len(payloads)
        found.outcomes = _settled(runtime, before, found.sent)
    finally:
        sender.stop()
    _look(runtime, payloads, found)
    return found


def _odd(reader: Reader, name: str, mutator: Mutator) -> bytes:
    odd = reader.odd(mutator)[:_LONGEST_BYTES]
    if reader.kind is None or name != "evt":
        return odd
    # A damaged event travels in a batch as any other.
    return EventBatch((LoggedEvent(odd),)).encode()


def _enrol(runtime: Runtime) -> None:
    with runtime.units.begin() as work:
        kinds = ((DeviceKind.LOCK, LOCK), (DeviceKind.VEHICLE, CAR), (DeviceKind.LIFT, LIFT))
        tenant = runtime.settings.mqtt.tenant
        enrol(work, tenant, [Enrolment(kind, UNIT, device_id=device_id) for kind, device_id in kinds])
        mount_locks(work, [LockEnrolment(LOCK, "fuzz-door", UNIT, KEY.public_bytes)])


def _counts(runtime: Runtime) -> dict[str, int]:
    with runtime.database.reading() as session:
        return dict(counter_store.counts(session))


def _settled(runtime: Runtime, before: dict[str, int], sent: int) -> dict[str, int]:
    deadline_s = monotonic() + _WAIT_S
    while True:
        now = _counts(runtime)
        met = {outcome: count - before.get(outcome, 0) for outcome, count in now.items()}
        if sum(met.values()) >= sent:
            return {outcome: count for outcome, count in met.items() if count}
        if monotonic() > deadline_s:
            raise TimeoutError(f"Expected {sent} messages to be settled within {_WAIT_S:g} s, got {met}.")
        sleep(0.02)


def _look(runtime: Runtime, payloads: Sequence[tuple[str, bytes]], found: WireFuzzed) -> None:
    with runtime.database.reading() as session:
        kept = _kept(session)
        ours = select(QuarantineRow.name, QuarantineRow.found).where(QuarantineRow.reason == "not_accepted")
        found.not_accepted = [(str(name), str(error)) for name, error in session.exec(ours)]
    missing = [
        payload
        for name, payload in payloads
        if (without_private_places(payload) if name == "fix" else payload) not in kept
    ]
    # The accepted ones are not in the quarantine; more than those must not be missing there.
    if len(missing) > found.outcomes.get("accepted", 0):
        found.missing = missing


def _kept(session: Session) -> set[bytes]:
    return {bytes(payload) for payload in session.exec(select(QuarantineRow.payload))}

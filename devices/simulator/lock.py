"""A simulated lock: the protocol's device side, whole, without a socket.

It gets messages and returns messages; who carries them is somebody else's business. It checks everything
itself, keeps its log, its revocations and its counters over a start, and draws its faults from its own
streams. World time makes its clock go; link time is its monotonic timer.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from devices.keys.cbor import Cbor
from devices.keys.control import read_ack, read_cfg, read_crl, read_time
from devices.keys.cose import MessageKind, Trust
from devices.keys.errors import ProtocolError
from devices.keys.log_box import seal_log
from devices.keys.messages import (
    Ask,
    Birth,
    CfgReport,
    ChallengeRequest,
    Death,
    OpenCommand,
    Sealed,
    TimeRequest,
    decode_message,
)
from devices.keys.model import Bolt, ClockState, LockResult
from devices.keys.proof import NONCE_BYTES
from devices.keys.topics import Direction
from devices.keys.trust_list import read_trust
from devices.simulator.admission import AccessMemory
from devices.simulator.behaviour import LockBehaviour, LockStreams
from devices.simulator.body import LockBody, Outgoing
from devices.simulator.clock import LockClock
from devices.simulator.commands import CommandDesk
from devices.simulator.issuers import IssuerBook
from devices.simulator.log import CAPACITY, EventLog
from kernel.clock import LinkClock, WorldClock

FIRMWARE = "sim-1"
BROKER = "broker"
_CAPABILITIES = ("offline", "signed-log", "expiry-by-lock", "crl", "dual", "max-uses")


class SimulatedLock:
    """One lock.

    Parameters
    ----------
    lock_id
        Its random id, 1 to 64 characters.
    trust
        Server keys it believes (:func:`devices.keys.cose.server_trust`).
    world, link
        The two clocks.
    behaviour
        What it draws its faults from.
    seed
        Seed of the simulation; the same seed and id make the same lock, its key included.
    capacity
        How many events it holds.
    """

    def __init__(
        self,
        lock_id: str,
        trust: Trust,
        *,
        world: WorldClock,
        link: LinkClock,
        behaviour: LockBehaviour | None = None,
        seed: int = 0,
        capacity: int = CAPACITY,
    ) -> None:
        self._trust = trust
        self._issuers = IssuerBook(trust)
        self._body = LockBody(
            lock_id,
            world=world,
            link=link,
            behaviour=behaviour or LockBehaviour(),
            seed=seed,
            capacity=capacity,
        )
        self._desk = CommandDesk(self._body, self._issuers, link)
        self.settings: Mapping[str, Cbor] = {}
        self.cfg_version = 0
        self.ignored: Counter[str] = Counter()
        """How often a message was not heeded, by error code or ``{message}_not_heeded``."""

    @property
    def lock_id(self) -> str:
        """Its id."""
        return self._body.lock_id

    @property
    def public_key(self) -> bytes:
        """Its Ed25519 public key, 32 bytes, as exchanged at enrolment."""
        return self._body.public_key

    @property
    def boot(self) -> int:
        """How often it has started."""
        return self._body.boot

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return self._body.bolt

    @property
    def battery_mv(self) -> int:
        """Battery level, millivolt."""
        return self._body.battery_mv

    @property
    def clock(self) -> LockClock:
        """Its own clock."""
        return self._body.clock

    @property
    def log(self) -> EventLog:
        """Its log."""
        return self._body.log

    @property
    def access(self) -> AccessMemory:
        """Its revocations and use counters."""
        return self._body.access

    @property
    def streams(self) -> LockStreams:
        """Its random streams; the transport draws network outages here."""
        return self._body.streams

    @property
    def radio(self) -> bool:
        """Whether it can be reached over the near link."""
        return self._body.radio

    def switch_radio(self, *, on: bool) -> None:
        """Its near link goes on or off."""
        self._body.radio = on

    def obstruct(self, *, on: bool) -> None:
        """Something is put in the way of the bolt, or taken away: every run of the motor ends jammed meanwhile."""
        self._body.obstructed = on

    @property
    def trust_version(self) -> int:
        """Version of its trust list, 0 as enrolled."""
        return self._issuers.version

    def met(self) -> list[Outgoing]:
        """Somebody reached it over the near link: birth, and a question for the time unless it is sure."""
        return [Outgoing("birth", self.birth(), 0.0), *self._time_if_unsure()]

    def for_strangers(self, message: Outgoing) -> bytes:
        """A message's payload as it goes over the near link: the log sealed for the server, the rest as it is."""
        services = self._trust.keys.get(MessageKind.ACK, {}).values()
        if message.name != "evt":
            return message.payload
        return seal_log(self.lock_id, message.payload, next(iter(services)))

    def gone(self, source: str) -> None:
        """A near-link connection has ended: what it was given serves nobody else."""
        self._desk.gone(source)

    def set_battery(self, battery_mv: int) -> None:
        """Put the battery at a level, as wear or a test does."""
        self._body.battery_uv = battery_mv * 1000

    def power_on(self) -> list[Outgoing]:
        """Start: a new boot number; challenges and a waiting first holder are gone. Then it connects."""
        self._body.start()
        self._desk.restart()
        self._body.record("boot", payload={"firmware": FIRMWARE, "clock": self.clock.state.value})
        return self.connected()

    def change_battery(self) -> list[Outgoing]:
        """A full battery, and a clock that knows no time any more."""
        self.set_battery(self._body.behaviour.battery_full_mv)
        self.clock.lose()
        return self.power_on()

    def connected(self) -> list[Outgoing]:
        """After every CONNECT: birth, a question for the time unless it is sure, and all the server lacks."""
        return [*self.met(), *self._body.events(self.log.last_ack + 1)]

    def birth(self) -> bytes:
        """Payload of ``up/birth``."""
        return Birth(
            lock=self.lock_id,
            boot=self.boot,
            firmware=FIRMWARE,
            next_seq=self.log.next_seq,
            last_ack=self.log.last_ack,
            crl_version=self.access.crl_version,
            cfg_version=self.cfg_version,
            epoch=self.access.epoch,
            clock=self.clock.state,
            ts_at=self.clock.now_at(),
            battery_mv=self.battery_mv,
            capabilities=_CAPABILITIES,
            trust_version=self.trust_version,
        ).encode()

    def _time_if_unsure(self) -> list[Outgoing]:
        return [] if self.clock.state is ClockState.OK else [self.ask_time()]

    def last_will(self) -> bytes:
        """Payload of ``up/death`` for the connection of this start."""
        return Death(self.lock_id, self.boot).encode()

    def ask_time(self) -> Outgoing:
        """A question for the time with a fresh nonce."""
        nonce = self.streams.octets(NONCE_BYTES)
        self.clock.ask(nonce)
        return Outgoing("time", TimeRequest(self.lock_id, nonce, self.boot).encode(), 0.0)

    def prove_key(self, order: bytes) -> bytes:
        """Its answer to a work order it is shown: its public key, proved by a signature over the order's nonce."""
        return self._body.prove_key(order)

    def observe(self, kind: str, payload: Mapping[str, Cbor] | None = None) -> list[Outgoing]:
        """The lock noticed something itself (``door_ajar``, ``tamper`` …): recorded and sent."""
        return self._body.events(self._body.record(kind, payload=payload))

    def turn_key(self, towards: Bolt) -> list[Outgoing]:
        """Somebody turns a mechanical key: it always works, and the lock only writes down that it was turned."""
        self._body.bolt = towards
        return self.observe("opened_by_key" if towards is Bolt.UNLOCKED else "locked_by_key")

    def remember(self, result: LockResult, cti: bytes, at: datetime) -> int:
        """Log an act of the past, so that a lock can be met with a history. Returns its number in the log.

        Nothing is sent: whoever writes the history carries the log home.
        """
        return self._body.record(result.value, cti, at=at)

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """Take one message from below ``dn`` or from the near link; never raises on what others sent.

        Parameters
        ----------
        name
            Last level of the topic.
        payload
            The bytes.
        source
            Who carried it: the broker, or a name for one near-link connection.
        """
        try:
            message = decode_message(Direction.DOWN, name, payload)
            match message:
                case ChallengeRequest():
                    return self._desk.challenge(message, source)
                case OpenCommand():
                    return self._desk.command(message, source)
                case Ask():
                    return self._on_ask(message, source)
                case Sealed():
                    return self._on_sealed(message)
        except ProtocolError as err:
            self.ignored[err.code] += 1
        return []

    def _on_ask(self, ask: Ask, source: str) -> list[Outgoing]:
        if ask.request is not None:
            return self._desk.answer_again(ask.request)
        if ask.from_seq is not None:
            # Who stands at the door has to know when to go: there a birth ends what may be nothing.
            end = [] if source == BROKER else [Outgoing("birth", self.birth(), 0.0)]
            return [*self._body.events(ask.from_seq), *end]
        return [Outgoing("birth", self.birth(), 0.0)]

    def _on_sealed(self, sealed: Sealed) -> list[Outgoing]:
        match sealed.kind:
            case MessageKind.ACK:
                ack = read_ack(sealed.raw, self._trust)
                self._heed("ack", ack.lock == self.lock_id and self.log.acknowledge(ack))
            case MessageKind.TIME:
                told = read_time(sealed.raw, self._trust)
                self._heed("time", told.lock == self.lock_id and self.clock.accept(told))
            case MessageKind.CRL:
                return self._on_crl(sealed.raw)
            case MessageKind.CFG:
                return self._on_cfg(sealed.raw)
            case MessageKind.TRUST:
                return self._on_trust(sealed.raw)
        return []

    def _on_crl(self, raw: bytes) -> list[Outgoing]:
        crl = read_crl(raw, self._trust)
        if not self._heed("crl", crl.lock == self.lock_id and self.access.revoke(crl)):
            return []
        self._desk.revocations_changed()
        return [self._report(), *self.observe("crl", {"version": crl.version, "epoch": self.access.epoch})]

    def _on_cfg(self, raw: bytes) -> list[Outgoing]:
        cfg = read_cfg(raw, self._trust)
        if not self._heed("cfg", cfg.lock == self.lock_id and cfg.version > self.cfg_version):
            return []
        self.cfg_version, self.settings = cfg.version, cfg.settings
        return [self._report(), *self.observe("cfg", {"version": cfg.version})]

    def _on_trust(self, raw: bytes) -> list[Outgoing]:
        told = read_trust(raw, self._trust)
        if not self._heed("trust", told.lock == self.lock_id and self._issuers.accept(told)):
            return []
        self.access.own_issuer = told.own
        self._desk.first_holder_leaves()
        named: list[Cbor] = [issuer.iss for issuer in told.issuers]
        return [self._report(), *self.observe("trust", {"version": told.version, "issuers": named})]

    def _heed(self, what: str, heeded: bool) -> bool:
        if not heeded:
            self.ignored[f"{what}_not_heeded"] += 1
        return heeded

    def _report(self) -> Outgoing:
        report = CfgReport(
            self.lock_id,
            self.boot,
            self.cfg_version,
            self.access.crl_version,
            self.access.epoch,
            self.settings,
            trust_version=self.trust_version,
        )
        return Outgoing("cfg", report.encode(), 0.0)

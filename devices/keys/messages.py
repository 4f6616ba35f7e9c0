"""Topics and payloads between a lock and the server, named for good.

Topics are ``omsorgstid/v1/{tenant}/{kind}/{id}/up|dn/{name}``; ids are random and say nothing. What a
message may do never rests on the topic or on the broker: authority, freshness and order are inside the
payload. Signed messages are carried as :class:`Sealed` and opened by the reader of their kind
(:mod:`~devices.keys.answer`, :mod:`~devices.keys.chain`, :mod:`~devices.keys.control`), with the keys that
reader trusts. Everything else here is unsigned and therefore only ever a hint or a carrier.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from devices.keys.answer import REQUEST_BYTES
from devices.keys.cbor import Cbor
from devices.keys.chain import SALT_BYTES
from devices.keys.cose import MessageKind, signer_of
from devices.keys.envelope import INT31, Extra, Fields, pack, to_ms, unpack
from devices.keys.errors import MessageError
from devices.keys.grant import MAX_GRANT_BYTES
from devices.keys.model import ClockState, Operation
from devices.keys.proof import NONCE_BYTES, PROOF_BYTES, PUBLIC_KEY_BYTES
from devices.keys.topics import Direction

CHALLENGE_VALID_MS = 10_000
"""How long a lock accepts its own nonce, on its own monotonic timer, without leeway."""
MAX_BATCH_EVENTS = 64


@dataclass(frozen=True, slots=True)
class Birth:
    """``up/birth``: the lock is here, in its start number ``boot``, and goes on with event ``next_seq``.

    ``ts_at`` is ``None`` while the clock is lost. ``capabilities`` says in words what this lock can keep.
    """

    lock: str
    boot: int
    firmware: str
    next_seq: int
    last_ack: int
    crl_version: int
    cfg_version: int
    epoch: int
    clock: ClockState
    ts_at: datetime | None
    battery_mv: int
    capabilities: tuple[str, ...] = ()
    trust_version: int = 0
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        values: dict[str, Cbor] = {
            "lock": self.lock,
            "boot": self.boot,
            "firmware": self.firmware,
            "next_seq": self.next_seq,
            "last_ack": self.last_ack,
            "crl_ver": self.crl_version,
            "cfg_ver": self.cfg_version,
            "epoch": self.epoch,
            "clock": self.clock.value,
            "ts": None if self.ts_at is None else to_ms(self.ts_at),
            "batt_mV": self.battery_mv,
            "caps": list(self.capabilities),
            "trust_ver": self.trust_version,
        }
        return pack(values, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "Birth":
        """From decoded fields; raises :class:`MessageError`, as every ``read`` here."""
        caps = fields.array("caps")
        for position, cap in enumerate(caps):
            if not isinstance(cap, str):
                raise fields.error(f"caps[{position}]", "text", cap)
        return cls(
            lock=fields.text("lock"),
            boot=fields.uint("boot"),
            firmware=fields.text("firmware"),
            next_seq=fields.uint("next_seq"),
            last_ack=fields.uint("last_ack"),
            crl_version=fields.uint("crl_ver", INT31),
            cfg_version=fields.uint("cfg_ver", INT31),
            epoch=fields.uint("epoch"),
            clock=fields.word("clock", ClockState),
            ts_at=fields.optional_instant("ts"),
            battery_mv=fields.uint("batt_mV", INT31),
            capabilities=tuple(str(cap) for cap in caps),
            trust_version=fields.optional_uint("trust_ver", INT31) or 0,
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True)
class Death:
    """``up/death``, the last will: the connection of start ``boot`` broke. Ignore one of an older start."""

    lock: str
    boot: int
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        return pack({"lock": self.lock, "boot": self.boot}, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "Death":
        """From decoded fields."""
        return cls(fields.text("lock"), fields.uint("boot"), fields.rest())


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """``dn/challenge``: give me a nonce for the opening ``request`` (16 bytes)."""

    request: bytes
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        return pack({"request": self.request}, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "ChallengeRequest":
        """From decoded fields."""
        return cls(fields.octets("request", REQUEST_BYTES), fields.rest())


@dataclass(frozen=True, slots=True)
class Challenge:
    """``up/challenge``: a nonce for one attempt, and what a tablet compares before it tries.

    ``valid_ms`` counts from the lock's sending on the lock's own monotonic timer. ``epoch`` and
    ``crl_version`` let a tablet hand over a newer revocation list first.
    """

    lock: str
    request: bytes
    nonce: bytes
    valid_ms: int
    boot: int
    epoch: int
    crl_version: int
    clock: ClockState
    battery_mv: int
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        values: dict[str, Cbor] = {
            "lock": self.lock,
            "request": self.request,
            "nonce": self.nonce,
            "valid_ms": self.valid_ms,
            "boot": self.boot,
            "epoch": self.epoch,
            "crl_ver": self.crl_version,
            "clock": self.clock.value,
            "batt_mV": self.battery_mv,
        }
        return pack(values, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "Challenge":
        """From decoded fields."""
        return cls(
            lock=fields.text("lock"),
            request=fields.octets("request", REQUEST_BYTES),
            nonce=fields.octets("nonce", NONCE_BYTES),
            valid_ms=fields.uint("valid_ms", CHALLENGE_VALID_MS),
            boot=fields.uint("boot"),
            epoch=fields.uint("epoch"),
            crl_version=fields.uint("crl_ver", INT31),
            clock=fields.word("clock", ClockState),
            battery_mv=fields.uint("batt_mV", INT31),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """``dn/open``: grant, the holder's public key and its proof over the nonce. ``op`` may also be lock."""

    request: bytes
    op: Operation
    grant: bytes
    holder_key: bytes
    nonce: bytes
    proof: bytes
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        values: dict[str, Cbor] = {
            "request": self.request,
            "op": self.op.value,
            "grant": self.grant,
            "key": self.holder_key,
            "nonce": self.nonce,
            "proof": self.proof,
        }
        return pack(values, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "OpenCommand":
        """From decoded fields."""
        return cls(
            request=fields.octets("request", REQUEST_BYTES),
            op=fields.word("op", Operation),
            grant=fields.blob("grant", MAX_GRANT_BYTES),
            holder_key=fields.octets("key", PUBLIC_KEY_BYTES),
            nonce=fields.octets("nonce", NONCE_BYTES),
            proof=fields.octets("proof", PROOF_BYTES),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """``dn/ask``: say it again. Moves nothing.

    ``request`` asks for the signed answer to that command once more; ``from_seq`` asks for the events from
    that number on, because some are missing; with neither the lock sends its birth again.
    """

    request: bytes | None = None
    from_seq: int | None = None
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        return pack({"request": self.request, "from": self.from_seq}, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "Ask":
        """From decoded fields."""
        return cls(fields.optional_octets("request", REQUEST_BYTES), fields.optional_uint("from"), fields.rest())


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A signed event on its way, with what opens its commitment (both ``None`` where there is none)."""

    raw: bytes
    salt: bytes | None = None
    payload: bytes | None = None


@dataclass(frozen=True, slots=True)
class EventBatch:
    """``up/evt``: signed events in the order of their numbers, at most :data:`MAX_BATCH_EVENTS`."""

    events: tuple[LoggedEvent, ...]
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        return pack({"events": [[e.raw, e.salt, e.payload] for e in self.events]}, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "EventBatch":
        """From decoded fields. The events themselves are judged by ``verify_links``."""
        entries = fields.array("events")
        if not 1 <= len(entries) <= MAX_BATCH_EVENTS:
            raise fields.error("events", f"1 to {MAX_BATCH_EVENTS} events", f"{len(entries)}")
        return cls(tuple(_logged(fields, at, entry) for at, entry in enumerate(entries)), fields.rest())


@dataclass(frozen=True, slots=True)
class TimeRequest:
    """``up/time``: what time is it? Answered by a signed ``dn/time`` that carries the same nonce."""

    lock: str
    nonce: bytes
    boot: int
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        return pack({"lock": self.lock, "nonce": self.nonce, "boot": self.boot}, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "TimeRequest":
        """From decoded fields."""
        return cls(fields.text("lock"), fields.octets("nonce", NONCE_BYTES), fields.uint("boot"), fields.rest())


@dataclass(frozen=True, slots=True)
class CfgReport:
    """``up/cfg``: the settings and the versions the lock really runs with."""

    lock: str
    boot: int
    cfg_version: int
    crl_version: int
    epoch: int
    settings: Mapping[str, Cbor]
    trust_version: int = 0
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        values: dict[str, Cbor] = {
            "lock": self.lock,
            "boot": self.boot,
            "cfg_ver": self.cfg_version,
            "crl_ver": self.crl_version,
            "epoch": self.epoch,
            "settings": self.settings,
            "trust_ver": self.trust_version,
        }
        return pack(values, self.extra)

    @classmethod
    def read(cls, fields: Fields) -> "CfgReport":
        """From decoded fields."""
        return cls(
            lock=fields.text("lock"),
            boot=fields.uint("boot"),
            cfg_version=fields.uint("cfg_ver", INT31),
            crl_version=fields.uint("crl_ver", INT31),
            epoch=fields.uint("epoch"),
            settings=fields.mapping("settings"),
            trust_version=fields.optional_uint("trust_ver", INT31) or 0,
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed message, form checked, signature not. ``kid`` is what it claims, for finding the key."""

    kind: MessageKind
    raw: bytes
    kid: bytes

    def encode(self) -> bytes:
        """The payload: exactly the signed bytes."""
        return self.raw


Message: TypeAlias = (
    Birth | Death | ChallengeRequest | Challenge | OpenCommand | Ask | EventBatch | TimeRequest | CfgReport | Sealed
)


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """How a message travels. ``expiry_s`` only spares the broker work; what is too late dies by its nonce."""

    direction: Direction
    name: str
    qos: int
    retain: bool
    expiry_s: int | None
    read: Callable[[Fields], Message] | MessageKind


_UP, _DOWN = Direction.UP, Direction.DOWN

SPECS: Mapping[tuple[Direction, str], MessageSpec] = MappingProxyType(
    {
        (spec.direction, spec.name): spec
        for spec in (
            MessageSpec(_UP, "birth", 1, True, None, Birth.read),
            MessageSpec(_UP, "death", 1, True, None, Death.read),
            MessageSpec(_DOWN, "challenge", 1, False, 5, ChallengeRequest.read),
            MessageSpec(_UP, "challenge", 1, False, 5, Challenge.read),
            MessageSpec(_DOWN, "open", 1, False, 10, OpenCommand.read),
            MessageSpec(_UP, "answer", 1, False, None, MessageKind.ANSWER),
            MessageSpec(_DOWN, "ask", 1, False, 10, Ask.read),
            MessageSpec(_UP, "evt", 1, False, None, EventBatch.read),
            MessageSpec(_DOWN, "ack", 1, False, None, MessageKind.ACK),
            MessageSpec(_DOWN, "crl", 1, True, None, MessageKind.CRL),
            MessageSpec(_DOWN, "cfg", 1, True, None, MessageKind.CFG),
            MessageSpec(_UP, "cfg", 1, True, None, CfgReport.read),
            MessageSpec(_DOWN, "trust", 1, True, None, MessageKind.TRUST),
            MessageSpec(_UP, "time", 1, False, None, TimeRequest.read),
            MessageSpec(_DOWN, "time", 1, False, None, MessageKind.TIME),
        )
    }
)
"""Every message of a lock."""


def spec_of(direction: Direction, name: str) -> MessageSpec:
    """How a message travels and is read.

    Raises
    ------
    MessageError
        ``message_unknown``.
    """
    spec = SPECS.get((direction, name))
    if spec is None:
        known = ", ".join(sorted(n for d, n in SPECS if d is direction))
        raise MessageError(
            "message_unknown", name=f"{direction.value}/{name}", field="", expected=known, found=name[:80]
        )
    return spec


def decode_message(direction: Direction, name: str, payload: bytes) -> Message:
    """Read the payload that came on a topic.

    Raises
    ------
    MessageError
        ``message_unknown``, ``message_version_unknown`` or ``message_malformed``.
    SignatureError
        A signed message whose form is wrong.
    """
    read = spec_of(direction, name).read
    if isinstance(read, MessageKind):
        return Sealed(read, payload, signer_of(read, payload))
    return read(unpack(f"{direction.value}/{name}", payload))


def _logged(fields: Fields, position: int, entry: Cbor) -> LoggedEvent:
    where = f"events[{position}]"
    if not isinstance(entry, list) or len(entry) != 3:
        raise fields.error(where, "an array of event, salt and payload", type(entry).__name__)
    raw, salt, payload = entry
    if not isinstance(raw, bytes):
        raise fields.error(f"{where}[0]", "a signed event as bytes", type(raw).__name__)
    if salt is None and payload is None:
        return LoggedEvent(raw)
    if not isinstance(salt, bytes) or len(salt) != SALT_BYTES or not isinstance(payload, bytes):
        raise fields.error(where, f"a salt of {SALT_BYTES} bytes with a payload, or neither", "another pair")
    return LoggedEvent(raw, salt, payload)

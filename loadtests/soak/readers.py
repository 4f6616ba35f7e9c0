"""Every message somebody may send us or a lock, with a valid sample and the reader that has to judge it.

A reader may return or raise a :class:`~kernel.errors.DomainError`; whatever else comes out of it is a fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import cbor2

from devices.driving import messages as driving
from devices.driving.model import Fix, Mode, Position
from devices.keys.answer import Answer, read_answer, sign_answer
from devices.keys.chain import (
    ChainEvent,
    ChainState,
    SignedEvent,
    commit,
    genesis,
    read_event,
    sign_event,
    verify_links,
)
from devices.keys.control import (
    Ack,
    Cfg,
    Crl,
    SignedTime,
    read_ack,
    read_cfg,
    read_crl,
    read_time,
    sign_ack,
    sign_cfg,
    sign_crl,
    sign_time,
)
from devices.keys.cose import MessageKind, SigningKey, Trust, VerifyingKey, sign
from devices.keys.envelope import pack, unpack
from devices.keys.fragments import Joiner, NearMessage, Splitter
from devices.keys.grant import Grant, mint_grant, read_grant
from devices.keys.messages import (
    Ask,
    Birth,
    CfgReport,
    Challenge,
    ChallengeRequest,
    Death,
    EventBatch,
    LoggedEvent,
    OpenCommand,
    TimeRequest,
    decode_message,
)
from devices.keys.model import Bolt, ClockState, LockResult, Operation
from devices.keys.signer import wire
from devices.keys.signer.model import MintRefusal, MintRequest, NotMinted, SignerStatus
from devices.keys.topics import Direction, Topic
from devices.registry.model import pack_json, read_birth, read_death
from devices.transfers import messages as transfers
from loadtests.soak.mutations import Mutator

LOCK = "5f0c9a7be1d24c3f8a6b7c8d9e0f1a2b"
NOW_AT = datetime(2026, 11, 25, 9, 45, tzinfo=UTC)
#: one key for every kind: here only what is inside the signature is in question
KEY = SigningKey(bytes(range(0x40, 0x60)))
ANYONE = Trust.of({kind: [VerifyingKey(KEY.public_bytes)] for kind in MessageKind})
_Form = Literal["cbor", "sealed", "json", "bytes"]


@dataclass(frozen=True)
class Reader:
    """One type of message. ``kind`` is what a sealed one is signed as, so that damage can be signed anew."""

    name: str
    form: _Form
    valid: bytes
    read: Callable[[bytes], object]
    kind: MessageKind | None = None

    def odd(self, mutator: Mutator) -> bytes:
        """One message nobody should send."""
        if mutator.chance(0.08):
            return mutator.noise()
        match self.form:
            case "bytes":
                return mutator.damaged(self.valid)
            case "json":
                return mutator.pick([lambda: mutator.damaged(self.valid), *[lambda: mutator.json(self.valid)] * 3])
            case "cbor":
                return mutator.pick([lambda: mutator.damaged(self.valid), *[lambda: mutator.cbor(self.valid)] * 3])
            case "sealed":
                ways = [lambda: mutator.damaged(self.valid), lambda: mutator.cbor(self.valid)]
                return mutator.pick([*ways, *[lambda: self._signed_anew(mutator)] * 2])

    def _signed_anew(self, mutator: Mutator) -> bytes:
        """Damage that only somebody with the key can do: it gets past the signature to the reader behind it."""
        assert self.kind is not None  # noqa: S101 - every sealed message has one
        payload = cbor2.loads(self.valid).value[2]
        return sign(self.kind, mutator.cbor(payload) if mutator.chance(0.8) else mutator.damaged(payload), KEY)


def readers() -> Mapping[str, Reader]:
    """All of them by name."""
    found = [*_lock_messages(), *_sealed(), *_json(), *_inside()]
    return {reader.name: reader for reader in found}


def _lock_messages() -> list[Reader]:
    request, nonce, key = b"\xa1" * 16, b"\xa3" * 16, b"\x04" + b"\x01" * 64
    logged = LoggedEvent(_event().raw, b"\xa4" * 16, b"\xa0")
    ready: dict[str, bytes] = {
        "up/birth": Birth(LOCK, 3, "fw", 9, 8, 1, 1, 0, ClockState.OK, NOW_AT, 5900, ("offline",)).encode(),
        "up/death": Death(LOCK, 3).encode(),
        "dn/challenge": ChallengeRequest(request).encode(),
        "up/challenge": Challenge(LOCK, request, nonce, 10_000, 3, 0, 1, ClockState.OK, 5900).encode(),
        "dn/open": OpenCommand(request, Operation.OPEN, mint_grant(_grant(), KEY), key, nonce, b"\x02" * 64).encode(),
        "dn/ask": Ask(from_seq=4).encode(),
        "up/evt": EventBatch((logged, LoggedEvent(_event().raw))).encode(),
        "up/cfg": CfgReport(LOCK, 3, 1, 1, 0, {"auto_lock_s": 30}).encode(),
        "up/time": TimeRequest(LOCK, nonce, 3).encode(),
    }
    found = []
    for name, valid in ready.items():
        direction, last = Direction(name[:2]), name[3:]
        found.append(Reader(name, "cbor", valid, _decoder(direction, last)))
    return found


def _decoder(direction: Direction, name: str) -> Callable[[bytes], object]:
    return lambda payload: decode_message(direction, name, payload)


def _sealed() -> list[Reader]:
    answer = Answer(LOCK, b"\xa1" * 16, LockResult.OPENED, None, b"\xa2" * 16, 3, 1, NOW_AT, 5900, 1700, Bolt.UNLOCKED)
    state = ChainState.start(LOCK)
    signed: list[tuple[str, MessageKind, bytes, Callable[[bytes], object]]] = [
        ("answer", MessageKind.ANSWER, sign_answer(answer, KEY), lambda raw: read_answer(raw, ANYONE)),
        ("event", MessageKind.EVENT, _event().raw, lambda raw: read_event(raw, ANYONE)),
        ("event in a chain", MessageKind.EVENT, _event().raw, lambda raw: verify_links(state, [raw], ANYONE)),
        ("ack", MessageKind.ACK, sign_ack(Ack(LOCK, 3, 2, b"\x05" * 32), KEY), lambda raw: read_ack(raw, ANYONE)),
        ("crl", MessageKind.CRL, sign_crl(Crl(LOCK, 4, 8, (b"\xa2" * 16,)), KEY), lambda raw: read_crl(raw, ANYONE)),
        ("cfg", MessageKind.CFG, sign_cfg(Cfg(LOCK, 1, {"a": 1}), KEY), lambda raw: read_cfg(raw, ANYONE)),
        (
            "time",
            MessageKind.TIME,
            sign_time(SignedTime(LOCK, b"\xa3" * 16, NOW_AT), KEY),
            lambda raw: read_time(raw, ANYONE),
        ),
        ("grant", MessageKind.GRANT, mint_grant(_grant(), KEY), lambda raw: read_grant(raw, ANYONE)),
        (
            "grant with everything",
            MessageKind.GRANT,
            mint_grant(replace(_grant(), dual=True, emergency=True, max_uses=3, aud=(LOCK, "0" * 32)), KEY),
            lambda raw: read_grant(raw, ANYONE),
        ),
    ]
    return [Reader(name, "sealed", valid, read, kind) for name, kind, valid, read in signed]


def _json() -> list[Reader]:
    born = pack_json("up/birth", {"device": "car-1", "boot": 7, "firmware": "fw", "battery_mv": 3600, "ts": _ms()})
    fix = Fix(7, 1, NOW_AT, Position(55.67, 12.56), 12_000, True, 31.5, Mode.BUSINESS)
    private = Fix(7, 2, NOW_AT, None, 12_400, True, None, Mode.PRIVATE)
    badge = transfers.BadgeSeen("badge-1", NOW_AT, NOW_AT + timedelta(minutes=3))
    cycle = transfers.Cycle(1, NOW_AT, NOW_AT + timedelta(minutes=4), 81.5, 45, (badge,), "E7")
    texts: list[tuple[str, bytes, Callable[[bytes], object]]] = [
        ("vehicle up/birth", born, lambda raw: read_birth("vehicle", raw)),
        ("lift up/birth", born.replace(b"car-1", b"lift1"), lambda raw: read_birth("lift", raw)),
        (
            "vehicle up/death",
            pack_json("up/death", {"device": "car-1", "boot": 7}),
            lambda raw: read_death("vehicle", raw),
        ),
        ("vehicle up/fix", driving.FixBatch("car-1", 7, (fix, private), 1).encode(), driving.read_fixes),
        (
            "vehicle up/fix as kept",
            driving.FixBatch("car-1", 7, (fix, private), 1).encode(),
            driving.without_private_places,
        ),
        ("vehicle dn/ack", driving.Ack(7, 2).encode(), driving.read_ack),
        ("lift up/cycle", transfers.CycleBatch("lift-1", 7, (cycle,)).encode(), transfers.read_cycles),
        ("lift dn/ack", transfers.CycleAck("lift-1", 7, 3, (5,)).encode(), transfers.read_ack),
    ]
    return [Reader(name, "json", valid, read) for name, valid, read in texts]


def _inside() -> list[Reader]:
    """What never crosses the broker: the signer's frames, topics, fragments of the near link."""
    asked = MintRequest("r", 1, "v", "d", (LOCK,), "c", "s", b"\x01" * 32, 0)
    status = SignerStatus(b"\x01" * 32, "omsorgstid", 9, 1, 1)
    refused = wire.results_to_wire([NotMinted(next(iter(MintRefusal)))])
    frames: list[tuple[str, bytes, Callable[[bytes], object]]] = [
        (
            "signer request",
            pack(wire.requests_to_wire([asked]), {}),
            lambda raw: wire.requests_from_wire(unpack("frame", raw)),
        ),
        ("signer result", pack(refused, {}), lambda raw: wire.results_from_wire(unpack("frame", raw))),
        (
            "signer status",
            pack(wire.status_to_wire(status), {}),
            lambda raw: wire.status_from_wire(unpack("frame", raw)),
        ),
    ]
    topic = str(Topic("nord", "lock", LOCK, Direction.UP, "evt")).encode()
    fragment = Splitter().split(NearMessage("evt", b"x" * 600))[0]
    return [
        *(Reader(name, "cbor", valid, read) for name, valid, read in frames),
        Reader("topic", "bytes", topic, lambda raw: Topic.parse(raw.decode("utf-8", "replace"))),
        Reader("fragment", "bytes", fragment, Joiner().take),
    ]


def _event() -> SignedEvent:
    draft = ChainEvent(
        lock=LOCK,
        boot=3,
        seq=1,
        ts_at=NOW_AT,
        uptime_ms=1,
        type="opened",
        cti=b"\xa2" * 16,
        result=None,
        battery_mv=5900,
        prev=genesis(LOCK),
        commitment=commit(b"\xa4" * 16, b"\xa0"),
    )
    return sign_event(draft, KEY)


def _grant() -> Grant:
    return Grant(
        "omsorgstid",
        (LOCK,),
        NOW_AT,
        NOW_AT + timedelta(hours=1),
        b"\xa2" * 16,
        b"\x5f" * 32,
        frozenset({Operation.OPEN, Operation.LOCK}),
        7,
    )


def _ms() -> int:
    return int(NOW_AT.timestamp() * 1000)

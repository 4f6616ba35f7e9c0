"""The lock's log as a hash chain, and what a reader may conclude from it.

Every event carries the SHA-256 of the event before it and is signed by the lock. ``seq`` counts over the
whole enrolment and does not start again at a boot; ``boot`` says in which start the event fell. What may one
day have to be erased is not in the event: the event holds a salted commitment, and salt and payload travel
beside it. After salt and payload are deleted the chain still verifies and tells nothing.

A lock that must drop old events says so in a signed *gap*: it stands where the dropped events stood, carries
the hash before them as ``prev`` and the hash of the last of them as ``head``, so the chain goes on across it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from devices.keys import cbor
from devices.keys.cose import MessageKind, SigningKey, Trust, sign, unverified_payload, verify
from devices.keys.envelope import INT31, Extra, pack, to_ms, unpack
from devices.keys.errors import MessageError, SignatureError

HASH_BYTES = 32
SALT_BYTES = 16
GAP = "gap"


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One event of a lock.

    Parameters
    ----------
    lock, boot, seq
        Which lock, in which of its starts, and its number: 1, 2, 3 … over the whole enrolment.
    ts_at
        The lock's own time, ``None`` while its clock is lost; ``uptime_ms`` still orders and spaces events.
    type
        What happened (``opened``, ``denied``, ``boot`` …). An unknown type is kept.
    cti, result
        The grant it was done with, and the code of the outcome, where there is one.
    battery_mv
        Millivolt.
    prev
        SHA-256 of the event before, or :func:`genesis` for the first.
    commitment
        :func:`commit` of the erasable payload, or ``None`` where there is none.
    from_seq, head
        Only in a gap: the first dropped number, and the hash of the last dropped event, which is ``seq``.
    """

    lock: str
    boot: int
    seq: int
    ts_at: datetime | None
    uptime_ms: int
    type: str
    cti: bytes | None
    result: str | None
    battery_mv: int
    prev: bytes
    commitment: bytes | None
    from_seq: int | None = None
    head: bytes | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event with the bytes that prove it. ``head`` is what the next event's ``prev`` must be."""

    event: ChainEvent
    raw: bytes
    head: bytes


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far a lock's chain is known: the last event's boot and number, and the hash to go on from."""

    lock: str
    boot: int
    seq: int
    head: bytes

    @classmethod
    def start(cls, lock: str) -> "ChainState":
        """Before the first event."""
        return cls(lock, 0, 0, genesis(lock))


class Verdict(StrEnum):
    """What a batch of events is worth."""

    OK = "ok"
    DUPLICATE = "duplicate"  # everything in it is known already
    GAP = "gap"  # events are missing before this one: ask for them
    FORK = "fork"  # contradicts what is recorded: quarantine and alarm
    BAD_SIGNATURE = "bad_signature"  # not this lock's word: quarantine and alarm


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What a reader may conclude.

    ``state`` is the state after everything accepted. ``fresh`` continues the chain; ``recovered`` are events
    from inside a gap that came home another way; ``duplicates`` counts those known already. For the three bad
    verdicts ``at`` is the position in the batch of the first event that was not accepted; ``detail`` says
    why, and nothing from there on is in ``fresh``.
    """

    verdict: Verdict
    state: ChainState
    fresh: tuple[SignedEvent, ...] = ()
    recovered: tuple[SignedEvent, ...] = ()
    duplicates: int = 0
    at: int | None = None
    detail: str = ""


def genesis(lock: str) -> bytes:
    """``prev`` of a lock's first event: SHA-256 of the CBOR array ``["omsorgstid-chain-v1", lock]``."""
    return sha256(cbor.encode(["omsorgstid-chain-v1", lock])).digest()


def commit(salt: bytes, payload: bytes) -> bytes:
    """Commitment to an erasable payload: SHA-256 of ``["omsorgstid-commit-v1", salt, payload]``.

    Raises
    ------
    ValueError
        If the salt is not of 16 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"Expected a salt of 16 bytes, got {len(salt)}.")
    return sha256(cbor.encode(["omsorgstid-commit-v1", salt, payload])).digest()


def extend_chain(state: ChainState, draft: ChainEvent, key: SigningKey) -> tuple[SignedEvent, ChainState]:
    """Append an event: number and ``prev`` are the chain's to say, whatever the draft holds there.

    Raises
    ------
    ValueError
        If the draft is another lock's, a gap, or from an earlier start than the chain.
    """
    if draft.lock != state.lock or draft.type == GAP or draft.boot < state.boot:
        raise ValueError(f"Expected an event of {state.lock} from boot {state.boot} on, got {draft}.")
    signed = sign_event(replace(draft, seq=state.seq + 1, prev=state.head), key)
    return signed, ChainState(state.lock, draft.boot, state.seq + 1, signed.head)


def sign_event(event: ChainEvent, key: SigningKey) -> SignedEvent:
    """Sign an event or a gap exactly as it stands."""
    values: dict[str, cbor.Cbor] = {
        "lock": event.lock,
        "boot": event.boot,
        "seq": event.seq,
        "ts": None if event.ts_at is None else to_ms(event.ts_at),
        "uptime_ms": event.uptime_ms,
        "type": event.type,
        "cti": event.cti,
        "result": event.result,
        "batt_mV": event.battery_mv,
        "prev": event.prev,
        "commitment": event.commitment,
    }
    if event.type == GAP:
        values |= {"from": event.from_seq, "head": event.head}
    payload = pack(values, event.extra)
    return SignedEvent(event, sign(MessageKind.EVENT, payload, key), _head(event, payload))


def read_event(message: bytes, trust: Trust) -> SignedEvent:
    """An event whose lock is trusted.

    Raises
    ------
    SignatureError, MessageError
        It cannot be believed, or cannot be read.
    """
    payload = verify(MessageKind.EVENT, message, trust)
    fields = unpack(MessageKind.EVENT.value, payload)
    kind = fields.text("type", 32)
    seq = fields.uint("seq")
    event = ChainEvent(
        lock=fields.text("lock"),
        boot=fields.uint("boot"),
        seq=seq,
        ts_at=fields.optional_instant("ts"),
        uptime_ms=fields.uint("uptime_ms"),
        type=kind,
        cti=fields.optional_octets("cti", 16),
        result=fields.optional_text("result"),
        battery_mv=fields.uint("batt_mV", INT31),
        prev=fields.octets("prev", HASH_BYTES),
        commitment=fields.optional_octets("commitment", HASH_BYTES),
        from_seq=fields.uint("from", seq) if kind == GAP else None,
        head=fields.octets("head", HASH_BYTES) if kind == GAP else None,
        extra=fields.rest(),
    )
    return SignedEvent(event, message, _head(event, payload))


def position_of(message: bytes) -> tuple[int, int]:
    """Start and number an event *claims*, before anybody has checked who signed it: to look it up by, and no more.

    Raises
    ------
    SignatureError, MessageError
        It cannot be read.
    """
    fields = unpack(MessageKind.EVENT.value, unverified_payload(MessageKind.EVENT, message))
    return fields.uint("boot"), fields.uint("seq")


def verify_links(
    state: ChainState, messages: Sequence[bytes], trust: Trust, known: Mapping[int, bytes] | None = None
) -> LinkReport:
    """Judge a batch of signed events against what is recorded of the lock.

    Parameters
    ----------
    state
        How far the lock's chain is recorded.
    messages
        Signed events in the order sent.
    trust
        :func:`devices.keys.cose.lock_trust` of this lock.
    known
        Recorded numbers at or below ``state.seq`` with their ``head``; at least those in this batch and the
        one before each. What is missing there counts as lost in a gap.
    """
    recorded = dict(known or {})
    recorded[state.seq] = state.head
    fresh: list[SignedEvent] = []
    recovered: list[SignedEvent] = []
    duplicates = 0
    for position, message in enumerate(messages):
        found = _judge(state, message, trust, recorded)
        if isinstance(found, _Broken):
            return LinkReport(found.verdict, state, tuple(fresh), tuple(recovered), duplicates, position, found.detail)
        event = found.event
        if event.seq > state.seq:
            state = ChainState(state.lock, event.boot, event.seq, found.head)
            fresh.append(found)
        elif event.seq in recorded or event.type == GAP:
            duplicates += 1
        else:
            recovered.append(found)
        recorded[event.seq] = found.head
    only_known = duplicates > 0 and not fresh and not recovered
    verdict = Verdict.DUPLICATE if only_known else Verdict.OK
    return LinkReport(verdict, state, tuple(fresh), tuple(recovered), duplicates)


@dataclass(frozen=True, slots=True)
class _Broken:
    verdict: Verdict
    detail: str


def _judge(state: ChainState, message: bytes, trust: Trust, recorded: Mapping[int, bytes]) -> SignedEvent | _Broken:
    """The event if it fits what is recorded, whether it is new or not."""
    try:
        signed = read_event(message, trust)
    except (SignatureError, MessageError) as err:
        return _Broken(Verdict.BAD_SIGNATURE, str(err))
    event = signed.event
    first = event.seq if event.from_seq is None else event.from_seq
    follows = recorded.get(first - 1, event.prev) == event.prev
    faults = (
        (event.lock != state.lock, Verdict.BAD_SIGNATURE, f"expected {state.lock}, got {event.lock}"),
        (min(event.seq, first) < 1, Verdict.FORK, f"expected numbers from 1 on, got {first}"),
        (
            event.seq > state.seq and event.boot < state.boot,
            Verdict.FORK,
            f"expected boot {state.boot} or later, got {event.boot}",
        ),
        (first > state.seq + 1, Verdict.GAP, f"expected event {state.seq + 1}, got {first}"),
        (
            recorded.get(event.seq, signed.head) != signed.head,
            Verdict.FORK,
            f"event {event.seq} differs from the one recorded",
        ),
        (not follows, Verdict.FORK, f"event {event.seq} does not follow the recorded {first - 1}"),
    )
    return next((_Broken(verdict, detail) for broken, verdict, detail in faults if broken), signed)


def _head(event: ChainEvent, payload: bytes) -> bytes:
    # A gap passes on the hash of the last event it stands for, so that the next event still links.
    return event.head if event.head is not None else sha256(payload).digest()

"""The lock's own log: chained, bounded, and deleted only as far as the server has acknowledged it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from devices.keys.chain import (
    GAP,
    ChainEvent,
    ChainState,
    SignedEvent,
    commit,
    extend_chain,
    sign_event,
)
from devices.keys.control import Ack
from devices.keys.cose import SigningKey
from devices.keys.messages import MAX_BATCH_EVENTS, EventBatch, LoggedEvent

CAPACITY = 1_000
"""The least a lock must hold; the oldest unacknowledged events give way only beyond it."""


@dataclass(frozen=True, slots=True)
class _Held:
    signed: SignedEvent
    logged: LoggedEvent


class EventLog:
    """Non-volatile memory for events: survives starts, battery changes and months without a network.

    Parameters
    ----------
    lock_id, key
        Whose log it is, and what signs it.
    capacity
        How many events are held before the oldest become a gap, at least :data:`CAPACITY`.
    """

    def __init__(self, lock_id: str, key: SigningKey, capacity: int = CAPACITY) -> None:
        if capacity < CAPACITY:
            raise ValueError(f"Expected room for at least {CAPACITY} events, got {capacity}.")
        self._key = key
        self._capacity = capacity
        self._state = ChainState.start(lock_id)
        self._held: deque[_Held] = deque()
        # A gap is kept as the plain event it will be and signed when it is sent: it grows with every drop.
        self._gap: ChainEvent | None = None
        self._acked = 0

    @property
    def next_seq(self) -> int:
        """Number of the next event."""
        return self._state.seq + 1

    @property
    def last_ack(self) -> int:
        """Number up to which the server has everything."""
        return self._acked

    @property
    def held(self) -> int:
        """How many events are in memory."""
        return len(self._held)

    def record(self, draft: ChainEvent, salt: bytes, payload: bytes | None) -> SignedEvent:
        """Append an event, committing to its erasable payload if it has one."""
        commitment = None if payload is None else commit(salt, payload)
        signed, self._state = extend_chain(self._state, replace(draft, commitment=commitment), self._key)
        logged = LoggedEvent(signed.raw) if payload is None else LoggedEvent(signed.raw, salt, payload)
        self._held.append(_Held(signed, logged))
        if len(self._held) > self._capacity:
            self._drop_oldest()
        return signed

    def acknowledge(self, ack: Ack) -> bool:
        """Delete up to a verified watermark of this lock.

        Returns
        -------
        bool
            ``False`` if it is older than the last one, names events that do not exist, or another hash than
            ours: then nothing is deleted.
        """
        if not self._acked < ack.upto <= self._state.seq:
            return False
        if self._gap is not None and ack.upto < self._gap.seq:
            # The server had got part of what was dropped meanwhile: the gap begins after that part.
            self._gap = replace(self._gap, from_seq=ack.upto + 1, prev=ack.head)
        elif not self._has(ack):
            return False
        else:
            self._gap = None
            while self._held and self._held[0].signed.event.seq <= ack.upto:
                self._held.popleft()
        self._acked = ack.upto
        return True

    def batches(self, from_seq: int) -> Iterator[EventBatch]:
        """Everything held from a number on, the gap first, in batches as they are sent."""
        entries = [held.logged for held in self._held if held.signed.event.seq >= from_seq]
        if self._gap is not None and from_seq <= self._gap.seq:
            entries.insert(0, LoggedEvent(sign_event(self._gap, self._key).raw))
        for start in range(0, len(entries), MAX_BATCH_EVENTS):
            yield EventBatch(tuple(entries[start : start + MAX_BATCH_EVENTS]))

    def _has(self, ack: Ack) -> bool:
        if self._gap is not None and ack.upto == self._gap.seq:
            return ack.head == self._gap.head
        # Numbers are contiguous, so the position follows from the first one held.
        position = ack.upto - self._held[0].signed.event.seq
        held = self._held[position]
        return ack.head == held.signed.head and ack.boot == held.signed.event.boot

    def _drop_oldest(self) -> None:
        oldest = self._held.popleft().signed
        if self._gap is None:
            self._gap = replace(
                oldest.event,
                type=GAP,
                cti=None,
                result="overflow",
                commitment=None,
                from_seq=oldest.event.seq,
                head=oldest.head,
                extra={},
            )
            return
        self._gap = replace(
            self._gap,
            boot=oldest.event.boot,
            seq=oldest.event.seq,
            ts_at=oldest.event.ts_at,
            uptime_ms=oldest.event.uptime_ms,
            battery_mv=oldest.event.battery_mv,
            head=oldest.head,
        )

"""What locks say, taken in by the inbox: verify, deduplicate, record, acknowledge after commit.

A lock is believed by its own signature alone; topic, broker and sender prove nothing. The chained events are
the record; the answer is the same news sooner. Both name ``(boot, seq)``, so one physical opening is told to
the log once, whichever comes first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import cast

import structlog

from devices.events import DoorOpened, LockReported
from devices.inbox.model import Handler, Incoming, Outgoing, Reason, Refused, Report, require_not_future
from devices.inbox.store import store_reports
from devices.keys import opening_store, openings, store
from devices.keys.answer import Answer, read_answer
from devices.keys.chain import ChainState, LinkReport, SignedEvent, Verdict, commit, read_event, verify_links
from devices.keys.control import SignedTime, ack_of, sign_ack, sign_time
from devices.keys.cose import SigningKey, Trust, VerifyingKey, lock_trust
from devices.keys.event_payload import list_version_in, request_in
from devices.keys.held import held_by
from devices.keys.messages import Ask, Birth, CfgReport, Challenge, EventBatch, TimeRequest, decode_message
from devices.keys.model import Bolt, ClockState, DenialCode, LockResult
from devices.keys.opening import Answered
from devices.keys.revocations import revocation_lists
from devices.keys.settings import present_settings
from devices.keys.signer.model import Basis
from devices.keys.tables import GrantRow, LockRow, OpeningRow
from devices.keys.topics import Direction
from devices.keys.trust_store import missed_trust
from kernel.events import Event
from kernel.work import Work

log = structlog.get_logger(__name__)

KIND = "lock"
"""Device kind of all messages here."""

_REASONS = {
    Verdict.GAP: Reason.CHAIN_GAP,
    Verdict.FORK: Reason.CHAIN_FORK,
    Verdict.BAD_SIGNATURE: Reason.BAD_SIGNATURE,
}
_RESULTS = {result.value: result for result in LockResult}
OPENED_BY_KEY, LOCKED_BY_KEY = "opened_by_key", "locked_by_key"
"""The bolt was moved by a mechanical key: the citizen's own always works, and is no business of any grant."""

OPENINGS = frozenset({LockResult.OPENED.value, OPENED_BY_KEY})
"""Event types that say that the door was opened."""

_BOLT_AFTER = {
    OPENED_BY_KEY: Bolt.UNLOCKED,
    LOCKED_BY_KEY: Bolt.LOCKED,
    LockResult.OPENED.value: Bolt.UNLOCKED,
    LockResult.LOCKED.value: Bolt.LOCKED,
    LockResult.JAMMED.value: Bolt.UNKNOWN,
}


def lock_handlers(service_key: SigningKey, wall_s: Callable[[], float]) -> dict[tuple[str, str], Handler]:
    """Handlers for everything a lock sends, birth and death excepted (see :meth:`LockVoice.birth`).

    Parameters
    ----------
    service_key
        Signs watermarks, times and revocation lists; it opens nothing.
    wall_s
        Link time as epoch seconds, the same clock the web process uses for openings.
    """
    voice = LockVoice(service_key, wall_s)
    return {
        (KIND, "answer"): voice.answer,
        (KIND, "evt"): voice.events,
        (KIND, "cfg"): voice.settings,
        (KIND, "time"): voice.time,
        (KIND, "challenge"): voice.challenge,
    }


@dataclass(slots=True)
class _Heard:
    """What one batch of events brings to the database, gathered first and written in few statements."""

    events: list[SignedEvent]
    payloads: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    openings: dict[str, OpeningRow] = field(default_factory=dict)
    grants: dict[bytes, GrantRow] = field(default_factory=dict)
    first_told: set[tuple[int, int]] = field(default_factory=set)

    def opening_of(self, event: SignedEvent) -> OpeningRow | None:
        """The opening an event belongs to, by the request it committed to."""
        request = self._request(event.event.seq)
        return None if request is None else self.openings.get(request)

    def requests(self) -> set[str]:
        """Ids of all openings the events name."""
        named = (self._request(event.event.seq) for event in self.events)
        return {request for request in named if request is not None}

    def list_taken(self) -> int:
        """Version of the newest revocation list the lock says, signed, that it has taken; 0 where it says of none."""
        told = [
            self.payloads[e.event.seq][1] for e in self.events if e.event.type == "crl" and e.event.seq in self.payloads
        ]
        return max((list_version_in(payload) for payload in told), default=0)

    def _request(self, seq: int) -> str | None:
        salted = self.payloads.get(seq)
        return None if salted is None else request_in(salted[1])


class LockVoice:
    """The handlers of one inbox."""

    def __init__(self, service_key: SigningKey, wall_s: Callable[[], float]) -> None:
        self._service_key = service_key
        self._wall_s = wall_s

    def events(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/evt``: a batch of chained events. Answers the signed watermark, known events included."""
        lock, unit_id = _lock(work, incoming)
        batch = cast(EventBatch, decode_message(Direction.UP, "evt", incoming.payload))
        trust = _trust(bytes(lock.public_key))
        report = _judged(work, lock, [logged.raw for logged in batch.events], trust)
        fresh = [*report.recovered, *report.fresh]
        for signed in fresh:
            if signed.event.ts_at is not None:
                require_not_future(signed.event.ts_at, work.now)
        new = self._store(work, incoming, batch, fresh, trust)
        heard = _Heard([s for s in fresh if (lock.lock_id, s.event.boot, s.event.seq) in new])
        if heard.events:
            heard.payloads = _payloads(batch, heard.events)
            self._take_in(work, lock, unit_id, heard)
        _extend(lock, report, heard.events)
        lock.crl_signed = max(lock.crl_signed or 0, heard.list_taken())
        work.session.flush()
        return (Outgoing(KIND, lock.lock_id, "ack", sign_ack(ack_of(report.state), self._service_key)),)

    def answer(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/answer``: what the lock did with one command."""
        lock, unit_id = _lock(work, incoming)
        answer = read_answer(incoming.payload, _trust(bytes(lock.public_key)))
        _require_own(incoming, answer.lock)
        if answer.ts_at is not None:
            require_not_future(answer.ts_at, work.now)
        settled = openings.settle_answer(work, answer, self._wall_s())
        lock.battery_mv, lock.bolt_state = answer.battery_mv, answer.bolt.value
        if answer.code == DenialCode.CLOCK_UNSURE:
            lock.clock_state = ClockState.LOST.value
        elif answer.ts_at is not None:
            lock.clock_state = ClockState.OK.value
        work.session.flush()
        if answer.result is LockResult.OPENED and answer.seq is not None:
            opening_id = None if settled is None else settled.opening_id
            self._opened(work, lock, unit_id, answer, answer.seq, opening_id)
        return ()

    def challenge(self, _work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/challenge``: seen by the web process that waits for it; here it only has to make sense."""
        challenge = cast(Challenge, decode_message(Direction.UP, "challenge", incoming.payload))
        _require_own(incoming, challenge.lock)
        return ()

    def time(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/time``: the signed time for the lock's own fresh nonce.

        From then on the server takes the clock for good: a lock that could not use the answer says so itself
        when somebody tries, and until then nobody is kept out by a state that nothing would end.
        """
        asked = cast(TimeRequest, decode_message(Direction.UP, "time", incoming.payload))
        _require_own(incoming, asked.lock)
        lock, _ = _lock(work, incoming)
        lock.clock_state = ClockState.OK.value
        told = SignedTime(asked.lock, asked.nonce, work.now)
        return (Outgoing(KIND, asked.lock, "time", sign_time(told, self._service_key)),)

    def settings(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/cfg``: the versions the lock really runs with. One that missed a revocation list gets it."""
        said = cast(CfgReport, decode_message(Direction.UP, "cfg", incoming.payload))
        _require_own(incoming, said.lock)
        lock, _ = _lock(work, incoming)
        lock.cfg_reported, lock.crl_reported = said.cfg_version, said.crl_version
        lock.trust_reported = said.trust_version
        return self._missed(work, lock)

    def birth(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/birth``, after the registry has taken it in: clock and versions. It is a hint, not signed.

        One that the broker had kept may be old and would undo what was heard since.
        """
        birth = cast(Birth, decode_message(Direction.UP, "birth", incoming.payload))
        _require_own(incoming, birth.lock)
        if incoming.retained:
            return ()
        lock, _ = _lock(work, incoming)
        lock.clock_state, lock.battery_mv = birth.clock.value, birth.battery_mv
        lock.cfg_reported, lock.crl_reported = birth.cfg_version, birth.crl_version
        lock.trust_reported = birth.trust_version
        return self._missed(work, lock)

    def _missed(self, work: Work, lock: LockRow) -> Sequence[Outgoing]:
        """What the lock does not have yet: revocations, settings, issuers."""
        work.session.flush()
        missed: list[Outgoing] = []
        if lock.crl_reported < lock.crl_version:
            missed += revocation_lists(work, [lock.lock_id], self._service_key)
        if lock.cfg_reported < lock.cfg_version:
            missed += present_settings(work.session, [lock.lock_id], self._service_key)
        return missed + missed_trust(work.session, lock)

    def _store(
        self,
        work: Work,
        incoming: Incoming,
        batch: EventBatch,
        fresh: Sequence[SignedEvent],
        trust: Trust,
    ) -> set[tuple[str, int, int]]:
        # A batch of known events is handed over as well: the inbox counts it as a duplicate.
        signed = fresh or [read_event(logged.raw, trust) for logged in batch.events]
        reports = [
            Report(
                incoming.device_id,
                s.event.boot,
                s.event.seq,
                KIND,
                "evt",
                incoming.received_at,
                s.raw,
            )
            for s in signed
        ]
        return store_reports(work, reports)

    def _take_in(self, work: Work, lock: LockRow, unit_id: str, heard: _Heard) -> None:
        session = work.session
        store.keep_payloads(session, lock.lock_id, heard.payloads)
        heard.openings = opening_store.openings_for_update(session, lock.lock_id, heard.requests())
        held = held_by(work.session)
        heard.grants = held.grants_of(work.session, {s.event.cti for s in heard.events if s.event.cti is not None})
        opened = [
            s
            for s in heard.events
            if s.event.type in OPENINGS and (lock.lock_id, s.event.boot, s.event.seq) not in held.told
        ]
        numbers = {
            (s.event.boot, s.event.seq): row.opening_id if (row := heard.opening_of(s)) else None for s in opened
        }
        heard.first_told = store.first_told(session, lock.lock_id, numbers)
        for signed in heard.events:
            self._settle(work, signed, heard)
            event = _event(work, lock, unit_id, signed, heard)
            if event is not None:
                work.record(event)

    def _settle(self, work: Work, signed: SignedEvent, heard: _Heard) -> None:
        """A chained event is as good as the answer that got lost on the way."""
        row, result = heard.opening_of(signed), _RESULTS.get(signed.event.type)
        if row is not None and result is not None:
            answered = Answered(self._wall_s(), result, signed.event.result)
            openings.settle(work, row, answered, signed.event.boot, signed.event.seq, None)

    def _opened(
        self, work: Work, lock: LockRow, unit_id: str, answer: Answer, seq: int, opening_id: str | None
    ) -> None:
        held = held_by(work.session)
        is_first = store.first_told(work.session, lock.lock_id, {(answer.boot, seq): opening_id})
        held.told.add((lock.lock_id, answer.boot, seq))
        if not is_first:
            return
        grant = None if answer.cti is None else held.grants_of(work.session, {answer.cti}).get(answer.cti)
        opened = _door_opened(lock, unit_id, answer.ts_at or work.now, answer.boot, seq, opening_id, grant)
        work.record(opened.model_copy(update={"battery_mv": answer.battery_mv}))


def _lock(work: Work, incoming: Incoming) -> tuple[LockRow, str]:
    held = held_by(work.session)
    found = held.locks.get(incoming.device_id) or store.lock_for_update(work.session, incoming.device_id)
    if found is None:
        raise Refused(Reason.UNKNOWN_DEVICE, "a lock on a door, with its key", "a device without one")
    held.locks[incoming.device_id] = found
    return found


def _require_own(incoming: Incoming, named: str) -> None:
    if named != incoming.device_id:
        raise Refused(Reason.BROKEN_PAYLOAD, f"the lock of the topic, {incoming.device_id}", named)


@lru_cache(maxsize=4_096)
def _trust(public_key: bytes) -> Trust:
    return lock_trust(VerifyingKey(public_key))


def _judged(work: Work, lock: LockRow, messages: Sequence[bytes], trust: Trust) -> LinkReport:
    state = ChainState(lock.lock_id, lock.chain_boot, lock.chain_seq, bytes(lock.chain_head))
    report = verify_links(state, messages, trust)
    if report.recovered:
        # Numbers that are behind the chain are duplicates, or come home from inside a gap: look which.
        # The usual batch only continues the chain and is spared the question.
        seqs = [signed.event.seq for signed in report.recovered]
        stored = store.recorded_events(work.session, lock.lock_id, min(seqs) - 1, max(seqs))
        known = {event.event.seq: event.head for event in (read_event(raw, trust) for raw in stored)}
        report = verify_links(state, messages, trust, known)
    reason = _REASONS.get(report.verdict)
    if reason is not None:
        if reason is not Reason.CHAIN_GAP:
            log.error("lock_chain_alarm", lock_id=lock.lock_id, verdict=report.verdict.value)
        missing = Outgoing(KIND, lock.lock_id, "ask", Ask(from_seq=lock.chain_seq + 1).encode())
        answers = (missing,) if reason is Reason.CHAIN_GAP else ()
        expected = f"events that follow {lock.chain_seq} of start {lock.chain_boot}"
        raise Refused(reason, expected, report.detail, answers)
    return report


def _extend(lock: LockRow, report: LinkReport, events: Sequence[SignedEvent]) -> None:
    lock.chain_boot, lock.chain_seq = report.state.boot, report.state.seq
    lock.chain_head = report.state.head
    for signed in events:
        lock.battery_mv = signed.event.battery_mv
        bolt = _BOLT_AFTER.get(signed.event.type)
        if bolt is not None:
            lock.bolt_state = bolt.value


def _payloads(batch: EventBatch, events: Sequence[SignedEvent]) -> dict[int, tuple[bytes, bytes]]:
    """Salt and payload by number, each checked against what the lock signed."""
    by_raw = {signed.raw: signed.event for signed in events}
    found: dict[int, tuple[bytes, bytes]] = {}
    for logged in batch.events:
        event = by_raw.get(logged.raw)
        if event is None or logged.salt is None or logged.payload is None:
            continue
        if commit(logged.salt, logged.payload) != event.commitment:
            raise Refused(Reason.BAD_SIGNATURE, f"the payload event {event.seq} committed to", "another payload")
        found[event.seq] = (logged.salt, logged.payload)
    return found


def _event(work: Work, lock: LockRow, unit_id: str, signed: SignedEvent, heard: _Heard) -> Event | None:
    """What to tell the log; ``None`` for an opening it has been told of already."""
    event = signed.event
    at = event.ts_at or work.now
    grant = None if event.cti is None else heard.grants.get(event.cti)
    if event.type == LockResult.OPENED.value:
        if (event.boot, event.seq) not in heard.first_told:
            return None
        row = heard.opening_of(signed)
        opening_id = None if row is None else row.opening_id
        opened = _door_opened(lock, unit_id, at, event.boot, event.seq, opening_id, grant)
        return opened.model_copy(update={"battery_mv": event.battery_mv})
    return LockReported(
        at=at,
        unit_id=unit_id if grant is None else grant.unit_id,
        carer_id=None if grant is None else grant.carer_id,
        lock_id=lock.lock_id,
        door_id=lock.door_id,
        boot=event.boot,
        seq=event.seq,
        kind=event.type,
        battery_mv=event.battery_mv,
    )


def _door_opened(
    lock: LockRow,
    unit_id: str,
    at: datetime,
    boot: int,
    seq: int,
    opening_id: str | None,
    grant: GrantRow | None,
) -> DoorOpened:
    at_own_door = grant is not None and grant.door_id == lock.door_id
    unplanned = grant is not None and grant.basis != Basis.ROUTE
    return DoorOpened(
        at=at,
        unit_id=unit_id if grant is None else grant.unit_id,
        carer_id=None if grant is None else grant.carer_id,
        lock_id=lock.lock_id,
        door_id=lock.door_id,
        boot=boot,
        seq=seq,
        opening_id=opening_id,
        visit_id=grant.visit_id if grant is not None and at_own_door and not unplanned else None,
        shift_id=None if grant is None else grant.shift_id,
        emergency_id=grant.right_id if grant is not None and unplanned else None,
        behind_door_id=grant.door_id if grant is not None and unplanned and not at_own_door else None,
    )

"""What locks say, taken in by the inbox: verify, deduplicate, record, acknowledge after commit.

A lock is believed by its own signature alone; topic, broker and sender prove nothing. The chained events are
the record; the answer is the same news sooner. Both name ``(boot, seq)``, so one physical opening is told to
the log once, whichever comes first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import structlog

from devices.inbox.message_work import MessageWork
from devices.inbox.model import Handler, Incoming, Outgoing, Reason, Refused, Report, require_not_future
from devices.inbox.report_store import store_reports
from devices.keys import opening_store, openings, store
from devices.keys.answer import Answer, read_answer
from devices.keys.chain import ChainState, LinkReport, SignedEvent, Verdict, commit, read_event, verify_links
from devices.keys.control import SignedTime, ack_of, sign_ack, sign_time
from devices.keys.cose import SigningKey, Trust
from devices.keys.door_news import BOLT_AFTER, OPENINGS, door_opened, lock_reported
from devices.keys.event_payload import list_version_in, other_cti_in, request_in
from devices.keys.held import held_by
from devices.keys.held_lock import HeldLock, change, held_lock
from devices.keys.known_events import Position, known_events
from devices.keys.messages import Ask, Birth, CfgReport, Challenge, EventBatch, TimeRequest, decode_message
from devices.keys.model import ClockState, DenialCode, LockResult
from devices.keys.opening import Answered
from devices.keys.opening_steps import settle
from devices.keys.revocations import revocation_lists
from devices.keys.schemas import DoorOpening, GrantIssued
from devices.keys.settings import present_settings
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
    openings: dict[str, DoorOpening] = field(default_factory=dict)
    grants: dict[bytes, GrantIssued] = field(default_factory=dict)
    first_told: set[tuple[int, int]] = field(default_factory=set)
    #: openings the answer has told of: it has settled and told everything there is to them
    told: set[tuple[int, int]] = field(default_factory=set)

    def opened(self) -> set[tuple[int, int]]:
        """Start and number of each opening by grant."""
        return {(e.event.boot, e.event.seq) for e in self.events if e.event.type == LockResult.OPENED.value}

    def untold(self) -> list[SignedEvent]:
        """The events that bring something new."""
        return [event for event in self.events if (event.event.boot, event.event.seq) not in self.told]

    def opening_of(self, event: SignedEvent) -> DoorOpening | None:
        """The opening an event belongs to, by the request it committed to."""
        request = self._request(event.event.seq)
        return None if request is None else self.openings.get(request)

    def requests(self) -> set[str]:
        """Ids of all openings that events with news name."""
        named = (self._request(event.event.seq) for event in self.untold())
        return {request for request in named if request is not None}

    def other_grant(self, event: SignedEvent) -> GrantIssued | None:
        """The first holder's grant, of a door two have opened."""
        cti = self._other_cti(event)
        return None if cti is None else self.grants.get(cti)

    def ctis(self) -> set[bytes]:
        """Every grant that events with news name."""
        named = (cti for e in self.untold() for cti in (e.event.cti, self._other_cti(e)))
        return {cti for cti in named if cti is not None}

    def list_taken(self) -> int:
        """Version of the newest revocation list the lock says, signed, that it has taken; 0 where it says of none."""
        told = [
            self.payloads[e.event.seq][1] for e in self.events if e.event.type == "crl" and e.event.seq in self.payloads
        ]
        return max((list_version_in(payload) for payload in told), default=0)

    def _other_cti(self, event: SignedEvent) -> bytes | None:
        salted = self.payloads.get(event.event.seq) if event.event.type == LockResult.OPENED.value else None
        return None if salted is None else other_cti_in(salted[1])

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
        lock = _lock(work, incoming)
        batch = cast(EventBatch, decode_message(Direction.UP, "evt", incoming.payload))
        messages = [logged.raw for logged in batch.events]
        known = known_events(work.session, lock.lock_id, lock.chain_seq, messages)
        report = _judged(work, lock, [message for message in messages if message not in known])
        fresh = [*report.recovered, *report.fresh]
        for signed in fresh:
            if signed.event.ts_at is not None:
                require_not_future(signed.event.ts_at, work.now)
        new = self._store(work, incoming, batch, fresh, known, lock.trust)
        heard = _Heard([s for s in fresh if (lock.lock_id, s.event.boot, s.event.seq) in new])
        if heard.events:
            heard.payloads = _payloads(batch, heard.events)
            self._take_in(work, lock, heard)
        _extend(work, lock, report, heard)
        return self._watermark(work, report.state)

    def answer(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/answer``: what the lock did with one command."""
        lock = _lock(work, incoming)
        answer = read_answer(incoming.payload, lock.trust)
        _require_own(incoming, answer.lock)
        if answer.ts_at is not None:
            require_not_future(answer.ts_at, work.now)
        settled = openings.settle_answer(work, answer, self._wall_s())
        clock_state = lock.clock_state
        if answer.code == DenialCode.CLOCK_UNSURE:
            clock_state = ClockState.LOST.value
        elif answer.ts_at is not None:
            clock_state = ClockState.OK.value
        change(
            work.session,
            lock,
            battery_mv=answer.battery_mv,
            bolt_state=answer.bolt.value,
            clock_state=clock_state,
        )
        if answer.result is LockResult.OPENED and answer.seq is not None:
            self._opened(work, lock, answer, answer.seq, None if settled is None else settled.opening_id)
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
        change(work.session, _lock(work, incoming), clock_state=ClockState.OK.value)
        told = SignedTime(asked.lock, asked.nonce, work.now)
        return (Outgoing(KIND, asked.lock, "time", sign_time(told, self._service_key)),)

    def settings(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/cfg``: the versions the lock really runs with. One that missed a revocation list gets it."""
        said = cast(CfgReport, decode_message(Direction.UP, "cfg", incoming.payload))
        _require_own(incoming, said.lock)
        lock = _lock(work, incoming)
        change(
            work.session,
            lock,
            cfg_reported=said.cfg_version,
            crl_reported=said.crl_version,
            trust_reported=said.trust_version,
        )
        return self._missed(work, lock)

    def birth(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/birth``, after the registry has taken it in: clock and versions. It is a hint, not signed.

        One that the broker had kept may be old and would undo what was heard since.
        """
        birth = cast(Birth, decode_message(Direction.UP, "birth", incoming.payload))
        _require_own(incoming, birth.lock)
        if incoming.retained:
            return ()
        lock = _lock(work, incoming)
        change(
            work.session,
            lock,
            clock_state=birth.clock.value,
            battery_mv=birth.battery_mv,
            cfg_reported=birth.cfg_version,
            crl_reported=birth.crl_version,
            trust_reported=birth.trust_version,
        )
        return self._missed(work, lock)

    def _watermark(self, work: Work, state: ChainState) -> Sequence[Outgoing]:
        """A lock is told once a batch how far its log is home."""

        def sign() -> bytes:
            return sign_ack(ack_of(state), self._service_key)

        if not isinstance(work, MessageWork):
            return (Outgoing(KIND, state.lock, "ack", sign()),)
        work.answer_last(KIND, state.lock, "ack", sign)
        return ()

    def _missed(self, work: Work, lock: HeldLock) -> Sequence[Outgoing]:
        """What the lock does not have yet: revocations, settings, issuers."""
        missed: list[Outgoing] = []
        if lock.crl_reported < lock.crl_version:
            missed += revocation_lists(work, [lock.lock_id], self._service_key)
        if lock.cfg_reported < lock.cfg_version:
            missed += present_settings(work.session, [lock.lock_id], self._service_key)
        return missed + missed_trust(work.session, lock.lock_id, lock.trust_reported)

    def _store(
        self,
        work: Work,
        incoming: Incoming,
        batch: EventBatch,
        fresh: Sequence[SignedEvent],
        known: Mapping[bytes, Position],
        trust: Trust,
    ) -> set[tuple[str, int, int]]:
        # A batch of known events is handed over as well: the inbox counts it as a duplicate.
        if known and not fresh:
            return store_reports(work, [_report(incoming, *position, raw) for raw, position in known.items()])
        signed = fresh or [read_event(logged.raw, trust) for logged in batch.events]
        return store_reports(work, [_report(incoming, s.event.boot, s.event.seq, s.raw) for s in signed])

    def _take_in(self, work: Work, lock: HeldLock, heard: _Heard) -> None:
        session = work.session
        store.keep_payloads(session, lock.lock_id, heard.payloads)
        held = held_by(session)
        heard.told = held.told_of(session, lock.lock_id, heard.opened())
        heard.openings = opening_store.openings_for_update(session, lock.lock_id, heard.requests())
        heard.grants = held.grants_of(session, heard.ctis())
        numbers = {
            (s.event.boot, s.event.seq): row.opening_id if (row := heard.opening_of(s)) else None
            for s in heard.untold()
            if s.event.type in OPENINGS
        }
        heard.first_told = store.first_told(session, lock.lock_id, numbers)
        for signed in heard.events:
            self._settle(work, signed, heard)
            event = _news(lock, signed, heard, work.now)
            if event is not None:
                work.record(event)

    def _settle(self, work: Work, signed: SignedEvent, heard: _Heard) -> None:
        """A chained event is as good as the answer that got lost on the way."""
        opening, result = heard.opening_of(signed), _RESULTS.get(signed.event.type)
        if opening is not None and result is not None:
            answered = Answered(self._wall_s(), result, signed.event.result)
            after = settle(work, opening, answered, signed.event.boot, signed.event.seq, None)
            heard.openings[after.opening_id] = after

    def _opened(self, work: Work, lock: HeldLock, answer: Answer, seq: int, opening_id: str | None) -> None:
        held = held_by(work.session)
        is_first = store.first_told(work.session, lock.lock_id, {(answer.boot, seq): opening_id})
        held.told.add((lock.lock_id, answer.boot, seq))
        if not is_first:
            return
        grant = None if answer.cti is None else held.grants_of(work.session, {answer.cti}).get(answer.cti)
        at = answer.ts_at or work.now
        work.record(door_opened(lock, at, answer.boot, seq, answer.battery_mv, opening_id, grant))


def _lock(work: Work, incoming: Incoming) -> HeldLock:
    held = held_by(work.session)
    found = held.locks.get(incoming.device_id) or held_lock(work.session, incoming.device_id)
    if found is None:
        raise Refused(Reason.UNKNOWN_DEVICE, "a lock on a door, with its key", "a device without one")
    held.locks[incoming.device_id] = found
    return found


def _report(incoming: Incoming, boot: int, seq: int, raw: bytes) -> Report:
    return Report(incoming.device_id, boot, seq, KIND, "evt", incoming.received_at, raw)


def _require_own(incoming: Incoming, named: str) -> None:
    if named != incoming.device_id:
        raise Refused(Reason.BROKEN_PAYLOAD, f"the lock of the topic, {incoming.device_id}", named)


def _judged(work: Work, lock: HeldLock, messages: Sequence[bytes]) -> LinkReport:
    trust = lock.trust
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


def _extend(work: Work, lock: HeldLock, report: LinkReport, heard: _Heard) -> None:
    state = report.state
    battery_mv, bolt_state = lock.battery_mv, lock.bolt_state
    for signed in heard.events:
        battery_mv = signed.event.battery_mv
        bolt = BOLT_AFTER.get(signed.event.type)
        bolt_state = bolt_state if bolt is None else bolt.value
    change(
        work.session,
        lock,
        chain_boot=state.boot,
        chain_seq=state.seq,
        chain_head=state.head,
        battery_mv=battery_mv,
        bolt_state=bolt_state,
        crl_signed=max(lock.crl_signed or 0, heard.list_taken()),
    )


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


def _news(lock: HeldLock, signed: SignedEvent, heard: _Heard, now: datetime) -> Event | None:
    """What to tell the log; ``None`` for an opening it has been told of already."""
    event = signed.event
    grant = None if event.cti is None else heard.grants.get(event.cti)
    if event.type != LockResult.OPENED.value:
        return lock_reported(lock, event, grant, now)
    if (event.boot, event.seq) not in heard.first_told:
        return None
    opening = heard.opening_of(signed)
    opening_id = None if opening is None else opening.opening_id
    at, other = event.ts_at or now, heard.other_grant(signed)
    return door_opened(lock, at, event.boot, event.seq, event.battery_mv, opening_id, grant, other)

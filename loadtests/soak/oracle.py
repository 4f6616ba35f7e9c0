"""What must hold whatever dies: judged from the locks' own ledgers and from what was really granted.

Nothing here asks the code that is being judged: grants are remembered as they were minted, openings and challenges as
they left the lock, and the database is read as bare rows.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from devices.inbox.tables import QuarantineRow, ReportRow
from devices.keys.chain import ChainState, SignedEvent, Verdict, read_event, verify_links
from devices.keys.cose import Trust, VerifyingKey, lock_trust
from devices.keys.messages import Challenge, EventBatch, OpenCommand, decode_message
from devices.keys.topics import Direction
from devices.simulator.body import Outgoing
from kernel.database import Database
from kernel.tables import EventRow

LEEWAY = timedelta(seconds=60)
CHALLENGE_S = 10.0


class BrokenPromiseError(AssertionError):
    """One of the promises did not hold; says which, and what was seen."""


@dataclass(frozen=True, slots=True)
class TrueGrant:
    """A grant as the issuer made it."""

    lock_id: str
    opens_at: datetime
    closes_at: datetime


@dataclass(slots=True)
class _Nonce:
    given_s: float
    boot: int
    source: str
    used: bool = False


@dataclass
class LockLedger:
    """Everything one lock has ever recorded, and how it answered for it."""

    lock_id: str
    trust: Trust
    events: dict[int, bytes] = field(default_factory=dict)
    gaps: dict[int, SignedEvent] = field(default_factory=dict)
    nonces: dict[bytes, _Nonce] = field(default_factory=dict)
    #: grants it has been told not to accept any more
    revoked: set[bytes] = field(default_factory=set)
    acknowledged: int = 0
    #: the command under way, so that an opening can be laid to it
    command: OpenCommand | None = None


class Oracle:
    """Watches every lock and the database of one street."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ledgers: dict[str, LockLedger] = {}
        self.grants: dict[bytes, TrueGrant] = {}
        self.openings = 0

    def watch(self, lock_id: str, public_key: bytes) -> None:
        """A lock to watch."""
        self.ledgers[lock_id] = LockLedger(lock_id, lock_trust(VerifyingKey(public_key)))

    def lock_spoke(
        self, lock_id: str, out: list[Outgoing], *, now: datetime, link_s: float, boot: int, source: str
    ) -> None:
        """Look at all a lock says: what it recorded, the nonces it gave, and whether it may have opened."""
        ledger = self.ledgers[lock_id]
        for said in out:
            if said.name == "evt":
                batch = decode_message(Direction.UP, "evt", said.payload)
                if isinstance(batch, EventBatch):
                    for logged in batch.events:
                        self._recorded(ledger, logged.raw, now, link_s, source)
            elif said.name == "challenge":
                challenge = decode_message(Direction.UP, "challenge", said.payload)
                if isinstance(challenge, Challenge):
                    ledger.nonces[challenge.nonce] = _Nonce(link_s, boot, source)

    def _recorded(self, ledger: LockLedger, raw: bytes, now: datetime, link_s: float, source: str) -> None:
        signed = read_event(raw, ledger.trust)
        event = signed.event
        if event.type == "gap":
            ledger.gaps[event.seq] = signed
            return
        first_time = event.seq not in ledger.events
        if not first_time:
            _require(ledger.events[event.seq] == raw, f"event {event.seq} of {ledger.lock_id} was rewritten")
            return
        ledger.events[event.seq] = raw
        if event.type == "opened":
            self._opened(ledger, event.cti or b"", event.boot, now, link_s, source)

    def _opened(self, ledger: LockLedger, cti: bytes, boot: int, now: datetime, link_s: float, source: str) -> None:
        self.openings += 1
        grant = self.grants.get(cti)
        _require(grant is not None, "a door opened for a grant nobody minted")
        assert grant is not None  # noqa: S101 - said by the line before
        _require(grant.lock_id == ledger.lock_id, "a door opened for another door's grant")
        inside = grant.opens_at - LEEWAY <= now <= grant.closes_at + LEEWAY
        _require(inside, f"a door opened at {now}, granted from {grant.opens_at} to {grant.closes_at}")
        _require(cti not in ledger.revoked, "a door opened for a grant the lock had been told not to accept")
        command = ledger.command
        _require(command is not None, "a door opened without a command")
        assert command is not None  # noqa: S101 - said by the line before
        nonce = ledger.nonces.get(command.nonce)
        _require(nonce is not None, "a door opened for a nonce its lock never gave")
        assert nonce is not None  # noqa: S101 - said by the line before
        _require(not nonce.used, "a door opened twice for one challenge")
        _require(link_s - nonce.given_s <= CHALLENGE_S, "a door opened for a challenge older than 10 s")
        _require((nonce.boot, nonce.source) == (boot, source), "a door opened for a challenge of another start or way")
        nonce.used = True

    def deleted_up_to(self, lock_id: str, acknowledged: int) -> None:
        """A lock has a watermark: it never falls, and everything below it is committed."""
        ledger = self.ledgers[lock_id]
        _require(acknowledged >= ledger.acknowledged, f"the watermark of {lock_id} fell to {acknowledged}")
        if acknowledged > ledger.acknowledged:
            with self._database.reading() as session:
                self._require_stored(session, ledger, ledger.acknowledged + 1, acknowledged)
            ledger.acknowledged = acknowledged

    def acknowledged_to_the_broker(self, lock_id: str, payload: bytes, name: str) -> None:
        """The server gave a message up: what it holds is in the database now, or kept in the quarantine."""
        if name != "evt":
            return
        ledger = self.ledgers[lock_id]
        batch = decode_message(Direction.UP, "evt", payload)
        with self._database.reading() as session:
            seqs = _stored(session, lock_id)
            for logged in batch.events if isinstance(batch, EventBatch) else ():
                event = read_event(logged.raw, ledger.trust).event
                if event.seq not in seqs and not _kept(session, payload):
                    raise BrokenPromiseError(f"event {event.seq} of {lock_id} was acknowledged before it was committed")

    def everything_is_home(self) -> None:
        """At the end: every event exactly once, in one whole chain, and told to the log exactly once."""
        with self._database.reading() as session:
            for ledger in self.ledgers.values():
                self._require_stored(session, ledger, 1, max(ledger.events, default=0))
                self._require_whole(session, ledger)
                self._require_told_once(session, ledger)

    def _require_stored(self, session: Session, ledger: LockLedger, first: int, last: int) -> None:
        rows = _rows(session, ledger.lock_id)
        of_seq: dict[int, list[bytes]] = {}
        for seq, raw in rows:
            of_seq.setdefault(seq, []).append(raw)
        told = [read_event(raws[0], ledger.trust).event for raws in of_seq.values()]
        dropped = {seq for e in told if e.type == "gap" for seq in range(e.from_seq or e.seq, e.seq + 1)}
        for seq in range(first, last + 1):
            raws = of_seq.get(seq, [])
            if not raws and seq in dropped:
                continue
            _require(len(raws) == 1, f"event {seq} of {ledger.lock_id} is in the database {len(raws)} times")
            right = raws[0] == ledger.events.get(seq) or seq in dropped
            _require(right, f"event {seq} of {ledger.lock_id} is not what the lock recorded")

    def _require_whole(self, session: Session, ledger: LockLedger) -> None:
        raws = [raw for _, raw in sorted(_rows(session, ledger.lock_id))]
        report = verify_links(ChainState.start(ledger.lock_id), raws, ledger.trust)
        _require(report.verdict in (Verdict.OK, Verdict.DUPLICATE), f"the chain of {ledger.lock_id}: {report.detail}")

    def _require_told_once(self, session: Session, ledger: LockLedger) -> None:
        events = session.exec(
            select(EventRow.event_type, EventRow.data).where(
                col(EventRow.event_type).in_(("door.opened", "lock.reported"))
            )
        ).all()
        told = [data["seq"] for _, data in events if data["lock_id"] == ledger.lock_id]
        _require(len(told) == len(set(told)), f"an event of {ledger.lock_id} was told twice")
        _require(set(told) == _stored(session, ledger.lock_id), f"an event of {ledger.lock_id} was not told")


def _rows(session: Session, lock_id: str) -> list[tuple[int, bytes]]:
    query = select(ReportRow.seq, ReportRow.payload).where(ReportRow.device_id == lock_id, ReportRow.name == "evt")
    return [(int(seq), bytes(raw)) for seq, raw in session.exec(query)]


def _stored(session: Session, lock_id: str) -> set[int]:
    query = select(ReportRow.seq).where(ReportRow.device_id == lock_id, ReportRow.name == "evt")
    return {int(seq) for seq in session.exec(query)}


def _kept(session: Session, payload: bytes) -> bool:
    return session.exec(select(QuarantineRow.id).where(QuarantineRow.payload == payload)).first() is not None


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenPromiseError(what)

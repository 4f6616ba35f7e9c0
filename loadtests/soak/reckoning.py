"""What locks and tablets remember, held against the database: nothing lost, nothing twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from devices.inbox.tables import ReportRow
from devices.keys.chain import ChainState, Verdict, verify_links
from kernel.tables import EventRow
from loadtests.soak.doors_in_use import LedgerLock
from loadtests.soak.tablets_in_use import Fact


@dataclass
class Killed:
    """What came of it."""

    kills: dict[str, int] = field(default_factory=dict)
    events: int = 0
    lost: int = 0
    twice: int = 0
    changed: int = 0
    broken_chains: int = 0
    unacknowledged: int = 0
    told_twice: int = 0
    facts: int = 0
    facts_lost: int = 0
    facts_twice: int = 0

    @property
    def held(self) -> bool:
        """Whether nothing was lost, and nothing counted twice."""
        bad = (self.lost, self.twice, self.changed, self.broken_chains, self.unacknowledged, self.told_twice)
        return not any(bad) and not self.facts_lost and not self.facts_twice


def told_by_lock(session: Session) -> dict[str, list[int]]:
    """The numbers the log was told of, by lock, each as often as it was told."""
    told: dict[str, list[int]] = {}
    for data in session.exec(select(EventRow.data).where(EventRow.event_type == "lock.reported")):
        told.setdefault(data["lock_id"], []).append(data["seq"])
    return told


def compare_events(session: Session, lock: LedgerLock, told: Sequence[int], found: Killed) -> None:
    """Add up what became of everything a lock signed."""
    rows: dict[int, list[bytes]] = {}
    query = select(ReportRow.seq, ReportRow.payload).where(ReportRow.device_id == lock.lock_id, ReportRow.name == "evt")
    for seq, raw in session.exec(query):
        rows.setdefault(int(seq), []).append(bytes(raw))
    found.events += len(lock.ledger)
    # What the lock still has is not lost; that it still has it is counted apart.
    found.lost += sum(seq not in rows for seq in lock.ledger if seq <= lock.log.last_ack)
    found.twice += sum(len(raws) > 1 for raws in rows.values())
    found.changed += sum(seq in rows and rows[seq][0] != raw for seq, raw in lock.ledger.items())
    raws = [rows[seq][0] for seq in sorted(rows)]
    report = verify_links(ChainState.start(lock.lock_id), raws, lock.trust)
    found.broken_chains += report.verdict not in (Verdict.OK, Verdict.DUPLICATE)
    found.unacknowledged += lock.log.next_seq - 1 - lock.log.last_ack
    found.told_twice += len(told) - len(set(told))


def compare_facts(session: Session, stored: Sequence[Fact], found: Killed) -> None:
    """Add up what became of everything tablets were told is stored."""
    types = sorted({fact.event_type for fact in stored})
    logged: dict[Fact, int] = {}
    rows = session.exec(select(EventRow.event_type, EventRow.data).where(col(EventRow.event_type).in_(types))).all()
    for event_type, data in rows:
        fact = Fact(event_type, data["carer_id"] if event_type == "shift.started" else data["visit_id"])
        logged[fact] = logged.get(fact, 0) + 1
    found.facts = len(stored)
    found.facts_lost = sum(fact not in logged for fact in stored)
    found.facts_twice = sum(logged.get(fact, 0) > 1 for fact in set(stored))

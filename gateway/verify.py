"""``omsorgstid verify``: recomputes what can be recomputed and says what does not agree, and where (docs/audit.md)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from gateway.settings import EVENT_DAYS_AT_LEAST
from gateway.verify_locks import LocksChecked, check_locks
from kernel.localtime import at_local
from kernel.log import latest_position
from kernel.merkle import root_of
from kernel.seals import heads_after, latest_seal
from kernel.seals_check import (
    Checked,
    Fault,
    check_outside,
    check_receipts,
    check_seals,
    erased_positions,
    seals_between,
)
from kernel.seals_daily import DailyRoot, UnreadableRootError, fingerprint, read_root
from kernel.tables import DailyRootRow, VerificationRow
from kernel.work import Work
from metrics.sums.checking import checked_sums
from metrics.tables import EntryRow

FAULTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to verify.

    Parameters
    ----------
    public_key
        The key daily roots have to be signed with, 32 bytes.
    from_on, to_on
        Only what was sealed on these days; everything where absent.
    folder
        Exported daily roots, of this machine or better: as somebody else kept them.
    """

    public_key: bytes
    from_on: date | None = None
    to_on: date | None = None
    folder: Path | None = None


@dataclass(slots=True)
class Verified:
    """What was looked at, and every fault found."""

    log: Checked = field(default_factory=Checked)
    locks: LocksChecked = field(default_factory=LocksChecked)
    roots: int = 0
    entries: int = 0
    sums: int = 0
    unsealed: int = 0
    faults: list[Fault] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What a person reads: faults first, then what was looked at."""
        told = [f"FAULT {f.code}: {f.where}{': ' if f.detail else ''}{f.detail}" for f in self.faults]
        log = self.log
        return [
            *told,
            f"events    {log.events} in {log.seals} seals to position {log.to_position}, {len(log.erased)} erased with "
            f"a receipt; {self.unsealed} newer ones wait for a seal",
            f"days      {self.roots} daily roots",
            f"locks     {self.locks.events} events of {self.locks.locks} locks, {self.locks.emptied} emptied",
            f"ledger    {self.entries} entries, {self.sums} kept sums",
            f"result    {'no fault' if not self.faults else f'{len(self.faults)} faults'}",
        ]


def verify(session: Session, wanted: Wanted) -> Verified:
    """Verify a database, reading only."""
    verified = Verified()
    verified.faults.extend(_faults(session, wanted, verified))
    last = latest_seal(session)
    verified.unsealed = latest_position(session) - (0 if last is None else last.to_position)
    return verified


def remember(work: Work, verified: Verified) -> None:
    """Keep that somebody looked and what was found, for *Drift*."""
    codes = [fault.code for fault in verified.faults[:FAULTS_KEPT]]
    position, count = verified.log.to_position, len(verified.faults)
    work.session.add(VerificationRow(at=work.now, to_position=position, fault_count=count, faults=codes))


def _faults(session: Session, wanted: Wanted, verified: Verified) -> Iterator[Fault]:
    from_at = None if wanted.from_on is None else at_local(wanted.from_on, time())
    to_at = None if wanted.to_on is None else at_local(wanted.to_on + timedelta(days=1), time())
    first, last = seals_between(session, from_at, to_at)
    receipts = erased_positions(session)
    yield from check_seals(session, verified.log, receipts, first, last)
    yield from check_outside(session)
    yield from check_receipts(session, timedelta(days=EVENT_DAYS_AT_LEAST))
    for origin, text in _texts(session, wanted):
        verified.roots += 1
        yield from _check_root(session, origin, text, wanted.public_key)
    yield from check_locks(session, verified.locks)
    yield from _check_ledger(session, wanted, verified)
    yield from _check_sums(session, wanted, verified)


def _texts(session: Session, wanted: Wanted) -> Iterator[tuple[str, str]]:
    kept = {row.day: row.text for row in session.exec(select(DailyRootRow).order_by(col(DailyRootRow.day)))}
    for day, text in kept.items():
        if (wanted.from_on or day) <= day <= (wanted.to_on or day):
            yield f"daily root of {day}", text
    if wanted.folder is not None:
        for path in sorted(wanted.folder.glob("*.txt")):
            yield f"file {path.name}", path.read_text(encoding="utf-8", errors="replace")


def _check_root(session: Session, origin: str, text: str, public_key: bytes) -> Iterator[Fault]:
    try:
        root = read_root(text)
    except UnreadableRootError as err:
        yield Fault("root_unreadable", origin, str(err))
        return
    if not root.is_signed_by(public_key):
        signer = fingerprint(root.public_key)
        yield Fault("root_signature", origin, f"expected key {fingerprint(public_key)}, got {signer} or another text")
        return
    yield from _compare(session, origin, root)


def _compare(session: Session, origin: str, root: DailyRoot) -> Iterator[Fault]:
    count = root.last_seal - root.first_seal + 1
    seals = heads_after(session, root.first_seal - 1, count)
    newest = latest_seal(session)
    if newest is None or newest.number < root.last_seal:
        has = 0 if newest is None else newest.number
        yield Fault("tail_cut", origin, f"speaks of seal {root.last_seal}, and the database ends at seal {has}")
    elif [s.number for s in seals] != list(range(root.first_seal, root.last_seal + 1)):
        yield Fault("root_differs", origin, f"seals between {root.first_seal} and {root.last_seal} are not there")
    elif (seals[-1].hash, root_of([s.hash for s in seals])) != (root.chain, root.root):
        yield Fault("root_differs", origin, "the seals are not those it was made of: they were replaced")
    elif (seals[0].from_position, seals[-1].to_position) != (root.first_position, root.last_position):
        yield Fault("root_differs", origin, "the seals cover other positions")
    stored = session.get(DailyRootRow, root.day)
    if stored is None or read_back(stored.text) != root:
        yield Fault("root_unknown", origin, "the database does not know of this export")


def read_back(text: str) -> DailyRoot | None:
    """A stored text, or ``None`` where it cannot be read (which is a fault of its own)."""
    try:
        return read_root(text)
    except UnreadableRootError:
        return None


def _check_ledger(session: Session, wanted: Wanted, verified: Verified) -> Iterator[Fault]:
    head, gone = latest_position(session), verified.log.unaccounted
    query = select(EntryRow.id, EntryRow.evidence)
    if wanted.from_on is not None:
        query = query.where(col(EntryRow.day_on) >= wanted.from_on)
    if wanted.to_on is not None:
        query = query.where(col(EntryRow.day_on) <= wanted.to_on)
    for entry_id, evidence in session.exec(query.order_by(col(EntryRow.id))):
        verified.entries += 1
        lost = [p for p in evidence if p > head or p < 1 or p in gone]
        if lost:
            yield Fault("evidence_missing", f"ledger entry {entry_id}", f"position {lost[0]} is gone without a receipt")


def _check_sums(session: Session, wanted: Wanted, verified: Verified) -> Iterator[Fault]:
    """What the pages add figures up from is what the entries come to."""
    for checked in checked_sums(session, wanted.from_on, wanted.to_on):
        verified.sums += checked.sum_count
        first_on, last_on = checked.days
        for unit in checked.differing:
            where = f"{checked.technology} in {unit.unit_id}, {first_on} to {last_on}"
            detail = f"{unit.sum_count} kept sums are not those of the entries, the first by {unit.difference:+d} in "
            yield Fault("sum_differs", where, f"{detail}{unit.figure}")


def last_verification(session: Session) -> tuple[datetime, int] | None:
    """When somebody last verified, and how many faults there were."""
    row = session.exec(select(VerificationRow).order_by(col(VerificationRow.id).desc()).limit(1)).first()
    return None if row is None else (row.at, row.fault_count)

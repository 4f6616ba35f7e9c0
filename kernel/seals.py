"""Seals over the event log: what was written can no longer be changed without being seen.

A seal covers a run of positions. Each event has a leaf, a hash of its row and of a salt of its own; the leaves make a
tree (:mod:`kernel.merkle`); its root stands in the seal, and every seal carries the hash of the one before. The rows
themselves are not chained, so that appending costs nothing. Erasing an event deletes its row and its salt: the leaf
stays and the root with it, and without the salt nobody can find out by trying what the row said.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Select, Text, cast, delete, func, type_coerce
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from kernel.clock import utc_text
from kernel.log import latest_position
from kernel.merkle import HASH_BYTES, leaf_hash, root_of
from kernel.receipts import EVENTS, NewReceipt, write_receipt
from kernel.tables import EventRow, SealRow
from kernel.work import UnitsOfWork, Work

SALT_BYTES = 16
ERASED = bytes(SALT_BYTES)
"""Stands where a salt was. A random salt of zeros only does not occur."""

NOTHING = leaf_hash(b"")
"""Leaf of a place whose row was gone before it was sealed."""

AT_MOST = 4_096
"""Events of one seal. It bounds what is held in memory and rewritten when one of them is erased."""

GENESIS = sha256(b"omsorgstid-seals-1").digest()
"""``prev`` of the first seal."""


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row of the log as it is sealed. ``data`` is the text the database holds, byte for byte."""

    position: int
    event_type: str
    version: int
    at: datetime
    unit_id: str | None
    carer_id: str | None
    data: str

    def content(self) -> bytes:
        """What is hashed: a JSON array of the envelope, a line feed, and the data as stored; UTF-8."""
        envelope = [self.position, self.event_type, self.version, utc_text(self.at), self.unit_id, self.carer_id]
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" + self.data.encode()


@dataclass(frozen=True, slots=True)
class SealHead:
    """A seal without its leaves and salts."""

    number: int
    from_position: int
    to_position: int
    sealed_at: datetime
    hash: bytes


def heads_after(session: Session, number: int, limit: int) -> list[SealHead]:
    """The seals after a number, in order, without what is large."""
    wanted = (SealRow.number, SealRow.from_position, SealRow.to_position, SealRow.sealed_at, SealRow.hash)
    query = select(*wanted).where(col(SealRow.number) > number).order_by(col(SealRow.number)).limit(limit)  # type: ignore[call-overload]
    return [SealHead(*row) for row in session.exec(query)]


def rows_between(session: Session, from_position: int, to_position: int) -> list[SealedRow]:
    """The rows of the log at these positions, both included, in order."""
    query = _rows().where(col(EventRow.position).between(from_position, to_position))
    return [SealedRow(*row) for row in session.execute(query.order_by(col(EventRow.position)))]


def leaf_of(row: SealedRow, salt: bytes) -> bytes:
    """The leaf of a row: :func:`kernel.merkle.leaf_hash` of salt and content."""
    return leaf_hash(salt + row.content())


def seal_hash(seal: SealRow) -> bytes:
    """What the next seal carries as ``prev``: SHA-256 of a JSON array of everything but salts and leaves."""
    said = [
        "omsorgstid-seal-1",
        seal.number,
        seal.from_position,
        seal.to_position,
        utc_text(seal.sealed_at),
        utc_text(seal.earliest_at),
        seal.root.hex(),
        seal.prev.hex(),
    ]
    return sha256(json.dumps(said, separators=(",", ":")).encode()).digest()


def split(whole: bytes, size: int) -> list[bytes]:
    """Leaves or salts of a seal, one for each event."""
    return [whole[i : i + size] for i in range(0, len(whole), size)]


def latest_seal(session: Session) -> SealRow | None:
    """The newest seal."""
    return session.exec(select(SealRow).order_by(col(SealRow.number).desc()).limit(1)).first()


def seal_next(units: UnitsOfWork, at_least: int = 1, at_most: int = AT_MOST) -> int:
    """Seal the next events that have a position. Returns how many places; 0 where fewer than ``at_least`` wait.

    Hashing happens outside of any writing transaction, which then only adds one row. Of two who seal at once one
    finds that the other was first, and seals nothing. A place whose row was taken away before it could be sealed is
    sealed as empty: sealing goes on, and whoever verifies finds a row missing that no receipt speaks of.
    """
    with units.database.reading() as session:
        before = latest_seal(session)
        first = 1 if before is None else before.to_position + 1
        last = min(latest_position(session), first + at_most - 1)
        waiting = last - first + 1
        rows = rows_between(session, first, last) if waiting >= max(at_least, 1) else []
    if waiting < max(at_least, 1):
        return 0
    seal = _seal(first, last, rows, before, units.clock.now())
    try:
        with units.begin() as work:
            newest = work.session.exec(select(func.max(SealRow.number))).one() or 0
            if newest != seal.number - 1:
                return 0
            work.session.add(seal)
    except IntegrityError:
        return 0  # another process added the same number between our look and our commit
    return waiting


def erase_events(work: Work, positions: Sequence[int], rule: str, before: datetime) -> int:
    """Delete rows of the log and their salts, and write the receipt. Returns its number.

    Parameters
    ----------
    positions
        Sealed ones, and not the highest of the log: the next event's position follows from it.
    rule, before
        What the receipt says.

    Raises
    ------
    ValueError
        If a position is not sealed, is erased already, or is the highest.
    """
    wanted = sorted(set(positions))
    session = work.session
    head = session.exec(select(func.max(EventRow.position))).one() or 0
    if not wanted or wanted[-1] >= head:
        raise ValueError(f"Expected positions below {head}, got {wanted[-1:]}.")
    query = (
        select(SealRow)
        .where(col(SealRow.from_position) <= wanted[-1], col(SealRow.to_position) >= wanted[0])
        .order_by(col(SealRow.number))
        .with_for_update()
    )
    left = set(wanted)
    for seal in session.exec(query):
        mine = [p for p in wanted if seal.from_position <= p <= seal.to_position]
        salts = bytearray(seal.salts)
        for position in mine:
            at = (position - seal.from_position) * SALT_BYTES
            if salts[at : at + SALT_BYTES] == ERASED:
                raise ValueError(f"Expected an event that was not erased, got position {position}.")
            salts[at : at + SALT_BYTES] = ERASED
        seal.salts = bytes(salts)
        session.add(seal)
        left -= set(mine)
    if left:
        raise ValueError(f"Expected sealed positions, got {sorted(left)[:5]}.")
    session.flush()
    for first in range(0, len(wanted), 500):
        session.execute(delete(EventRow).where(col(EventRow.position).in_(wanted[first : first + 500])))
    return write_receipt(work, NewReceipt(EVENTS, rule, None, before, len(wanted), positions=wanted))


def _seal(first: int, last: int, rows: Sequence[SealedRow], before: SealRow | None, now: datetime) -> SealRow:
    by_position = {row.position: row for row in rows}
    leaves, salts = [], []
    for position in range(first, last + 1):
        row = by_position.get(position)
        salts.append(ERASED if row is None else secrets.token_bytes(SALT_BYTES))
        leaves.append(NOTHING if row is None else leaf_of(row, salts[-1]))
    seal = SealRow(
        number=1 if before is None else before.number + 1,
        from_position=first,
        to_position=last,
        # A machine's clock may be set back; days of seals only go forward.
        sealed_at=now if before is None else max(now, before.sealed_at),
        earliest_at=min((row.at for row in rows), default=now),
        root=root_of(leaves),
        prev=GENESIS if before is None else before.hash,
        hash=bytes(HASH_BYTES),
        leaves=b"".join(leaves),
        salts=b"".join(salts),
    )
    seal.hash = seal_hash(seal)
    return seal


def _rows() -> Select[tuple[int, str, int, datetime, str | None, str | None, str]]:
    return select(  # type: ignore[call-overload,no-any-return]
        EventRow.position,
        EventRow.event_type,
        EventRow.version,
        EventRow.at,
        EventRow.unit_id,
        EventRow.carer_id,
        # The text as it stands in the database: reading it as JSON would cost more than all of the hashing.
        type_coerce(cast(EventRow.data, Text), Text),
    )

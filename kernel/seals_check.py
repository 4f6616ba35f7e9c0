"""Recomputes seals from what the database holds, and names what does not agree and where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from kernel.merkle import HASH_BYTES, root_of
from kernel.receipts import EVENTS, DataErased, hash_of_ids
from kernel.seals import ERASED, GENESIS, SALT_BYTES, SealedRow, leaf_of, rows_between, seal_hash, split
from kernel.tables import EventRow, ReceiptRow, SealRow

_SEALS = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not agree: a stable code, where it is, and what was expected and found."""

    code: str
    where: str
    detail: str = ""


@dataclass(slots=True)
class Checked:
    """What was looked at, and what of the log is gone, with and without a receipt."""

    seals: int = 0
    events: int = 0
    to_position: int = 0
    erased: set[int] = field(default_factory=set)
    unaccounted: set[int] = field(default_factory=set)
    #: number to hash and last position, of every seal looked at
    chain: dict[int, tuple[bytes, int]] = field(default_factory=dict)


def check_seals(
    session: Session, checked: Checked, receipts: Mapping[int, ReceiptRow], first: int = 1, last: int | None = None
) -> Iterator[Fault]:
    """Recompute every leaf, root, hash and link from seal ``first`` to ``last``.

    Parameters
    ----------
    checked
        Is filled while the faults are taken.
    receipts
        Receipts of erased events by position (:func:`erased_positions`).
    """
    prev, position, number = _before(session, first)
    while True:
        query = select(SealRow).where(col(SealRow.number) > number)
        if last is not None:
            query = query.where(col(SealRow.number) <= last)
        seals = session.exec(query.order_by(col(SealRow.number)).limit(_SEALS)).all()
        if not seals:
            return
        for seal in seals:
            yield from _check_link(seal, number, position, prev)
            yield from _check_content(session, seal, checked, receipts)
            prev, position, number = bytes(seal.hash), seal.to_position, seal.number
            checked.chain[number] = prev, position
            session.expunge(seal)


def check_outside(session: Session) -> Iterator[Fault]:
    """Rows at places no event can have."""
    count = session.exec(select(func.count()).where(col(EventRow.position) < 1)).one()
    if count:
        yield Fault("row_outside", "positions below 1", f"{count} rows")


def erased_positions(session: Session) -> dict[int, ReceiptRow]:
    """The receipt of every erased place of the log."""
    found: dict[int, ReceiptRow] = {}
    for row in session.exec(select(ReceiptRow).where(col(ReceiptRow.data_type) == EVENTS)):
        for first, last in row.spans:
            found.update(dict.fromkeys(range(first, last + 1), row))
    return found


def check_receipts(session: Session, youngest: timedelta) -> Iterator[Fault]:
    """Whether every receipt and its event in the log say the same, and no event was erased too young.

    Parameters
    ----------
    youngest
        No setting allows events to be erased before this age.
    """
    query = select(EventRow.position, EventRow.data).where(col(EventRow.event_type) == DataErased.event_type)
    told = {data["receipt_no"]: (position, data) for position, data in session.exec(query)}
    for row in session.exec(select(ReceiptRow).order_by(col(ReceiptRow.number))):
        where = f"receipt {row.number}"
        position, data = told.pop(row.number, (None, None))
        if data is None:
            yield Fault("receipt_without_event", where, "the log does not tell of it")
            continue
        if (row.data_type, row.rule, row.count, row.ids_sha256) != (
            data["data_type"],
            data["rule"],
            data["count"],
            data["ids_sha256"],
        ):
            yield Fault("receipt_changed", where, f"differs from the event at position {position}")
        if row.data_type == EVENTS:
            yield from _check_event_receipt(row, where, youngest)
    for number, (position, _) in sorted(told.items()):
        yield Fault("receipt_missing", f"receipt {number}", f"the event at position {position} tells of it")


def _check_event_receipt(row: ReceiptRow, where: str, youngest: timedelta) -> Iterator[Fault]:
    positions = [str(p) for first, last in row.spans for p in range(first, last + 1)]
    if len(positions) != row.count or hash_of_ids(positions) != row.ids_sha256:
        yield Fault("receipt_changed", where, "its positions are not those it was written for")
    if row.at - row.to_at < youngest:
        yield Fault("erased_too_early", where, f"events up to {row.to_at:%Y-%m-%d} were erased on {row.at:%Y-%m-%d}")


def _before(session: Session, first: int) -> tuple[bytes, int, int]:
    """Hash, last position and number of the seal before the first one to look at."""
    row = session.exec(select(SealRow).where(col(SealRow.number) == first - 1)).first() if first > 1 else None
    return (GENESIS, 0, 0) if row is None else (bytes(row.hash), row.to_position, row.number)


def _check_link(seal: SealRow, number: int, position: int, prev: bytes) -> Iterator[Fault]:
    where = f"seal {seal.number}"
    if seal.number != number + 1:
        yield Fault("seal_missing", f"seal {number + 1}", f"the next one is {seal.number}")
    elif bytes(seal.prev) != prev:
        yield Fault("seal_unlinked", where, f"does not follow seal {number}")
    if seal.from_position != position + 1:
        yield Fault("seal_range", where, f"expected to begin at position {position + 1}, got {seal.from_position}")
    if seal_hash(seal) != bytes(seal.hash):
        yield Fault("seal_changed", where, "its hash is not that of what it says")


def _check_content(
    session: Session, seal: SealRow, checked: Checked, receipts: Mapping[int, ReceiptRow]
) -> Iterator[Fault]:
    where = f"seal {seal.number}"
    places = seal.to_position - seal.from_position + 1
    leaves, salts = split(bytes(seal.leaves), HASH_BYTES), split(bytes(seal.salts), SALT_BYTES)
    if len(leaves) != places or len(salts) != places:
        yield Fault("seal_changed", where, f"expected {places} leaves and salts, got {len(leaves)} and {len(salts)}")
        return
    if root_of(leaves) != bytes(seal.root):
        yield Fault("root_wrong", where, "its root is not that of its leaves")
    rows = {row.position: row for row in rows_between(session, seal.from_position, seal.to_position)}
    for place, (leaf, salt) in enumerate(zip(leaves, salts, strict=True)):
        position = seal.from_position + place
        row = rows.get(position)
        yield from _check_row(position, row, leaf, salt, receipts.get(position), seal.earliest_at)
        if row is None:
            (checked.unaccounted if position not in receipts else checked.erased).add(position)
    checked.seals += 1
    checked.events += places
    checked.to_position = seal.to_position


def _check_row(
    position: int,
    row: SealedRow | None,
    leaf: bytes,
    salt: bytes,
    receipt: ReceiptRow | None,
    earliest_at: datetime,
) -> Iterator[Fault]:
    where = f"position {position}"
    if row is not None:
        if salt == ERASED:
            yield Fault("row_returned", where, f"a {row.event_type} stands where nothing was sealed or it was erased")
        elif leaf_of(row, salt) != leaf:
            yield Fault("row_changed", where, f"the {row.event_type} is not the one that was sealed")
    elif receipt is None:
        yield Fault("row_missing", where, "the event is gone and no receipt speaks of it")
    elif salt != ERASED:
        yield Fault("salt_left", where, f"erased by receipt {receipt.number}, and its salt is still there")
    elif receipt.to_at <= earliest_at:
        yield Fault("erased_too_early", where, f"receipt {receipt.number} is of events before {receipt.to_at}")


def seals_between(session: Session, from_at: datetime | None, to_at: datetime | None) -> tuple[int, int | None]:
    """Numbers of the first and last seal made in a time; the last is ``None`` where there is no upper end."""
    first, last = select(func.min(SealRow.number)), select(func.max(SealRow.number))
    if from_at is not None:
        first = first.where(col(SealRow.sealed_at) >= from_at)
    number = session.exec(first).one()
    if number is None:
        number = (session.exec(last).one() or 0) + 1
    if to_at is None:
        return number, None
    return number, session.exec(last.where(col(SealRow.sealed_at) < to_at)).one() or 0

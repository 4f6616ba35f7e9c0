"""Receipts: what was deleted because its time was over, under which rule and when. Nothing of its content.

A receipt is a row and a fact of the log (:class:`DataErased`), written in the transaction that deletes: what is
gone without one was deleted by somebody who should not have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from pydantic import AwareDatetime
from sqlmodel import Session, col, select

from kernel.events import Event
from kernel.tables import ReceiptRow
from kernel.work import Work

#: the data type of receipts for rows of the event log itself
EVENTS = "events"
_CHUNK = 400


class DataErased(Event):
    """Data of one type was deleted under a rule. ``ids_sha256`` proves which, to whoever still has the ids."""

    event_type: ClassVar[str] = "data.erased"

    receipt_no: int
    data_type: str
    rule: str
    #: age of what was deleted: from this instant (unknown: from the beginning) …
    from_at: AwareDatetime | None = None
    #: … up to this one, which it does not include
    to_at: AwareDatetime
    count: int
    ids_sha256: str


@dataclass(frozen=True, slots=True)
class NewReceipt:
    """What a deletion says of itself.

    Parameters
    ----------
    data_type
        A key of the table in docs/audit.md: ``vehicle_positions``, ``events`` …
    rule
        Under which rule, as people read it: the setting and its days.
    from_at, to_at
        Age of what was deleted: from (``None``: from the beginning) up to, not including.
    count
        How many rows; at least 1.
    ids
        Their ids, hashed into the receipt and not kept.
    positions
        Where rows of the event log were deleted: their places, which are kept.
    """

    data_type: str
    rule: str
    from_at: datetime | None
    to_at: datetime
    count: int
    ids: Sequence[str] = ()
    positions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as its reader sees it."""

    number: int
    data_type: str
    rule: str
    from_at: datetime | None
    to_at: datetime
    count: int
    ids_sha256: str
    at: datetime


def write_receipt(work: Work, new: NewReceipt) -> int:
    """Write a receipt in the transaction that deletes. Returns its number.

    Raises
    ------
    ValueError
        If nothing was deleted, or the ids or positions are not as many as were.
    """
    if new.count < 1:
        raise ValueError(f"Expected a receipt for at least one row, got {new.count}.")
    for given in (new.ids, new.positions):
        if given and len(given) != new.count:
            raise ValueError(f"Expected {new.count} ids or none, got {len(given)}.")
    spans = spans_of(new.positions)
    ids = new.ids or [str(p) for p in sorted(new.positions)]
    row = ReceiptRow(
        data_type=new.data_type,
        rule=new.rule,
        from_at=new.from_at,
        to_at=new.to_at,
        count=new.count,
        ids_sha256=hash_of_ids(ids),
        first_position=spans[0][0] if spans else None,
        last_position=spans[-1][1] if spans else None,
        spans=[list(span) for span in spans],
        at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    if row.number is None:
        raise ValueError("Expected a number for a receipt that was written, got none.")
    work.record(
        DataErased(
            at=work.now,
            receipt_no=row.number,
            data_type=new.data_type,
            rule=new.rule,
            from_at=new.from_at,
            to_at=new.to_at,
            count=new.count,
            ids_sha256=row.ids_sha256,
        )
    )
    return row.number


def hash_of_ids(ids: Iterable[str]) -> str:
    """SHA-256 (hex) of ids, sorted as text, a line each."""
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()


def spans_of(positions: Iterable[int]) -> list[tuple[int, int]]:
    """Positions as runs ``(first, last)`` without holes, in order."""
    spans: list[tuple[int, int]] = []
    for position in sorted(set(positions)):
        if spans and spans[-1][1] == position - 1:
            spans[-1] = (spans[-1][0], position)
        else:
            spans.append((position, position))
    return spans


def receipts_for_positions(session: Session, positions: Iterable[int]) -> dict[int, Receipt]:
    """The receipt of each of these places of the log; places without one are left out."""
    found: dict[int, Receipt] = {}
    wanted = sorted(set(positions))
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        query = (
            select(ReceiptRow)
            .where(col(ReceiptRow.first_position) <= chunk[-1], col(ReceiptRow.last_position) >= chunk[0])
            .order_by(col(ReceiptRow.number))
        )
        for row in session.exec(query):
            for position in chunk:
                if position not in found and any(first <= position <= last for first, last in row.spans):
                    found[position] = _seen(row)
    return found


def latest_receipts(session: Session, limit: int) -> list[Receipt]:
    """The newest receipts first."""
    return [_seen(row) for row in session.exec(select(ReceiptRow).order_by(col(ReceiptRow.number).desc()).limit(limit))]


def _seen(row: ReceiptRow) -> Receipt:
    return Receipt(
        number=row.number or 0,
        data_type=row.data_type,
        rule=row.rule,
        from_at=row.from_at,
        to_at=row.to_at,
        count=row.count,
        ids_sha256=row.ids_sha256,
        at=row.at,
    )

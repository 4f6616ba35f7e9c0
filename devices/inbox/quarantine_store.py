"""What was set aside: kept with its reason, looked at, corrected, settled. Core statements where messages are many."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import case, func, update
from sqlmodel import Session, col, select

from devices.inbox.model import Incoming, Reason, Refused
from devices.inbox.tables import ID_LENGTH, TEXT_LENGTH, QuarantineRow
from devices.inbox.upsert import insert_into, table_of
from devices.registry.tables import DeviceRow


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row of the quarantine as its reader sees it.

    ``payload`` is exactly what arrived; ``corrected`` is what a person made of it, and what a replay takes.
    """

    quarantine_id: int
    received_at: datetime
    last_received_at: datetime
    times: int
    tenant: str
    kind: str
    device_id: str
    name: str
    reason: str
    expected: str
    found: str
    payload: bytes
    state: str
    replayed_at: datetime | None
    corrected: bytes | None = None
    corrected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Rows, newest first, and the cursor of the next page (``None`` on the last)."""

    rows: Sequence[Quarantined]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class OpenMessages:
    """What waits for a person: how many by reason, and since when the oldest."""

    by_reason: Mapping[str, int]
    oldest_at: datetime | None

    @property
    def count(self) -> int:
        """How many in all."""
        return sum(self.by_reason.values())


def empty_set_aside(session: Session, kind: str, name: str, before: datetime, at_most: int) -> int:
    """Delete what messages said that were set aside before an instant; the rows stay, nobody need look at them.

    Returns
    -------
    int
        How many were emptied now, at most ``at_most``.
    """
    row = table_of(QuarantineRow)
    old = (
        row.select()
        .with_only_columns(row.c.id)
        .where(row.c.kind == kind, row.c.name == name, row.c.last_received_at < before, row.c.payload != b"")
        .limit(at_most)
    )
    state = case((row.c.state == "open", "dismissed"), else_=row.c.state)
    nothing = {"payload": b"", "corrected": None, "state": state}
    emptied = session.connection().execute(update(row).where(row.c.id.in_(old)).values(nothing))
    return int(emptied.rowcount)


def set_aside(session: Session, incoming: Incoming, refused: Refused) -> tuple[int, bool]:
    """Keep a message that cannot be accepted.

    A duplicate needs nobody's attention and is put away as dismissed; everything else is open, also when
    the same bytes come back after somebody dismissed them.

    Returns
    -------
    tuple
        The row's id, and whether this is the first time these bytes are set aside for this reason.
    """
    state = "dismissed" if refused.reason is Reason.DUPLICATE else "open"
    table = table_of(QuarantineRow)
    values = {
        "digest": _digest(incoming, refused.reason),
        "received_at": incoming.received_at,
        "last_received_at": incoming.received_at,
        "times": 1,
        "tenant": _bounded(incoming.tenant, ID_LENGTH),
        "kind": _bounded(incoming.kind, ID_LENGTH),
        "device_id": _bounded(incoming.device_id, ID_LENGTH),
        "name": _bounded(incoming.name, ID_LENGTH),
        "reason": refused.reason.value,
        "expected": _bounded(refused.expected, TEXT_LENGTH),
        "found": _bounded(refused.found, TEXT_LENGTH),
        "payload": incoming.payload,
        "state": state,
    }
    again = {
        "times": table.c.times + 1,
        "last_received_at": incoming.received_at,
        "expected": values["expected"],
        "found": values["found"],
        "state": state,
    }
    statement = (
        insert_into(session, table)
        .values(values)
        .on_conflict_do_update(index_elements=["digest"], set_=again)
        .returning(table.c.id, table.c.times)
    )
    row = session.execute(statement).one()
    return int(row[0]), int(row[1]) == 1


def quarantined(
    session: Session,
    limit: int = 50,
    cursor: int | None = None,
    state: str | None = "open",
    unit_ids: Collection[str] | None = None,
) -> QuarantinePage:
    """One page of what was set aside, newest first.

    Parameters
    ----------
    cursor
        ``next_cursor`` of the page before; the first page where absent.
    state
        Only rows in this state; all where ``None``.
    unit_ids
        Only what devices of these units sent; ``None`` for everything, also of devices nobody knows.
    """
    query = select(QuarantineRow).order_by(col(QuarantineRow.id).desc()).limit(limit + 1)
    if state is not None:
        query = query.where(col(QuarantineRow.state) == state)
    if unit_ids is not None:
        query = query.where(col(QuarantineRow.device_id).in_(_devices_of(unit_ids)))
    if cursor is not None:
        query = query.where(col(QuarantineRow.id) < cursor)
    found = [_seen(row) for row in session.exec(query)]
    return QuarantinePage(found[:limit], found[limit - 1].quarantine_id if len(found) > limit else None)


def quarantined_row(session: Session, quarantine_id: int, lock: bool = False) -> Quarantined | None:
    """One row of the quarantine, held until the transaction ends where ``lock`` is set."""
    query = select(QuarantineRow).where(col(QuarantineRow.id) == quarantine_id)
    row = session.exec(query.with_for_update() if lock else query).first()
    return None if row is None else _seen(row)


def open_messages(session: Session, unit_ids: Collection[str] | None = None) -> OpenMessages:
    """What waits for a person, of devices of these units or of everybody."""
    query = select(QuarantineRow.reason, func.count(), func.min(QuarantineRow.received_at)).where(
        QuarantineRow.state == "open"
    )
    if unit_ids is not None:
        query = query.where(col(QuarantineRow.device_id).in_(_devices_of(unit_ids)))
    rows = session.exec(query.group_by(col(QuarantineRow.reason))).all()
    return OpenMessages({reason: int(n) for reason, n, _ in rows}, min((at for _, _, at in rows), default=None))


def open_ids(session: Session, reason: str, limit: int, unit_ids: Collection[str] | None = None) -> list[int]:
    """Rows that wait, of one reason, in the order they came in."""
    query = select(QuarantineRow.id).where(QuarantineRow.state == "open", QuarantineRow.reason == reason)
    if unit_ids is not None:
        query = query.where(col(QuarantineRow.device_id).in_(_devices_of(unit_ids)))
    return [int(n) for n in session.exec(query.order_by(col(QuarantineRow.id)).limit(limit)) if n is not None]


def keep_correction(session: Session, quarantine_id: int, corrected: bytes, now: datetime) -> None:
    """Store what a person made of a message, beside what arrived."""
    session.execute(
        update(QuarantineRow)
        .where(col(QuarantineRow.id) == quarantine_id)
        .values(corrected=corrected, corrected_at=now)
    )


def is_from(session: Session, quarantine_id: int, unit_ids: Collection[str]) -> bool:
    """Whether a row was sent by a device of these units."""
    query = select(QuarantineRow.id).where(
        col(QuarantineRow.id) == quarantine_id, col(QuarantineRow.device_id).in_(_devices_of(unit_ids))
    )
    return session.exec(query).first() is not None


def settle(session: Session, quarantine_id: int, state: str, replayed_at: datetime | None) -> None:
    """Note that a row was replayed or dismissed."""
    session.execute(
        update(QuarantineRow).where(col(QuarantineRow.id) == quarantine_id).values(state=state, replayed_at=replayed_at)
    )


def note_refusal(session: Session, quarantine_id: int, refused: Refused) -> None:
    """Note why a replay did not help. The reason it first came in with stays: the row is known by it."""
    session.execute(
        update(QuarantineRow)
        .where(col(QuarantineRow.id) == quarantine_id)
        .values(expected=_bounded(refused.expected, TEXT_LENGTH), found=_bounded(refused.found, TEXT_LENGTH))
    )


def _devices_of(unit_ids: Collection[str]) -> Any:
    return select(DeviceRow.device_id).where(col(DeviceRow.unit_id).in_(sorted(unit_ids)))


def _seen(row: QuarantineRow) -> Quarantined:
    return Quarantined(
        quarantine_id=row.id or 0,
        received_at=row.received_at,
        last_received_at=row.last_received_at,
        times=row.times,
        tenant=row.tenant,
        kind=row.kind,
        device_id=row.device_id,
        name=row.name,
        reason=row.reason,
        expected=row.expected,
        found=row.found,
        payload=row.payload,
        state=row.state,
        replayed_at=row.replayed_at,
        corrected=row.corrected,
        corrected_at=row.corrected_at,
    )


def _digest(incoming: Incoming, reason: Reason) -> bytes:
    digest = sha256()
    for part in (incoming.tenant, incoming.kind, incoming.device_id, incoming.name, reason.value):
        text = part.encode(errors="backslashreplace")
        digest.update(len(text).to_bytes(4, "big") + text)
    digest.update(incoming.payload)
    return digest.digest()


def _bounded(text: str, length: int) -> str:
    """What a stranger wrote, cut, and without the one character PostgreSQL cannot store."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()[:length]

"""Queries of the inbox. Core statements only: a row object per message would cost ten times as much."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Table, bindparam, case, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from devices.inbox.model import Incoming, Reason, Refused, Report, ReportKey
from devices.inbox.tables import ID_LENGTH, TEXT_LENGTH, InboxCountRow, QuarantineRow, ReportRow
from devices.registry.tables import DeviceRow
from kernel.work import Work

_CHUNK = 1_000
_AHEAD = 250


class MessageWork(Work):
    """The part of a batch's work that belongs to one message, so that it can be undone on its own."""

    def __init__(self, session: Session, now: datetime) -> None:
        super().__init__(session, now)
        self.reports_new = 0
        self.reports_known = 0
        #: reports of the whole batch that are stored already, and those of them that nobody has claimed as new
        self.stored: Collection[ReportKey] = ()
        self.unclaimed: set[ReportKey] = set()
        #: parts of the message that cannot be accepted while the rest can: each is set aside as a message of its own
        self.parts_aside: list[tuple[bytes, Refused]] = []

    @property
    def is_duplicate(self) -> bool:
        """Whether the message brought reports and every one of them was here already."""
        return self.reports_known > 0 and self.reports_new == 0


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


def store_reports(work: Work, rows: Sequence[Report]) -> set[ReportKey]:
    """Keep raw reports; those seen before are left as they are.

    Parameters
    ----------
    rows
        Any number, of any devices, in any order.

    Returns
    -------
    set of ReportKey
        ``(device_id, boot, seq)`` of the rows that are new. Only these may change anything else.
    """
    if isinstance(work, MessageWork) and work.stored and all(row.key in work.stored for row in rows):
        claimed = {row.key for row in rows} & work.unclaimed
        work.unclaimed -= claimed
        return _told(work, rows, claimed)
    # Two writers that insert the same keys in opposite order would wait for each other for ever.
    ordered = sorted({row.key: row for row in reversed(rows)}.values(), key=lambda row: row.key)
    new: set[ReportKey] = set()
    table = _table(ReportRow)
    # The values travel apart from the statement, so that it is compiled once and for all.
    statement = (
        _insert(work.session, table)
        .on_conflict_do_nothing(index_elements=["device_id", "boot", "seq"])
        .returning(table.c.device_id, table.c.boot, table.c.seq)
    )
    connection = work.session.connection()
    for start in range(0, len(ordered), _CHUNK):
        found = connection.execute(statement, [_report_values(row) for row in ordered[start : start + _CHUNK]])
        new.update((str(row[0]), int(row[1]), int(row[2])) for row in found)
    return _told(work, rows, new)


def revive_reports(work: Work, rows: Sequence[Report], refused_name: str) -> set[ReportKey]:
    """Fill reports that were kept by their number alone, because what they said could not be accepted.

    Parameters
    ----------
    rows
        What has come for such numbers now, corrected or told anew.
    refused_name
        The name such reports were kept under.

    Returns
    -------
    set of ReportKey
        Those that were filled; the others were never refused.
    """
    table = _table(ReportRow)
    filled: set[ReportKey] = set()
    for row in sorted(rows, key=lambda row: row.key):
        known_by = table.c.device_id == row.device_id, table.c.boot == row.boot, table.c.seq == row.seq
        statement = update(table).where(*known_by, table.c.name == refused_name)
        if work.session.connection().execute(statement.values(name=row.name, payload=row.payload)).rowcount:
            filled.add(row.key)
    if isinstance(work, MessageWork):
        work.reports_new += len(filled)
        work.reports_known -= len(filled)
    return filled


def _told(work: Work, rows: Sequence[Report], new: set[ReportKey]) -> set[ReportKey]:
    if isinstance(work, MessageWork):
        work.reports_new += len(new)
        work.reports_known += len(rows) - len(new)
    return new


def reports_of(session: Session, device_id: str, after: tuple[int, int], limit: int) -> list[Report]:
    """Raw reports of one device after ``(boot, seq)``, in the device's own order."""
    boot, seq = after
    query = (
        select(ReportRow)
        .where(
            col(ReportRow.device_id) == device_id,
            (col(ReportRow.boot) > boot) | ((col(ReportRow.boot) == boot) & (col(ReportRow.seq) > seq)),
        )
        .order_by(col(ReportRow.boot), col(ReportRow.seq))
        .limit(limit)
    )
    return [Report(r.device_id, r.boot, r.seq, r.kind, r.name, r.received_at, r.payload) for r in session.exec(query)]


def contiguous_seq(session: Session, device_id: str, boot: int, after_seq: int) -> int:
    """The number up to which the reports of a start are here without a hole, from a known one on.

    It costs what is new and not what lies behind a hole, however long that is never filled.
    """
    upto = after_seq
    while True:
        query = (
            select(ReportRow.seq)
            .where(ReportRow.device_id == device_id, ReportRow.boot == boot, col(ReportRow.seq) > upto)
            .order_by(col(ReportRow.seq))
            .limit(_AHEAD)
        )
        found = session.exec(query).all()
        whole = next((n for n, seq in enumerate(found) if seq != upto + 1 + n), len(found))
        upto += whole
        if whole < _AHEAD:
            return upto


def empty_reports(session: Session, keys: Sequence[ReportKey]) -> None:
    """Delete what reports said. What they are known by stays, so that they are recognised when they come again."""
    if keys:
        row = _table(ReportRow)
        known_by = row.c.device_id == bindparam("of_device"), row.c.boot == bindparam("of_boot")
        session.connection().execute(
            update(row).where(*known_by, row.c.seq == bindparam("of_seq")).values(payload=b""),
            [{"of_device": device_id, "of_boot": boot, "of_seq": seq} for device_id, boot, seq in sorted(keys)],
        )


def empty_set_aside(session: Session, kind: str, name: str, before: datetime, at_most: int) -> int:
    """Delete what messages said that were set aside before an instant; the rows stay, nobody need look at them.

    Returns
    -------
    int
        How many were emptied now, at most ``at_most``.
    """
    row = _table(QuarantineRow)
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
    table = _table(QuarantineRow)
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
        _insert(session, table)
        .values(values)
        .on_conflict_do_update(index_elements=["digest"], set_=again)
        .returning(table.c.id, table.c.times)
    )
    row = session.execute(statement).one()
    return int(row[0]), int(row[1]) == 1


def count(session: Session, outcomes: Mapping[str, int]) -> None:
    """Add to the counters. Called last in a transaction: every batch writes the same few rows."""
    table = _table(InboxCountRow)
    for outcome in sorted(outcomes):
        if outcomes[outcome] == 0:
            continue
        statement = _insert(session, table).values(outcome=outcome, count=outcomes[outcome])
        added = table.c["count"] + outcomes[outcome]
        session.execute(statement.on_conflict_do_update(index_elements=["outcome"], set_={"count": added}))


def counts(session: Session) -> dict[str, int]:
    """How many messages met each end so far: ``accepted`` and every reason, 0 where none did."""
    found = {row.outcome: row.count for row in session.exec(select(InboxCountRow))}
    return {outcome: found.get(outcome, 0) for outcome in ("accepted", *(r.value for r in Reason))}


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


def _report_values(row: Report) -> dict[str, Any]:
    return {
        "device_id": row.device_id,
        "boot": row.boot,
        "seq": row.seq,
        "kind": row.kind,
        "name": row.name,
        "received_at": row.received_at,
        "payload": row.payload,
    }


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


def _insert(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    sqlite_bound = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if sqlite_bound else postgresql.insert(table)


def _table(row: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(row.__tablename__)]

"""Raw reports: each kept once, however often it comes. A row object per message would cost ten times as much."""

from collections.abc import Sequence

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from devices.inbox.bulk import insert_reports
from devices.inbox.message_work import MessageWork
from devices.inbox.model import Report, ReportKey
from devices.inbox.tables import ReportRow
from devices.inbox.upsert import table_of
from kernel.work import Work

_AHEAD = 250


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
    if isinstance(work, MessageWork) and work.stored:
        keys = {row.key for row in rows}
        if keys <= work.stored:
            claimed = keys & work.unclaimed
            work.unclaimed -= claimed
            return _told(work, rows, claimed)
    return _told(work, rows, insert_reports(work.session.connection(), rows))


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
    table = table_of(ReportRow)
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
        row = table_of(ReportRow)
        known_by = row.c.device_id == bindparam("of_device"), row.c.boot == bindparam("of_boot")
        session.connection().execute(
            update(row).where(*known_by, row.c.seq == bindparam("of_seq")).values(payload=b""),
            [{"of_device": device_id, "of_boot": boot, "of_seq": seq} for device_id, boot, seq in sorted(keys)],
        )

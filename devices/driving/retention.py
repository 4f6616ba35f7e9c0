"""Where cars were is forgotten after a time (design §8): fixes go, trips and raw reports lose their places.

Kilometres, times and purposes stay: the driving log is a book that has to be kept. What a report was known by stays
too, so that a tracker which tells it once more is recognised. A receipt says what was deleted, and up to when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, update
from sqlmodel import col, select

from devices.driving.messages import KIND
from devices.driving.tables import DeletionReceiptRow, TrackImportRow, VehicleFixRow, VehicleRow, VehicleTripRow
from devices.inbox.model import ReportKey
from devices.inbox.quarantine_store import empty_set_aside
from devices.inbox.report_store import empty_reports
from kernel.receipts import NewReceipt, write_receipt
from kernel.work import Work

WHAT = "vehicle_positions"
RULE = "OMSORGSTID_RETENTION__RAW_POSITION_DAYS"
#: rows of each table that one transaction may touch: writers on SQLite wait for each other
AT_MOST = 200
_NOWHERE = {"start_lat_deg": None, "start_lon_deg": None, "end_lat_deg": None, "end_lon_deg": None}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one step deleted, and whether it was the last."""

    count: int
    done: bool


def forget_positions(work: Work, before: datetime, at_most: int = AT_MOST) -> Forgotten:
    """Delete where cars were before an instant, a limited number at a time; called until it is done.

    Parameters
    ----------
    before
        Fixes of this instant and later stay.
    at_most
        Rows of each table that this step may touch.

    Returns
    -------
    Forgotten
        Calling it again after it was done deletes nothing more and leaves the receipt as it is.
    """
    session = work.session
    receipt = session.get(DeletionReceiptRow, (WHAT, before), with_for_update=True)
    if receipt is None:
        receipt = DeletionReceiptRow(what=WHAT, before_at=before, began_at=work.now)
    if receipt.finished_at is not None:
        return Forgotten(0, True)
    # Before the first fix goes: nobody may work a trip out anew of what is left of it.
    earlier = or_(col(VehicleRow.positions_from_at).is_(None), col(VehicleRow.positions_from_at) < before)
    session.connection().execute(update(VehicleRow).where(earlier).values(positions_from_at=before))
    keys = _delete_fixes(work, before, at_most)
    empty_reports(session, keys)
    places = _empty_trips(work, before, at_most)
    messages = empty_set_aside(session, KIND, "fix", before, at_most)
    files = _empty_files(work, before, at_most)
    receipt.deleted_count += len(keys)
    done = max(len(keys), places, messages, files) < at_most
    if done:
        receipt.finished_at = work.now
        if receipt.deleted_count:
            write_receipt(work, NewReceipt(WHAT, RULE, None, before, receipt.deleted_count))
    session.add(receipt)
    session.flush()
    return Forgotten(len(keys), done)


def _delete_fixes(work: Work, before: datetime, at_most: int) -> Sequence[ReportKey]:
    oldest = select(VehicleFixRow.id).where(col(VehicleFixRow.ts_at) < before).order_by(col(VehicleFixRow.ts_at))
    fix = col(VehicleFixRow.vehicle_id), col(VehicleFixRow.boot), col(VehicleFixRow.seq)
    gone = work.session.connection().execute(
        delete(VehicleFixRow).where(col(VehicleFixRow.id).in_(oldest.limit(at_most))).returning(*fix)
    )
    return [(vehicle_id, boot, seq) for vehicle_id, boot, seq in gone]


def _empty_files(work: Work, before: datetime, at_most: int) -> int:
    """Track files that were read in, or refused: a refused one is as old as the day it came."""
    newest_at = func.coalesce(col(TrackImportRow.last_at), col(TrackImportRow.at))
    oldest = select(TrackImportRow.id).where(newest_at < before, col(TrackImportRow.content).is_not(None))
    emptied = work.session.connection().execute(
        update(TrackImportRow)
        .where(col(TrackImportRow.id).in_(oldest.limit(at_most)))
        .values(content=None, problems=[])
    )
    return int(emptied.rowcount)


def _empty_trips(work: Work, before: datetime, at_most: int) -> int:
    oldest = (
        select(VehicleTripRow.id)
        .where(col(VehicleTripRow.ended_at) < before, col(VehicleTripRow.start_lat_deg).is_not(None))
        .order_by(col(VehicleTripRow.ended_at))
        .limit(at_most)
    )
    emptied = work.session.connection().execute(
        update(VehicleTripRow).where(col(VehicleTripRow.id).in_(oldest)).values(**_NOWHERE)
    )
    return int(emptied.rowcount)

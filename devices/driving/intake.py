"""What trackers say, taken in by the inbox: deduplicate, keep, work the trips out, acknowledge after commit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from devices.driving import store
from devices.driving.logs import follow_trips
from devices.driving.messages import KIND, Ack, FixBatch, ReadBatch, batch_of_raw, kept_report, read_each_fix
from devices.driving.model import Fix
from devices.driving.tables import VehicleRow
from devices.driving.trips import DayFacts, recompute
from devices.inbox.errors import refusal_of
from devices.inbox.message_work import MessageWork
from devices.inbox.model import Handler, Incoming, Outgoing, Reason, Refused, Report, ReportKey, require_not_future
from devices.inbox.report_store import contiguous_seq, revive_reports, store_reports
from kernel.work import Work

#: a tracker whose clock is lost says 1970; one that lay in a drawer has nothing older than this to tell
OLDEST_FIX = timedelta(days=366)
#: what a report is kept under whose fix was set aside: by its number alone
REFUSED_NAME = "fix_refused"


def vehicle_handlers(facts_of: DayFacts) -> dict[tuple[str, str], Handler]:
    """Handlers for what a car's tracker sends, birth and death excepted.

    Parameters
    ----------
    facts_of
        Reads the carers' days in the same transaction; what a trip was for is decided by them.
    """
    return {(KIND, "fix"): FixIntake(facts_of).fixes}


class FixIntake:
    """The handlers of one inbox."""

    def __init__(self, facts_of: DayFacts) -> None:
        self._facts_of = facts_of

    def fixes(self, work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        """``up/fix``: a batch of fixes. Answers the watermark, known fixes included.

        A fix that cannot be is set aside alone and its number is kept, so that the tracker is not asked for it for
        ever; where none can be, the message is set aside as it came and nothing is answered.
        """
        read = read_each_fix(incoming.payload)
        if read.batch.device != incoming.device_id:
            raise Refused(Reason.BROKEN_PAYLOAD, f"the tracker of the topic, {incoming.device_id}", read.batch.device)
        batch, aside = _plausible(work, read)
        vehicle = store.vehicle_for_update(work.session, incoming.device_id)
        if vehicle is None:
            raise Refused(Reason.UNKNOWN_DEVICE, "the tracker of a registered car", "a tracker without a car")
        new = self._store(work, incoming, batch, vehicle.positions_from_at)
        _set_aside(work, incoming, batch, aside)
        if new:
            touched = recompute(work, vehicle, min(f.ts_at for f in new), max(f.ts_at for f in new), self._facts_of)
            follow_trips(work, touched, self._facts_of)
        return (Outgoing(KIND, incoming.device_id, "ack", _watermark(work, vehicle, batch).encode()),)

    def _store(self, work: Work, incoming: Incoming, batch: FixBatch, kept_from_at: datetime | None) -> list[Fix]:
        reports: list[Report] = []
        by_key: dict[ReportKey, Fix] = {}
        for number, fix in enumerate(batch.fixes):
            report = Report(
                incoming.device_id,
                fix.boot,
                fix.seq,
                KIND,
                "fix",
                incoming.received_at,
                b"" if _forgotten(fix, kept_from_at) else kept_report(batch, number),
            )
            reports.append(report)
            by_key.setdefault(report.key, fix)
        fresh = store_reports(work, reports)
        fresh |= revive_reports(work, [row for row in reports if row.key not in fresh], REFUSED_NAME)
        new = [fix for key, fix in by_key.items() if key in fresh and not _forgotten(fix, kept_from_at)]
        store.add_fixes(work.session, incoming.device_id, new)
        return new


def _forgotten(fix: Fix, kept_from_at: datetime | None) -> bool:
    """Whether a fix is of a time whose places are deleted: it is acknowledged and not kept."""
    return kept_from_at is not None and fix.ts_at < kept_from_at


@dataclass(frozen=True, slots=True)
class _Aside:
    """A fix that is set aside, as it came, and why."""

    raw: Any
    seq: int | None
    refused: Refused


def _plausible(work: Work, read: ReadBatch) -> tuple[FixBatch, list[_Aside]]:
    """The fixes whose time can be, and the others beside those that cannot be read.

    Raises
    ------
    Refused
        If none is left.
    """
    aside = [_Aside(bad.raw, bad.seq, refusal_of(bad.error)) for bad in read.bad]
    good = []
    for number, fix in enumerate(read.batch.fixes):
        try:
            _require_plausible_time(work, fix)
        except Refused as refused:
            aside.append(_Aside(read.raw[number], fix.seq, refused))
        else:
            good.append(number)
    if not good:
        raise aside[-1].refused
    if len(good) == len(read.batch.fixes):
        return read.batch, aside
    fixes = tuple(read.batch.fixes[n] for n in good)
    return replace(read.batch, fixes=fixes, extras=tuple(read.batch.extras[n] for n in good)), aside


def _set_aside(work: Work, incoming: Incoming, batch: FixBatch, aside: Sequence[_Aside]) -> None:
    """Keep what cannot be, one message a reason, and the numbers it had."""
    if aside and not isinstance(work, MessageWork):
        raise aside[0].refused
    for reason in sorted({one.refused.reason for one in aside}):
        same = [one for one in aside if one.refused.reason is reason]
        if isinstance(work, MessageWork):
            work.parts_aside.append((batch_of_raw(batch, [one.raw for one in same]), same[0].refused))
    numbers = {one.seq for one in aside if one.seq is not None} - {fix.seq for fix in batch.fixes}
    at = incoming.received_at
    store_reports(
        work, [Report(incoming.device_id, batch.boot, seq, KIND, REFUSED_NAME, at, b"") for seq in sorted(numbers)]
    )


def _require_plausible_time(work: Work, fix: Fix) -> None:
    require_not_future(fix.ts_at, work.now)
    if fix.ts_at < work.now - OLDEST_FIX:
        earliest = (work.now - OLDEST_FIX).isoformat(timespec="seconds")
        raise Refused(Reason.BROKEN_PAYLOAD, f"fixes not before {earliest}", fix.ts_at.isoformat(timespec="seconds"))


def _watermark(work: Work, vehicle: VehicleRow, batch: FixBatch) -> Ack:
    """Up to where everything of a start is here. What the tracker no longer holds is not waited for."""
    if batch.boot < vehicle.ack_boot:
        # An older start told late: what is here of it without a hole, counted from its beginning.
        after = 0 if batch.oldest_seq is None else max(0, batch.oldest_seq - 1)
        return Ack(batch.boot, contiguous_seq(work.session, vehicle.device_id, batch.boot, after))
    after = vehicle.ack_seq if batch.boot == vehicle.ack_boot else 0
    if batch.oldest_seq is not None:
        after = max(after, batch.oldest_seq - 1)
    vehicle.ack_boot = batch.boot
    vehicle.ack_seq = contiguous_seq(work.session, vehicle.device_id, batch.boot, after)
    work.session.add(vehicle)
    work.session.flush()
    return Ack(vehicle.ack_boot, vehicle.ack_seq)

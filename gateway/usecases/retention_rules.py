"""What is personal, and the rule it is erased under: one line for each data type (docs/audit.md has the reasons)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, func, select, tuple_
from sqlmodel import SQLModel

from devices.alarms.tables import AlarmRow
from devices.driving.tables import (
    DrivingCorrectionRow,
    DrivingLogLegRow,
    DrivingLogRow,
    MileageClaimRow,
    TrackImportRow,
    VehicleAssignmentRow,
    VehicleTripRow,
)
from devices.inbox.tables import QuarantineRow, ReportRow
from devices.keys.tables import EmergencyRow, GrantRow, LockPayloadRow, OpeningRow, PreparationRow, RightRow
from devices.keys.vendors.tables import VendorAccessRow, VendorEventRow
from devices.registry.tables import WorkOrderRow
from devices.transfers.tables import TransferPresenceRow, TransferQuestionRow, TransferRow
from gateway.tables import CitizenAccessRow, RouteListRow, SessionRow, SignInRow
from gateway.usecases.retention import EventsRule, PseudonymsRule, RowsRule, Rule
from gateway.verify_locks import LOCK_REPORTS
from kernel.localtime import local_day
from kernel.tables import AnsweredRow, JobRow
from metrics.tables import PeriodProgressRow, RouteProgressRow, ShiftProgressRow
from scheduling.exchange.tables import VisitImportRow
from scheduling.patterns.tables import VisitPatternRow, VisitSourceRow
from scheduling.reassignment.tables import DelayRow, OfferRow, ReassignmentRow
from scheduling.tables import (
    AbsenceRow,
    CitizenAbsenceRow,
    DayFrameRow,
    RouteChangeRow,
    RouteRow,
    ShiftRow,
    TaskRow,
    VisitRow,
)
from video.tables import InvitationRow, QualityRow, RoomRow

_VEHICLE, _LOCK = "vehicle", "lock"
"""Kinds of devices; the raw fixes of vehicles go with the positions (devices/driving/retention.py)."""


def _of_locks(row: Table) -> ColumnElement[bool]:
    return and_(row.c.kind == _LOCK, row.c.payload != b"")


def _of_others(row: Table) -> ColumnElement[bool]:
    return and_(row.c.kind.not_in([_LOCK, _VEHICLE]), row.c.payload != b"")


def _put_away(row: Table) -> dict[str, Any]:
    state = case((row.c.state == "open", "dismissed"), else_=row.c.state)
    return {"payload": b"", "expected": "", "found": "", "state": state}


def _reported_before(row: Table, before: datetime) -> ColumnElement[bool]:
    """A payload is as old as the report it came beside; a lock's numbers rise with time."""
    report = SQLModel.metadata.tables[str(ReportRow.__tablename__)]
    reached = (
        select(report.c.device_id, func.max(report.c.seq).label("seq"))
        .where(report.c.kind == _LOCK, report.c.name == "evt", report.c.received_at < before)
        .group_by(report.c.device_id)
        .subquery()
    )
    old = row.alias()
    behind = and_(old.c.lock_id == reached.c.device_id, old.c.seq <= reached.c.seq)
    return tuple_(row.c.lock_id, row.c.seq).in_(select(old.c.lock_id, old.c.seq).join(reached, behind))


def _closed_before(row: Table, before: datetime) -> ColumnElement[bool]:
    return and_(row.c.closed, row.c.day < local_day(before).isoformat())


def _day_in_key_before(row: Table, before: datetime) -> ColumnElement[bool]:
    # A route's key is its subject's pseudonym, a colon, and the day.
    return func.substr(row.c.route_key, func.length(row.c.route_key) - 9) < local_day(before).isoformat()


_EMPTY: dict[str, Any] = {"payload": b""}

RULES: tuple[Rule, ...] = (
    EventsRule(),
    RowsRule(LOCK_REPORTS, "lock_report_days", ReportRow, "received_at", only=_of_locks, emptied=lambda _: _EMPTY),
    RowsRule("lock_payloads", "lock_payload_days", LockPayloadRow, _reported_before),
    RowsRule(
        "device_reports", "device_report_days", ReportRow, "received_at", only=_of_others, emptied=lambda _: _EMPTY
    ),
    RowsRule("openings", "door_days", OpeningRow, "requested_at"),
    RowsRule("rights", "door_days", RightRow, "closes_at"),
    RowsRule("grants", "door_days", GrantRow, "expires_at"),
    RowsRule("emergencies", "door_days", EmergencyRow, "requested_at"),
    RowsRule("offline_preparations", "door_days", PreparationRow, "closes_at"),
    RowsRule("vendor_accesses", "door_days", VendorAccessRow, "closes_at"),
    RowsRule("vendor_log", "lock_report_days", VendorEventRow, "received_at"),
    RowsRule("work_orders", "door_days", WorkOrderRow, "settled_at"),
    RowsRule("access_log", "access_log_days", CitizenAccessRow, "at"),
    RowsRule(
        "quarantine",
        "quarantine_days",
        QuarantineRow,
        "last_received_at",
        only=lambda row: row.c.payload != b"",
        emptied=_put_away,
    ),
    RowsRule("sessions", "sign_in_days", SessionRow, "expires_s", clock="machine"),
    RowsRule("sign_ins", "sign_in_days", SignInRow, "expires_s", clock="machine"),
    RowsRule("invitations", "sign_in_days", InvitationRow, "expires_s", clock="machine"),
    RowsRule("answers", "answer_days", AnsweredRow, "at"),
    RowsRule("jobs", "job_days", JobRow, "ended_at"),
    RowsRule(
        "calls", "call_days", RoomRow, "concluded_at", children=((QualityRow, "room_id"), (InvitationRow, "room_id"))
    ),
    RowsRule("tasks", "task_days", TaskRow, "settled_at"),
    RowsRule("alarms", "task_days", AlarmRow, "cleared_at"),
    RowsRule(
        "visit_notes",
        "note_days",
        VisitRow,
        "day",
        only=lambda row: row.c.note.is_not(None),
        emptied=lambda _: {"note": None},
    ),
    RowsRule("absences", "absence_days", AbsenceRow, "day"),
    RowsRule("citizen_absences", "absence_days", CitizenAbsenceRow, "ended_at"),
    RowsRule("visit_patterns", "plan_days", VisitPatternRow, "valid_to_on"),
    RowsRule("visit_sources", "plan_days", VisitSourceRow, "day"),
    RowsRule("visit_imports", "quarantine_days", VisitImportRow, "at"),
    RowsRule("route_lists", "route_list_days", RouteListRow, "day"),
    RowsRule("device_presence", "presence_days", TransferPresenceRow, "until_at"),
    RowsRule("transfer_questions", "presence_days", TransferQuestionRow, "asked_at"),
    RowsRule("visits", "plan_days", VisitRow, "day"),
    RowsRule("routes", "plan_days", RouteRow, "day", children=((RouteChangeRow, "route_id"),)),
    RowsRule("shifts", "plan_days", ShiftRow, "day"),
    RowsRule("reassignments", "absence_days", ReassignmentRow, "day"),
    RowsRule("delays", "absence_days", DelayRow, "day"),
    RowsRule("offers", "absence_days", OfferRow, "day"),
    RowsRule("day_frames", "plan_days", DayFrameRow, "day"),
    RowsRule("transfers", "transfer_days", TransferRow, "ended_at", children=((TransferQuestionRow, "transfer_id"),)),
    RowsRule("trips", "driving_days", VehicleTripRow, "ended_at"),
    RowsRule("driving_logs", "driving_days", DrivingLogRow, "day", children=((DrivingLogLegRow, "log_id"),)),
    RowsRule("trip_corrections", "driving_days", DrivingCorrectionRow, "at"),
    RowsRule("mileage_claims", "driving_days", MileageClaimRow, "day"),
    RowsRule(
        "track_imports",
        "raw_position_days",
        TrackImportRow,
        "at",
        only=lambda row: row.c.content.is_not(None),
        emptied=lambda _: {"content": None},
    ),
    RowsRule("car_assignments", "driving_days", VehicleAssignmentRow, "to_at"),
    RowsRule("ledger_shifts", "pseudonym_days", ShiftProgressRow, _closed_before),
    RowsRule("ledger_routes", "pseudonym_days", RouteProgressRow, _day_in_key_before),
    RowsRule("ledger_periods", "pseudonym_days", PeriodProgressRow, "last_on"),
    PseudonymsRule(),
)

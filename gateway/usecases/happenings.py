"""What an event on a running day changes besides routes (absence, delay, visit), and how that is taken back."""

from datetime import datetime, timedelta
from typing import Any, cast

from devices.keys.rights import revoke_shift
from gateway.usecases import citizen_days
from gateway.usecases.situations import Found, WhatHappened, changed_visit
from kernel.ids import UnitId, VisitId
from kernel.work import Work
from scheduling import absences, shifts
from scheduling.errors import SchedulingError
from scheduling.events import AbsenceKind, CarerReturned
from scheduling.model import VisitMode
from scheduling.reassignment.store import forget_delay, report_delay
from scheduling.reassignment.tables import ReassignmentRow
from scheduling.tables import AbsenceRow, ShiftRow, VisitRow


def change_what_happened(
    work: Work, found: Found, substitute_id: str | None, before: dict[str, Any], left: int
) -> frozenset[str]:
    """What the event itself changes besides routes; noted in ``before`` so that it can be taken back.

    Returns the locks to be told after the commit.
    """
    event = found.event
    match event.kind:
        case "carer_away":
            return _away(work, found, substitute_id, before, left)
        case "carer_late":
            _delay(work, before, cast(str, event.carer_id), min(found.units), event, cast(datetime, found.free_at))
        case "visit_longer":
            _longer(work, found, before)
        case "urgent":
            _new_visit(work, found, before)
        case "citizen_home":
            citizen_days.come_home(work, cast(str, event.citizen_id), before)
        case "door_shut" | "lend" | "to_screen" | "to_physical":
            _change_visit(work, found, before)
        case _:
            pass
    work.session.flush()
    return frozenset()


def _away(work: Work, found: Found, substitute_id: str | None, before: dict[str, Any], left: int) -> frozenset[str]:
    event = found.event
    shift = cast(ShiftRow, shifts.shift_of(work.session, cast(str, event.carer_id), event.on))
    covered_by = "substitute" if substitute_id else "split"
    kind = cast(AbsenceKind, event.absence_kind)
    before["act"] = {
        "carer_id": shift.carer_id,
        "shift_id": shift.id,
        "shift_state": shift.state,
        "substitute_id": substitute_id,
    }
    row = absences.record_absence(work, shift, kind, covered_by=covered_by, visits_left=left)
    locks = revoke_shift(work, shift.id) if shift.state == "ended" else frozenset[str]()
    substitute = next((c for c in found.substitutes if c.id == substitute_id), None)
    if substitute is not None:
        before["act"]["called_in"] = absences.call_in(work, shift, substitute).id
    work.session.flush()
    before["act"]["absence_id"] = row.id
    return locks


def _delay(
    work: Work, before: dict[str, Any], carer_id: str, unit_id: str, event: WhatHappened, free_at: datetime
) -> None:
    before["act"] = {"delayed": carer_id, "reported_at": work.now.isoformat()}
    report_delay(work, carer_id, unit_id, event.on, free_at)


def _longer(work: Work, found: Found, before: dict[str, Any]) -> None:
    event = found.event
    row = found.rows[cast(str, event.visit_id)]
    if row.begun_at is None:
        before["visits"] = {row.id: {"duration_s": row.duration_s}}
        row.duration_s += event.minutes * 60.0
        work.session.add(row)
        return
    # What goes on is a fact with an end that is only expected: the carer is free that much later.
    lived = found.at.day.visit_by_id[VisitId(row.id)]
    free_at = row.begun_at + timedelta(seconds=lived.duration_s)
    _delay(work, before, cast(str, row.carer_id), row.unit_id, event, free_at)


def _new_visit(work: Work, found: Found, before: dict[str, Any]) -> None:
    visit = found.at.day.visit_by_id[VisitId(found.event.new_visit_id)]
    before["act"] = {"new_visit_id": visit.id}
    work.session.add(
        VisitRow(
            id=visit.id,
            citizen_id=visit.citizen_id,
            unit_id=visit.unit_id,
            day=found.event.on,
            service=visit.service,
            window_open_at=visit.window_open_at,
            window_close_at=visit.window_close_at,
            duration_s=visit.duration_s,
            mode=visit.mode.value,
            door_id=visit.door_id,
            required_skills=sorted(visit.required_skills),
            required_competences=[],
            priority=visit.priority,
        )
    )


def _change_visit(work: Work, found: Found, before: dict[str, Any]) -> None:
    event = found.event
    row = found.rows[cast(str, event.visit_id)]
    if event.kind == "door_shut":
        before["visits"] = {row.id: {"window_open_at": row.window_open_at.isoformat(), "pinned_start_at": None}}
        row.window_open_at = max(row.window_open_at, work.now + timedelta(minutes=event.minutes))
        row.pinned_start_at = None
    elif event.kind == "lend":
        before["visits"] = {row.id: {"unit_id": row.unit_id}}
        row.unit_id = UnitId(cast(str, event.unit_id))
    else:
        before["visits"] = {row.id: {"mode": row.mode, "door_id": row.door_id}}
        changed = changed_visit(found)
        row.mode, row.door_id = changed.mode.value, changed.door_id
        if changed.mode is VisitMode.SCREEN:
            row.travel_min = 0.0
    work.session.add(row)


def restore_visits(work: Work, row: ReassignmentRow) -> None:
    """Put back what an act changed on visits. Raises ``act_overtaken`` where one of them has begun since."""
    for visit_id, fields in row.before["visits"].items():
        visit = work.session.get(VisitRow, visit_id, with_for_update=True)
        if visit is None or visit.state != "planned":
            raise SchedulingError("act_overtaken")
        for name, value in fields.items():
            as_stored = datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value
            setattr(visit, name, as_stored)
        work.session.add(visit)
    act = row.before["act"]
    if "new_visit_id" in act:
        urgent = work.session.get(VisitRow, act["new_visit_id"], with_for_update=True)
        if urgent is None or urgent.state != "planned":
            raise SchedulingError("act_overtaken")
        urgent.state, urgent.carer_id = "cancelled", None
        work.session.add(urgent)
    if "delayed" in act:
        forget_delay(work, act["delayed"], row.day, datetime.fromisoformat(act["reported_at"]))


def restore_shift(work: Work, row: ReassignmentRow) -> frozenset[str]:
    """The carer is well after all: her shift stands again, and whoever was called in for it stays at home."""
    act = row.before["act"]
    if "absence_id" not in act:
        return frozenset()
    shift = work.session.get(ShiftRow, act["shift_id"], with_for_update=True)
    absence = work.session.get(AbsenceRow, act["absence_id"])
    if shift is None or absence is None or act["shift_state"] != "planned" or shift.state != "cancelled":
        raise SchedulingError("act_overtaken")
    shift.state = "planned"
    work.session.add(shift)
    work.session.delete(absence)
    called_in = work.session.get(ShiftRow, act["called_in"]) if act.get("called_in") else None
    locks: frozenset[str] = frozenset()
    if called_in is not None:
        if called_in.state != "planned":
            raise SchedulingError("act_overtaken")
        locks = revoke_shift(work, called_in.id)
        called_in.state = "cancelled"
        work.session.add(called_in)
    work.record(CarerReturned(at=work.now, carer_id=shift.carer_id, unit_id=shift.unit_id, day=row.day.isoformat()))
    return locks

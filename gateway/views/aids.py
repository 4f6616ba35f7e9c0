"""Lifts, turning systems, courses and the inventory, as technician and planner see them. Nobody is compared."""

import csv
import io
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from devices.transfers.inspection import due_on, inspection_state
from devices.transfers.tables import TransferDeviceRow, TransferRow
from devices.transfers.upkeep import aid_of, devices_of_units, inspected_of, open_faults
from gateway.views.breaches import AID_PROBLEMS
from scheduling.competences import RECORDED, Learned
from scheduling.register.tables import CitizenRow, UnitRow
from scheduling.tables import TransferPlanRow
from scheduling.transfer_plans import planned
from scheduling.transfer_rules import conversion_of, told_share

#: how far back the devices' own word on one carer or two is asked for
LIVED_DAYS = 28
_CSV_COLUMNS = (
    *("citizen_number", "situation", "aid", "times_per_day", "carers_before", "carers_planned"),
    *("surveyed_on", "converted_on"),
)


def aids_json(session: Session, unit_ids: Collection[str], today: date, language: str) -> list[dict[str, Any]]:
    """Lifts and turning systems of some units, the nearest deadline first."""
    rows = devices_of_units(session, unit_ids)
    faulty = open_faults(session) if rows else set()
    return [aid_json(session, row, faulty, today, language) for row in rows]


def aid_json(
    session: Session, row: TransferDeviceRow, faulty: Collection[str], today: date, language: str
) -> dict[str, Any]:
    """One of them: what it has done, when it is to be inspected, and why one carer may not use it alone."""
    aid, known = aid_of(row, faulty, today), inspected_of(row)
    unit = session.get(UnitRow, row.unit_id)
    place = 0 if language == "da" else 1
    problem = None if aid.problem is None else AID_PROBLEMS[aid.problem][place].format(due_on=aid.due_on.isoformat())
    return {
        "device_id": row.device_id,
        "kind": row.kind,
        "model": row.model,
        "unit_id": row.unit_id,
        "unit_name": unit.name if unit else "",
        "cycles": row.cycle_count,
        "running_h": round(row.running_s / 3600, 1),
        "heaviest_kg": row.heaviest_kg,
        "rated_load_kg": row.rated_load_kg,
        "overloads": row.overload_count,
        "faults": row.fault_count,
        "inspected_on": None if row.inspected_on is None else row.inspected_on.isoformat(),
        "due_on": due_on(known).isoformat(),
        "every_months": known.every_months,
        "inspection": inspection_state(known, today),
        "one_carer": aid.problem is None,
        "problem": aid.problem,
        "problem_text": problem,
    }


def competences_json(learned: Sequence[Learned], today: date) -> list[dict[str, Any]]:
    """Carers by name with what they have learnt, one entry for each course that is kept here."""
    found = []
    for carer in learned:
        held = {h.code: h for h in carer.held}
        found.append(
            {
                "carer_id": carer.carer_id,
                "name": carer.name,
                "unit_id": carer.unit_id,
                "held": [
                    {
                        "code": code,
                        "holds": code in held and held[code].holds_on(today),
                        "acquired_on": _iso(held[code].acquired_on) if code in held else None,
                        "valid_until_on": _iso(held[code].valid_until_on) if code in held else None,
                    }
                    for code in RECORDED
                ],
            }
        )
    return found


def inventory_json(session: Session, rows: Sequence[TransferPlanRow], today: date) -> list[dict[str, Any]]:
    """The inventory by unit: its rows, the share converted as planned, and the share as devices tell it."""
    units = {u.id: u for u in session.exec(select(UnitRow).where(col(UnitRow.id).in_({r.unit_id for r in rows})))}
    shorts = _shorts(session, {r.citizen_id for r in rows})
    found = []
    for unit_id in sorted({r.unit_id for r in rows}, key=lambda u: (units[u].name, u)):
        own = [r for r in rows if r.unit_id == unit_id]
        conversion = conversion_of(planned(own))
        one, two = lived(session, {r.citizen_id for r in own}, today)
        begun_on = min(r.surveyed_on for r in own)
        found.append(
            {
                "unit_id": unit_id,
                "unit_name": units[unit_id].name,
                "citizens": conversion.citizens,
                "two_person_per_day": conversion.two_person_per_day,
                "converted_per_day": conversion.converted_per_day,
                "share": conversion.share,
                "told_share": told_share(begun_on, today),
                "begun_on": begun_on.isoformat(),
                "lived_one_carer": one,
                "lived_two_carers": two,
                "lived_share": one / (one + two) if one + two else None,
                "lived_days": LIVED_DAYS,
                "plans": [_plan(r, shorts) for r in own],
            }
        )
    return found


def inventory_csv(units: Sequence[dict[str, Any]]) -> str:
    """The inventory as a table, one line per kind of transfer; semicolons, as Danish spreadsheets expect."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(("unit", *_CSV_COLUMNS))
    for unit in units:
        for plan in unit["plans"]:
            cells = ("" if plan[name] is None else plan[name] for name in _CSV_COLUMNS)
            writer.writerow((unit["unit_name"], *cells))
    return "\ufeff" + out.getvalue()


def lived(session: Session, citizen_ids: Collection[str], today: date) -> tuple[int, int]:
    """Transfers of these citizens in the last weeks by one carer and by two, where it is known which."""
    query = select(
        func.sum(case((col(TransferRow.carers) == 1, 1), else_=0)),
        func.sum(case((col(TransferRow.carers) == 2, 1), else_=0)),
    ).where(
        col(TransferRow.citizen_id).in_(sorted(citizen_ids)),
        col(TransferRow.day) > today - timedelta(days=LIVED_DAYS),
        col(TransferRow.fault).is_(None),
    )
    one, two = session.exec(query).one()
    return int(one or 0), int(two or 0)


def _plan(row: TransferPlanRow, shorts: dict[str, int]) -> dict[str, Any]:
    return {
        "plan_id": row.plan_id,
        "citizen_number": shorts.get(row.citizen_id),
        "situation": row.situation,
        "aid": row.aid,
        "times_per_day": row.times_per_day,
        "carers_before": row.carers_before,
        "carers_planned": row.carers_planned,
        "surveyed_on": row.surveyed_on.isoformat(),
        "converted_on": _iso(row.converted_on),
    }


def _shorts(session: Session, citizen_ids: Collection[str]) -> dict[str, int]:
    query = select(CitizenRow.id, CitizenRow.short).where(col(CitizenRow.id).in_(sorted(citizen_ids)))
    return dict(session.exec(query).all())


def _iso(on: date | None) -> str | None:
    return None if on is None else on.isoformat()

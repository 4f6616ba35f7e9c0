"""Transfers as tablet and planner see them: what was moved and how many carers, never which carer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select

from devices.registry.tables import DeviceRow
from devices.transfers import store
from devices.transfers.model import KINDS, MountedDevice
from devices.transfers.rules import ASK_WITHIN
from devices.transfers.tables import TransferRow
from devices.transfers.upkeep import aid_of, devices_of_units, open_faults
from gateway.wire import iso
from scheduling import residences, shifts
from scheduling.register.tables import CitizenRow, UnitRow


def my_residence(session: Session, carer_id: str, day: date, now: datetime) -> dict[str, Any]:
    """A carer's residence on a day: residents with their devices, what is asked, what was moved.

    ``unit`` is null for a carer who is not on a rota; questions come to her all the same.
    """
    shift = shifts.shift_now(session, carer_id, now)
    unit = residences.residence(session, shift.unit_id) if shift else None
    asked = store.open_questions(session, carer_id, now - ASK_WITHIN)
    moved = store.transfers_on(session, unit.id, day) if unit else []
    citizens = _citizens(session, {t.citizen_id for t in (*asked, *moved) if t.citizen_id is not None})
    present = store.present_now(session, carer_id, now)
    here = present is not None and shift is not None and shift.state == "begun"
    return {
        "day": day.isoformat(),
        "unit": {"id": unit.id, "name": unit.name} if unit else None,
        "shift_state": shift.state if shift else None,
        "present": {"device_id": present.device_id, "since_at": iso(present.from_at), "until_at": iso(present.until_at)}
        if present is not None and here
        else None,
        "residents": _residents(session, unit.id, carer_id, day) if unit else [],
        "questions": [_question(t, citizens) for t in asked],
        "transfers": [_transfer(t, citizens) for t in moved],
    }


def unit_transfers(session: Session, unit: UnitRow, day: date) -> dict[str, Any]:
    """A unit's transfers of a day by kind of device, and those nobody could tell about."""
    rows = store.transfers_on(session, unit.id, day)
    asked = store.asked_transfers(session, {r.id for r in rows if r.carers is None and r.fault is None})
    devices = store.mounted_in(session, unit.id)
    unknown = [r for r in rows if r.carers is None and r.fault is None]
    return {
        "unit": {"id": unit.id, "name": unit.name, "kind": unit.kind},
        "residence": _counts([r for r in rows if r.in_residence], [d for d in devices if d.in_residence]),
        # Use without a target: the business case is about residences only (004:519, 523).
        "home_care": _counts([r for r in rows if not r.in_residence], [d for d in devices if not d.in_residence]),
        "unanswered_count": len(asked),
        "nobody_count": len(unknown) - len(asked),
        "open": [
            {
                "transfer_id": r.id,
                "device_id": r.device_id,
                "kind": r.kind,
                "started_at": iso(r.started_at),
                "ended_at": iso(r.ended_at),
                "in_residence": r.in_residence,
                "asked": r.id in asked,
            }
            for r in unknown
        ],
    }


def transfer_json(row: TransferRow) -> dict[str, Any]:
    """What an answer answers."""
    return {"transfer": {"transfer_id": row.id, "carers": row.carers, "evidence": row.evidence}}


def _residents(session: Session, unit_id: str, carer_id: str, day: date) -> list[dict[str, Any]]:
    alone = residences.may_use_alone(session, carer_id, day)
    faulty, rows = open_faults(session), devices_of_units(session, [unit_id])
    approved = {row.device_id for row in rows if aid_of(row, faulty, day).problem is None}
    mounted: dict[str, list[MountedDevice]] = {}
    for device in store.mounted_in(session, unit_id):
        mounted.setdefault(device.citizen_id or "", []).append(device)
    query = select(DeviceRow.device_id, DeviceRow.online).where(DeviceRow.unit_id == unit_id)
    online = {device_id: bool(is_online) for device_id, is_online in session.exec(query)}
    return [
        {
            "citizen_id": resident.citizen_id,
            "name": resident.name,
            "room": resident.room,
            "devices": [
                {
                    "device_id": d.device_id,
                    "kind": d.kind,
                    "model": d.model,
                    "online": online.get(d.device_id, False),
                    "alone": alone[d.kind] and d.device_id in approved,
                }
                for d in sorted(mounted.get(resident.citizen_id, ()), key=lambda d: (d.kind, d.device_id))
            ],
        }
        for resident in residences.residents_of(session, unit_id)
    ]


def _question(row: TransferRow, citizens: Mapping[str, CitizenRow]) -> dict[str, Any]:
    citizen = citizens.get(row.citizen_id or "")
    return {
        "transfer_id": row.id,
        "device_id": row.device_id,
        "kind": row.kind,
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "citizen_name": citizen.name if citizen else None,
        "room": citizen.address if citizen else None,
    }


def _transfer(row: TransferRow, citizens: Mapping[str, CitizenRow]) -> dict[str, Any]:
    return {**_question(row, citizens), "carers": row.carers, "evidence": row.evidence, "fault": row.fault}


def _counts(rows: Sequence[TransferRow], devices: Sequence[MountedDevice]) -> dict[str, Any]:
    counted = Counter((r.kind, "fault" if r.fault is not None else r.carers) for r in rows)
    mounted = Counter(d.kind for d in devices)
    return {
        kind: {
            "device_count": mounted[kind],
            "transfer_count": sum(counted[kind, carers] for carers in (1, 2, None)),
            "one_carer_count": counted[kind, 1],
            "two_carers_count": counted[kind, 2],
            "unknown_count": counted[kind, None],
            "fault_count": counted[kind, "fault"],
        }
        for kind in KINDS
    }


def _citizens(session: Session, ids: set[str]) -> dict[str, CitizenRow]:
    rows = session.exec(select(CitizenRow).where(col(CitizenRow.id).in_(sorted(ids)))).all()
    return {r.id: r for r in rows}

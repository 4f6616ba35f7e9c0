"""Mileage claims as the carer and the employer see them, as a file, and as the paper payroll keeps."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlmodel import Session, col, select

from devices.driving import mileage, store
from devices.driving.errors import DrivingError
from devices.driving.rates import Line, rates
from devices.driving.tables import MileageClaimRow
from gateway.wire import iso, iso_or_none
from kernel.localtime import clock_text, local_day
from scheduling.register.tables import CarerRow

_STATES = {"claimed": "afventer", "approved": "godkendt", "rejected": "afvist"}
_ROLES = {"planner": "planlægger", "manager": "leder"}
_SHORT = {"Registreringsnummer": "Reg.nr."}
_VEHICLES = {"car": "Bil/motorcykel", "cycle": "Cykel/knallert"}
HEADINGS = (
    "Dato",
    "Navn",
    "Køretøj",
    "Registreringsnummer",
    "Formål",
    "Fra",
    "Delmål",
    "Til",
    "Km",
    "Sats (kr./km)",
    "Beregning",
    "Beløb (kr.)",
    "Status",
    "Kontrolleret",
)


def month_days(month: str | None, today: date) -> tuple[date, date]:
    """The first and the last day of ``2026-11``, of the present month where absent.

    Raises
    ------
    DrivingError
        ``claim_incomplete`` for what is no month.
    """
    try:
        first_on = date.fromisoformat(f"{month}-01") if month else today.replace(day=1)
    except ValueError as err:
        raise DrivingError("claim_incomplete", field="month", expected="2026-11", found=(month or "")[:20]) from err
    return first_on, (first_on + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def claim_json(session: Session, row: MileageClaimRow) -> dict[str, Any]:
    """One claim with its calculation: as approved, or as it would be now."""
    lines, unknown = _lines(session, row)
    return {
        "id": row.id,
        "day": row.day.isoformat(),
        "vehicle": row.vehicle,
        "reg_no": row.reg_no,
        "purpose": row.purpose,
        "start_address": row.start_address,
        "end_address": row.end_address,
        "stops": row.stops,
        "distance_km": round(row.distance_m / 1000, 3),
        "state": row.state,
        "claimed_at": iso(row.claimed_at),
        "settled_at": iso_or_none(row.settled_at),
        "settled_role": row.settled_role,
        "reason": row.reason,
        "lines": [
            {
                "distance_km": round(line.distance_m / 1000, 3),
                "dkk_ore_per_km": line.ore_per_km,
                "amount_dkk_ore": line.amount_dkk_ore,
                "source": line.source,
            }
            for line in lines
        ],
        "amount_dkk_ore": sum(line.amount_dkk_ore for line in lines),
        "rate_unknown": unknown,
    }


def my_claims(session: Session, carer_id: str, today: date) -> dict[str, Any]:
    """A carer's own claims of the year, and how much of it is approved."""
    return {
        "year": today.year,
        "today": today.isoformat(),
        "approved_km": round(mileage.approved_m(session, carer_id, today.year) / 1000, 1),
        "claims": [claim_json(session, row) for row in mileage.claims_of_carer(session, carer_id, today.year)],
    }


def claims_view(session: Session, unit_ids: Collection[str], from_on: date, to_on: date) -> dict[str, Any]:
    """Claims of units by day and name, with the day's planned kilometres to check them against. No sums per carer."""
    rows = mileage.claims_of_units(session, unit_ids, from_on, to_on)
    names = _names(session, rows)
    logs = store.logs_of_units(session, unit_ids, from_on, to_on)
    planned = {(log.carer_id, log.day): log.planned_m for log in logs}
    ordered = sorted(rows, key=lambda row: (row.day, names.get(row.carer_id, ""), row.id))
    return {
        "month": f"{from_on:%Y-%m}",
        "waiting": sum(row.state == "claimed" for row in rows),
        "claims": [
            claim_json(session, row)
            | {
                "carer_name": names.get(row.carer_id, "?"),
                "route_km": _km_or_none(planned.get((row.carer_id, row.day))),
            }
            for row in ordered
        ],
    }


def claims_csv(session: Session, unit_ids: Collection[str], from_on: date, to_on: date) -> str:
    """The claims of a month: semicolons, Danish decimals, headings in the first row."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADINGS)
    rows = mileage.claims_of_units(session, unit_ids, from_on, to_on)
    names = _names(session, rows)
    writer.writerows(_cells(session, row, names) for row in rows)
    return out.getvalue()


def claims_paper(session: Session, unit_ids: Collection[str], from_on: date, to_on: date, now: datetime) -> bytes:
    """The claims of a month as PDF, a sheet a carer, with lines for what is not stored here."""
    made = f"Udskrevet {local_day(now):%d.%m.%Y} kl. {clock_text(now)}"
    from gateway.views.paper import Paper  # noqa: PLC0415 - heavy: imported where it is used

    paper = Paper(f"Kørselsbilag, {from_on:%m.%Y}", now, made)
    rows = mileage.claims_of_units(session, unit_ids, from_on, to_on)
    names = _names(session, rows)
    ordered = sorted(rows, key=lambda row: (names.get(row.carer_id, ""), row.carer_id, row.day, row.id))
    if not ordered:
        paper.line_of("Ingen kørselsbilag i denne måned.")
    for number, (carer_id, found) in enumerate(groupby(ordered, key=lambda row: row.carer_id)):
        if number:
            paper.add_page()
        own = list(found)
        paper.line_of(f"Navn: {names.get(carer_id, '')}", bold=True)
        paper.line_of("Adresse: ______________________________________________     CPR-nummer: ____________________")
        shown = [i for i, name in enumerate(HEADINGS) if name != "Navn"]
        cells = [_cells(session, row, names) for row in own]
        widths = (20, 24, 20, 30, 32, 36, 32, 13, 15, 34, 17, 17, 34)
        paper.rows(
            [_SHORT.get(HEADINGS[i], HEADINGS[i]) for i in shown], widths, [[row[i] for i in shown] for row in cells]
        )
        paid = sum(row.amount_dkk_ore or 0 for row in own if row.state == "approved")
        paper.line_of(f"Til udbetaling: {_kr(paid)} kr.", bold=True)
        paper.line_of("Dato og underskrift: ______________________________________________")
    return paper.content()


def _cells(session: Session, row: MileageClaimRow, names: Mapping[str, str]) -> list[str]:
    lines, _ = _lines(session, row)
    checked = ""
    if row.settled_at is not None:
        role = _ROLES.get(row.settled_role or "", row.settled_role or "")
        checked = f"{local_day(row.settled_at):%d.%m.%Y} af {role}" + (f": {row.reason}" if row.reason else "")
    return [
        row.day.isoformat(),
        names.get(row.carer_id, ""),
        _VEHICLES.get(row.vehicle, row.vehicle),
        row.reg_no or "",
        row.purpose,
        row.start_address,
        " / ".join(row.stops),
        row.end_address,
        _decimal(row.distance_m / 1000),
        " / ".join(_kr(line.ore_per_km) for line in lines),
        " + ".join(f"{_decimal(line.distance_m / 1000)} x {_kr(line.ore_per_km)}" for line in lines),
        "" if row.state == "rejected" else _kr(sum(line.amount_dkk_ore for line in lines)),
        _STATES.get(row.state, row.state),
        checked,
    ]


def _lines(session: Session, row: MileageClaimRow) -> tuple[Sequence[Line], bool]:
    try:
        return mileage.lines_of(session, row, rates()), False
    except DrivingError:
        return (), True


def _names(session: Session, rows: Sequence[MileageClaimRow]) -> dict[str, str]:
    wanted = sorted({row.carer_id for row in rows})
    return dict(session.exec(select(CarerRow.id, CarerRow.name).where(col(CarerRow.id).in_(wanted))).all())


def _km_or_none(metres: int | None) -> float | None:
    return None if metres is None else round(metres / 1000, 1)


def _kr(ore: int) -> str:
    return _decimal(ore / 100)


def _decimal(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")

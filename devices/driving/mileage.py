"""Claims for driving on business in one's own vehicle: made by the carer, checked and approved by the employer.

The fields are those of the executive order on tax-free mileage (bekendtgørelse nr. 173 af 13. marts 2000, § 2): name,
address and CPR number of who is paid, the purpose, the date, where to with the stops between, kilometres, rates, and
the calculation. Neither CPR number nor home address is stored: the paper has a line to write them on.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from devices.driving.errors import DrivingError
from devices.driving.rates import Line, OwnVehicle, Rate, calculate, rate_on
from devices.driving.tables import MileageClaimRow
from devices.events import MileageClaimed, MileageSettled
from kernel.ids import new_id
from kernel.work import Work

MAX_STOPS = 30
LONGEST_M = 1_000_000
#: a claim older than this is for the payroll office, not for a page
OLDEST = timedelta(days=366)
_REG_NO = re.compile(r"[A-ZÆØÅ0-9 ]{2,12}")


@dataclass(frozen=True, slots=True)
class NewClaim:
    """What a carer claims."""

    day: date
    vehicle: OwnVehicle
    reg_no: str | None
    purpose: str
    start_address: str
    end_address: str
    stops: tuple[str, ...]
    distance_m: int


def claim(work: Work, carer_id: str, unit_id: str, new: NewClaim, today: date) -> MileageClaimRow:
    """Claim a trip.

    Raises
    ------
    DrivingError
        ``claim_incomplete`` naming the field.
    """
    checked = _checked(new, today)
    row = MileageClaimRow(
        id=new_id(),
        carer_id=carer_id,
        unit_id=unit_id,
        day=checked.day,
        vehicle=checked.vehicle.value,
        reg_no=checked.reg_no,
        purpose=checked.purpose,
        start_address=checked.start_address,
        end_address=checked.end_address,
        stops=list(checked.stops),
        distance_m=checked.distance_m,
        state="claimed",
        claimed_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    work.record(
        MileageClaimed(
            at=work.now,
            claim_id=row.id,
            carer_id=carer_id,
            unit_id=unit_id,
            day=row.day.isoformat(),
            vehicle=row.vehicle,
            distance_m=row.distance_m,
        )
    )
    return row


def settle(
    work: Work,
    claim_id: str,
    unit_ids: Collection[str],
    known: Sequence[Rate],
    by: str,
    by_carer_id: str | None,
    role: str,
    rejected_because: str | None = None,
) -> MileageClaimRow:
    """Approve a claim, or reject it with a reason. The rates and the sum are fixed with the approval.

    Raises
    ------
    DrivingError
        ``claim_unknown``, ``claim_settled``, ``claim_own``, ``correction_reason_missing`` or ``rate_unknown``.
    """
    row = work.session.get(MileageClaimRow, claim_id, with_for_update=True)
    if row is None or row.unit_id not in unit_ids:
        raise DrivingError("claim_unknown")
    if row.state != "claimed":
        raise DrivingError("claim_settled")
    if by_carer_id is not None and by_carer_id == row.carer_id:
        raise DrivingError("claim_own")
    if rejected_because is None:
        lines = lines_of(work.session, row, known, lock=True)
        row.state = "approved"
        row.lines = [asdict(line) for line in lines]
        row.amount_dkk_ore = sum(line.amount_dkk_ore for line in lines)
    else:
        if not rejected_because.strip():
            raise DrivingError("correction_reason_missing")
        row.state, row.reason = "rejected", rejected_because.strip()
    row.settled_at, row.settled_by, row.settled_role = work.now, by, role
    work.session.add(row)
    work.session.flush()
    work.record(
        MileageSettled(
            at=work.now,
            claim_id=row.id,
            carer_id=row.carer_id,
            unit_id=row.unit_id,
            state=row.state,
            amount_dkk_ore=row.amount_dkk_ore,
            settled_by_role=role,
        )
    )
    return row


def lines_of(session: Session, row: MileageClaimRow, known: Sequence[Rate], *, lock: bool = False) -> tuple[Line, ...]:
    """What a claim is, or would now be, paid with.

    Raises
    ------
    DrivingError
        ``rate_unknown``.
    """
    if row.lines is not None:
        return tuple(Line(**line) for line in row.lines)
    rate = rate_on(row.day, known)
    return calculate(
        row.distance_m, approved_m(session, row.carer_id, row.day.year, lock=lock), OwnVehicle(row.vehicle), rate
    )


def approved_m(session: Session, carer_id: str, year: int, *, lock: bool = False) -> int:
    """Metres approved for a carer's own car in a calendar year."""
    of_year = (
        MileageClaimRow.carer_id == carer_id,
        col(MileageClaimRow.day).between(date(year, 1, 1), date(year, 12, 31)),
        MileageClaimRow.vehicle == OwnVehicle.CAR.value,
    )
    if lock:
        # Two approvals at once would each see the year without the other.
        session.exec(select(MileageClaimRow.id).where(*of_year).order_by(MileageClaimRow.id).with_for_update()).all()
    query = select(func.coalesce(func.sum(MileageClaimRow.distance_m), 0))
    return int(session.exec(query.where(*of_year, MileageClaimRow.state == "approved")).one())


def claims_of_units(session: Session, unit_ids: Collection[str], from_on: date, to_on: date) -> list[MileageClaimRow]:
    """Claims of units from one day to another, both included, by day."""
    query = select(MileageClaimRow).where(
        col(MileageClaimRow.unit_id).in_(sorted(unit_ids)), col(MileageClaimRow.day).between(from_on, to_on)
    )
    return list(session.exec(query.order_by(col(MileageClaimRow.day), col(MileageClaimRow.id))))


def claims_of_carer(session: Session, carer_id: str, year: int) -> list[MileageClaimRow]:
    """A carer's own claims of a calendar year, latest day first."""
    query = select(MileageClaimRow).where(
        MileageClaimRow.carer_id == carer_id,
        col(MileageClaimRow.day).between(date(year, 1, 1), date(year, 12, 31)),
    )
    return list(session.exec(query.order_by(col(MileageClaimRow.day).desc(), col(MileageClaimRow.id))))


def _checked(new: NewClaim, today: date) -> NewClaim:
    texts = {"purpose": new.purpose, "start_address": new.start_address, "end_address": new.end_address}
    for field, text in texts.items():
        if not text.strip():
            raise DrivingError("claim_incomplete", field=field, expected="text", found="")
    if not today - OLDEST <= new.day <= today:
        expected = f"{(today - OLDEST).isoformat()} – {today.isoformat()}"
        raise DrivingError("claim_incomplete", field="day", expected=expected, found=new.day.isoformat())
    if not 0 < new.distance_m <= LONGEST_M:
        raise DrivingError(
            "claim_incomplete", field="distance_km", expected=f"0 – {LONGEST_M // 1000}", found=new.distance_m / 1000
        )
    if len(new.stops) > MAX_STOPS:
        raise DrivingError("claim_incomplete", field="stops", expected=f"≤ {MAX_STOPS}", found=len(new.stops))
    reg_no = (new.reg_no or "").strip().upper() or None
    if new.vehicle is OwnVehicle.CAR and (reg_no is None or not _REG_NO.fullmatch(reg_no)):
        raise DrivingError("claim_incomplete", field="reg_no", expected="AB 12 345", found=new.reg_no or "")
    return NewClaim(
        day=new.day,
        vehicle=new.vehicle,
        reg_no=reg_no if new.vehicle is OwnVehicle.CAR else None,
        purpose=new.purpose.strip(),
        start_address=new.start_address.strip(),
        end_address=new.end_address.strip(),
        stops=tuple(stop.strip() for stop in new.stops if stop.strip()),
        distance_m=new.distance_m,
    )

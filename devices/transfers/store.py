"""Queries of lifts, turning systems and their cycles. Whole batches in few statements."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import func, insert
from sqlmodel import Session, SQLModel, col, select

from devices.events import TransferDevice
from devices.transfers.model import MountedDevice, Situation, Stay
from devices.transfers.tables import (
    TransferBadgeRow,
    TransferDeviceRow,
    TransferPresenceRow,
    TransferQuestionRow,
    TransferRow,
)

_CHUNK = 500


def insert_rows(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows of one table in one statement."""
    if rows:
        session.execute(insert(table), list(rows))


def device_for_update(session: Session, device_id: str) -> TransferDeviceRow | None:
    """One mounted device, held until the transaction ends."""
    query = select(TransferDeviceRow).where(TransferDeviceRow.device_id == device_id)
    return session.exec(query.with_for_update()).first()


def find_mounted(session: Session, device_id: str) -> MountedDevice | None:
    """One mounted device."""
    row = session.get(TransferDeviceRow, device_id)
    return None if row is None else mounted_of(row)


def mounted_in(session: Session, unit_id: str) -> list[MountedDevice]:
    """The lifts and turning systems of a unit, by id."""
    query = select(TransferDeviceRow).where(TransferDeviceRow.unit_id == unit_id)
    return [mounted_of(row) for row in session.exec(query.order_by(col(TransferDeviceRow.device_id)))]


def mounted_at(session: Session, citizen_ids: Collection[str]) -> list[MountedDevice]:
    """The lifts and turning systems of citizens, by id."""
    query = select(TransferDeviceRow).where(col(TransferDeviceRow.citizen_id).in_(sorted(citizen_ids)))
    return [mounted_of(row) for row in session.exec(query.order_by(col(TransferDeviceRow.device_id)))]


def mounted_of(row: TransferDeviceRow) -> MountedDevice:
    """A row as its readers see it."""
    return MountedDevice(
        row.device_id,
        cast(TransferDevice, row.kind),
        row.unit_id,
        row.citizen_id,
        row.in_residence,
        row.model,
        row.mounted_on,
    )


def situation_of_row(row: TransferRow) -> Situation:
    """The situation of a stored cycle."""
    return Situation(row.begun_at, row.ended_at)


def badge_holders(session: Session, badges: Collection[str]) -> dict[str, list[TransferBadgeRow]]:
    """Who has had each badge, and when; badges nobody ever had are missing."""
    found: dict[str, list[TransferBadgeRow]] = {}
    wanted = sorted(badges)
    for start in range(0, len(wanted), _CHUNK):
        query = select(TransferBadgeRow).where(col(TransferBadgeRow.badge).in_(wanted[start : start + _CHUNK]))
        for row in session.exec(query):
            found.setdefault(row.badge, []).append(row)
    return found


def presences_at(session: Session, device_id: str, from_at: datetime, until_at: datetime) -> list[Stay]:
    """Tablets that were registered at a device within a time, in the order they came."""
    query = (
        select(TransferPresenceRow)
        .where(
            TransferPresenceRow.device_id == device_id,
            col(TransferPresenceRow.until_at) > from_at,
            col(TransferPresenceRow.from_at) < until_at,
        )
        .order_by(col(TransferPresenceRow.from_at), col(TransferPresenceRow.carer_id))
    )
    return [Stay(row.carer_id, row.from_at, row.until_at) for row in session.exec(query)]


def ends_between(session: Session, device_id: str, from_at: datetime, until_at: datetime) -> list[datetime]:
    """When cycles of a device ended, from one instant to another, both included."""
    query = select(TransferRow.ended_at).where(
        TransferRow.device_id == device_id, col(TransferRow.ended_at).between(from_at, until_at)
    )
    return list(session.exec(query))


def transfer_for_update(session: Session, transfer_id: str) -> TransferRow | None:
    """One transfer, held until the transaction ends."""
    return session.exec(select(TransferRow).where(TransferRow.id == transfer_id).with_for_update()).first()


def transfers_around(session: Session, device_id: str, stay: Stay) -> list[TransferRow]:
    """Whole cycles of a device that a stay touches, held until the transaction ends."""
    query = (
        select(TransferRow)
        .where(
            TransferRow.device_id == device_id,
            col(TransferRow.ended_at) > stay.from_at,
            col(TransferRow.begun_at) < stay.until_at,
            col(TransferRow.fault).is_(None),
        )
        .order_by(col(TransferRow.begun_at), col(TransferRow.id))
    )
    return list(session.exec(query.with_for_update()))


def transfers_on(session: Session, unit_id: str, day: date) -> list[TransferRow]:
    """The cycles of a unit on a day, faults too, in the order of time."""
    query = select(TransferRow).where(TransferRow.unit_id == unit_id, TransferRow.day == day)
    return list(session.exec(query.order_by(col(TransferRow.started_at), col(TransferRow.id))))


def questions_of(session: Session, transfer_id: str) -> list[TransferQuestionRow]:
    """Who is asked about a transfer, by carer."""
    query = select(TransferQuestionRow).where(TransferQuestionRow.transfer_id == transfer_id)
    return list(session.exec(query.order_by(col(TransferQuestionRow.carer_id))))


def open_questions(session: Session, carer_id: str, since_at: datetime) -> list[TransferRow]:
    """Transfers a carer is asked about and nobody has answered, in the order of time."""
    query = (
        select(TransferRow)
        .join(TransferQuestionRow, col(TransferQuestionRow.transfer_id) == col(TransferRow.id))
        .where(
            TransferQuestionRow.carer_id == carer_id,
            col(TransferQuestionRow.asked_at) >= since_at,
            col(TransferRow.carers).is_(None),
        )
        .order_by(col(TransferRow.started_at), col(TransferRow.id))
    )
    return list(session.exec(query))


def asked_transfers(session: Session, transfer_ids: Collection[str]) -> set[str]:
    """Of these transfers, the ones somebody is asked about."""
    found: set[str] = set()
    wanted = sorted(transfer_ids)
    for start in range(0, len(wanted), _CHUNK):
        query = select(func.distinct(col(TransferQuestionRow.transfer_id))).where(
            col(TransferQuestionRow.transfer_id).in_(wanted[start : start + _CHUNK])
        )
        found.update(session.exec(query))
    return found


def present_now(session: Session, carer_id: str, now: datetime) -> TransferPresenceRow | None:
    """Where a carer's tablet is registered at an instant, the latest first."""
    query = (
        select(TransferPresenceRow)
        .where(
            TransferPresenceRow.carer_id == carer_id,
            col(TransferPresenceRow.from_at) <= now,
            col(TransferPresenceRow.until_at) > now,
        )
        .order_by(col(TransferPresenceRow.from_at).desc())
    )
    return session.exec(query).first()

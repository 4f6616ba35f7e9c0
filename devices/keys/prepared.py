"""Doors prepared for designated tablets: what lets a carer in without a plan when every server is down (ADR 0007).

While there is a network a designated tablet gets one grant for every door of its unit: its shift's key, four hours,
one use, marked as an emergency. Each lies in an envelope that only the door's spoken code opens.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from devices.events import OfflineAccessPrepared, OfflineTabletDesignated
from devices.keys import service, store
from devices.keys.emergency import OFFLINE
from devices.keys.rules import PREPARED
from devices.keys.schemas import GrantIssued
from devices.keys.service import GrantWanted
from devices.keys.signer.model import Basis, MintRequest
from devices.keys.tables import EmergencyRow, LockRow, OfflineTabletRow, PreparationRow
from kernel.ids import new_id
from kernel.work import Work

PREPARE_BEFORE = timedelta(minutes=60)
"""How long before a preparation ends the next one may follow it. Windows never overlap: one code, one use."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Which window a designated tablet's envelopes are for."""

    preparation_id: str
    shift_id: str
    carer_id: str
    unit_id: str
    opens_at: datetime
    closes_at: datetime


def designate(work: Work, carer_id: str, unit_id: str, by_role: str, *, on: bool) -> bool:
    """Say that a carer carries a designated tablet, or no longer does. Returns whether that changed anything."""
    row = work.session.get(OfflineTabletRow, carer_id)
    if (row is not None) is on:
        return False
    if row is None:
        work.session.add(OfflineTabletRow(carer_id=carer_id, unit_id=unit_id, designated_at=work.now, by_role=by_role))
    else:
        work.session.delete(row)
    work.session.flush()
    work.record(OfflineTabletDesignated(at=work.now, unit_id=unit_id, carer_id=carer_id, on=on, by_role=by_role))
    return True


def is_designated(session: Session, carer_id: str) -> bool:
    """Whether this carer's tablet is a designated one."""
    return session.get(OfflineTabletRow, carer_id) is not None


def designated_carers(session: Session, unit_ids: Collection[str]) -> list[str]:
    """Who carries a designated tablet in these units, by id."""
    query = select(OfflineTabletRow.carer_id).where(col(OfflineTabletRow.unit_id).in_(sorted(unit_ids)))
    return list(session.exec(query.order_by(col(OfflineTabletRow.carer_id))).all())


def preparation_due(session: Session, shift_id: str, now: datetime) -> tuple[Preparation | None, datetime | None]:
    """The preparation in force, and when the next one has to begin if it is time to make it."""
    rows = session.exec(
        select(PreparationRow)
        .where(PreparationRow.shift_id == shift_id, col(PreparationRow.closes_at) > now)
        .order_by(col(PreparationRow.opens_at))
    ).all()
    if not rows:
        return None, now.replace(microsecond=0)
    last = rows[-1].closes_at
    return _view(rows[0]), last if last - now <= PREPARE_BEFORE else None


def prepare(
    work: Work,
    *,
    shift_id: str,
    carer_id: str,
    unit_id: str,
    holder_thumbprint: bytes,
    door_ids: Sequence[str],
    opens_at: datetime,
) -> Preparation:
    """State in the log which doors are prepared. Commit it before the signer is asked: it mints for nothing else."""
    row = PreparationRow(
        preparation_id=new_id(),
        shift_id=shift_id,
        carer_id=carer_id,
        unit_id=unit_id,
        holder_thumbprint=holder_thumbprint.hex(),
        opens_at=opens_at,
        closes_at=opens_at + PREPARED,
    )
    work.session.add(row)
    work.session.flush()
    work.record(
        OfflineAccessPrepared(
            at=work.now,
            unit_id=unit_id,
            carer_id=carer_id,
            preparation_id=row.preparation_id,
            shift_id=shift_id,
            holder_thumbprint=holder_thumbprint.hex(),
            door_ids=tuple(door_ids),
            opens_at=row.opens_at,
            closes_at=row.closes_at,
        )
    )
    return _view(row)


def wanted_for(
    session: Session, preparation: Preparation, holder_thumbprint: bytes, door_ids: Sequence[str]
) -> list[GrantWanted]:
    """What to ask the signer for: one grant for each prepared door with a lock."""
    locks = store.locks_of_doors(session, door_ids)
    named = sorted({lock_id for some in locks.values() for lock_id in some})
    epochs = {
        row.lock_id: row.epoch for row in session.exec(select(LockRow).where(col(LockRow.lock_id).in_(named))).all()
    }
    return [
        GrantWanted(
            preparation.preparation_id,
            MintRequest(
                route_id=preparation.preparation_id,
                route_version=0,
                visit_id=preparation.preparation_id,
                door_id=door_id,
                lock_ids=locks[door_id],
                carer_id=preparation.carer_id,
                shift_id=preparation.shift_id,
                holder_thumbprint=holder_thumbprint,
                epoch=max(epochs[lock_id] for lock_id in locks[door_id]),
                basis=Basis.PREPARED,
            ),
        )
        for door_id in door_ids
        if locks.get(door_id)
    ]


def prepared_grants(session: Session, preparation: Preparation, now: datetime) -> list[GrantIssued]:
    """The good grants of a preparation, by door."""
    held = service.tablet_grants(session, preparation.shift_id, now)
    mine = [grant for grant in held if grant.right_id == preparation.preparation_id]
    return sorted(mine, key=lambda grant: grant.door_id)


def known_uses(session: Session, shift_id: str) -> dict[str, int]:
    """How often each door was opened by a spoken code in a shift, as far as the locks' logs have come home."""
    query = (
        select(EmergencyRow.door_id, func.count())
        .where(
            EmergencyRow.shift_id == shift_id,
            EmergencyRow.reason == OFFLINE,
            # a stairwell alone uses nothing up: the code is the flat's
            col(EmergencyRow.opened_at).is_not(None),
        )
        .group_by(EmergencyRow.door_id)
    )
    return {door_id: int(count) for door_id, count in session.exec(query).all()}


def _view(row: PreparationRow) -> Preparation:
    return Preparation(row.preparation_id, row.shift_id, row.carer_id, row.unit_id, row.opens_at, row.closes_at)

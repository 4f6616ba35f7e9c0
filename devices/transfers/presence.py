"""A tablet at a device: the carer says that she is there, also later when her tablet had no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from devices.transfers import store
from devices.transfers.errors import TransferError
from devices.transfers.model import Stay
from devices.transfers.questions import settle
from devices.transfers.rules import judge, stay_at
from devices.transfers.tables import TransferPresenceRow, TransferRow
from kernel.localtime import clock_text
from kernel.work import Work

#: a fact told by a tablet may be this old (it was offline), and this far ahead of us (its clock is a little fast)
OLDEST_FACT = timedelta(hours=24)
NEWEST_FACT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class AtDevice:
    """A carer's tablet is at a device."""

    carer_id: str
    device_id: str
    at: datetime


def register(work: Work, here: AtDevice) -> Stay:
    """Note that a carer is at a device. Doing it again while it holds changes nothing.

    Her tablet is at one place: being here ends her being elsewhere. A transfer that nobody could tell about, or
    that was told by tablets alone, is judged anew. Raises as :func:`require_possible`.
    """
    require_possible(here, work.now)
    # Cycles that are being committed are waited for, and they for this: neither misses the other.
    store.device_for_update(work.session, here.device_id)
    stay = stay_at(min(here.at, work.now), here.carer_id)
    for row in _overlapping(work, stay, here.carer_id):
        if row.device_id == here.device_id and row.from_at <= stay.from_at:
            return Stay(row.carer_id, row.from_at, row.until_at)
        if row.from_at <= stay.from_at:
            row.until_at = stay.from_at
        else:
            stay = Stay(stay.carer_id, stay.from_at, min(stay.until_at, row.from_at))
    work.session.add(
        TransferPresenceRow(
            device_id=here.device_id, carer_id=here.carer_id, from_at=stay.from_at, until_at=stay.until_at
        )
    )
    work.session.flush()
    for transfer in store.transfers_around(work.session, here.device_id, stay):
        _judge_again(work, transfer)
    return stay


def require_possible(here: AtDevice, now: datetime) -> None:
    """Refuse a time that cannot be right.

    Raises
    ------
    TransferError
        ``presence_time``.
    """
    earliest_at, latest_at = now - OLDEST_FACT, now + NEWEST_FACT
    if not earliest_at <= here.at <= latest_at:
        clocks = [clock_text(at) for at in (here.at, earliest_at, latest_at)]
        raise TransferError("presence_time", found=clocks[0], earliest=clocks[1], latest=clocks[2])


def _overlapping(work: Work, stay: Stay, carer_id: str) -> Sequence[TransferPresenceRow]:
    query = select(TransferPresenceRow).where(
        TransferPresenceRow.carer_id == carer_id,
        col(TransferPresenceRow.until_at) > stay.from_at,
        col(TransferPresenceRow.from_at) < stay.until_at,
    )
    return work.session.exec(query.order_by(col(TransferPresenceRow.from_at)).with_for_update()).all()


def _judge_again(work: Work, row: TransferRow) -> None:
    if row.evidence in ("badge", "asked"):
        return  # a badge says it better, and what a person who was there has said stands
    situation = store.situation_of_row(row)
    tablets = store.presences_at(work.session, row.device_id, situation.begun_at, situation.ended_at)
    presence = judge(situation, (), tablets)
    if presence is None or (presence.carers, presence.second_carer_s) == (row.carers, row.second_carer_s):
        return
    asked = [q.carer_id for q in store.questions_of(work.session, row.id)]
    settle(work, row, presence, work.now, asked)

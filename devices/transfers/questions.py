"""The question "one or two?": put once to those who were on duty, answered by the first of them (design §7.5)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import cast

from devices.events import TransferAnswered, TransferAsked, TransferDevice
from devices.transfers import store
from devices.transfers.errors import TransferError
from devices.transfers.model import Carers, Presence
from devices.transfers.rules import answered
from devices.transfers.tables import TransferQuestionRow, TransferRow
from kernel.errors import KernelError
from kernel.localtime import clock_text
from kernel.work import Work


def ask(work: Work, asked: Mapping[str, Collection[str]], device_of: Mapping[str, tuple[str, str]]) -> None:
    """Put the question about transfers to carers, once.

    Parameters
    ----------
    asked
        Transfer to the carers who are asked; a transfer with none stays open and is asked of nobody.
    device_of
        Transfer to its device and unit.
    """
    rows = [
        {"transfer_id": transfer_id, "carer_id": carer_id, "asked_at": work.now, "answered_at": None}
        for transfer_id, carers in asked.items()
        for carer_id in sorted(carers)
    ]
    store.insert_rows(work.session, TransferQuestionRow, rows)
    for row in rows:
        device_id, unit_id = device_of[str(row["transfer_id"])]
        work.record(
            TransferAsked(
                at=work.now,
                unit_id=unit_id,
                carer_id=str(row["carer_id"]),
                transfer_id=str(row["transfer_id"]),
                device_id=device_id,
            )
        )


def answer(work: Work, transfer_id: str, carer_id: str, carers: Carers, at: datetime) -> TransferRow:
    """A carer says how many they were.

    Raises
    ------
    KernelError
        ``not_found``.
    TransferError
        ``transfer_not_asked``; ``transfer_answered``, ``transfer_answered_by_you``, ``transfer_told_by_badge`` or
        ``transfer_told_by_tablet`` where it is known already.
    """
    row = store.transfer_for_update(work.session, transfer_id)
    if row is None:
        raise KernelError("not_found", what="Forflytningen")
    questions = store.questions_of(work.session, transfer_id)
    mine = next((q for q in questions if q.carer_id == carer_id), None)
    if mine is None:
        raise TransferError("transfer_not_asked")
    if row.carers is not None:
        raise _known_already(row, mine)
    told_at = min(max(at, row.ended_at), work.now) if row.ended_at <= work.now else work.now
    mine.answered_at = told_at
    settle(work, row, answered(store.situation_of_row(row), carers), told_at, asked=[q.carer_id for q in questions])
    return row


def settle(work: Work, row: TransferRow, presence: Presence, at: datetime, asked: Collection[str]) -> None:
    """A transfer became known, or known better, after it was recorded; nobody is asked any longer."""
    was_open = row.carers is None
    row.carers, row.second_carer_s = presence.carers, presence.second_carer_s
    row.evidence, row.settled_at = presence.evidence, at
    work.session.flush()
    work.record(
        TransferAnswered(
            at=at,
            transfer_id=row.id,
            device_id=row.device_id,
            device_kind=cast(TransferDevice, row.kind),
            unit_id=row.unit_id,
            citizen_id=row.citizen_id,
            day=row.day.isoformat(),
            carers=presence.carers,
            second_carer_s=presence.second_carer_s,
            evidence=presence.evidence,
        )
    )
    if was_open:
        work.record(
            *(
                TransferAsked(
                    at=at,
                    unit_id=row.unit_id,
                    carer_id=carer_id,
                    transfer_id=row.id,
                    device_id=row.device_id,
                    open=False,
                )
                for carer_id in asked
            )
        )


def _known_already(row: TransferRow, mine: TransferQuestionRow) -> TransferError:
    if row.evidence != "asked":
        return TransferError(f"transfer_told_by_{row.evidence}", carers=row.carers)
    code = "transfer_answered" if mine.answered_at is None else "transfer_answered_by_you"
    return TransferError(code, clock=clock_text(row.settled_at or row.ended_at), carers=row.carers)

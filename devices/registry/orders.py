"""Work orders: issued and signed, used once, settled. And those the system makes out itself.

An order that mounts or replaces is a message signed by the service (``order_messages``). What it says is also kept
here: the signature keeps a made-up order out, the row keeps a used, withdrawn or foreign one out.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from devices.events import WorkOrderIssued, WorkOrderSettled
from devices.keys.cose import SigningKey, VerifyingKey
from devices.keys.errors import ProtocolError
from devices.keys.errors import SignatureError as _SignatureError
from devices.registry import order_store
from devices.registry.model import DeviceKind
from devices.registry.order_errors import OrderError
from devices.registry.order_messages import (
    NONCE_BYTES,
    SignedOrder,
    from_text,
    is_default_key,
    read_order,
    read_proof,
    sign_order,
)
from devices.registry.tables import WorkOrderRow
from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.localtime import clock_text, day_text, local_day
from kernel.work import Work

Task = Literal["mount", "replace", "battery", "inspect"]
#: tasks that enrol a device and therefore need the signed code
ENROLLING: tuple[Task, ...] = ("mount", "replace")
LONGEST = timedelta(days=60)
#: an order the system makes out itself is reminded of by an alarm, so it may wait
AUTOMATIC_LIFE = timedelta(days=365)
_NUMBER_DIGITS = 8


@dataclass(frozen=True, slots=True)
class NewOrder:
    """Work to order. ``place`` for a home is the citizen's opaque id, for a stairwell its door's."""

    task: Task
    device_kind: DeviceKind
    unit_id: str
    from_at: datetime
    until_at: datetime
    device_id: str | None = None
    citizen_id: str | None = None
    door_id: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to enrol under an order, to be compared with what it binds."""

    task: Task
    device_kind: DeviceKind
    unit_id: str
    citizen_id: str | None = None
    door_id: str | None = None
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Who issues for which tenant, and with what key."""

    tenant: str
    key: SigningKey


def issue(work: Work, at: Place, new: NewOrder, role: str) -> WorkOrderRow:
    """Make out an order and sign it.

    Raises
    ------
    OrderError
        ``order_window``.
    """
    if not new.from_at < new.until_at <= new.from_at + LONGEST or new.until_at <= work.now:
        raise OrderError("order_window", days=LONGEST.days)
    order_id, nonce = new_id(), secrets.token_bytes(NONCE_BYTES)
    signed = None
    if new.task in ENROLLING:
        place = new.door_id or new.citizen_id
        message = SignedOrder(
            order_id, at.tenant, new.task, new.device_kind, new.unit_id, place, nonce, new.from_at, new.until_at
        )
        signed = sign_order(message, at.key)
    row = _row(work, new, order_id, role)
    row.nonce, row.signed = nonce, signed
    return _added(work, row)


def ensure(work: Work, task: Task, device_id: str, kind: DeviceKind, unit_id: str) -> WorkOrderRow | None:
    """An order the system makes out itself, one open at a time for a task and a device. ``None``: there is one."""
    key = f"{task}/{device_id}"
    if order_store.open_with_key(work.session, key) is not None:
        return None
    new = NewOrder(task, kind, unit_id, work.now, work.now + AUTOMATIC_LIFE, device_id=device_id)
    row = _row(work, new, new_id(), None)
    row.open_key = key
    return _added(work, row)


def redeem(work: Work, code: str, services: Collection[VerifyingKey], tenant: str, use: Use) -> WorkOrderRow:
    """Hold an order for one enrolment: believed, ours, unused, in force, and for exactly this.

    The caller enrols in the same transaction and then calls :func:`settle_enrolled`; two who bring the same code at
    the same time come one after the other, and the second finds it used.

    Raises
    ------
    OrderError
        ``order_unreadable``, ``order_forged``, ``order_foreign``, ``order_used``, ``order_cancelled``,
        ``order_early``, ``order_expired``, ``order_other_device``, ``order_other_place``.
    """
    order = _believed(code, services)
    row = order_store.for_update(work.session, order.order_id) if order.tenant == tenant else None
    if row is None:
        raise OrderError("order_foreign")
    _require_unused(row)
    _require_in_force(row, work.now)
    found = (use.task, use.device_kind.value)
    if (row.task, row.device_kind) != found:
        raise OrderError("order_other_device", number=row.number, expected=row.device_kind, found=found[1])
    same_door = row.door_id in (None, use.door_id)
    same = (row.unit_id, row.citizen_id, row.device_id) == (use.unit_id, use.citizen_id, use.device_id)
    if not same or not same_door:
        raise OrderError("order_other_place", number=row.number)
    return row


def proved_key(row: WorkOrderRow, answer: str | None) -> bytes:
    """The public key of a device that answered this very order with a signature by its private half.

    Raises
    ------
    OrderError
        ``proof_missing``, ``proof_wrong``, ``proof_other_order``, ``default_key``.
    """
    if not answer or not answer.strip():
        raise OrderError("proof_missing")
    try:
        proof = read_proof(from_text(answer))
    except ProtocolError as err:
        raise OrderError("proof_wrong") from err
    if proof.order_id != row.order_id or proof.nonce != row.nonce:
        raise OrderError("proof_other_order")
    if is_default_key(proof.public_key):
        raise OrderError("default_key")
    return proof.public_key


def settle_enrolled(work: Work, row: WorkOrderRow, device_id: str, role: str) -> None:
    """The device was enrolled: the order is used up."""
    row.made_device_id = device_id
    _settle(work, row, "done", role, None)


def complete(work: Work, order_id: str, role: str, note: str) -> WorkOrderRow:
    """A person did what a battery or inspection order asks for.

    Raises
    ------
    KernelError
        ``not_found``.
    OrderError
        ``order_used``, ``order_cancelled``, ``order_not_by_hand``.
    """
    row = _held(work, order_id)
    if row.task in ENROLLING:
        raise OrderError("order_not_by_hand", number=row.number)
    _settle(work, row, "done", role, note)
    return row


def cancel(work: Work, order_id: str, role: str) -> WorkOrderRow:
    """Withdraw an order nobody has used. Raises as :func:`complete`, ``order_not_by_hand`` excepted."""
    row = _held(work, order_id)
    _settle(work, row, "cancelled", role, None)
    return row


def settle_for(work: Work, task: Task, device_id: str) -> WorkOrderRow | None:
    """What an automatic order asked for has happened, as the device itself shows."""
    row = order_store.open_with_key(work.session, f"{task}/{device_id}")
    if row is not None:
        _settle(work, row, "done", None, None)
    return row


def _believed(code: str, services: Collection[VerifyingKey]) -> SignedOrder:
    try:
        return read_order(from_text(code), services)
    except _SignatureError as err:
        raise OrderError("order_unreadable" if err.code == "signature_malformed" else "order_forged") from err
    except ProtocolError as err:
        raise OrderError("order_unreadable") from err


def _held(work: Work, order_id: str) -> WorkOrderRow:
    row = order_store.for_update(work.session, order_id)
    if row is None:
        raise KernelError("not_found", what="Arbejdsordren")
    _require_unused(row)
    return row


def _require_unused(row: WorkOrderRow) -> None:
    if row.state == "cancelled":
        raise OrderError("order_cancelled", number=row.number)
    if row.state != "open" and row.settled_at is not None:
        raise OrderError("order_used", number=row.number, **_when(row.settled_at))


def _require_in_force(row: WorkOrderRow, now: datetime) -> None:
    if now < row.from_at:
        raise OrderError("order_early", number=row.number, **_when(row.from_at))
    if now > row.until_at:
        raise OrderError("order_expired", number=row.number, **_when(row.until_at))


def _when(at: datetime) -> dict[str, str]:
    return {"day": day_text(local_day(at)), "clock": clock_text(at)}


def _row(work: Work, new: NewOrder, order_id: str, role: str | None) -> WorkOrderRow:
    return WorkOrderRow(
        order_id=order_id,
        number=f"AO-{order_id[:_NUMBER_DIGITS].upper()}",
        task=new.task,
        device_kind=new.device_kind.value,
        unit_id=new.unit_id,
        device_id=new.device_id,
        citizen_id=new.citizen_id,
        door_id=new.door_id,
        issued_at=work.now,
        issued_by_role=role,
        from_at=new.from_at,
        until_at=new.until_at,
    )


def _added(work: Work, row: WorkOrderRow) -> WorkOrderRow:
    work.session.add(row)
    work.session.flush()
    work.record(
        WorkOrderIssued(
            at=work.now,
            unit_id=row.unit_id,
            order_id=row.order_id,
            task=row.task,
            device_kind=row.device_kind,
            device_id=row.device_id,
            by_role=row.issued_by_role,
        )
    )
    return row


def _settle(work: Work, row: WorkOrderRow, state: str, role: str | None, note: str | None) -> None:
    row.state, row.settled_at, row.settled_by_role, row.note, row.open_key = state, work.now, role, note, None
    work.session.add(row)
    work.session.flush()
    work.record(
        WorkOrderSettled(
            at=work.now,
            unit_id=row.unit_id,
            order_id=row.order_id,
            task=row.task,
            device_id=row.made_device_id or row.device_id,
            done=state == "done",
            by_role=role,
        )
    )

"""Lifts and turning systems across domains: devices say what moved, scheduling says who was there to be asked."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from devices.events import TransferRecorded
from devices.inbox.model import Handler, Incoming, Outgoing
from devices.transfers import presence, questions, service, store
from devices.transfers.errors import TransferError
from devices.transfers.model import Carers, MountedDevice, OpenTransfer, Stay, situation_of
from devices.transfers.rules import ASK_WITHIN, NEAR, nearest
from devices.transfers.tables import TransferRow
from kernel.errors import KernelError
from kernel.events import Event
from kernel.work import Work
from scheduling import residences
from scheduling.events import CitizenEnrolled

#: what the adoption of lifts and turning systems is counted under: a resident with both counts once
TECHNOLOGY = "transfers"


def mount_devices(work: Work, tenant: str, mountings: Sequence[service.Mounting]) -> list[str]:
    """Enrol and mount lifts and turning systems; residents who get their first are enrolled in the technology.

    Raises
    ------
    RegistryError
        ``device_exists``.
    """
    residents = {m.citizen_id: m.unit_id for m in mountings if m.in_residence and m.citizen_id is not None}
    had_one = {d.citizen_id for d in store.mounted_at(work.session, residents)}
    ids = service.mount_devices(work, tenant, mountings)
    work.record(
        *(
            CitizenEnrolled(at=work.now, unit_id=unit_id, citizen_id=citizen_id, technology=TECHNOLOGY)
            for citizen_id, unit_id in residents.items()
            if citizen_id not in had_one
        )
    )
    return ids


def ask_about_transfers(handlers: Mapping[tuple[str, str], Handler]) -> dict[tuple[str, str], Handler]:
    """Handlers of cycles, each followed by the questions about transfers that nothing told about."""
    return {key: _followed(handler) for key, handler in handlers.items()}


def carers_to_ask(
    session: Session, device_id: str, transfers: Sequence[OpenTransfer], now: datetime
) -> dict[str, list[str]]:
    """Whom to ask about transfers of one device: those of the carers on duty whose tablet was nearest, else all.

    In a residence the rota says who was on duty; at home it is the carer whose visit was under way. Where there
    is nobody, or it is too long ago to be remembered, nobody is asked and the transfer stays open.
    """
    recent = [t for t in transfers if t.situation.ended_at >= now - ASK_WITHIN]
    if not recent:
        return {}
    in_house = [t for t in recent if t.in_residence]
    at_home = [t for t in recent if not t.in_residence and t.citizen_id is not None]
    on_duty = residences.on_duty_at(session, {(t.unit_id, t.situation.ended_at) for t in in_house})
    visiting = residences.with_citizens(
        session, {(t.citizen_id or "", t.situation.begun_at, t.situation.ended_at) for t in at_home}
    )
    there = {t.transfer_id: on_duty[t.unit_id, t.situation.ended_at] for t in in_house} | {
        t.transfer_id: visiting[t.citizen_id or "", t.situation.begun_at, t.situation.ended_at] for t in at_home
    }
    first_at, last_at = min(t.situation.begun_at for t in recent), max(t.situation.ended_at for t in recent)
    stays = store.presences_at(session, device_id, first_at - NEAR, last_at + NEAR)
    return {
        t.transfer_id: nearest(t.situation, stays, there[t.transfer_id]) for t in recent if there.get(t.transfer_id)
    }


def answer_transfer(work: Work, carer_id: str, transfer_id: str, carers: Carers, at: datetime) -> TransferRow:
    """A carer says whether they were one or two. Raises as :func:`devices.transfers.questions.answer`."""
    return questions.answer(work, transfer_id, carer_id, carers, at)


def register_presence(work: Work, carer_id: str, device_id: str, at: datetime) -> Stay:
    """A carer's tablet is at a device.

    Raises
    ------
    KernelError
        ``not_found``.
    TransferError
        ``presence_not_here`` where she is neither on duty in the residence nor on a visit to the citizen;
        ``presence_time``.
    """
    device = store.find_mounted(work.session, device_id)
    if device is None:
        raise KernelError("not_found", what="Enheden")
    here = presence.AtDevice(carer_id, device_id, at)
    presence.require_possible(here, work.now)
    if carer_id not in _may_be_at(work.session, device, at):
        raise TransferError("presence_not_here")
    return presence.register(work, here)


def _may_be_at(session: Session, device: MountedDevice, at: datetime) -> list[str]:
    if device.in_residence:
        return residences.on_duty(session, device.unit_id, at)
    key = (device.citizen_id or "", at, at)
    return residences.with_citizens(session, {key})[key]


def _followed(handler: Handler) -> Handler:
    def handle(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        before = len(work.recorded)
        outgoing = handler(work, incoming)
        _ask(work, incoming.device_id, work.recorded[before:])
        return outgoing

    return handle


def _ask(work: Work, device_id: str, recorded: Sequence[Event]) -> None:
    transfers = [_open(e) for e in recorded if isinstance(e, TransferRecorded) and e.carers is None]
    if transfers:
        asked = carers_to_ask(work.session, device_id, transfers, work.now)
        questions.ask(work, asked, {t.transfer_id: (t.device_id, t.unit_id) for t in transfers})


def _open(event: TransferRecorded) -> OpenTransfer:
    return OpenTransfer(
        event.transfer_id,
        event.device_id,
        event.unit_id,
        event.citizen_id,
        event.in_residence,
        situation_of(event.started_at, event.ended_at, event.setup_s),
    )

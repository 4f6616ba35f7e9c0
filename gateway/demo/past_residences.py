"""The lived weeks of the residences: rota, shifts, cycles through the inbox, and what carers said when asked."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random

from sqlmodel import Session, col, select

from devices.inbox.model import Incoming
from devices.inbox.service import Inbox
from devices.registry.store import known_devices
from devices.simulator.lift import SimulatedTransferDevice
from devices.transfers.messages import BadgeSeen
from devices.transfers.model import Carers, transfer_id_of
from devices.transfers.service import cycle_reports, transfer_handlers
from devices.transfers.tables import TransferQuestionRow
from gateway.demo.behaviour import LivedShift
from gateway.demo.municipality import Municipality
from gateway.demo.residence_stage import publish_rota
from gateway.demo.residences import SHIFT_END, SHIFT_START, LivedTransfer
from gateway.runtime import Runtime
from gateway.usecases.transfers import answer_transfer, ask_about_transfers, register_presence
from kernel.localtime import at_local
from kernel.work import Work
from scheduling import shifts
from scheduling.model import Day

#: how often a carer who is asked forgets to answer: the day stays uncounted, and is shown so
FORGOTTEN_RATIO = 0.01
#: a carer lays her tablet beside the device while she sets it up
TABLET_BEFORE = timedelta(minutes=1)
HOME_LIFT_S = (150, 330)


class PastTransfers:
    """Lives the transfers of a day that is over."""

    def __init__(
        self, runtime: Runtime, municipality: Municipality, devices: Mapping[str, SimulatedTransferDevice]
    ) -> None:
        self._runtime = runtime
        self._municipality = municipality
        self._devices = devices
        self._inbox = Inbox(
            runtime.units,
            ask_about_transfers(transfer_handlers()),
            runtime.settings.mqtt.tenant,
            known_devices,
            reports_of=cycle_reports(),
        )
        for device in devices.values():
            device.power_on()

    def begin_day(self, work: Work, on: date) -> None:
        """The rota of the day stands."""
        publish_rota(work, self._municipality.residences, on)

    def live_residences(self, on: date) -> None:
        """Shifts and transfers of the residences; world time is after the shift."""
        residences = self._municipality.residences
        rota = residences.rota(on)
        if not rota:
            return
        begins = {c.id: _minutes_off(self._stream("residence_shift", on, c.id)) for c in rota}
        starts_at, ends_at = at_local(on, SHIFT_START), at_local(on, SHIFT_END)
        transfers = residences.transfers(on)
        with self._runtime.units.begin() as work:
            shifts.start_shifts(work, [shifts.ShiftStart(c.id, on, "base", starts_at + begins[c.id]) for c in rota])
            for transfer in transfers:
                if not transfer.badges and not transfer.asked:
                    for carer in transfer.by:
                        begun_at = transfer.started_at - timedelta(seconds=transfer.setup_s)
                        register_presence(work, carer.id, transfer.device.id, begun_at - TABLET_BEFORE)
        told = {self._cycle(t): t for t in transfers}
        self._send({t.device.id for t in transfers})
        with self._runtime.units.begin() as work:
            self._answer(work, on, told)
            shifts.end_shifts(work, [shifts.ShiftEnd(c.id, on, "base", ends_at + begins[c.id]) for c in rota])

    def live_home_lifts(self, day: Day, lived: Mapping[str, LivedShift]) -> None:
        """The lifts at home, used during the visits of the day."""
        lift_of = {self._municipality.citizens[i].id: lift for i, lift in self._municipality.home_lifts.items()}
        told: dict[str, str] = {}
        for carer_id, shift in sorted(lived.items()):
            for stop in shift.stops:
                visit = day.visit_by_id.get(stop.visit_id)  # type: ignore[call-overload]
                if visit is None or visit.citizen_id not in lift_of or stop.outcome not in ("done", "partly"):
                    continue
                random = self._stream("home_lift", day.on, visit.citizen_id)
                begun_at = stop.arrives_at + (stop.ends_at - stop.arrives_at) / 4
                device = self._devices[lift_of[visit.citizen_id]]
                cycle = device.record(*home_cycle(random, begun_at, stop.ends_at), setup_s=45)
                told[transfer_id_of(device.device_id, device.boot, cycle.seq)] = carer_id
        if not told:
            return
        self._send(set(lift_of.values()))
        with self._runtime.units.begin() as work:
            asked = _asked(work.session, list(told))
            for transfer_id, carer_id in told.items():
                if carer_id in asked.get(transfer_id, ()):
                    answer_transfer(work, carer_id, transfer_id, 1, work.now)

    def _cycle(self, transfer: LivedTransfer) -> str:
        device = self._devices[transfer.device.id]
        cycle = record_transfer(device, transfer)
        return transfer_id_of(device.device_id, device.boot, cycle)

    def _send(self, device_ids: set[str]) -> None:
        tenant, now = self._runtime.settings.mqtt.tenant, self._runtime.clock.now()
        messages = [
            Incoming(tenant, self._devices[i].kind, i, "cycle", batch.encode(), now)
            for i in sorted(device_ids)
            for batch in self._devices[i].batches()
        ]
        for answer in self._inbox.accept(messages).outgoing:
            self._devices[answer.device_id].acknowledge(answer.payload)

    def _answer(self, work: Work, on: date, told: Mapping[str, LivedTransfer]) -> None:
        asked = _asked(work.session, list(told))
        for transfer_id, transfer in told.items():
            carers = asked.get(transfer_id)
            if not carers or self._stream("answer", on, transfer_id).random() < FORGOTTEN_RATIO:
                continue
            told_by = next((c.id for c in transfer.by if c.id in carers), carers[0])
            answer_transfer(work, told_by, transfer_id, how_many(transfer), work.now)

    def _stream(self, *purpose: object) -> Random:
        return self._municipality.stream(*purpose)


def record_transfer(device: SimulatedTransferDevice, transfer: LivedTransfer) -> int:
    """Have a device keep a transfer as it happened. Returns the number of the cycle."""
    begun_at = transfer.started_at - timedelta(seconds=transfer.setup_s)
    badges = [BadgeSeen(c.badge, begun_at, transfer.ended_at) for c in transfer.by] if transfer.badges else []
    cycle = device.record(
        transfer.started_at, transfer.ended_at, setup_s=transfer.setup_s, load_kg=transfer.load_kg, badges=badges
    )
    return cycle.seq


def home_cycle(random: Random, begun_at: datetime, before_at: datetime) -> tuple[datetime, datetime]:
    """When a lift at home is used during a visit: whole seconds, over before the visit is."""
    begun_at = begun_at.replace(microsecond=0)
    return begun_at, min(begun_at + timedelta(seconds=random.randint(*HOME_LIFT_S)), before_at)


def how_many(transfer: LivedTransfer) -> Carers:
    """What those who were there say."""
    return 2 if len(transfer.by) == 2 else 1


def _asked(session: Session, transfer_ids: Sequence[str]) -> dict[str, list[str]]:
    rows = session.exec(
        select(TransferQuestionRow)
        .where(col(TransferQuestionRow.transfer_id).in_(transfer_ids))
        .order_by(col(TransferQuestionRow.carer_id))
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.transfer_id, []).append(row.carer_id)
    return found


def _minutes_off(random: Random) -> timedelta:
    return timedelta(seconds=round(random.uniform(-120, 60)))

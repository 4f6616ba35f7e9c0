"""Mounting lifts and turning systems, giving out badges, and taking in their cycles.

A cycle is taken in once, by ``(device, boot, seq)``, whatever order the batches come in. How many carers were
there is decided from badges and tablets in the same transaction; where they do not tell, the transfer is recorded
without a number and somebody else says whom to ask (``gateway/usecases/transfers.py``).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise

from sqlmodel import Session

from devices.events import TransferDevice, TransferRecorded
from devices.inbox.model import Handler, Incoming, Outgoing, Reason, Refused, Report, ReportsOf, require_not_future
from devices.inbox.report_store import contiguous_seq, store_reports
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from devices.transfers import store
from devices.transfers.messages import ACK, CYCLE, BadgeSeen, Cycle, CycleAck, CycleBatch, read_cycles
from devices.transfers.model import KINDS, MountedDevice, Presence, Situation, Stay, situation_of, transfer_id_of
from devices.transfers.rules import judge
from devices.transfers.tables import TransferBadgeRow, TransferDeviceRow, TransferRow
from devices.transfers.upkeep import note_faults, note_use
from kernel.localtime import local_day
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Mounting:
    """A lift or turning system to mount. A random id is given where none is named.

    ``citizen_id`` is absent for one that several citizens share; then it counts for nobody in particular.
    ``rated_load_kg`` is what its plate says; without it heavier cycles are not counted.
    """

    kind: TransferDevice
    unit_id: str
    citizen_id: str | None
    in_residence: bool
    mounted_on: date
    model: str = ""
    device_id: str | None = None
    rated_load_kg: float | None = None


@dataclass(frozen=True, slots=True)
class BadgeHolder:
    """A badge and the carer who has it, until ``to_at`` or for good."""

    badge: str
    carer_id: str
    from_at: datetime
    to_at: datetime | None = None


def mount_devices(work: Work, tenant: str, mountings: Sequence[Mounting]) -> list[str]:
    """Enrol and mount lifts and turning systems. Returns their ids in the order given.

    Raises
    ------
    RegistryError
        ``device_exists`` if a named id is taken.
    """
    ids = enrol(
        work,
        tenant,
        [Enrolment(DeviceKind(m.kind), m.unit_id, m.model, device_id=m.device_id) for m in mountings],
    )
    rows = [
        {
            "device_id": device_id,
            "kind": m.kind,
            "unit_id": m.unit_id,
            "citizen_id": m.citizen_id,
            "in_residence": m.in_residence,
            "model": m.model,
            "mounted_on": m.mounted_on,
            "rated_load_kg": m.rated_load_kg,
            "ack_boot": -1,
            "ack_seq": 0,
        }
        for device_id, m in zip(ids, mountings, strict=True)
    ]
    store.insert_rows(work.session, TransferDeviceRow, rows)
    return ids


def give_badges(work: Work, holders: Sequence[BadgeHolder]) -> None:
    """Note who has which badge; whoever had one of them before has it no longer."""
    known = store.badge_holders(work.session, {h.badge for h in holders})
    for holder in holders:
        for before in known.get(holder.badge, ()):
            if before.from_at < holder.from_at and (before.to_at is None or before.to_at > holder.from_at):
                before.to_at = holder.from_at
    work.session.flush()
    rows = [{"badge": h.badge, "from_at": h.from_at, "carer_id": h.carer_id, "to_at": h.to_at} for h in holders]
    store.insert_rows(work.session, TransferBadgeRow, rows)


def transfer_handlers() -> dict[tuple[str, str], Handler]:
    """Handlers of the inbox for ``up/cycle`` of both kinds."""
    return {(kind, CYCLE): take_cycles for kind in KINDS}


#: a batch of the inbox is read twice: for its reports, and by the handler
_read = lru_cache(maxsize=1_024)(read_cycles)


def cycle_reports() -> dict[tuple[str, str], ReportsOf]:
    """Which reports such messages bring, so that the inbox can store those of a whole batch at once."""
    return {(kind, CYCLE): _reports for kind in KINDS}


def _reports(incoming: Incoming) -> list[Report]:
    batch = _read(incoming.payload)
    return [_report(incoming, batch, cycle) for cycle in batch.cycles]


def take_cycles(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
    """``up/cycle``: cycles of one start. Answers what of that start is committed, known cycles included."""
    batch = _read(incoming.payload)
    if batch.device_id != incoming.device_id:
        raise Refused(Reason.BROKEN_PAYLOAD, f"the device of the topic, {incoming.device_id}", batch.device_id)
    device = store.device_for_update(work.session, incoming.device_id)
    if device is None:
        raise Refused(Reason.UNKNOWN_DEVICE, "a lift or turning system that is mounted somewhere", "one that is not")
    for cycle in batch.cycles:
        _require_possible(work, device, cycle)
    new = store_reports(work, [_report(incoming, batch, cycle) for cycle in batch.cycles])
    fresh = [c for c in batch.cycles if (device.device_id, batch.boot, c.seq) in new]
    if fresh:
        _take_in(work, store.mounted_of(device), batch.boot, sorted(fresh, key=lambda c: c.seq))
        note_use(device, fresh)
        note_faults(work, device.device_id, device.unit_id)
    ack = _acknowledged(work, device, batch)
    work.session.flush()
    return (Outgoing(incoming.kind, device.device_id, ACK, ack.encode()),)


def _require_possible(work: Work, device: TransferDeviceRow, cycle: Cycle) -> None:
    require_not_future(cycle.ended_at, work.now)
    if local_day(cycle.started_at) < device.mounted_on:
        expected = f"cycles since it was mounted on {device.mounted_on.isoformat()}"
        raise Refused(
            Reason.BROKEN_PAYLOAD, expected, f"cycle {cycle.seq} of {local_day(cycle.started_at).isoformat()}"
        )


def _report(incoming: Incoming, batch: CycleBatch, cycle: Cycle) -> Report:
    alone = CycleBatch(batch.device_id, batch.boot, (cycle,))
    return Report(incoming.device_id, batch.boot, cycle.seq, incoming.kind, CYCLE, incoming.received_at, alone.encode())


def _take_in(work: Work, device: MountedDevice, boot: int, cycles: Sequence[Cycle]) -> None:
    session = work.session
    holders = store.badge_holders(session, {b.badge for c in cycles for b in c.badges})
    situations = _situations(session, device.device_id, cycles)
    first_at, last_at = min(s.begun_at for s in situations), max(s.ended_at for s in situations)
    tablets = store.presences_at(session, device.device_id, first_at, last_at)
    rows, events = [], []
    for cycle, situation in zip(cycles, situations, strict=True):
        badges = [stay for seen in cycle.badges for stay in _stays(seen, holders.get(seen.badge, ()))]
        presence = judge(situation, badges, tablets) if cycle.fault is None else None
        transfer_id = transfer_id_of(device.device_id, boot, cycle.seq)
        rows.append(
            {
                "id": transfer_id,
                "device_id": device.device_id,
                "boot": boot,
                "seq": cycle.seq,
                "kind": device.kind,
                "unit_id": device.unit_id,
                "citizen_id": device.citizen_id,
                "in_residence": device.in_residence,
                "day": local_day(cycle.started_at),
                "begun_at": situation.begun_at,
                "started_at": cycle.started_at,
                "ended_at": cycle.ended_at,
                "setup_s": situation.setup_s(cycle.started_at),
                "load_kg": cycle.load_kg,
                "fault": cycle.fault,
                "carers": presence.carers if presence else None,
                "second_carer_s": presence.second_carer_s if presence else None,
                "evidence": presence.evidence if presence else None,
                "settled_at": work.now if presence else None,
            }
        )
        if cycle.fault is None:
            events.append(_recorded(device, transfer_id, cycle, situation, presence))
    store.insert_rows(session, TransferRow, rows)
    work.record(*events)


def _situations(session: Session, device_id: str, cycles: Sequence[Cycle]) -> list[Situation]:
    """The situation of each cycle. A set-up begins when the cycle before it has ended: no second counts twice."""
    told = [situation_of(c.started_at, c.ended_at, c.setup_s) for c in cycles]
    first_at, last_at = min(s.begun_at for s in told), max(c.started_at for c in cycles)
    own = [c.ended_at for c in cycles if c.started_at < c.ended_at]
    ends = sorted([*store.ends_between(session, device_id, first_at, last_at), *own])
    found = []
    for cycle, situation in zip(cycles, told, strict=True):
        before = bisect_right(ends, cycle.started_at)
        begun_at = max(situation.begun_at, ends[before - 1]) if before else situation.begun_at
        found.append(Situation(begun_at, situation.ended_at))
    return found


def _recorded(
    device: MountedDevice, transfer_id: str, cycle: Cycle, situation: Situation, presence: Presence | None
) -> TransferRecorded:
    return TransferRecorded(
        at=cycle.ended_at,
        transfer_id=transfer_id,
        device_id=device.device_id,
        device_kind=device.kind,
        unit_id=device.unit_id,
        citizen_id=device.citizen_id,
        in_residence=device.in_residence,
        day=local_day(cycle.started_at).isoformat(),
        started_at=cycle.started_at,
        ended_at=cycle.ended_at,
        duration_s=round((cycle.ended_at - cycle.started_at).total_seconds()),
        setup_s=situation.setup_s(cycle.started_at),
        carers=presence.carers if presence else None,
        second_carer_s=presence.second_carer_s if presence else None,
        evidence=presence.evidence if presence else None,
    )


def _stays(seen: BadgeSeen, holders: Sequence[TransferBadgeRow]) -> list[Stay]:
    """A badge that changed hands while it was at the device was there with two people, one after the other."""
    bounds = {seen.from_at, seen.to_at}
    for holder in holders:
        bounds |= {at for at in (holder.from_at, holder.to_at) if at is not None and seen.from_at < at < seen.to_at}
    return [Stay(_holder_at(begins, holders), begins, ends) for begins, ends in pairwise(sorted(bounds))]


def _holder_at(at: datetime, holders: Sequence[TransferBadgeRow]) -> str | None:
    held = [h for h in holders if h.from_at <= at and (h.to_at is None or at < h.to_at)]
    return max(held, key=lambda h: h.from_at).carer_id if held else None


def _acknowledged(work: Work, device: TransferDeviceRow, batch: CycleBatch) -> CycleAck:
    """How far the start's cycles are here without a gap, and which of this batch lie beyond."""
    if batch.boot > device.ack_boot:
        device.ack_boot, device.ack_seq = batch.boot, 0
    upto = device.ack_seq if batch.boot == device.ack_boot else 0
    upto = contiguous_seq(work.session, device.device_id, batch.boot, upto)
    if batch.boot == device.ack_boot:
        device.ack_seq = upto
    return CycleAck(device.device_id, batch.boot, upto, tuple(sorted(c.seq for c in batch.cycles if c.seq > upto)))

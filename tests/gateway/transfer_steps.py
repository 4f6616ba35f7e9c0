"""Lifts as a test mounts them and lets them report."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from devices.events import TransferDevice
from devices.inbox.model import Accepted, Incoming
from devices.transfers.messages import BadgeSeen, Cycle, CycleBatch
from devices.transfers.model import transfer_id_of
from devices.transfers.service import Mounting
from gateway.runtime import Runtime
from gateway.usecases.transfers import mount_devices
from kernel.localtime import local_day


def mount(
    runtime: Runtime,
    device_id: str,
    unit_id: str,
    citizen_id: str | None,
    *,
    kind: TransferDevice = "lift",
    in_residence: bool = True,
) -> str:
    """A lift or turning system that has hung there since yesterday."""
    since_on = local_day(runtime.clock.now()) - timedelta(days=1)
    with runtime.units.begin() as work:
        mounting = Mounting(kind, unit_id, citizen_id, in_residence, since_on, "test-lift", device_id)
        mount_devices(work, runtime.settings.mqtt.tenant, [mounting])
    return device_id


def cycle(seq: int, started_at: datetime, minutes: float = 4, **facts: Any) -> Cycle:
    """A cycle of a few minutes."""
    return Cycle(seq, started_at, started_at + timedelta(minutes=minutes), **facts)


def seen(badge: str, from_at: datetime, minutes: float) -> BadgeSeen:
    """A badge that was there for a while."""
    return BadgeSeen(badge, from_at, from_at + timedelta(minutes=minutes))


def report(runtime: Runtime, device_id: str, cycles: Sequence[Cycle], *, kind: str = "lift", boot: int = 1) -> Accepted:
    """Cycles as they come in from the broker."""
    payload = CycleBatch(device_id, boot, tuple(cycles)).encode()
    tenant = runtime.settings.mqtt.tenant
    return runtime.inbox.accept([Incoming(tenant, kind, device_id, "cycle", payload, runtime.clock.now())])


def transfer_asked_about(runtime: Runtime, device_id: str, unit_id: str) -> dict[str, str]:
    """A lift of a unit and a transfer of it that everybody on duty there is asked about: ids for the matrix."""
    mount(runtime, device_id, unit_id, None)
    report(runtime, device_id, [cycle(1, runtime.clock.now() - timedelta(minutes=4))])
    return {"lift_id": device_id, "transfer_id": transfer_id_of(device_id, 1, 1)}

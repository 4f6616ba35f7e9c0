"""Sets a day up on a running platform: people, locks, identities, routes. Shared by demo and tests."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from sqlmodel import col, select

from devices.keys.cose import VerifyingKey, server_trust
from devices.simulator.behaviour import LockBehaviour
from devices.simulator.fleet import Fleet
from devices.simulator.lock import SimulatedLock
from devices.simulator.near_link import NearLink
from gateway.demo.fleet import MODEL, make_locks
from gateway.demo.identities import add_identities
from gateway.demo.municipality import Municipality
from gateway.demo.residence_stage import staff_of_day
from gateway.runtime import Runtime
from gateway.tables import IdentityRow
from gateway.usecases.days import enrol_locks, import_day, locks_of
from gateway.usecases.plans import publish_plan
from kernel.clock import WorldClock
from scheduling.model import Day, Plan

#: planners plan routes, and residences have none
SEE_RESIDENCES = ("manager", "auditor", "operations", "technician")


def set_up_day(runtime: Runtime, day: Day, plan: Plan | None = None) -> None:
    """Bring a day in, give everybody an identity, and publish a plan if there is one."""
    with runtime.units.begin() as work:
        import_day(work, day)
        known = list(work.session.exec(select(IdentityRow.id)).all())
        add_identities(work, day, known)
    if plan is not None:
        with runtime.units.begin() as work:
            publish_plan(work, day, plan, reason="Dagens plan", expected=None)


def add_staff(runtime: Runtime, municipality: Municipality, day: Day) -> None:
    """Give the carers of the residences an identity; who looks after them sees them besides the centres."""
    residences = municipality.residences
    with runtime.units.begin() as work:
        known = list(work.session.exec(select(IdentityRow.id)).all())
        add_identities(work, replace(day, carers=staff_of_day(residences, day.on)), known)
        for row in work.session.exec(select(IdentityRow).where(col(IdentityRow.role).in_(SEE_RESIDENCES))):
            row.unit_ids = sorted({*row.unit_ids, *(u.id for u in residences.units)})


def mount_locks(
    runtime: Runtime,
    day: Day,
    *,
    seed: int,
    world: WorldClock | None = None,
    behaviour: LockBehaviour | None = None,
) -> dict[str, SimulatedLock]:
    """Make the locks a day names and enrol them with their own keys."""
    service = VerifyingKey(runtime.service_key.public_bytes)
    trust = server_trust([runtime.issuer_key()], [service], [runtime.root_key()])
    locks = make_locks(
        locks_of(day),
        trust,
        seed=seed,
        world=world or runtime.clock,
        link=runtime.link,
        behaviour=behaviour,
    )
    with runtime.units.begin() as work:
        keys = {lock_id: lock.public_key for lock_id, lock in locks.items()}
        enrol_locks(work, runtime.settings.mqtt.tenant, day, keys, MODEL)
    return locks


def connect_locks(
    runtime: Runtime, locks: Iterable[SimulatedLock], *, delay_ratio: float, outages_from: datetime | None
) -> Fleet:
    """Bring locks to the broker; returns when all are connected."""
    fleet = Fleet(
        runtime.address,
        runtime.settings.mqtt.tenant,
        locks,
        runtime.link,
        delay_ratio=delay_ratio,
        outages_from=outages_from,
    )
    fleet.start()
    if not fleet.wait_up(60.0):
        raise TimeoutError(f"Expected every lock to connect within 60 s, got {fleet.up_count}.")
    return fleet


def open_near_links(runtime: Runtime, locks: Fleet) -> NearLink:
    """Let tablets meet these locks without any network; the day's page tells them where."""
    link = NearLink(locks)
    link.start()
    runtime.parts.near_url = link.url
    return link


def on_duty(day: Day, left_out: Collection[str] = ()) -> dict[str, datetime]:
    """When each carer's shift is planned to begin."""
    return {c.id: c.shift_starts_at for c in day.carers if c.id not in left_out}

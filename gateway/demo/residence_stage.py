"""Brings the residences, the lifts and the turning systems of a municipality onto a running platform."""

from datetime import date

from devices.simulator.lift import SimulatedTransferDevice
from devices.transfers.service import BadgeHolder, Mounting, give_badges
from gateway.demo.municipality import Municipality
from gateway.demo.residences import COMPETENCES, SHIFT_END, SHIFT_START, Residences
from gateway.usecases.transfers import mount_devices
from kernel.clock import WorldClock
from kernel.localtime import at_local
from kernel.work import Work
from scheduling.model import Carer, Device, ShiftEnd, Transport
from scheduling.residences import Resident, RotaShift, Staff, import_rota, register_residence

LIFT_MODEL, OLD_LIFT_MODEL, TURNING_MODEL = "ceiling-lift-2", "ceiling-lift-1", "turning-1"
#: a course counts for two years
COURSE_UNTIL = date(2028, 8, 31)


def register_residences(work: Work, residences: Residences, from_on: date) -> None:
    """Put residences, residents and their carers into the register, with courses and badges."""
    for unit in residences.units:
        register_residence(
            work,
            unit,
            [
                Resident(r.id, r.name, r.address, tuple(Device(d.id, d.kind) for d in r.devices))
                for r in residences.residents
                if r.unit_id == unit.id
            ],
            [
                Staff(c.id, c.name, dict.fromkeys(COMPETENCES.values(), COURSE_UNTIL))
                for c in residences.carers
                if c.unit_id == unit.id
            ],
            from_on,
        )
    give_badges(work, [BadgeHolder(c.badge, c.id, at_local(from_on, SHIFT_START)) for c in residences.carers])


def mount_transfer_devices(work: Work, tenant: str, municipality: Municipality, on: date) -> None:
    """Mount the lifts and turning systems of the residences, and the lifts some citizens have at home."""
    mountings = [
        Mounting(d.kind, r.unit_id, r.id, True, on, _model(d.kind, d.reads_badges), d.id)
        for r in municipality.residences.residents
        for d in r.devices
    ]
    mountings += [
        Mounting(
            "lift",
            municipality.citizens[citizen].unit_id,
            municipality.citizens[citizen].id,
            False,
            on,
            LIFT_MODEL,
            lift,
        )
        for citizen, lift in sorted(municipality.home_lifts.items())
    ]
    if mountings:
        mount_devices(work, tenant, mountings)


def transfer_devices(municipality: Municipality, world: WorldClock) -> dict[str, SimulatedTransferDevice]:
    """The simulated devices by id: those of the residences, and the lifts at home."""
    kinds = {d.id: d.kind for r in municipality.residences.residents for d in r.devices}
    kinds |= dict.fromkeys(municipality.home_lifts.values(), "lift")
    return {
        device_id: SimulatedTransferDevice(device_id, kind, world=world, seed=municipality.seed)
        for device_id, kind in sorted(kinds.items())
    }


def publish_rota(work: Work, residences: Residences, on: date) -> None:
    """Store who is on the day shift of each residence."""
    for unit in residences.units:
        shifts = [
            RotaShift(c.id, "day", at_local(on, SHIFT_START), at_local(on, SHIFT_END))
            for c in residences.rota(on)
            if c.unit_id == unit.id
        ]
        import_rota(work, on, unit.id, shifts)


def staff_of_day(residences: Residences, on: date) -> tuple[Carer, ...]:
    """The carers of a day's rota as planning would see them: what an identity is made from."""
    return tuple(
        Carer(
            id=c.id,
            unit_id=c.unit_id,
            name=c.name,
            skills=frozenset(),
            shift_starts_at=at_local(on, SHIFT_START),
            shift_ends_at=at_local(on, SHIFT_END),
            transport=Transport.BIKE,
            starts_from=ShiftEnd.BASE,
            ends_at=ShiftEnd.BASE,
        )
        for c in residences.rota(on)
    )


def _model(kind: str, reads_badges: bool) -> str:
    if kind == "turning":
        return TURNING_MODEL
    return LIFT_MODEL if reads_badges else OLD_LIFT_MODEL

"""A residence on a running platform: three carers on the rota, two residents, their devices, people of the office."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.pins import hash_pin
from gateway.runtime import Runtime
from gateway.tables import IdentityRow
from kernel.ids import UnitId
from kernel.localtime import local_day
from scheduling import residences
from scheduling.model import Place, Unit, UnitKind
from scheduling.residences import Resident, RotaShift, Staff
from tests.gateway.transfer_steps import mount

PIN = "1234"
UNIT = "house-1"


@dataclass(frozen=True)
class ResidenceTown:
    """Names to use: carers *anna*, *bo* and *cecilie* (who has no course), residents, devices, the office."""

    lift: str = "house-lift"
    turning: str = "house-turning"
    carers: tuple[str, str, str] = ("house-anna", "house-bo", "house-cecilie")
    planner: str = "house-planner"
    manager: str = "house-manager"


def build_residence(runtime: Runtime) -> ResidenceTown:
    """Register it all; today's shifts are on the rota from seven to fifteen and not begun."""
    town, now = ResidenceTown(), runtime.clock.now()
    names = ("Anna Lundby", "Bo Lundby", "Cecilie Lundby")
    courses = {"transfer_lift": None, "transfer_turning": local_day(now) - timedelta(days=1)}
    staff = [
        Staff(carer_id, name, courses if name[0] != "C" else {})
        for carer_id, name in zip(town.carers, names, strict=True)
    ]
    unit = Unit(UnitId(UNIT), "Botilbud Prøvehaven", UnitKind.RESIDENCE, Place(lat_deg=55.7, lon_deg=12.5))
    residents = [Resident("resident-1", "Asta Lyng", "Lejlighed 1"), Resident("resident-2", "Bent Lyng", "Lejlighed 2")]
    starts_at = now.replace(minute=0, second=0, microsecond=0)
    with runtime.units.begin() as work:
        residences.register_residence(work, unit, residents, staff, local_day(now) - timedelta(days=30))
        shifts = [RotaShift(c, "day", starts_at, starts_at + timedelta(hours=8)) for c in town.carers]
        residences.import_rota(work, local_day(now), UNIT, shifts)
    for carer_id, name in zip(town.carers, names, strict=True):
        add_person(runtime, carer_id, "carer", UNIT, name)
    for identity, role in ((town.planner, "planner"), (town.manager, "manager")):
        add_person(runtime, identity, role, UNIT)
    mount(runtime, town.lift, UNIT, "resident-1")
    mount(runtime, town.turning, UNIT, "resident-1", kind="turning")
    return town


def add_person(runtime: Runtime, identity: str, role: str, unit_id: str, name: str = "") -> None:
    """Somebody of a unit who may sign in."""
    with runtime.units.begin() as work:
        work.session.add(
            IdentityRow(
                id=identity,
                role=role,
                name=name or identity,
                carer_id=identity if role == "carer" else None,
                unit_ids=[unit_id],
                pin_hash=hash_pin(PIN),
                demo=True,
            )
        )

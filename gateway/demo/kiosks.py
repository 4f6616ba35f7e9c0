"""The kiosks of citizens who are visited by screen: enrolled like any device, signed in by their PIN."""

from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from gateway.demo.identities import DEMO_PIN
from gateway.demo.municipality import Municipality
from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from kernel.work import Work

MODEL = "kiosk-1"


def mount_kiosks(work: Work, tenant: str, municipality: Municipality) -> None:
    """Enrol every kiosk and give it its identity: it sees its one citizen and nothing else."""
    at_home = [(municipality.citizens[i], kiosk) for i, kiosk in sorted(municipality.kiosks.items())]
    enrol(work, tenant, [Enrolment(DeviceKind.KIOSK, c.unit_id, MODEL, device_id=kiosk) for c, kiosk in at_home])
    pin_hash = hash_pin(DEMO_PIN)
    work.session.add_all(
        IdentityRow(
            id=kiosk,
            role="kiosk",
            name=f"Skærm hos {citizen.display_name}"[:80],
            citizen_id=citizen.id,
            unit_ids=[citizen.unit_id],
            pin_hash=pin_hash,
            demo=True,
        )
        for citizen, kiosk in at_home
    )

"""Who may sign in to the demo: every carer, and a few people of the office. All share one PIN."""

from collections.abc import Sequence

from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from kernel.work import Work
from scheduling.model import Day

DEMO_PIN = "1234"
_OFFICE = (
    ("planner", "Planlægger Kirsten Vest", "planner"),
    ("planner-2", "Planlægger Omar Lind", "planner"),
    ("manager", "Leder Hanne Lund", "manager"),
    ("auditor", "Revisor Erik Dahl", "auditor"),
    ("operations", "Drift Jonas Rask", "operations"),
    ("technician", "Tekniker Ida Storm", "technician"),
)


def add_identities(work: Work, day: Day, known: Sequence[str] = ()) -> None:
    """Give everybody on duty that day, and the office, a demo identity; ``known`` ones are left alone."""
    # One hash for all: the PIN is the same and public, and scrypt is meant to be slow.
    pin_hash = hash_pin(DEMO_PIN)
    units: list[str] = sorted(u.id for u in day.units)
    for identity, name, role in _OFFICE:
        if identity not in known:
            work.session.add(
                IdentityRow(id=identity, role=role, name=name, unit_ids=units, pin_hash=pin_hash, demo=True)
            )
    for carer in day.carers:
        if carer.id not in known:
            work.session.add(
                IdentityRow(
                    id=carer.id,
                    role="carer",
                    name=carer.name,
                    carer_id=carer.id,
                    unit_ids=[carer.unit_id],
                    pin_hash=pin_hash,
                    demo=True,
                )
            )

"""Who may sign in to the demo: every carer, a few people of the office, and one home with screen visits.

All share one PIN.
"""

from collections.abc import Sequence

from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from kernel.work import Work
from scheduling.model import Citizen, Day, VisitMode
from scheduling.register.tables import ConsentRow

DEMO_PIN = "1234"
CITIZEN, RELATIVE, KIOSK = "citizen", "relative", "kiosk"
_OFFICE = (
    ("planner", "Planlægger Kirsten Vest", "planner"),
    ("planner-2", "Planlægger Omar Lind", "planner"),
    ("manager", "Leder Hanne Lund", "manager"),
    ("auditor", "Revisor Erik Dahl", "auditor"),
    ("operations", "Drift Jonas Rask", "operations"),
    ("technician", "Tekniker Ida Storm", "technician"),
)


def add_home(work: Work, day: Day, known: Sequence[str] = ()) -> None:
    """Give one citizen with screen visits, a relative of theirs and their screen a demo identity, where there is one.

    The relative may look along because the citizen has said so: the consent is written with the identity.
    """
    if CITIZEN in known:
        return
    home = _home(day)
    if home is None:
        return
    pin_hash = hash_pin(DEMO_PIN)
    people = (
        (CITIZEN, home.display_name, "citizen"),
        (RELATIVE, f"Pårørende til {home.display_name}", "relative"),
        (KIOSK, f"Skærm hos {home.display_name}", "kiosk"),
    )
    for identity, name, role in people:
        work.session.add(
            IdentityRow(
                id=identity,
                role=role,
                name=name[:80],
                citizen_id=home.id,
                unit_ids=[home.unit_id],
                pin_hash=pin_hash,
                demo=True,
            )
        )
    if not any(c.kind == "relative" for c in home.consents):
        work.session.add(ConsentRow(citizen_id=home.id, kind="relative", given_on=day.on))


def _home(day: Day) -> Citizen | None:
    """The citizen to try it with: visited by screen today, with a lock where there is one, the first by id."""
    found = [c for c in day.citizens if any(k.kind == "screen" and k.withdrawn_on is None for k in c.consents)]
    today = {v.citizen_id for v in day.visits if v.mode is VisitMode.SCREEN}
    return min(found, key=lambda c: (c.id not in today, c.door is None or c.door.device_id is None, c.id), default=None)


def add_identities(work: Work, day: Day, known: Sequence[str] = ()) -> None:
    """Give everybody on duty that day, and the office, a demo identity; ``known`` ones are left alone."""
    add_home(work, day, known)
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

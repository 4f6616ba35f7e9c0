"""What the rules ask of a door that a vendor's lock acts on (:mod:`devices.keys.rules`)."""

from datetime import datetime

from sqlmodel import Session

from devices.keys import store
from devices.keys.model import DoorFacts, RightFacts


def vendor_door_facts() -> DoorFacts:
    """A vendor's lock has no epoch of ours, no clock to lose that we know of, and tells no millivolts."""
    return DoorFacts(epoch=0, clock=None, battery_mv=None, battery_empty_mv=0)


def vendor_right_facts(
    session: Session, *, carer_id: str, visit_id: str, door_id: str, key_lost_at: datetime | None
) -> RightFacts | None:
    """The right behind the tap; ``None`` where none is in force.

    No grant stands between a right and a vendor's lock. What stands for the tablet is the shift's key, as far as the
    server knows: once it is void (a lost tablet), so is the right, whoever still has a session.
    """
    right = store.active_right(session, carer_id, visit_id, door_id)
    return None if right is None else RightFacts(0, right.closes_at, key_lost_at)

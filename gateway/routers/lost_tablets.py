"""A planner or operations reports a carer's tablet lost."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases.lost_tablets import block_tablet
from kernel.errors import KernelError
from scheduling.register.tables import CarerRow

router = Router(prefix="/api/v1", tags=["planner"])
Reporter = Annotated[Who, Depends(require(Role.PLANNER, Role.OPERATIONS))]


class TabletLost(BaseModel):
    """Why; it stands in the log and on the planner's list."""

    reason: str = Field(min_length=1, max_length=160)


@router.post("/carers/{carer_id}/tablet-lost")
def tablet_lost(carer_id: str, who: Reporter, parts: PartsDep, body: TabletLost) -> dict[str, Any]:
    """Sign the carer's tablet out and make its key worthless at every door. The shift itself goes on."""
    with parts.database.reading() as session:
        carer = session.get(CarerRow, carer_id)
    if carer is None:
        raise KernelError("not_found", what="Medarbejderen")
    if who.role is Role.PLANNER and not who.sees(carer.unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    blocked = block_tablet(parts, carer_id, carer.unit_id, body.reason.strip())
    return {
        "shift_id": blocked.shift_id,
        "sessions_ended": blocked.sessions_ended,
        "locks_told": blocked.lock_count,
    }

"""Work orders: issued by planner or operations, done by a technician; of one's own units only."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import AwareDatetime, BaseModel, Field

from devices.registry import order_store, orders
from devices.registry.model import DeviceKind
from devices.registry.orders import Place
from devices.registry.tables import WorkOrderRow
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep, WorkDep
from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.routers.technician import require_unit
from gateway.routing import Router
from gateway.usecases.work_orders import Wanted, order_work
from gateway.views.work_orders import order_json
from kernel.errors import KernelError
from kernel.work import Work

router = Router(prefix="/api/v1/work-orders", tags=["technician"])
ISSUERS = (Role.PLANNER, Role.OPERATIONS)
Issuer = Annotated[Who, Depends(require(*ISSUERS))]
Reader = Annotated[Who, Depends(require(*ISSUERS, Role.TECHNICIAN))]
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]
RowNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]
PAGE = 50
#: how long an order holds where nobody says otherwise
USUAL_LIFE = timedelta(days=14)


class Order(BaseModel):
    """Work on a device: mounting a new one at a citizen (or a stairwell's door), or replacing one."""

    task: Literal["mount", "replace"]
    unit_id: str | None = Field(default=None, max_length=64)
    kind: DeviceKind | None = None
    citizen_number: int | None = Field(default=None, ge=1, le=2**31 - 1)
    door_id: str | None = Field(default=None, pattern=r"^[^/?#%\\\x00-\x1f]{1,64}$")
    device_id: str | None = Field(default=None, max_length=64)
    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = None


class Done(BaseModel):
    """What was done, in a few words."""

    note: str = Field(min_length=1, max_length=160)


@router.post("", status_code=201)
def issue(body: Order, who: Issuer, parts: PartsDep) -> dict[str, Any]:
    """Make out an order; the answer holds the signed code for the technician."""
    row = order_for(parts, who, body)
    with parts.database.reading() as session:
        return {"order": order_json(session, row, who.language, with_code=True)}


@router.get("")
def open_orders(
    who: Reader, read: ReadDep, cursor: RowNumber | None = None, state: Literal["open", "done", "cancelled"] = "open"
) -> dict[str, Any]:
    """Orders of one's units, the newest first. Only who issues orders sees their codes."""
    rows, following = order_store.orders(read, who.unit_ids, PAGE, cursor, state)
    with_code = who.role in ISSUERS
    return {"items": [order_json(read, r, who.language, with_code=with_code) for r in rows], "next": following}


@router.post("/{order_id}/cancellation")
def cancel(order_id: str, who: Issuer, work: WorkDep) -> dict[str, Any]:
    """Withdraw an order nobody has used."""
    own_order(work, who, order_id)
    row = orders.cancel(work, order_id, who.role.value)
    return {"order": order_json(work.session, row, who.language)}


@router.post("/{order_id}/completion")
def complete(order_id: str, body: Done, who: Technician, work: WorkDep) -> dict[str, Any]:
    """A battery or inspection order was carried out."""
    own_order(work, who, order_id)
    row = orders.complete(work, order_id, who.role.value, body.note)
    return {"order": order_json(work.session, row, who.language)}


def order_for(parts: Parts, who: Who, body: Order) -> WorkOrderRow:
    """Make out what was asked for, in one's own units."""
    if body.unit_id is not None:
        require_unit(who, body.unit_id)
    with parts.units.begin() as work:
        wanted = Wanted(
            task=body.task,
            unit_id=body.unit_id,
            kind=body.kind,
            citizen_number=body.citizen_number,
            door_id=body.door_id,
            device_id=body.device_id,
            from_at=body.from_at or work.now,
            until_at=body.until_at or (body.from_at or work.now) + USUAL_LIFE,
        )
        place = Place(parts.settings.mqtt.tenant, parts.service_key)
        return order_work(work, place, wanted, who.unit_ids, who.role.value)


def own_order(work: Work, who: Who, order_id: str) -> None:
    """Raises ``not_found`` or ``other_unit``."""
    row = order_store.find(work.session, order_id)
    if row is None:
        raise KernelError("not_found", what="Arbejdsordren")
    if row.unit_id not in who.unit_ids:
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")

"""Work orders on paper: the planner makes them out and hands over the code, the technician ticks them off."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlmodel import Session

from devices.registry import order_store, orders
from devices.registry.model import DeviceKind
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS
from gateway.pages.alarms import open_alarms
from gateway.routers.work_orders import PAGE, Order, order_for, own_order
from gateway.routing import Router
from gateway.views.devices import unit_names
from gateway.views.work_orders import order_json
from gateway.web.catalogue import catalogue
from gateway.web.render import language_of, render
from kernel.errors import DomainError

router = Router(include_in_schema=False)
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]
Cursor = Annotated[int | None, Query(alias="fra", ge=0, le=2**63 - 1)]
PLANNER_PATH, TECHNICIAN_PATH = "/planlaegger/arbejdsordrer", "/tekniker/ordrer"


def _typed(
    task: Annotated[str, Form()] = "",
    unit_id: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    citizen_number: Annotated[str, Form()] = "",
    door_id: Annotated[str, Form()] = "",
    device_id: Annotated[str, Form()] = "",
) -> dict[str, str]:
    """The form as it was typed; what was left out is empty."""
    return {name: value.strip() for name, value in locals().items()}


@router.get(PLANNER_PATH)
def planner_orders(
    request: Request, who: Planner, read: ReadDep, cursor: Cursor = None, made: Annotated[str, Query(alias="ny")] = ""
) -> HTMLResponse:
    """Open orders and the form for a new one; ``?ny=`` shows the code of one that was just made out."""
    return _page(request, who, read, {}, cursor=cursor, made=made)


@router.post(PLANNER_PATH)
def make_out(
    request: Request, who: Planner, parts: PartsDep, form: Annotated[dict[str, str], Depends(_typed)]
) -> Response:
    """Make out an order."""
    replacing = form["task"] == "replace"
    wanted = {k: v for k, v in form.items() if v and (not replacing or k in ("task", "device_id"))}
    try:
        row = order_for(parts, who, Order.model_validate(wanted))
    except ValidationError as err:
        fields = ", ".join(sorted({str(e["loc"][0]) for e in err.errors()}))
        words = catalogue().text(language_of(request), "orders.wrong", fields=fields)
        with parts.database.reading() as read:
            return _page(request, who, read, form, said=words, status=422)
    except DomainError as err:
        with parts.database.reading() as read:
            return _page(request, who, read, form, said=err.text(language_of(request)), status=STATUS[err.kind])
    return RedirectResponse(f"{PLANNER_PATH}?ny={row.order_id}", status_code=303)


@router.post(PLANNER_PATH + "/annullering")
def withdraw(who: Planner, parts: PartsDep, order_id: Annotated[str, Form(max_length=64)]) -> Response:
    """Withdraw an order nobody has used."""
    with parts.units.begin() as work:
        own_order(work, who, order_id)
        orders.cancel(work, order_id, who.role.value)
    return RedirectResponse(PLANNER_PATH, status_code=303)


@router.get(TECHNICIAN_PATH)
def technician_orders(request: Request, who: Technician, read: ReadDep, cursor: Cursor = None) -> HTMLResponse:
    """What there is to do."""
    return _page(request, who, read, {}, cursor=cursor)


@router.post(TECHNICIAN_PATH)
def tick_off(
    who: Technician,
    parts: PartsDep,
    order_id: Annotated[str, Form(max_length=64)],
    note: Annotated[str, Form(min_length=1, max_length=160)],
) -> Response:
    """A battery or inspection order was carried out."""
    with parts.units.begin() as work:
        own_order(work, who, order_id)
        orders.complete(work, order_id, who.role.value, note)
    return RedirectResponse(TECHNICIAN_PATH, status_code=303)


def _page(
    request: Request,
    who: Who,
    read: Session,
    form: dict[str, str],
    *,
    cursor: int | None = None,
    made: str = "",
    said: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    language, issues = language_of(request), who.role is Role.PLANNER
    rows, following = order_store.orders(read, who.unit_ids, PAGE, cursor)
    found = [order_json(read, row, language, with_code=issues) for row in rows]
    shown: dict[str, Any] | None = next((o for o in found if made and o["order_id"] == made), None)
    return render(
        request,
        "aids/orders.html",
        status_code=status,
        frame="aids/office.html" if issues else "technician/frame.html",
        path=PLANNER_PATH if issues else TECHNICIAN_PATH,
        who=who,
        issues=issues,
        orders=found,
        made=shown,
        next=following,
        kinds=[k.value for k in DeviceKind],
        units=unit_names(read, who.unit_ids),
        form=form,
        said=said,
        open_alarms=open_alarms(read, who),
        at=datetime.fromisoformat,
    )

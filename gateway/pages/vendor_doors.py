"""The technician's pages of doors: another maker's lock, stairwells, doors for two; one door. No script needed."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlmodel import Session, col, select

from devices.keys.tables import DoorRow
from devices.keys.vendors.tables import VendorLockRow
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS
from gateway.pages.alarms import open_alarms
from gateway.parts import Parts
from gateway.routers.technician import require_unit
from gateway.routers.vendor_doors import NewVendorLock, own_door, seen_door
from gateway.routing import Router
from gateway.usecases import stairwells, vendor_doors
from gateway.usecases.devices import MountError
from gateway.usecases.vendor_doors import NewLock
from gateway.views.devices import unit_names
from gateway.views.vendor_doors import VENDORS, common_doors, door_json
from gateway.web.catalogue import catalogue
from gateway.web.render import language_of, render
from kernel.errors import DomainError, KernelError

router = Router(include_in_schema=False)
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]
LIST = "/tekniker/doere"
SHOWN = 200
#: what the list of stairwells says for none
NO_STAIRWELL = "-"


def _chosen(
    vendor: Annotated[str, Form()] = "",
    take_down: Annotated[str, Form()] = "",
    stairwell: Annotated[str, Form(max_length=64)] = "",
    behind: Annotated[str, Form()] = "",
    not_behind: Annotated[str, Form(max_length=64)] = "",
    holders: Annotated[str, Form()] = "",
) -> dict[str, str]:
    """What was chosen; everything else is empty."""
    return {name: value.strip() for name, value in locals().items()}


@router.get(LIST)
def doors(request: Request, who: Technician, read: ReadDep) -> HTMLResponse:
    """Doors of one's units with another maker's lock, and the form for listing one more."""
    return _list_page(request, who, read, {})


@router.post(LIST)
def put_lock(
    request: Request,
    who: Technician,
    parts: PartsDep,
    unit_id: Annotated[str, Form()] = "",
    citizen_number: Annotated[str, Form()] = "",
    lock_ref: Annotated[str, Form()] = "",
) -> Response:
    """List a vendor's lock. What does not fit is said beside what was typed."""
    form = {"unit_id": unit_id.strip(), "citizen_number": citizen_number.strip(), "lock_ref": lock_ref.strip()}
    try:
        body = NewVendorLock.model_validate(form)
        require_unit(who, body.unit_id)
        listed = vendor_doors.put_vendor_lock(
            parts, NewLock(body.vendor, body.unit_id, body.citizen_number, body.lock_ref)
        )
    except ValidationError:
        with parts.database.reading() as read:
            said = catalogue().text(language_of(request), "vendors.wrong")
            return _list_page(request, who, read, form, said, 422)
    except DomainError as err:
        with parts.database.reading() as read:
            return _list_page(request, who, read, form, err.text(language_of(request)), STATUS[err.kind])
    return RedirectResponse(f"/tekniker/doer/{listed.door_id}", status_code=303)


@router.get("/tekniker/doer/{door_id}")
def door(
    door_id: str,
    request: Request,
    who: Technician,
    parts: PartsDep,
    read: ReadDep,
    moved: Annotated[int | None, Query(alias="flyttet", ge=0, le=10_000)] = None,
) -> HTMLResponse:
    """One door: what opens it, what it can keep, every lock that hangs or hung there."""
    return _door_page(request, who, parts, read, door_id, moved=moved)


@router.post("/tekniker/doer/{door_id}")
def change(
    door_id: str,
    request: Request,
    who: Technician,
    parts: PartsDep,
    form: Annotated[dict[str, str], Depends(_chosen)],
) -> Response:
    """Move the door to another vendor's lock, take one down, say what lies before or behind it, how many it needs."""
    with parts.database.reading() as read:
        own_door(read, who, door_id)
        ours = {lock["lock_id"] for lock in door_json(read, own_door(read, who, door_id), who.language)["locks"]}
    address = f"/tekniker/doer/{door_id}"
    try:
        if form["take_down"] in ours:
            vendor_doors.take_vendor_lock_down(parts, form["take_down"])
        elif form["vendor"] in VENDORS:
            moved = vendor_doors.move_door(parts, door_id, form["vendor"], who.role.value)
            address += f"?flyttet={max(moved.rights_issued, moved.rights_withdrawn)}"
        elif _change_way(parts, who, door_id, form):
            address += "?gemt=1"
    except DomainError as err:
        with parts.database.reading() as read:
            said = err.text(language_of(request))
            return _door_page(request, who, parts, read, door_id, said=said, status=STATUS[err.kind])
    return RedirectResponse(address, status_code=303)


def _change_way(parts: Parts, who: Who, door_id: str, form: dict[str, str]) -> bool:
    """Stairwell, doors behind, number of carers. Returns whether anything was asked for."""
    role = who.role.value
    if form["stairwell"]:
        chosen = None if form["stairwell"] == NO_STAIRWELL else form["stairwell"]
        stairwells.choose_stairwell(parts, door_id, chosen, role)
    elif form["behind"]:
        if not (form["behind"].isdigit() and len(form["behind"]) <= 9):
            raise MountError("citizen_number_unknown", found=form["behind"])
        stairwells.put_behind(parts, door_id, int(form["behind"]), role)
    elif form["not_behind"]:
        with parts.database.reading() as session:
            if vendor_doors.door_row(session, form["not_behind"]).stairwell_id != door_id:
                raise KernelError("not_found", what="Døren")
        stairwells.choose_stairwell(parts, form["not_behind"], None, role)
    elif form["holders"] in ("1", "2"):
        stairwells.choose_holders(parts, door_id, 2 if form["holders"] == "2" else 1, role)
    else:
        return False
    return True


def _door_page(
    request: Request,
    who: Who,
    parts: PartsDep,
    read: Session,
    door_id: str,
    *,
    moved: int | None = None,
    said: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    seen = seen_door(parts, read, who, door_id)
    others = [row.door_id for row in common_doors(read, [seen["unit_id"]]) if row.door_id != door_id]
    return render(
        request,
        "technician/door.html",
        status_code=status,
        who=who,
        open_alarms=open_alarms(read, who),
        door=seen,
        stairwells=[each for each in others if not seen["behind"] and seen["is_home"]],
        none=NO_STAIRWELL,
        kept=request.query_params.get("gemt") == "1",
        moved=moved,
        said=said,
        at=datetime.fromisoformat,
    )


def _list_page(
    request: Request, who: Who, read: Session, form: dict[str, str], said: str | None = None, status: int = 200
) -> HTMLResponse:
    rows = read.exec(
        select(DoorRow)
        .where(
            col(DoorRow.door_id).in_(select(VendorLockRow.door_id).where(col(VendorLockRow.retired_at).is_(None))),
            col(DoorRow.unit_id).in_(sorted(who.unit_ids)),
        )
        .order_by(col(DoorRow.unit_id), col(DoorRow.door_id))
        .limit(SHOWN)
    ).all()
    return render(
        request,
        "technician/doors.html",
        status_code=status,
        who=who,
        open_alarms=open_alarms(read, who),
        doors=[door_json(read, row, language_of(request)) for row in rows],
        common=[door_json(read, row, language_of(request)) for row in common_doors(read, who.unit_ids)],
        units=unit_names(read, who.unit_ids),
        form=form,
        said=said,
    )

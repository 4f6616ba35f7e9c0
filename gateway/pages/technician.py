"""The technician's pages: devices by kind and unit, one device, mounting, taking down. No script is needed."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlmodel import Session

from devices.alarms import store as alarm_store
from devices.registry import store as registry
from devices.registry.model import DeviceKind
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS, EdgeError
from gateway.pages.alarms import open_alarms
from gateway.routers.aids import device_facts
from gateway.routers.technician import (
    PAGE,
    Enrol,
    Replace,
    Retire,
    device_at_home,
    mount,
    new_device,
    own_device,
    put_in_place,
    require_unit,
    take_down,
)
from gateway.routing import Router
from gateway.usecases.replacements import Replacement
from gateway.views.alarms import alarms_json
from gateway.views.devices import devices_json, door_of_lock, faulty_json, messages_of_units, unit_names
from gateway.web.catalogue import catalogue
from gateway.web.render import language_of, render
from kernel.errors import DomainError
from kernel.localtime import local_day

router = Router(include_in_schema=False)
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]
FAULTY_SHOWN = 20
REASONS = ("replaced", "broken", "taken_down", "stolen", "other")


def _typed(
    kind: Annotated[str, Form()] = "",
    unit_id: Annotated[str, Form()] = "",
    work_order: Annotated[str, Form()] = "",
    model: Annotated[str, Form()] = "",
    citizen_number: Annotated[str, Form()] = "",
    door_id: Annotated[str, Form()] = "",
    device_answer: Annotated[str, Form()] = "",
    own_key_tried: Annotated[str, Form()] = "",
    pin: Annotated[str, Form()] = "",
    reg_no: Annotated[str, Form()] = "",
    rated_load_kg: Annotated[str, Form()] = "",
) -> dict[str, str]:
    """The form as it was typed; what was left out is empty."""
    return {name: value.strip() for name, value in locals().items()}


def _as_typed(name: str, value: str) -> str:
    """A Danish decimal comma is a decimal point to the machine."""
    return value.replace(",", ".") if name == "rated_load_kg" else value


@router.get("/tekniker")
def device_list(
    request: Request,
    who: Technician,
    parts: PartsDep,
    read: ReadDep,
    slags: str = "",
    enhed: str = "",
    fra: Annotated[str, Query(max_length=64)] = "",
    nummer: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Devices in use in one's units. ``?nummer=`` goes straight to one."""
    names = unit_names(read, who.unit_ids)
    unit = enhed if enhed in names else None
    kind = DeviceKind(slags) if slags in tuple(DeviceKind) else None
    wanted = nummer.strip()
    found = registry.find_device(read, wanted) if wanted else None
    if found is not None and found.unit_id in names:
        return RedirectResponse(f"/tekniker/enhed/{found.device_id}", status_code=303)
    page = registry.devices(read, PAGE, fra or None, kind, (unit,) if unit else who.unit_ids)
    return render(
        request,
        "technician/devices.html",
        who=who,
        open_alarms=open_alarms(read, who),
        now=parts.clock.now(),
        faulty=faulty_json(read, (unit,) if unit else who.unit_ids, kind),
        shown=FAULTY_SHOWN,
        devices=devices_json(read, page.devices),
        next=page.next_cursor,
        kinds=[k.value for k in DeviceKind],
        kind=kind.value if kind else "",
        units=names,
        unit=unit or "",
        wanted=wanted,
        messages=messages_of_units(read, who.unit_ids, language_of(request)),
        at=datetime.fromisoformat,
    )


@router.get("/tekniker/enhed/{device_id}")
def one_device(device_id: str, request: Request, who: Technician, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """One device: how it is, where it is, what was set aside."""
    return device_page(request, who, parts, read, device_id)


@router.post("/tekniker/enhed/{device_id}/udtag")
def retire_one(
    device_id: str, request: Request, who: Technician, parts: PartsDep, reason: Annotated[str, Form()] = ""
) -> Response:
    """Take it out of use for good."""
    try:
        chosen = Retire.model_validate({"reason": reason}).reason
    except ValidationError:
        with parts.database.reading() as read:
            return device_page(request, who, parts, read, device_id, "technician.reason_missing", 422)
    with parts.database.reading() as read:
        own_device(read, who, device_id)
    take_down(parts, device_id, chosen)
    return RedirectResponse(f"/tekniker/enhed/{device_id}", status_code=303)


@router.post("/tekniker/enhed/{device_id}/skift")
def replace_one(
    device_id: str,
    request: Request,
    who: Technician,
    parts: PartsDep,
    form: Annotated[dict[str, str], Depends(_typed)],
) -> Response:
    """Change it for another, in one act."""
    try:
        with parts.database.reading() as read:
            own_device(read, who, device_id)
        wanted = {name: form[name] for name in ("work_order", "model", "device_answer", "own_key_tried", "pin")}
        body = Replace.model_validate({name: value for name, value in wanted.items() if value})
        replaced = put_in_place(parts, device_id, Replacement(**body.model_dump()))
    except ValidationError as err:
        wrong = str(err.errors()[0]["loc"][0])
        with parts.database.reading() as read:
            said = catalogue().text(language_of(request), f"technician.wrong.{wrong}")
            return device_page(request, who, parts, read, device_id, status=422, form=form, not_replaced=said)
    except DomainError as err:
        with parts.database.reading() as read:
            said, status = err.text(language_of(request)), STATUS[err.kind]
            return device_page(request, who, parts, read, device_id, status=status, form=form, not_replaced=said)
    return RedirectResponse(f"/tekniker/enhed/{replaced.device.device_id}?ny=1", status_code=303)


@router.get("/tekniker/opret")
def mount_form(
    request: Request,
    who: Technician,
    read: ReadDep,
    slags: str = "lock",
    doer: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """The form for mounting a device of a kind; ``?doer=`` for a lock on a common door."""
    kind = DeviceKind(slags) if slags in tuple(DeviceKind) else DeviceKind.LOCK
    return _mount_page(request, who, read, {"kind": kind.value, "door_id": doer})


@router.post("/tekniker/opret")
def mount_one(
    request: Request, who: Technician, parts: PartsDep, form: Annotated[dict[str, str], Depends(_typed)]
) -> Response:
    """Mount it. What does not fit is said beside what was typed, and nothing is enrolled."""
    try:
        body = Enrol.model_validate({name: _as_typed(name, value) for name, value in form.items() if value})
        require_unit(who, body.unit_id)
        mounted = mount(parts, new_device(body))
    except ValidationError as err:
        wrong = sorted({str(e["loc"][0]) for e in err.errors()})
        with parts.database.reading() as read:
            return _mount_page(request, who, read, form, wrong=wrong, status=422)
    except (DomainError, EdgeError) as err:
        language = language_of(request)
        words = err.text(language) if isinstance(err, DomainError) else (err.da if language == "da" else err.en)
        status = STATUS[err.kind] if isinstance(err, DomainError) else err.status
        with parts.database.reading() as read:
            return _mount_page(request, who, read, form, said=words, status=status)
    return RedirectResponse(f"/tekniker/enhed/{mounted.device.device_id}?ny=1", status_code=303)


def device_page(
    request: Request,
    who: Who,
    parts: PartsDep,
    read: Session,
    device_id: str,
    said: str | None = None,
    status: int = 200,
    form: dict[str, str] | None = None,
    not_replaced: str | None = None,
    not_inspected: str | None = None,
) -> HTMLResponse:
    """A device's page. What was refused is said beside what was typed. Raises as :func:`own_device`."""
    found = own_device(read, who, device_id)
    facts = device_at_home(parts, read, who, found)
    return render(
        request,
        "technician/device.html",
        status_code=status,
        who=who,
        open_alarms=open_alarms(read, who),
        alarms=alarms_json(read, who, alarm_store.alarms(read, who.unit_ids, device_id=device_id).alarms),
        aid=device_facts(read, device_id, local_day(parts.clock.now()), language_of(request)),
        today=local_day(parts.clock.now()).isoformat(),
        form=form or {},
        not_replaced=not_replaced,
        not_inspected=not_inspected,
        on=date.fromisoformat,
        said=said,
        reasons=REASONS,
        door_id=door_of_lock(read, device_id),
        is_new=request.query_params.get("ny") == "1",
        at=datetime.fromisoformat,
        **facts,
    )


def _mount_page(
    request: Request,
    who: Who,
    read: Session,
    form: dict[str, Any],
    *,
    wrong: list[str] | None = None,
    said: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    kind = form.get("kind", "lock")
    return render(
        request,
        "technician/mount.html",
        status_code=status,
        who=who,
        open_alarms=open_alarms(read, who),
        kinds=[k.value for k in DeviceKind],
        kind=kind if kind in tuple(DeviceKind) else "lock",
        units=unit_names(read, who.unit_ids),
        form=form,
        wrong=wrong or [],
        said=said,
    )

"""Lifts for the technician; courses and the inventory of transfers for the planner. No script is needed."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlmodel import Session

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS
from gateway.pages.alarms import open_alarms
from gateway.pages.technician import device_page
from gateway.routers.aids import Course, Inspection, Surveyed, enter_inspection, set_carers
from gateway.routers.technician import require_unit
from gateway.routing import Router
from gateway.views.aids import aids_json, competences_json, inventory_json
from gateway.views.devices import unit_names
from gateway.web.catalogue import catalogue
from gateway.web.render import language_of, render
from kernel.errors import DomainError
from kernel.localtime import local_day
from scheduling import competences, transfer_plans
from scheduling.competences import RECORDED, NewCompetence
from scheduling.transfer_plans import AIDS, SITUATIONS, NewTransfer

router = Router(include_in_schema=False)
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
Technician = Annotated[Who, Depends(require(Role.TECHNICIAN, Role.OPERATIONS))]
AIDS_PATH, COURSES_PATH, PLANS_PATH = (
    "/tekniker/hjaelpemidler",
    "/planlaegger/kompetencer",
    "/planlaegger/forflytninger",
)


def _inspected(
    on: Annotated[str, Form()] = "",
    result: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    every_months: Annotated[str, Form()] = "",
    rated_load_kg: Annotated[str, Form()] = "",
) -> dict[str, str]:
    """The form of an inspection as it was typed; what was left out is empty."""
    return {name: value.strip() for name, value in locals().items()}


@router.get(AIDS_PATH)
def aid_page(request: Request, who: Technician, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """Lifts and turning systems, the nearest inspection first."""
    today = local_day(parts.clock.now())
    found = aids_json(read, who.unit_ids, today, language_of(request))
    return _render(request, "aids/aids.html", who, read, path=AIDS_PATH, aids=found, on=date.fromisoformat)


@router.post("/tekniker/enhed/{device_id}/eftersyn")
def inspect(
    device_id: str,
    request: Request,
    who: Technician,
    parts: PartsDep,
    form: Annotated[dict[str, str], Depends(_inspected)],
) -> Response:
    """Enter a main inspection. What does not fit is said beside what was typed."""
    given = {name: value for name, value in form.items() if value and name != "result"}
    given["rated_load_kg"] = given.get("rated_load_kg", "").replace(",", ".")
    try:
        said = {name: value for name, value in given.items() if value}
        passed = {"passed": {"passed": True, "failed": False}.get(form["result"])}
        body = Inspection.model_validate(said | passed)
        with parts.units.begin() as work:
            enter_inspection(work, who, device_id, body)
    except ValidationError as err:
        wrong = catalogue().text(language_of(request), f"upkeep.wrong.{err.errors()[0]['loc'][0]}")
        with parts.database.reading() as read:
            return device_page(request, who, parts, read, device_id, status=422, form=form, not_inspected=wrong)
    except DomainError as err:
        with parts.database.reading() as read:
            words, status = err.text(language_of(request)), STATUS[err.kind]
            return device_page(request, who, parts, read, device_id, status=status, form=form, not_inspected=words)
    return RedirectResponse(f"/tekniker/enhed/{device_id}#upkeep", status_code=303)


@router.get(COURSES_PATH)
def course_page(
    request: Request,
    who: Planner,
    parts: PartsDep,
    read: ReadDep,
    unit: Annotated[str, Query(alias="enhed", max_length=64)] = "",
) -> HTMLResponse:
    """Carers of a unit by name, with their courses."""
    return _courses(request, who, parts, read, unit)


@router.post(COURSES_PATH)
def enter_course(
    request: Request,
    who: Planner,
    parts: PartsDep,
    unit: Annotated[str, Form(max_length=64)],
    carer_id: Annotated[str, Form(max_length=64)],
    code: Annotated[str, Form(max_length=64)],
    act: Annotated[str, Form(max_length=8)] = "record",
    acquired_on: Annotated[str, Form(max_length=10)] = "",
    valid_until_on: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Enter a course, or end one."""
    said, status = None, 422
    try:
        with parts.units.begin() as work:
            if act == "end":
                competences.end(work, carer_id, code, who.unit_ids, who.role.value)
            else:
                given = {"code": code, "acquired_on": acquired_on, "valid_until_on": valid_until_on or None}
                course = Course.model_validate(given)
                new = NewCompetence(carer_id, course.code, course.acquired_on, course.valid_until_on)
                competences.record(work, new, who.unit_ids, who.role.value)
    except ValidationError:
        said = catalogue().text(language_of(request), "competences.dates")
    except DomainError as err:
        said, status = err.text(language_of(request)), STATUS[err.kind]
    if said is not None:
        with parts.database.reading() as read:
            return _courses(request, who, parts, read, unit, said=said, status=status)
    return RedirectResponse(f"{COURSES_PATH}?enhed={unit}", status_code=303)


@router.get(PLANS_PATH)
def plan_page(request: Request, who: Planner, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """The inventory by unit, with the share converted to one carer."""
    return _plans(request, who, parts, read, {})


@router.post(PLANS_PATH)
def survey(
    request: Request,
    who: Planner,
    parts: PartsDep,
    unit_id: Annotated[str, Form()] = "",
    citizen_number: Annotated[str, Form()] = "",
    situation: Annotated[str, Form()] = "",
    aid: Annotated[str, Form()] = "",
    times_per_day: Annotated[str, Form()] = "",
) -> Response:
    """Put a kind of transfer into the inventory."""
    form = {
        "unit_id": unit_id,
        "citizen_number": citizen_number.strip(),
        "situation": situation,
        "aid": aid,
        "times_per_day": times_per_day.strip(),
    }
    try:
        body = Surveyed.model_validate(form)
        require_unit(who, body.unit_id)
        with parts.units.begin() as work:
            transfer_plans.survey(work, NewTransfer(**body.model_dump()))
    except ValidationError:
        said = catalogue().text(language_of(request), "inventory.wrong")
        with parts.database.reading() as read:
            return _plans(request, who, parts, read, form, said=said, status=422)
    except DomainError as err:
        with parts.database.reading() as read:
            words = err.text(language_of(request))
            return _plans(request, who, parts, read, form, said=words, status=STATUS[err.kind])
    return RedirectResponse(PLANS_PATH, status_code=303)


@router.post(PLANS_PATH + "/antal")
def change_carers(
    request: Request,
    who: Planner,
    parts: PartsDep,
    plan_id: Annotated[str, Form(max_length=64)],
    carers: Annotated[int, Form(ge=1, le=2)],
) -> Response:
    """One carer, if that is allowed, or two; a refusal says why."""
    try:
        with parts.units.begin() as work:
            set_carers(work, who, plan_id, carers)
    except DomainError as err:
        with parts.database.reading() as read:
            words = err.text(language_of(request))
            return _plans(request, who, parts, read, {}, said=words, refused=plan_id, status=STATUS[err.kind])
    return RedirectResponse(PLANS_PATH, status_code=303)


def _courses(
    request: Request,
    who: Who,
    parts: PartsDep,
    read: Session,
    unit: str,
    said: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    units = unit_names(read, who.unit_ids)
    chosen = unit if unit in units else next(iter(units), "")
    learned = competences.register_of(read, (chosen,))
    today = local_day(parts.clock.now())
    facts = {
        "path": COURSES_PATH,
        "units": units,
        "chosen": chosen,
        "carers": competences_json(learned, today),
        "codes": RECORDED,
        "today": today.isoformat(),
        "said": said,
        "on": date.fromisoformat,
    }
    return _render(request, "aids/competences.html", who, read, status, **facts)


def _plans(
    request: Request,
    who: Who,
    parts: PartsDep,
    read: Session,
    form: dict[str, str],
    said: str | None = None,
    refused: str = "",
    status: int = 200,
) -> HTMLResponse:
    rows = transfer_plans.inventory(read, who.unit_ids)
    facts = {
        "path": PLANS_PATH,
        "units": unit_names(read, who.unit_ids),
        "inventory": inventory_json(read, rows, local_day(parts.clock.now())),
        "situations": SITUATIONS,
        "aid_kinds": AIDS,
        "form": form,
        "said": said,
        "refused": refused,
        "on": date.fromisoformat,
    }
    return _render(request, "aids/inventory.html", who, read, status, **facts)


def _render(request: Request, template: str, who: Who, read: Session, status: int = 200, **facts: Any) -> HTMLResponse:
    return render(request, template, status_code=status, who=who, open_alarms=open_alarms(read, who), **facts)

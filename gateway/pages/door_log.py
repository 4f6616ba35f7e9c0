"""The auditor's page: who has opened a citizen's door. A purpose comes first, and the citizen sees the look."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import HTMLResponse

from gateway.deps import PartsDep
from gateway.routers.access_log import Auditor, Purpose, citizen_by_number, read_door_log
from gateway.routing import Router
from gateway.views import citizen as view
from gateway.web.render import render

router = Router(include_in_schema=False)
PURPOSES = ("inspection", "complaint", "request")


@router.get("/leder/doerlog")
def ask(request: Request, who: Auditor, parts: PartsDep) -> HTMLResponse:
    """Which citizen, and for what purpose."""
    return _page(request, who, parts)


@router.post("/leder/doerlog")
def show(
    request: Request,
    who: Auditor,
    parts: PartsDep,
    number: Annotated[int, Form(alias="borger", ge=1, le=10**9)],
    purpose: Annotated[Purpose, Form(alias="formaal")],
) -> HTMLResponse:
    """The openings, the look written down. It is asked for in a form: no citizen's number stands in an address."""
    found = citizen_by_number(parts, who, number)
    if found is None:
        return _page(request, who, parts, number=number, unknown=True)
    citizen, entries = read_door_log(parts, who, found.id, purpose, "page")
    return _page(request, who, parts, number=citizen.short, purpose=purpose, citizen_id=citizen.id, openings=entries)


def _page(request: Request, who: Auditor, parts: PartsDep, **facts: Any) -> HTMLResponse:
    shown = {"number": None, "purpose": None, "openings": None, "citizen_id": None, "unknown": False, **facts}
    return render(
        request,
        "manager/door_log.html",
        who=who,
        now=parts.clock.now(),
        purposes=PURPOSES,
        days_back=view.DAYS_BACK,
        reason_key=view.reason_key,
        at=datetime.fromisoformat,
        **shown,
    )

"""Drift: the page. What it shows comes from the JSON API, kept fresh by the stream."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from devices.registry.model import DeviceKind
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep
from gateway.routing import Router
from gateway.views.audit import audit_view, rule_text
from gateway.web.render import language_of, messages_for_scripts, render

router = Router(include_in_schema=False)


@router.get("/drift")
def operations_page(
    request: Request,
    parts: PartsDep,
    who: Annotated[Who, Depends(require(Role.OPERATIONS, Role.TECHNICIAN))],
) -> HTMLResponse:
    """Parts, jobs, messages set aside and devices. A technician sees neither jobs nor the audit."""
    audit = None
    if who.role is Role.OPERATIONS:
        with parts.database.reading() as session:
            audit = audit_view(session)
    return render(
        request,
        "operations/page.html",
        audit=audit,
        rule_text=rule_text,
        who=who,
        now=parts.clock.now(),
        kinds=[kind.value for kind in DeviceKind],
        messages=messages_for_scripts("operations.", "common.", languages=(language_of(request),)),
    )

"""The list of codes for the day the servers are down: printed in the morning, and locked away."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from devices.keys.codes import in_groups
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep
from gateway.routing import Router
from gateway.usecases.prepared import code_list
from gateway.web.render import render

router = Router(include_in_schema=False)


@router.get("/planlaegger/beredskab")
def codes_page(request: Request, parts: PartsDep, who: Annotated[Who, Depends(require(Role.PLANNER))]) -> HTMLResponse:
    """Codes of today's designated tablets, door by door."""
    found = code_list(parts, who.unit_ids, who.role.value)
    answer = render(
        request,
        "planner/offline_codes.html",
        now=parts.clock.now(),
        carers=found.carers,
        lines=[(line.address, [in_groups(code) for code in line.codes]) for line in found.lines],
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer

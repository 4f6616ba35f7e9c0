"""The accessibility statement, linked from every page."""

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from gateway.auth import public
from gateway.routing import Router
from gateway.web.render import render

router = Router(include_in_schema=False, dependencies=[Depends(public)])


@router.get("/tilgaengelighed")
def accessibility(request: Request) -> HTMLResponse:
    """What is accessible, what is not yet, and whom to tell."""
    return render(request, "start/accessibility.html")

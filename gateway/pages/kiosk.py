"""The citizen's own screen: enrolled once by PIN, then it waits for a call."""

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from gateway.auth import public
from gateway.deps import PartsDep
from gateway.pages.screen import call_page
from gateway.routing import Router

router = Router(include_in_schema=False, dependencies=[Depends(public)])


@router.get("/kiosk")
def kiosk_page(request: Request, parts: PartsDep) -> HTMLResponse:
    """The shell. Without a session it asks for the PIN of its enrolment."""
    messages = ("call.", "kiosk.", "sign_in.", "common.")
    return call_page(request, "kiosk/page.html", parts.settings.duty_phone, messages)

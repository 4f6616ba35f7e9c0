"""The front page: in the demo the running day and the ways in, otherwise the way to signing in."""

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gateway.auth import public
from gateway.routing import Router
from gateway.web.render import language_of, messages_for_scripts, render

router = Router(include_in_schema=False, dependencies=[Depends(public)])


@router.get("/", response_class=HTMLResponse)
def start(request: Request) -> Response:
    """The demo's start page. Outside the demo there is nothing to show before signing in."""
    if not request.app.state.parts.settings.demo:
        return RedirectResponse("/log-ind", status_code=303)
    messages = messages_for_scripts("start.", "common.", languages=[language_of(request)])
    return render(request, "start/index.html", messages=messages)

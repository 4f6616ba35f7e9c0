"""The carer's tablet: a shell without data of its own, and the worker that keeps it for lost networks."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from gateway.auth import public
from gateway.web.assets import assets
from gateway.web.catalogue import LANGUAGES
from gateway.web.render import fragment, messages_for_scripts, render

router = APIRouter(include_in_schema=False, dependencies=[Depends(public)])

_MESSAGES = ("tablet.", "door.", "menu.", "sign_in.", "common.")
_SHELL = (
    "base.css",
    "icon.svg",
    "shared/",
    "tablet/",
    "theme.js",
    "tokens.css",
    "vendor/IBMPlexSans-Regular",
    "vendor/IBMPlexSans-SemiBold",
    "vendor/icons",
)


@router.get("/tablet")
def tablet(request: Request) -> HTMLResponse:
    """The shell. It holds both languages, because it is kept on the tablet and must speak either offline."""
    return render(
        request,
        "tablet/index.html",
        messages=messages_for_scripts(*_MESSAGES, languages=LANGUAGES),
        modules=[name for name in assets().names("shared/", "tablet/") if name.endswith(".js")],
    )


@router.get("/tablet/sw.js")
def service_worker(request: Request) -> Response:
    """The worker. Its text changes with the static files: that is how a browser learns of new ones."""
    files = [assets().url(name) for name in assets().names(*_SHELL) if not name.endswith((".txt", ".md"))]
    return Response(
        fragment(request, "tablet/sw.js", version=assets().version, files=files),
        media_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache", "Service-Worker-Allowed": "/tablet"},
    )

"""Signing in, and choosing a language."""

from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gateway.auth import public
from gateway.routing import Router
from gateway.web.catalogue import LANGUAGES, Language
from gateway.web.render import language_of, messages_for_scripts, render

router = Router(include_in_schema=False, dependencies=[Depends(public)])

_ONE_YEAR_S = 365 * 24 * 3600


@router.get("/log-ind")
def sign_in(request: Request, til: str = "") -> HTMLResponse:
    """Choose who you are and type your PIN, or go to the municipality's own sign-in where there is one.

    ``?rolle=planner`` signs in the demo's first person of that role; ``?til=/planlaegger`` says where to go
    then; ``?hvem=…`` names the screen whose PIN is to be typed.
    """
    messages = messages_for_scripts("sign_in.", "common.", languages=[language_of(request)])
    settings = request.app.state.parts.settings
    provider = getattr(settings, "oidc", None)
    return render(
        request,
        "start/sign_in.html",
        messages=messages,
        provider=bool(provider and provider.issuer),
        to=own_path(til) if til else "",
    )


@router.get("/sprog/{language}")
def choose_language(language: Language, til: str = "/") -> Response:
    """Remember the language and go back to where the choice was made."""
    answer = RedirectResponse(own_path(til), status_code=303)
    if language in LANGUAGES:
        answer.set_cookie("lang", language, max_age=_ONE_YEAR_S, samesite="strict", path="/")
    return answer


def own_path(wanted: str) -> str:
    """A path on this server, or the front page: nobody is sent elsewhere by a link of ours."""
    parts = urlsplit(wanted)
    local = not parts.scheme and not parts.netloc and wanted.startswith("/")
    return wanted if local and not wanted.startswith(("//", "/\\")) else "/"

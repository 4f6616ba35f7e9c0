"""The page behind the link of a screen visit: a shell that knows nothing until the link is redeemed."""

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from gateway.auth import public
from gateway.deps import PartsDep
from gateway.routing import Router
from gateway.web.assets import assets
from gateway.web.catalogue import LANGUAGES
from gateway.web.render import SECURITY_HEADERS, messages_for_scripts, render

router = Router(include_in_schema=False, dependencies=[Depends(public)])

#: a page that calls: camera and microphone for itself alone, never the screen, and no address of ours told elsewhere
CALL_HEADERS = {
    "Content-Security-Policy": SECURITY_HEADERS["Content-Security-Policy"] + "; media-src 'self' blob: mediastream:",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=()",
    "Referrer-Policy": "no-referrer",
}


@router.get("/skaerm")
def screen_page(request: Request, parts: PartsDep) -> HTMLResponse:
    """The shell. Whose visit it is stands in the link's fragment, which no server ever sees."""
    return call_page(request, "screen/page.html", parts.settings.duty_phone, ("call.", "screen.", "common."))


@router.get("/skaerm/ord")
def call_words() -> dict[str, dict[str, str]]:
    """Words a page fetches with what it needs them for: the tablet's call, the citizen's try of sound and picture."""
    return messages_for_scripts("call.", "screen_visit.", "rehearsal.", languages=LANGUAGES)


def call_page(request: Request, template: str, phone: str, messages: tuple[str, ...]) -> HTMLResponse:
    """A citizen's page with the engine of a call. Both languages are in it: leaving it would end the call."""
    page = render(
        request,
        template,
        phone=phone,
        messages=messages_for_scripts(*messages, languages=LANGUAGES),
        modules=[name for name in assets().names("shared/call/") if name.endswith(".js")],
    )
    page.headers.update(CALL_HEADERS)
    return page

"""The carer's tablet: a shell without data of its own, and the worker that keeps it for lost networks."""

from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response

from gateway.auth import public
from gateway.deps import parts_of
from gateway.pages.screen import CALL_HEADERS
from gateway.routing import Router
from gateway.web.assets import assets
from gateway.web.catalogue import LANGUAGES
from gateway.web.render import SECURITY_HEADERS, fragment, messages_for_scripts, render

router = Router(include_in_schema=False, dependencies=[Depends(public)])

#: of signing in only what the tablet says itself: the pages of the identity provider are the server's
_SIGN_IN = tuple(
    f"sign_in.{key}"
    for key in (
        *("heading", "search", "shown_of", "identity", "next", "pin", "demo_pin", "submit", "other", "erase"),
        *("going", "nobody", "this_screen", "role.carer"),
    )
)
_MESSAGES = ("tablet.", "door.", "menu.", *_SIGN_IN, "common.")
#: what a screen visit needs is fetched after the page is up: the worker keeps it, the first paint does not wait for it
LATER = (
    "tablet/driving_log",
    "tablet/mileage",
    "tablet/later_words",
    "tablet/vault",
    "tablet/door.js",
    "tablet/doorkeeper",
    "tablet/keyring",
    "tablet/shell",
    "tablet/emergency",
    "tablet/code_door",
    "tablet/near_",
    "tablet/cbor",
    "tablet/supplies",
    "tablet/prepared",
    "shared/call/",
    "shared/language.js",
    "tablet/screen_visit",
    "tablet/residence",
    "tablet/transfer",
    "tablet/told_together",
    "tablet/asked",
)
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
    answer = render(
        request,
        "tablet/index.html",
        messages=messages_for_scripts(*_MESSAGES, languages=LANGUAGES),
        modules=[
            name for name in assets().names("shared/", "tablet/") if name.endswith(".js") and not name.startswith(LATER)
        ],
    )
    near_url = parts_of(request).near_url
    if near_url:
        answer.headers["Content-Security-Policy"] = with_near_link(near_url)
    answer.headers["Permissions-Policy"] = CALL_HEADERS["Permissions-Policy"]
    return answer


def with_near_link(url: str) -> str:
    """The content policy with one more address to connect to: the carrier's, and nothing else of its host."""
    carrier = urlsplit(url)
    allowed = f"connect-src 'self' {carrier.scheme}://{carrier.netloc}"
    return SECURITY_HEADERS["Content-Security-Policy"].replace("connect-src 'self'", allowed)


@router.get("/tablet/ord")
def words() -> dict[str, dict[str, str]]:
    """The words of the parts that come after the page (residences, emergencies, driving, codes), both languages."""
    prefixes = ("transfer.", "emergency.", "driving_log.", "mileage.", "code.", "lock_said.", "asked.")
    return messages_for_scripts(*prefixes, languages=LANGUAGES)


@router.get("/tablet/sw.js")
def service_worker(request: Request) -> Response:
    """The worker. Its text changes with the static files: that is how a browser learns of new ones."""
    files = [assets().url(name) for name in assets().names(*_SHELL) if not name.endswith((".txt", ".md"))]
    return Response(
        fragment(request, "tablet/sw.js", version=assets().version, files=files),
        media_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache", "Service-Worker-Allowed": "/tablet"},
    )

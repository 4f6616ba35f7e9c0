"""What every request meets first: other origins are turned away, it is counted, it takes its turn."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import errors
from gateway.admission import WAITED_HEADER, Admission
from gateway.observation import Observed
from gateway.parts import Parts


class Edge:
    """The outermost layer, plain ASGI: it neither copies bodies nor starts tasks.

    Parameters
    ----------
    headers
        Set on every answer that does not set them itself. Scripts, styles and fonts say for themselves what they need:
        policies of a document mean nothing there, and a page has fifty of them.
    """

    def __init__(self, app: ASGIApp, parts: Parts, headers: Mapping[str, str]) -> None:
        self._app, self._parts, self._headers = app, parts, dict(headers)
        self._admission = Admission()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; sockets pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        observed = Observed(scope)
        async with AsyncExitStack() as until_it_answers:
            # A stream has had its turn when it begins to answer: it may go on for hours.
            self._parts.open_requests += 1
            until_it_answers.callback(self._answered)
            until_it_answers.callback(observed.end)
            if is_from_elsewhere(Request(scope)):
                await _elsewhere()(scope, receive, self._watched(send, observed, until_it_answers, scope["path"]))
                return
            waited = any(name == WAITED_HEADER for name, _ in scope["headers"])
            await until_it_answers.enter_async_context(self._admission.turn(scope["path"], waited))
            await self._app(scope, receive, self._watched(send, observed, until_it_answers, scope["path"]))

    def _answered(self) -> None:
        self._parts.open_requests -= 1

    def _watched(self, send: Send, observed: Observed, until_it_answers: AsyncExitStack, path: str) -> Send:
        set_on = {} if is_part_of_a_page(path) else self._headers

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                observed.status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in set_on.items():
                    headers.setdefault(name, value)
                await until_it_answers.aclose()
            await send(message)

        return watched


def is_part_of_a_page(path: str) -> bool:
    """Whether an address is that of a script, style or font, which no browser shows by itself."""
    return path.startswith("/static/") and path.endswith((".js", ".css", ".woff2"))


def is_from_elsewhere(request: Request) -> bool:
    """Whether a page of another origin asks for something to be done, with whatever cookies its browser sends.

    Cookies of ours are Strict already; this holds for other origins of the same site too. Browsers say where a form
    comes from in ``Sec-Fetch-Site`` (over HTTPS and on this machine); ``Origin`` is ``null`` for our own forms, whose
    referrer policy is to tell nothing. Programs send neither.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host")


def _elsewhere() -> ASGIApp:
    return errors.problem(
        403,
        "other_origin",
        "Det kan kun gøres fra vores egne sider. Åbn siden igen, og prøv der.",
        "That can be done from our own pages only. Open the page again and try there.",
        {},
    )

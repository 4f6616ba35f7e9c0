"""The web application: routers, pages, errors, and nothing that decides."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from gateway import errors, pages
from gateway.auth import declared_roles
from gateway.observation import observe
from gateway.parts import Parts
from gateway.routers import (
    absences,
    board,
    citizen,
    demo,
    doors,
    driving,
    health,
    jobs,
    lost_tablets,
    me,
    oidc,
    operations,
    screen,
    session,
    signalling,
    stream,
    tasks,
    technician,
    transfers,
)

ROUTERS = (
    *(session, me, doors, board, absences, driving, jobs, operations, stream, transfers, screen, signalling, tasks),
    *(citizen, technician, lost_tablets, oidc, demo, health),
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Only the pages of a call may ask for camera and microphone; nothing may ever capture the screen.
    "Permissions-Policy": "camera=(), microphone=(), display-capture=()",
}


def create_app(parts: Parts) -> FastAPI:
    """The application on its parts.

    Raises
    ------
    RuntimeError
        If a route declares nobody: deny by default means that such an application does not start.
    """
    app = FastAPI(
        title="Omsorgstid",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        responses={"default": errors.DESCRIBED},
    )
    app.state.parts = parts
    errors.install(app)
    app.middleware("http")(_guarded(parts))
    for module in ROUTERS:
        app.include_router(module.router)
    pages.include(app)
    _require_declared(app)
    return app


def _guarded(
    parts: Parts,
) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        parts.open_requests += 1
        try:
            answer = _elsewhere() if _is_from_elsewhere(request) else await observe(request, call_next)
        finally:
            parts.open_requests -= 1
        for name, value in _SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    return guarded


def _is_from_elsewhere(request: Request) -> bool:
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


def _elsewhere() -> Response:
    return errors.problem(
        403,
        "other_origin",
        "Det kan kun gøres fra vores egne sider. Åbn siden igen, og prøv der.",
        "That can be done from our own pages only. Open the page again and try there.",
        {},
    )


def routes_of(app: FastAPI) -> list[RouteContext]:
    """Every route there is, those of included routers too: ``app.routes`` alone does not list them."""
    return list(iter_route_contexts(app.routes))


def silent_routes(app: FastAPI) -> list[str]:
    """Paths of routes that declare nobody. The description of the API is everybody's and declares nothing."""
    return [
        str(route.path)
        for route in routes_of(app)
        if route.path != app.openapi_url and not declared_roles(getattr(route.original_route, "dependant", None))
    ]


def _require_declared(app: FastAPI) -> None:
    silent = silent_routes(app)
    if silent:
        raise RuntimeError(f"Expected every route to declare who may use it, got none on {silent}.")

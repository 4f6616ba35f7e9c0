"""The web application: routers, pages, errors, and nothing that decides."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from gateway import errors, pages
from gateway.auth import declared_roles
from gateway.observation import observe
from gateway.parts import Parts
from gateway.routers import board, demo, doors, health, jobs, me, operations, session, stream

ROUTERS = (session, me, doors, board, jobs, operations, stream, demo, health)
_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app(parts: Parts) -> FastAPI:
    """The application on its parts.

    Raises
    ------
    RuntimeError
        If a route declares nobody: deny by default means that such an application does not start.
    """
    app = FastAPI(
        title="Omsorgstid", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
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
            answer = await observe(request, call_next)
        finally:
            parts.open_requests -= 1
        for name, value in _SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    return guarded


def _require_declared(app: FastAPI) -> None:
    silent = [
        route.path
        for route in app.routes
        if isinstance(route, APIRoute) and not declared_roles(route.dependant)
    ]
    if silent:
        raise RuntimeError(f"Expected every route to declare who may use it, got none on {silent}.")

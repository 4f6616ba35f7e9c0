"""The web application: routers, pages, errors, and nothing that decides."""

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from gateway import errors, pages
from gateway.auth import declared_roles
from gateway.edge import Edge
from gateway.parts import Parts
from gateway.routers import (
    absence_register,
    access_log,
    aids,
    alarms,
    board,
    citizen,
    demo,
    doors,
    driving,
    emergency,
    ferry,
    fhir,
    foresight,
    health,
    jobs,
    leavers,
    lock_settings,
    lost_tablets,
    me,
    mileage,
    offers,
    oidc,
    operations,
    prepared,
    reassignments,
    route_lists,
    screen,
    session,
    signalling,
    stairwells,
    stream,
    tasks,
    technician,
    transfers,
    vendor_doors,
    vendor_webhook,
    visit_facts,
    visits_in,
    why,
    work_orders,
)

# Routes are tried one after the other, and each costs a request twenty microseconds: who stands at a door goes first.
ROUTERS = (
    *(doors, me),
    *(aids, alarms, work_orders, mileage, prepared, vendor_doors, vendor_webhook),
    *(session, board, driving, jobs, operations, stream, transfers, screen, signalling, tasks),
    *(citizen, technician, emergency, leavers, access_log, ferry, lock_settings, lost_tablets, oidc, demo, health),
    *(reassignments, offers, why, foresight, stairwells, visit_facts, visits_in, route_lists, fhir, absence_register),
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
    app.add_middleware(Edge, parts=parts, headers=_SECURITY_HEADERS)
    for module in ROUTERS:
        app.include_router(module.router)
    pages.include(app)
    _require_declared(app)
    return app


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

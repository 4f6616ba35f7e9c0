"""The pages people open. A module of this package with a ``router`` is a page; the others serve one."""

from importlib import import_module
from pkgutil import iter_modules

from fastapi import FastAPI

from gateway.web import assets


def include(app: FastAPI) -> None:
    """Add every page and the static files to the application."""
    for found in iter_modules(__path__):
        router = getattr(import_module(f"{__name__}.{found.name}"), "router", None)
        if router is not None:
            app.include_router(router)
    app.include_router(assets.router)

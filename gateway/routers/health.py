"""Is the process alive, are its parts there, how does it do."""

from typing import Any

from fastapi import Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.auth import public
from gateway.deps import PartsDep
from gateway.observation import LISTENERS, REGISTRY, SIGNALLING_OPEN
from gateway.routing import Router

router = Router(tags=["health"])


@router.get("/healthz", dependencies=[Depends(public)])
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=[Depends(public)])
def readyz(parts: PartsDep, response: Response) -> dict[str, Any]:
    """Every part behind is there; 503 names those that are not."""
    states = {name: check() for name, check in sorted(parts.checks.items())}
    missing = {name: wrong for name, wrong in states.items() if wrong}
    if missing:
        response.status_code = 503
    return {"status": "not ready" if missing else "ok", "parts": {n: w or "ok" for n, w in states.items()}}


@router.get("/metrics", dependencies=[Depends(public)])
def metrics(parts: PartsDep) -> Response:
    """Request metrics of this process. Benefits are told by the exporter alone."""
    LISTENERS.set(parts.tailer.listeners)
    SIGNALLING_OPEN.set(parts.video.hub.open_sockets)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

"""Routes whose requests are tried again where the database gave another one the way."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from gateway.observation import TRIED_AGAIN
from kernel.attempts import PAUSES_S, ChosenVictimError, attempt

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Router(APIRouter):
    """What every module with routes makes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=_PatientRoute, **options)


class _PatientRoute(APIRoute):
    """A request that was chosen as the victim of a deadlock begins again, unless a part of it was committed."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def patiently(request: Request) -> Response:
            for pause_s in PAUSES_S:
                with attempt() as tried:
                    try:
                        return await _once(handle, request)
                    except ChosenVictimError:
                        if tried.has_kept or _is_spent(request):
                            raise
                TRIED_AGAIN.inc()
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - so that two do not meet again
            return await _once(handle, request)

        return patiently


async def _once(handle: Handler, request: Request) -> Response:
    # A unit of work of the request is committed when this stack closes. FastAPI's own one closes outside of what a
    # route can wrap: what is raised there could be told, but not tried again. (tests/gateway/test_deadlocks.py)
    async with AsyncExitStack() as until_committed:
        request.scope["fastapi_function_astack"] = until_committed
        return await handle(request)


def _is_spent(request: Request) -> bool:
    """Whether its body can be read once only: files are closed after the first try."""
    return request.headers.get("content-type", "").startswith("multipart/")

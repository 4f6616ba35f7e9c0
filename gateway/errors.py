"""From error codes to HTTP: RFC 9457 problem details with Danish and English text."""

from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from kernel.errors import DomainError, ErrorKind, KernelError

log = structlog.get_logger(__name__)

STATUS = {
    ErrorKind.INVALID: 422,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.STALE: 412,
    ErrorKind.UNAVAILABLE: 503,
}
#: fields whose content is never sent back, however wrong it is
_SECRET = frozenset({"pin", "token", "signature"})
_PLAIN = {
    401: ("not_signed_in", "Log ind først.", "Sign in first."),
    403: ("not_allowed", "Det har du ikke adgang til.", "You do not have access to that."),
    404: ("no_such_page", "Siden findes ikke.", "There is no such page."),
    405: ("method_not_allowed", "Det kan man ikke gøre her.", "That cannot be done here."),
}


#: every refusal in the description of the API: the form in which :func:`problem` sends it
DESCRIBED: dict[str, Any] = {
    "description": "Refused: a problem document (RFC 9457) with a stable code and both languages.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "code", "detail_da", "detail_en", "facts"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "code": {"type": "string"},
                    "detail_da": {"type": "string"},
                    "detail_en": {"type": "string"},
                    "facts": {"type": "object"},
                },
            }
        }
    },
}


class EdgeError(Exception):
    """A problem of the edge itself (session, headers), with its status."""

    def __init__(self, status: int, code: str, da: str, en: str, **facts: object) -> None:
        super().__init__(code)
        self.status, self.code, self.da, self.en, self.facts = status, code, da, en, facts


def problem(status: int, code: str, da: str, en: str, facts: dict[str, Any]) -> JSONResponse:
    """A problem document."""
    body = _document(status, code, da, en, facts)
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def refusal(err: DomainError | EdgeError) -> tuple[int, dict[str, Any]]:
    """Status and problem document of a refusal, for an answer that carries several."""
    if isinstance(err, EdgeError):
        return err.status, _document(err.status, err.code, err.da, err.en, err.facts)
    return STATUS[err.kind], _document(STATUS[err.kind], err.code, err.text("da"), err.text("en"), err.facts)


def _document(status: int, code: str, da: str, en: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": f"urn:omsorgstid:problem:{code}",
        "title": da,
        "status": status,
        "code": code,
        "detail_da": da,
        "detail_en": en,
        "facts": {k: v if isinstance(v, int | float | bool | list | dict) else str(v) for k, v in facts.items()},
    }


def install(app: FastAPI) -> None:
    """Answer every error as a problem document; nothing of the inside leaks."""

    @app.exception_handler(DomainError)
    async def domain_error(_request: Request, err: Exception) -> JSONResponse:
        assert isinstance(err, DomainError)  # noqa: S101 - the registration above guarantees it
        return problem(STATUS[err.kind], err.code, err.text("da"), err.text("en"), err.facts)

    @app.exception_handler(EdgeError)
    async def edge_problem(request: Request, err: Exception) -> Response:
        assert isinstance(err, EdgeError)  # noqa: S101 - the registration above guarantees it
        if err.status == 401 and not request.url.path.startswith("/api/") and request.method == "GET":
            # A page, not a program, is asking: the way on is to sign in and come back.
            here = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
            return RedirectResponse(f"/log-ind?til={here}", status_code=303)
        return problem(err.status, err.code, err.da, err.en, err.facts)

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, err: Exception) -> JSONResponse:
        assert isinstance(err, HTTPException)  # noqa: S101 - the registration above guarantees it
        code, da, en = _PLAIN.get(err.status_code, ("http_error", "Det gik ikke.", "That did not work."))
        return problem(err.status_code, code, da, en, {})

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, err: Exception) -> JSONResponse:
        assert isinstance(err, RequestValidationError)  # noqa: S101 - the registration above guarantees it
        wrong = [
            {
                "path": "/".join(str(p) for p in e["loc"]),
                "expected": e["msg"],
                "found": "…" if _SECRET.intersection(e["loc"]) else repr(e.get("input"))[:80],
            }
            for e in err.errors()
        ]
        where = ", ".join(w["path"] for w in wrong)
        return problem(
            422,
            "invalid_input",
            f"Noget i det sendte passer ikke: {where}.",
            f"Something sent does not fit: {where}.",
            {"problems": wrong},
        )

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeoutError)
    async def database_away(request: Request, err: Exception) -> JSONResponse:
        log.error("database_away", path=request.scope.get("route", None) and request.scope["route"].path, exc_info=err)
        busy = KernelError("database_busy")
        return problem(STATUS[busy.kind], busy.code, busy.text("da"), busy.text("en"), {})

    @app.exception_handler(Exception)
    async def unexpected(request: Request, err: Exception) -> JSONResponse:
        log.exception("request_failed", path=request.scope.get("route", None) and request.scope["route"].path)
        return problem(
            500,
            "internal",
            "Der er sket en fejl hos os. Prøv igen, eller ring til vagttelefonen.",
            "Something went wrong on our side. Try again or call the duty phone.",
            {"kind": type(err).__name__},
        )

"""The way to the municipality's identity provider and back, and the way out."""

import hashlib
import secrets
import time
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import delete
from sqlmodel import col

from gateway import auth, sessions
from gateway.auth import cookie_of, public, surface_of_path
from gateway.deps import PartsDep
from gateway.errors import STATUS, EdgeError
from gateway.oidc import Departure, Provider, SignInError
from gateway.pages.sign_in import own_path
from gateway.parts import Parts
from gateway.routing import Router
from gateway.tables import SignInRow
from gateway.usecases.identities import identity_of
from gateway.web.render import language_of, render
from kernel.errors import DomainError

router = Router(include_in_schema=False, dependencies=[Depends(public)])

_COOKIE = "omsorgstid_sign_in"
_PATH = "/log-ind/oidc"
_ON_THE_WAY_S = 600.0
_HOMES = {
    "planner": "/planlaegger",
    "manager": "/leder",
    "auditor": "/leder",
    "operations": "/drift",
    "technician": "/tekniker",
    "citizen": "/mit",
    "relative": "/mit",
}


@router.get("/log-ind/oidc")
def leave(request: Request, parts: PartsDep, til: Annotated[str, Query(max_length=400)] = "/") -> Response:
    """Send somebody to the provider, and remember in this browser that it left."""
    provider = _provider(parts)
    try:
        departure = provider.leave(_own_address(request, parts))
    except SignInError as err:
        return _refused(request, err)
    token = secrets.token_urlsafe(32)
    with parts.units.begin() as work:
        work.session.execute(delete(SignInRow).where(col(SignInRow.expires_s) < time.time()))
        work.session.add(
            SignInRow(
                token_hash=_hashed(token),
                state=departure.state,
                nonce=departure.nonce,
                verifier=departure.verifier,
                to=own_path(til),
                expires_s=time.time() + _ON_THE_WAY_S,
            )
        )
    answer = RedirectResponse(departure.address, status_code=303)
    # Lax and not Strict: coming back from the provider is a step from another site.
    answer.set_cookie(
        _COOKIE,
        token,
        max_age=int(_ON_THE_WAY_S),
        httponly=True,
        samesite="lax",
        secure=parts.settings.http.secure_cookies,
        path=_PATH,
    )
    return answer


@router.get("/log-ind/oidc/svar")
def come_back(
    request: Request,
    parts: PartsDep,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=2000)] = "",
    iss: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Check what came back, and open a session on the surface the person wanted."""
    provider = _provider(parts)
    try:
        left = _used_up(parts, request.cookies.get(_COOKIE, ""))
        if left is None or not secrets.compare_digest(left.state.encode(), state.encode()):
            raise SignInError("sign_in_stale")
        if not code:
            raise SignInError("sign_in_declined")
        claims = provider.claims(code, iss, left.nonce, left.verifier, _own_address(request, parts))
        with parts.units.begin() as work:
            row = identity_of(work, parts.settings.oidc, claims, surface_of_path(left.address))
            home = _HOMES[row.role]
            surface = surface_of_path(left.address) or surface_of_path(home)
            token = sessions.open_session(work, row, surface)
    except (DomainError, EdgeError) as err:
        return _refused(request, err)
    # A page and not a redirect: a Strict cookie is not sent on a step that another site began.
    to = left.address if surface_of_path(left.address) else home
    answer = render(request, "start/signed_in.html", to=to)
    answer.delete_cookie(_COOKIE, path=_PATH)
    answer.set_cookie(
        cookie_of(surface),
        token,
        httponly=True,
        samesite="strict",
        secure=parts.settings.http.secure_cookies,
        path="/",
    )
    return answer


@router.post("/log-ud")
def sign_out(request: Request, parts: PartsDep, flade: Annotated[str, Query(max_length=16)] = "") -> HTMLResponse:
    """Sign out of one surface, and show the way to signing out of the provider."""
    name = cookie_of(flade if flade in auth.SURFACES else "")
    token = request.cookies.get(name)
    if token:
        with parts.units.begin() as work:
            sessions.sign_out(work, token)
    back = _own_address(request, parts).removesuffix("/log-ind/oidc/svar") + "/log-ind"
    elsewhere = parts.identity_provider.sign_out_address(back) if parts.identity_provider else None
    answer = render(request, "start/signed_out.html", elsewhere=elsewhere)
    answer.delete_cookie(name, path="/")
    return answer


def _provider(parts: Parts) -> Provider:
    if parts.identity_provider is None:
        raise EdgeError(
            404,
            "no_provider",
            "Her logges ind med kode. Gå til /log-ind.",
            "Sign in with a code here. Go to /log-ind.",
        )
    return parts.identity_provider


def _used_up(parts: Parts, token: str) -> Departure | None:
    """What this browser left with, its address being the page it wanted. It is used up, whatever becomes of it."""
    with parts.units.begin() as work:
        row = work.session.get(SignInRow, _hashed(token), with_for_update=True)
        if row is None:
            return None
        work.session.delete(row)
        left = Departure(row.to, row.state, row.nonce, row.verifier)
        return left if row.expires_s >= time.time() else None


def _refused(request: Request, err: DomainError | EdgeError) -> HTMLResponse:
    language = language_of(request)
    if isinstance(err, DomainError):
        status, words = STATUS[err.kind], err.text(language)
    else:
        status, words = err.status, err.da if language == "da" else err.en
    return render(request, "start/sign_in_refused.html", status_code=status, words=words, code=err.code)


def _own_address(request: Request, parts: Parts) -> str:
    return parts.settings.oidc.redirect_url or f"{request.base_url}log-ind/oidc/svar"


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""Who is asking, and may they? Everything is denied that no route declares allowed."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Request
from sqlmodel import Session

from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.pins import pin_matches
from gateway.tables import IdentityRow, SessionRow
from kernel.work import Work

_COOKIE = "omsorgstid_session"
#: each surface has a session of its own, so that a planner in one tab and a carer in another do not meet
_SURFACE_OF_PATH = {
    "/planlaegger": "planner",
    "/koerebog": "planner",
    "/leder": "manager",
    "/drift": "operations",
    "/tablet": "tablet",
    "/tekniker": "technician",
    "/mit": "citizen",
    "/kiosk": "kiosk",
    "/skaerm": "call",
}
SURFACES = frozenset(_SURFACE_OF_PATH.values())
SESSION_S = 12 * 3600.0
MAX_FAILURES = 5
LOCKOUT_S = 300.0


class Role(StrEnum):
    """What somebody does here."""

    CARER = "carer"
    PLANNER = "planner"
    MANAGER = "manager"
    OPERATIONS = "operations"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"
    #: a citizen who has logged in, and a relative with the citizen's consent
    CITIZEN = "citizen"
    RELATIVE = "relative"
    #: the enrolled tablet on a citizen's table
    KIOSK = "kiosk"
    #: whoever redeemed the link of one screen visit: that visit's call and nothing else
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Who:
    """The signed-in person of a request. ``unit_ids`` bound what they see.

    ``citizen_id`` is whose home it is about: a citizen's, relative's, kiosk's or link's session sees that one
    citizen only. ``room_id`` binds the session of a link to one screen visit.
    """

    identity_id: str
    role: Role
    name: str
    carer_id: str | None
    unit_ids: tuple[str, ...]
    language: str
    citizen_id: str | None = None
    room_id: str | None = None

    def sees(self, unit_id: str | None) -> bool:
        """Whether a unit's data are this person's to see. What belongs to no unit is operations'."""
        if unit_id is None:
            return self.role in (Role.OPERATIONS, Role.PLANNER, Role.MANAGER)
        return unit_id in self.unit_ids


def sign_in(work: Work, identity_id: str, pin: str, *, demo_allowed: bool) -> tuple[str, IdentityRow] | None:
    """Open a session. Returns the token and the identity, or ``None`` for a wrong PIN (counted).

    Raises
    ------
    EdgeError
        ``locked_out`` after too many wrong PINs; ``demo_refused`` for a demo identity outside the demo.
    """
    row = work.session.get(IdentityRow, identity_id, with_for_update=True)
    if row is None:
        return None
    if row.demo and not demo_allowed:
        raise EdgeError(
            403, "demo_refused", "Demo-brugere virker kun i demoen.", "Demo identities work in the demo only."
        )
    now_s = time.time()
    if row.locked_until_s > now_s:
        minutes = int((row.locked_until_s - now_s) // 60) + 1
        raise EdgeError(
            403,
            "locked_out",
            f"For mange forkerte koder. Prøv igen om {minutes} min, eller ring til vagttelefonen.",
            f"Too many wrong codes. Try again in {minutes} min or call the duty phone.",
        )
    work.session.add(row)
    if not pin_matches(pin, row.pin_hash):
        row.failed_count += 1
        if row.failed_count >= MAX_FAILURES:
            row.failed_count, row.locked_until_s = 0, now_s + LOCKOUT_S
        return None
    row.failed_count = 0
    token = secrets.token_urlsafe(32)
    work.session.add(
        SessionRow(token_hash=_hashed(token), identity_id=row.id, created_at=work.now, expires_s=now_s + SESSION_S)
    )
    return token, row


def open_link_session(work: Work, *, room_id: str, citizen_id: str, unit_id: str, expires_s: float) -> str:
    """Open the session of a redeemed link: bound to one screen visit. Returns the token.

    Parameters
    ----------
    expires_s
        Seconds since the epoch of the machine's clock; the room may end the session earlier.
    """
    token = secrets.token_urlsafe(32)
    work.session.add(
        SessionRow(
            token_hash=_hashed(token),
            identity_id="",
            created_at=work.now,
            expires_s=expires_s,
            room_id=room_id,
            citizen_id=citizen_id,
            unit_id=unit_id,
        )
    )
    return token


def sign_out(work: Work, token: str) -> None:
    """Close a session."""
    row = work.session.get(SessionRow, _hashed(token))
    if row is not None:
        work.session.delete(row)


def who(session: Session, token: str | None, language: str, *, demo_allowed: bool) -> Who | None:
    """The person behind a session token, if the session still holds. A demo's sessions end with the demo."""
    if not token:
        return None
    row = session.get(SessionRow, _hashed(token))
    if row is None or row.expires_s < time.time():
        return None
    if row.room_id is not None:
        units = (row.unit_id,) if row.unit_id else ()
        return Who("", Role.LINK, "", None, units, language, row.citizen_id, row.room_id)
    identity = session.get(IdentityRow, row.identity_id)
    if identity is None or (identity.demo and not demo_allowed):
        return None
    return Who(
        identity.id,
        Role(identity.role),
        identity.name,
        identity.carer_id,
        tuple(identity.unit_ids),
        language,
        identity.citizen_id,
    )


def require(*roles: Role) -> Callable[[Request], Who]:
    """A dependency that lets only these roles through."""

    def check(request: Request) -> Who:
        found = current(request)
        if found is None:
            raise EdgeError(401, "not_signed_in", "Log ind først.", "Sign in first.")
        if found.role not in roles:
            raise EdgeError(403, "not_allowed", "Det har du ikke adgang til.", "You do not have access to that.")
        return found

    check.__dict__["roles"] = frozenset(roles)
    return check


def public(_request: Request) -> None:
    """A dependency that declares a route open to everybody. Nothing is public by accident."""


public.__dict__["roles"] = None


def cookie_name(request: Request) -> str:
    """The session cookie of the surface a request comes from: its header, its query, or the page's path."""
    surface = request.headers.get("x-surface") or request.query_params.get("surface") or ""
    if surface not in SURFACES:
        first = "/" + request.url.path.lstrip("/").split("/", 1)[0]
        surface = _SURFACE_OF_PATH.get(first, "")
    return f"{_COOKIE}_{surface}" if surface else _COOKIE


def session_token(request: Request) -> str | None:
    """The session token of a request. One that names no surface gets the only session there is, if any."""
    name = cookie_name(request)
    if name != _COOKIE or name in request.cookies:
        return request.cookies.get(name)
    held = [f"{_COOKIE}_{surface}" for surface in sorted(SURFACES) if f"{_COOKIE}_{surface}" in request.cookies]
    return request.cookies[held[0]] if len(held) == 1 else None


def current(request: Request) -> Who | None:
    """The signed-in person of a request, if any. Read once a request."""
    if not hasattr(request.state, "who"):
        parts: Parts = request.app.state.parts
        language = request.cookies.get("lang", parts.settings.language)
        with parts.database.reading() as session:
            request.state.who = who(
                session,
                session_token(request),
                "en" if language == "en" else "da",
                demo_allowed=parts.settings.demo,
            )
    found: Who | None = request.state.who
    return found


def still_signed_in(request: Request) -> bool:
    """Whether the session of a request that lasts (a stream) holds even now."""
    parts: Parts = request.app.state.parts
    with parts.database.reading() as session:
        token = session_token(request)
        return who(session, token, "da", demo_allowed=parts.settings.demo) is not None


def declared_roles(dependant: Any) -> list[frozenset[Role] | None]:
    """What a route's dependency tree declares: role sets, or ``None`` for public. Empty: nothing declared."""
    found: list[frozenset[Role] | None] = []
    call = getattr(dependant, "call", None)
    if call is not None and "roles" in getattr(call, "__dict__", {}):
        found.append(call.__dict__["roles"])
    for inner in getattr(dependant, "dependencies", ()):
        found.extend(declared_roles(inner))
    return found


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

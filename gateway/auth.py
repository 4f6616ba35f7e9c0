"""Who is asking, and may they? Everything is denied that no route declares allowed."""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, cast

from fastapi.requests import HTTPConnection
from sqlalchemy import update
from sqlmodel import Session, col, select

from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.pins import pin_matches
from gateway.tables import IdentityRow, SessionRow
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.consents import consent_holds

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
#: the screen on a citizen's table stands there signed in; what it shows besides calls needs the PIN each time
KIOSK_SESSION_S = 90 * 24 * 3600.0
KIOSK_GLANCE_S = 600.0
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


#: who goes on signing in with a PIN where the municipality has an identity provider: the devices handed out
PIN_ROLES = frozenset({Role.CARER, Role.KIOSK})
#: why a session was ended by somebody else, said to the browser that still holds it
ENDED = {
    "tablet_lost": (
        "Tabletten er meldt tabt og er logget ud. Den åbner ingen døre mere. Er den fundet, så ring til vagttelefonen.",
        "The tablet was reported lost and is signed out. It opens no doors any more. If it was found, call the duty "
        "phone.",
    ),
    "consent_withdrawn": (
        "Borgeren har trukket sit samtykke tilbage. Du kan ikke længere se med.",
        "The citizen has withdrawn the consent. You can no longer look along.",
    ),
    "employment_ended": (
        "Din adgang er ophørt, fordi du er stoppet. Er det en fejl, så ring til din leder.",
        "Your access has ended because you have left. If that is a mistake, call your manager.",
    ),
    "device_retired": (
        "Skærmen er taget ud af drift. Ring til hjemmeplejen.",
        "The screen was taken out of use. Call the home care.",
    ),
}


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
    #: the part of the system the session was opened on
    surface: str = ""

    def sees(self, unit_id: str | None) -> bool:
        """Whether a unit's data are this person's to see. What belongs to no unit is operations'."""
        if unit_id is None:
            return self.role in (Role.OPERATIONS, Role.PLANNER, Role.MANAGER)
        return unit_id in self.unit_ids


def sign_in(
    work: Work,
    identity_id: str,
    pin: str,
    *,
    demo_allowed: bool,
    surface: str = "",
    pin_roles: Iterable[Role] = tuple(Role),
) -> tuple[str, IdentityRow] | None:
    """Open a session by a PIN. Returns the token and the identity, or ``None`` for a wrong PIN (counted).

    Parameters
    ----------
    pin_roles
        Roles that may sign in this way; the others have to come through the identity provider.

    Raises
    ------
    EdgeError
        ``locked_out`` after too many wrong PINs; ``demo_refused`` for a demo identity outside the demo;
        ``use_provider`` for a role that signs in elsewhere; ``no_consent`` for a relative whom the citizen has
        not let look.
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
    if Role(row.role) not in set(pin_roles):
        raise EdgeError(
            403,
            "use_provider",
            "Log ind med din arbejdskonto. Kode bruges kun på tabletter og skærme.",
            "Sign in with your work account. Codes are for tablets and screens only.",
        )
    return open_session(work, row, surface), row


def open_session(work: Work, row: IdentityRow, surface: str) -> str:
    """Open the session of somebody who has shown who they are. Returns the token.

    Raises
    ------
    EdgeError
        ``no_consent`` for a relative whom the citizen has not let look; ``employment_ended`` for a carer who
        has left.
    """
    if row.role != Role.RELATIVE and _is_over(row, local_day(work.now)):
        raise EdgeError(403, "employment_ended", *ENDED["employment_ended"])
    if not may_look(work.session, row, local_day(work.now)):
        raise EdgeError(
            403,
            "no_consent",
            "Borgeren har ikke givet dig lov til at se med. Tal med borgeren eller hjemmeplejen om det.",
            "The citizen has not let you look along. Talk to the citizen or the home care about it.",
        )
    token = secrets.token_urlsafe(32)
    work.session.add(
        SessionRow(
            token_hash=_hashed(token),
            identity_id=row.id,
            created_at=work.now,
            expires_s=time.time() + _session_s(Role(row.role), surface),
            surface=surface,
        )
    )
    return token


def may_look(session: Session, row: IdentityRow, on: date) -> bool:
    """Whether an identity still counts: its own days, and for a relative the citizen's consent, have to hold."""
    if _is_over(row, on):
        return False
    if row.role != Role.RELATIVE:
        return True
    if row.citizen_id is None:
        return False
    return consent_holds(session, row.citizen_id, "relative", on)


def _holds(session: Session, identity: IdentityRow, on: date | None) -> bool:
    return identity.role != Role.RELATIVE if on is None else may_look(session, identity, on)


def _is_over(row: IdentityRow, on: date) -> bool:
    return row.valid_until_on is not None and row.valid_until_on < on


def _session_s(role: Role, surface: str) -> float:
    if role is not Role.KIOSK:
        return SESSION_S
    return KIOSK_SESSION_S if surface == "kiosk" else KIOSK_GLANCE_S


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


def end_sessions(work: Work, identity_ids: Iterable[str], code: str) -> int:
    """End every session of some identities. What held them is told why, once it asks. Returns how many.

    Raises
    ------
    ValueError
        If there are no words for the code.
    """
    if code not in ENDED:
        raise ValueError(f"Expected one of {sorted(ENDED)}, got {code!r}.")
    ended = work.session.execute(
        update(SessionRow)
        .where(col(SessionRow.identity_id).in_(sorted(identity_ids)), col(SessionRow.ended_code).is_(None))
        .values(ended_code=code)
        .returning(col(SessionRow.token_hash))
    )
    return len(ended.all())


def who(
    session: Session, token: str | None, language: str, *, demo_allowed: bool, on: date | None = None
) -> Who | None:
    """The person behind a session token, if the session still holds. A demo's sessions end with the demo.

    Parameters
    ----------
    on
        The day by world time; a relative's consent is asked for it. Without one a relative is nobody.
    """
    if not token:
        return None
    found = session.exec(
        select(SessionRow, IdentityRow)
        .join(IdentityRow, col(IdentityRow.id) == col(SessionRow.identity_id), isouter=True)
        .where(SessionRow.token_hash == _hashed(token))
    ).first()
    if found is None:
        return None
    # Of a link there is no identity; the types do not know of outer joins.
    row, identity = cast("tuple[SessionRow, IdentityRow | None]", found)
    if row.ended_code is not None or row.expires_s < time.time():
        return None
    if row.room_id is not None:
        units = (row.unit_id,) if row.unit_id else ()
        return Who("", Role.LINK, "", None, units, language, row.citizen_id, row.room_id, "call")
    if identity is None or (identity.demo and not demo_allowed) or not _holds(session, identity, on):
        return None
    return Who(
        identity.id,
        Role(identity.role),
        identity.name,
        identity.carer_id,
        tuple(identity.unit_ids),
        language,
        identity.citizen_id,
        None,
        row.surface,
    )


def require(*roles: Role) -> Callable[[HTTPConnection], Who]:
    """A dependency that lets only these roles through, for routes and WebSocket routes alike."""

    def check(request: HTTPConnection) -> Who:
        found = current(request)
        if found is None:
            code = _ended_code(request)
            if code is not None:
                raise EdgeError(401, code, *ENDED[code])
            raise EdgeError(401, "not_signed_in", "Log ind først.", "Sign in first.")
        if found.role not in roles:
            raise EdgeError(403, "not_allowed", "Det har du ikke adgang til.", "You do not have access to that.")
        return found

    check.__dict__["roles"] = frozenset(roles)
    return check


async def public(_request: HTTPConnection) -> None:
    """A dependency that declares a route open to everybody. Nothing is public by accident."""


public.__dict__["roles"] = None


def surface_of_path(path: str) -> str:
    """The surface a page belongs to; empty for pages of none."""
    return _SURFACE_OF_PATH.get("/" + path.lstrip("/").split("/", 1)[0].split("?", 1)[0], "")


def surface_of(request: HTTPConnection) -> str:
    """The surface a request comes from: its header, its query, or the page's path; empty for none."""
    surface = request.headers.get("x-surface") or request.query_params.get("surface") or ""
    return surface if surface in SURFACES else surface_of_path(request.url.path)


def cookie_of(surface: str) -> str:
    """The session cookie of a surface."""
    return f"{_COOKIE}_{surface}" if surface else _COOKIE


def cookie_name(request: HTTPConnection) -> str:
    """The session cookie of the surface a request comes from."""
    return cookie_of(surface_of(request))


def session_token(request: HTTPConnection) -> str | None:
    """The session token of a request. One that names no surface gets the only session there is, if any."""
    name = cookie_name(request)
    if name != _COOKIE or name in request.cookies:
        return request.cookies.get(name)
    held = [f"{_COOKIE}_{surface}" for surface in sorted(SURFACES) if f"{_COOKIE}_{surface}" in request.cookies]
    return request.cookies[held[0]] if len(held) == 1 else None


def current(request: HTTPConnection) -> Who | None:
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
                on=local_day(parts.clock.now()),
            )
    found: Who | None = request.state.who
    return found


def still_signed_in(request: HTTPConnection) -> bool:
    """Whether the session of a request that lasts (a stream, a socket) holds even now."""
    parts: Parts = request.app.state.parts
    today = local_day(parts.clock.now())
    with parts.database.reading() as session:
        token = session_token(request)
        return who(session, token, "da", demo_allowed=parts.settings.demo, on=today) is not None


def declared_roles(dependant: Any) -> list[frozenset[Role] | None]:
    """What a route's dependency tree declares: role sets, or ``None`` for public. Empty: nothing declared."""
    found: list[frozenset[Role] | None] = []
    call = getattr(dependant, "call", None)
    if call is not None and "roles" in getattr(call, "__dict__", {}):
        found.append(call.__dict__["roles"])
    for inner in getattr(dependant, "dependencies", ()):
        found.extend(declared_roles(inner))
    return found


def _ended_code(request: HTTPConnection) -> str | None:
    """Why somebody else ended the session this browser still holds."""
    token = session_token(request)
    if not token:
        return None
    parts: Parts = request.app.state.parts
    with parts.database.reading() as session:
        row = session.get(SessionRow, _hashed(token))
        return row.ended_code if row is not None else None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

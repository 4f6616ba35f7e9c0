"""Who is asking, and may they? Everything is denied that no route declares allowed."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from anyio.to_thread import run_sync
from fastapi.requests import HTTPConnection
from sqlalchemy import Boolean, ColumnElement, bindparam, exists, or_, select
from sqlmodel import Session

from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.tables import IdentityRow, SessionRow
from kernel.localtime import local_day
from kernel.statements import Prepared, table_of
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
    #: hash of the session's token, by which an act asks whether it still holds
    session: str = ""

    def sees(self, unit_id: str | None) -> bool:
        """Whether a unit's data are this person's to see. What belongs to no unit is operations'."""
        if unit_id is None:
            return self.role in (Role.OPERATIONS, Role.PLANNER, Role.MANAGER)
        return unit_id in self.unit_ids


_S, _I = table_of(SessionRow).c, table_of(IdentityRow).c
_OF_SESSION = table_of(SessionRow).outerjoin(table_of(IdentityRow), _I.id == _S.identity_id)
_WHO = Prepared(
    select(
        _S.ended_code,
        _S.expires_s,
        _S.room_id,
        _S.unit_id,
        _S.citizen_id,
        _S.surface,
        _I.id,
        _I.role,
        _I.name,
        _I.carer_id,
        _I.citizen_id,
        _I.unit_ids,
        _I.demo,
        _I.valid_until_on,
    )
    .select_from(_OF_SESSION)
    .where(_S.token_hash == bindparam("session"))
)
_ENDED = Prepared(select(_S.ended_code).where(_S.token_hash == bindparam("session")))

HOLDS: ColumnElement[bool] = exists(
    select(_S.token_hash)
    .select_from(_OF_SESSION)
    .where(
        _S.token_hash == bindparam("session"),
        _S.ended_code.is_(None),
        _S.expires_s >= bindparam("wall_s"),
        _I.role == Role.CARER.value,
        _I.carer_id == bindparam("carer_id"),
        or_(_I.valid_until_on.is_(None), _I.valid_until_on >= bindparam("today")),
        or_(_I.demo.is_(False), bindparam("demo_allowed", type_=Boolean)),
    )
)
"""Whether a session shown before is that carer's even now: for the statement that reads the facts of an act."""


def holds_values(parts: Parts, who: Who) -> dict[str, Any]:
    """The values of :data:`HOLDS`."""
    return {
        "session": who.session,
        "carer_id": who.carer_id,
        "wall_s": time.time(),
        "today": local_day(parts.clock.now()),
        "demo_allowed": parts.settings.demo,
    }


def may_look(session: Session, row: IdentityRow, on: date) -> bool:
    """Whether an identity still counts: its own days, and for a relative the citizen's consent, have to hold."""
    return _counts(session, row.role, row.valid_until_on, row.citizen_id, on)


def is_over(valid_until_on: date | None, on: date) -> bool:
    """Whether the last day of an identity has passed."""
    return valid_until_on is not None and valid_until_on < on


def _counts(session: Session, role: str, valid_until_on: date | None, citizen_id: str | None, on: date) -> bool:
    if is_over(valid_until_on, on):
        return False
    if role != Role.RELATIVE:
        return True
    return citizen_id is not None and consent_holds(session, citizen_id, "relative", on)


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
    shown = token_hash(token)
    row = _WHO.first(session, {"session": shown})
    if row is None or row[0] is not None or row[1] < time.time():
        return None
    room_id, unit_id, of_citizen, surface = row[2:6]
    if room_id is not None:
        units = (unit_id,) if unit_id else ()
        return Who("", Role.LINK, "", None, units, language, of_citizen, room_id, "call", shown)
    identity_id, role, name, carer_id, citizen_id, unit_ids, demo, valid_until_on = row[6:14]
    if identity_id is None or (demo and not demo_allowed):
        return None
    if not (role != Role.RELATIVE if on is None else _counts(session, role, valid_until_on, citizen_id, on)):
        return None
    return Who(identity_id, Role(role), name, carer_id, tuple(unit_ids), language, citizen_id, None, surface, shown)


def require(*roles: Role) -> Callable[[HTTPConnection], Who]:
    """A dependency that lets only these roles through, for routes and WebSocket routes alike."""

    def check(request: HTTPConnection) -> Who:
        return _in_role(_signed_in(request), roles)

    check.__dict__["roles"] = frozenset(roles)
    return check


def at_door(*roles: Role) -> Callable[[HTTPConnection], Awaitable[Who]]:
    """As :func:`require`, for acts that ask :data:`HOLDS` themselves: who showed the session before is not asked anew.

    Nobody who stands at a door waits for a question of their own whose answer the act gets anyway.
    """

    async def check(request: HTTPConnection) -> Who:
        parts: Parts = request.app.state.parts
        token = session_token(request)
        known = parts.known.get(token_hash(token)) if token else None
        if known is None:
            known = await run_sync(_signed_in, request)
            parts.known.keep(known)
        return _in_role(replace(known, language=_language(request)), roles)

    check.__dict__["roles"] = frozenset(roles)
    return check


def over(parts: Parts, session: Session, who: Who) -> EdgeError:
    """What to say to who shows a session that holds no longer; it is not known from now on."""
    parts.known.forget(who.session)
    return _not_signed_in(session, who.session)


async def public(_request: HTTPConnection) -> None:
    """A dependency that declares a route open to everybody. Nothing is public by accident."""


public.__dict__["roles"] = None


def surface_of_path(path: str) -> str:
    """The surface a page belongs to; empty for pages of none."""
    return _SURFACE_OF_PATH.get("/" + path.lstrip("/").split("/", 1)[0].split("?", 1)[0], "")


def surface_of(request: HTTPConnection) -> str:
    """The surface a request comes from: its header, its query, or the page's path; empty for none."""
    surface = request.headers.get("x-surface") or request.query_params.get("surface") or ""
    return surface if surface in SURFACES else surface_of_path(request.scope["path"])


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
        with parts.database.reading() as session:
            request.state.who = who(
                session,
                session_token(request),
                _language(request),
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


def token_hash(token: str) -> str:
    """What is kept of a session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _signed_in(request: HTTPConnection) -> Who:
    found = current(request)
    if found is None:
        parts: Parts = request.app.state.parts
        token = session_token(request)
        with parts.database.reading() as session:
            raise _not_signed_in(session, token_hash(token) if token else "")
    return found


def _in_role(found: Who, roles: tuple[Role, ...]) -> Who:
    if found.role not in roles:
        raise EdgeError(403, "not_allowed", "Det har du ikke adgang til.", "You do not have access to that.")
    return found


def _not_signed_in(session: Session, shown: str) -> EdgeError:
    """With the reason, where somebody else ended the session this browser still holds."""
    row = _ENDED.first(session, {"session": shown})
    if row is not None and row[0] is not None:
        return EdgeError(401, row[0], *ENDED[row[0]])
    return EdgeError(401, "not_signed_in", "Log ind først.", "Sign in first.")


def _language(request: HTTPConnection) -> str:
    parts: Parts = request.app.state.parts
    return "en" if request.cookies.get("lang", parts.settings.language) == "en" else "da"

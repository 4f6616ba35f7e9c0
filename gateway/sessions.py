"""Sessions begin and end: by a PIN, by a link, for who has shown who they are; and why somebody else ended one."""

import secrets
import time
from collections.abc import Iterable

from sqlalchemy import update
from sqlmodel import col

from gateway.auth import ENDED, Role, is_over, may_look, token_hash
from gateway.errors import EdgeError
from gateway.pins import pin_matches
from gateway.tables import IdentityRow, SessionRow
from kernel.localtime import local_day
from kernel.work import Work

SESSION_S = 12 * 3600.0
#: the screen on a citizen's table stands there signed in; what it shows besides calls needs the PIN each time
KIOSK_SESSION_S = 90 * 24 * 3600.0
KIOSK_GLANCE_S = 600.0
MAX_FAILURES = 5
LOCKOUT_S = 300.0
#: who goes on signing in with a PIN where the municipality has an identity provider: the devices handed out
PIN_ROLES = frozenset({Role.CARER, Role.KIOSK})


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
    if row.role != Role.RELATIVE and is_over(row.valid_until_on, local_day(work.now)):
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
            token_hash=token_hash(token),
            identity_id=row.id,
            created_at=work.now,
            expires_s=time.time() + _session_s(Role(row.role), surface),
            surface=surface,
        )
    )
    return token


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
            token_hash=token_hash(token),
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
    row = work.session.get(SessionRow, token_hash(token))
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

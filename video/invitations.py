"""Invitations: a token of 256 bits, redeemed once, of which only the hash is kept (design §8).

The token travels in the fragment of a link, which no browser sends anywhere, and reaches us in the body of one
POST. It is written to no log: nothing here formats it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col

from kernel.work import Work
from video import store
from video.model import TALKING, CallState, Room
from video.tables import InvitationRow


class Refusal(StrEnum):
    """Why a token was not redeemed."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    #: the call goes on with somebody else; the token stays good
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A token became the right to sit on the citizen's side of one room.

    ``takes_over``: the link was made during the call, so its browser may answer in the place of the one that talks.
    """

    room: Room
    takes_over: bool = False


def hash_of(token: str) -> str:
    """How a token is found again."""
    return hashlib.sha256(token.encode()).hexdigest()


def invite(work: Work, room: Room, *, wall_s: float, life_s: float) -> str:
    """Make an invitation to a room. Returns the token; it is not kept."""
    token = secrets.token_urlsafe(32)
    work.session.add(
        InvitationRow(
            token_hash=hash_of(token),
            room_id=room.room_id,
            made_at=work.now,
            expires_s=wall_s + life_s,
            takes_over=room.state in TALKING,
        )
    )
    return token


def redeem(work: Work, token: str, wall_s: float) -> Redeemed | Refusal:
    """Redeem a token, once: of two who try at the same time one gets it.

    An invitation made during the call may take the citizen's side over; an older one does not, and is not used up
    by trying.
    """
    row = work.session.get(InvitationRow, hash_of(token))
    if row is None:
        return Refusal.UNKNOWN
    if row.redeemed_at is not None:
        return Refusal.USED
    held = store.held_room(work.session, row.room_id)
    if held is None or row.expires_s < wall_s or held.outcome is not None:
        return Refusal.EXPIRED
    talking = CallState(held.state) in TALKING
    if talking and not row.takes_over and held.citizen_key is not None:
        return Refusal.ELSEWHERE
    if not _take(work, row.token_hash):
        return Refusal.USED
    return Redeemed(store.room_view(held), takes_over=talking and row.takes_over)


def name_heir(work: Work, room_id: str, key: str) -> None:
    """The browser behind ``key`` may take the citizen's side over; until it answers, whoever talks goes on."""
    held = store.held_room(work.session, room_id)
    if held is not None:
        held.heir_key = key
        work.session.add(held)


def is_known(session: Session, token: str) -> bool:
    """Whether there is such an invitation at all. Reads only."""
    return session.get(InvitationRow, hash_of(token)) is not None


def room_behind(work: Work, token: str) -> str | None:
    """The room a token was for, redeemed or not: a browser that asks twice is recognised by it."""
    row = work.session.get(InvitationRow, hash_of(token))
    return None if row is None else row.room_id


def _take(work: Work, token_hash: str) -> bool:
    # One statement decides: whoever updates the row first has it, on either database.
    done = work.session.execute(
        update(InvitationRow)
        .where(col(InvitationRow.token_hash) == token_hash, col(InvitationRow.redeemed_at).is_(None))
        .values(redeemed_at=work.now)
    )
    return cast(CursorResult[Any], done).rowcount == 1

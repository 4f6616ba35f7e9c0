"""A lock's challenge on its way to the tablet: asked for once the intent is committed, handed out sealed or stored.

Whoever hands it back with the proof gets it sealed (:mod:`gateway.challenge_seals`), and nobody stores it meanwhile:
that spares a door a transaction. While locks are waited for no thread is taken from other requests.
"""

import time
from collections.abc import Sequence

from anyio.to_thread import run_sync

from devices.inbox.model import Outgoing
from devices.keys import openings
from devices.keys.messages import Challenge
from devices.keys.opening import SEND_WITHIN_S
from devices.keys.openings import OpeningError
from devices.keys.schemas import DoorOpening
from devices.keys.vendors.model import NATIVE
from gateway.challenge_seals import is_sealed
from gateway.parts import Parts
from kernel.work import Work

_WITHIN_S = SEND_WITHIN_S - 0.5


def await_challenges(parts: Parts, tapped: Sequence[DoorOpening]) -> list[DoorOpening]:
    """Ask each lock for its nonce and store it, once the intent is committed; what is refused returns as it is."""
    asked = _to_ask(tapped)
    return _stored(parts, tapped, parts.doors.challenges(_questions(asked), _WITHIN_S)) if asked else list(tapped)


async def hand_out_challenges(parts: Parts, tapped: Sequence[DoorOpening]) -> list[DoorOpening]:
    """The same for a tablet that hands each challenge back with its proof: stored only where a lock did not answer."""
    asked = _to_ask(tapped)
    if not asked:
        return list(tapped)
    given = await parts.doors.challenges_soon(_questions(asked), _WITHIN_S)
    if None in given:
        return await run_sync(_stored, parts, tapped, given)
    by_id = _by_opening(asked, given)
    now, wall_s = parts.clock.now(), time.time()
    return [
        opening if challenge is None else openings.challenge_handed_out(opening, challenge, wall_s, now)
        for opening in tapped
        for challenge in (by_id.get(opening.opening_id),)
    ]


def handed_back(parts: Parts, opening: DoorOpening, nonce: bytes, seal: bytes) -> DoorOpening:
    """An opening as it stands, by the challenge its tablet was handed out.

    Raises
    ------
    OpeningError
        ``challenge_not_for_opening`` where the challenge was handed out for another, or never.
    """
    if not is_sealed(parts.service_key, opening.opening_id, opening.ids.lock_id, nonce, seal):
        raise OpeningError("challenge_not_for_opening")
    return openings.challenge_handed_back(opening, nonce)


def _to_ask(tapped: Sequence[DoorOpening]) -> list[DoorOpening]:
    return [opening for opening in tapped if opening.state == "requested" and opening.vendor == NATIVE]


def _questions(asked: Sequence[DoorOpening]) -> list[tuple[Outgoing, bytes]]:
    return [(openings.challenge_request(each), openings.request_id(each.opening_id)) for each in asked]


def _by_opening(asked: Sequence[DoorOpening], given: Sequence[Challenge | None]) -> dict[str, Challenge | None]:
    return {each.opening_id: challenge for each, challenge in zip(asked, given, strict=True)}


def _stored(parts: Parts, tapped: Sequence[DoorOpening], given: Sequence[Challenge | None]) -> list[DoorOpening]:
    by_id = _by_opening(_to_ask(tapped), given)
    with parts.door_turns, parts.units.begin() as work:
        return [_answered(work, opening, by_id.get(opening.opening_id)) for opening in tapped]


def _answered(work: Work, opening: DoorOpening, challenge: Challenge | None) -> DoorOpening:
    if challenge is None:
        # The sweeper judges the deadline: what is not challenged in time expires there.
        return openings.find_opening(work.session, opening.opening_id)
    return openings.challenge_came(work, opening, challenge, time.time())

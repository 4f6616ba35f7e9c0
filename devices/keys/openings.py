"""The order of things when a door is opened: facts, rule, intent, challenge, the lock's word.

Each function is one short transaction of its caller; none is open while a motor turns (design §3, "A door").
What releases the command stands in :mod:`devices.keys.release`.

``wall_s`` is link time as epoch seconds, so that the web process and the inbox judge the same deadlines.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from sqlmodel import Session

from devices.events import OpeningRequested
from devices.inbox.model import Outgoing
from devices.keys import opening as machine
from devices.keys import opening_store
from devices.keys.answer import Answer
from devices.keys.held import held_by
from devices.keys.messages import Ask, Challenge, ChallengeRequest
from devices.keys.model import Refused, VisitFacts
from devices.keys.opening import Answered, Challenged, OpeningState, RefusedByServer
from devices.keys.opening_steps import held, move, settle, stepped, tell_if_settled
from devices.keys.rules import may_open, may_open_in_emergency
from devices.keys.schemas import DoorOpening, Observation, OpeningIds
from devices.keys.signer.model import Basis
from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError
from kernel.ids import new_id
from kernel.work import Work


class OpeningError(DomainError):
    """A step that does not belong to the opening. What a *rule* refuses is stored and not raised."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "challenge_not_for_opening": ErrorText(
            ErrorKind.INVALID,
            "Udfordringen hører til en anden lås eller en anden åbning.",
            "The challenge belongs to another lock or another opening.",
        ),
        "grant_not_for_opening": ErrorText(
            ErrorKind.FORBIDDEN,
            "Tilladelsen hører ikke til dette besøg og denne vagt. Hent ny tilladelse.",
            "The grant does not belong to this visit and this shift. Fetch a new one.",
        ),
    }


def request_opening(
    work: Work,
    *,
    facts: VisitFacts,
    ids: OpeningIds,
    wall_s: float,
    basis: Basis = Basis.ROUTE,
    act_id: str | None = None,
    on_way: bool = False,
    vendor: str = "native",
) -> DoorOpening:
    """A carer tapped *Lås op*. Commit this before the lock hears of it.

    A refusal by rule is an opening too: it is stored with its code and the facts of its sentence, recorded,
    and returned in state ``refused``.

    Parameters
    ----------
    act_id
        What the openings of one tap share, where there is a lock on the way.
    on_way
        Whether the lock is one on the way to the door and not the door's own.
    vendor
        Whose lock it is.
    """
    verdict = may_open(facts) if basis is Basis.ROUTE else may_open_in_emergency(facts)
    opening = DoorOpening(
        opening_id=new_id(),
        ids=ids,
        state=machine.tap(wall_s).state,
        requested_at=work.now,
        tapped_wall_s=wall_s,
        basis=basis.value,
        act_id=act_id,
        on_way=on_way,
        vendor=vendor,
    )
    if isinstance(verdict, Refused):
        why = {name: _plain(value) for name, value in verdict.facts.items()}
        opening = replace(stepped(opening, RefusedByServer(wall_s, verdict.code.value), work.now), facts=why)
    opening_store.add(work.session, opening)
    work.record(
        OpeningRequested(
            at=work.now,
            opening_id=opening.opening_id,
            door_id=ids.door_id,
            lock_id=ids.lock_id,
            visit_id=ids.visit_id,
            shift_id=ids.shift_id,
            carer_id=ids.carer_id,
            unit_id=ids.unit_id,
        )
    )
    tell_if_settled(work, opening)
    return opening


def challenge_request(opening: DoorOpening) -> Outgoing:
    """The question for a nonce, to be published once the intent is committed. It moves nothing."""
    return Outgoing(
        "lock",
        opening.ids.lock_id,
        "challenge",
        ChallengeRequest(request_id(opening.opening_id)).encode(),
    )


def ask_again(opening: DoorOpening) -> Outgoing:
    """Ask the lock for its signed answer once more. It moves nothing, so it may be asked repeatedly."""
    return Outgoing("lock", opening.ids.lock_id, "ask", Ask(request_id(opening.opening_id)).encode())


def challenged(work: Work, opening_id: str, challenge: Challenge, wall_s: float) -> DoorOpening:
    """The lock's nonce has come. Whoever relays it cannot make it open: it is only ever signed over.

    Raises
    ------
    KernelError
        ``not_found``.
    OpeningError
        ``challenge_not_for_opening``.
    """
    opening = held(work, opening_id)
    if challenge.lock != opening.ids.lock_id or challenge.request != request_id(opening_id):
        raise OpeningError("challenge_not_for_opening")
    return _challenged(work, opening, challenge.nonce, wall_s)


def challenge_came(work: Work, opening: DoorOpening, challenge: Challenge, wall_s: float) -> DoorOpening:
    """As :func:`challenged`, for who has just begun the opening: one statement, where nobody has moved it since.

    Raises
    ------
    KernelError, OpeningError
        As above.
    """
    begun = machine.Opening(opening.state, opening.tapped_wall_s)
    state = machine.advance(begun, Challenged(wall_s)).state
    is_for_it = challenge.lock == opening.ids.lock_id and challenge.request == request_id(opening.opening_id)
    is_first = opening.state is OpeningState.REQUESTED and state is OpeningState.CHALLENGED
    if is_for_it and is_first and opening_store.keep_nonce(work.session, opening.opening_id, challenge.nonce):
        return replace(opening, state=state, nonce=challenge.nonce)
    return challenged(work, opening.opening_id, challenge, wall_s)


def challenge_handed_out(opening: DoorOpening, challenge: Challenge, wall_s: float, now: datetime) -> DoorOpening:
    """As :func:`challenge_came`, where the tablet hands the nonce back with its proof: nothing is stored.

    Raises
    ------
    OpeningError
        ``challenge_not_for_opening``.
    """
    if challenge.lock != opening.ids.lock_id or challenge.request != request_id(opening.opening_id):
        raise OpeningError("challenge_not_for_opening")
    after = stepped(opening, Challenged(wall_s), now)
    return replace(after, nonce=challenge.nonce) if after.state is OpeningState.CHALLENGED else after


def challenge_handed_back(opening: DoorOpening, nonce: bytes) -> DoorOpening:
    """An opening as it stands, by the nonce that its tablet was handed out; itself where it has one, or is past it."""
    if opening.state is not OpeningState.REQUESTED or opening.nonce is not None:
        return opening
    return replace(opening, state=OpeningState.CHALLENGED, nonce=nonce)


def challenged_by_us(work: Work, opening_id: str, nonce: bytes, wall_s: float) -> DoorOpening:
    """A lock of another maker asks for no proof, so the server does: 16 fresh bytes for the tablet's key.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    return _challenged(work, held(work, opening_id), nonce, wall_s)


def settle_answer(work: Work, answer: Answer, wall_s: float) -> DoorOpening | None:
    """The lock's verified answer, whenever it comes. ``None`` where it answers no opening of ours.

    A tablet at the door makes request ids of its own: their answers tell of a door and of no opening here.
    """
    found = opening_store.answered_opening(work.session, answer.lock, answer.request.hex(), answer.cti)
    if found is None:
        return None
    opening, grant = found
    if grant is not None:
        held_by(work.session).grants[grant.cti] = grant
    answered = Answered(wall_s, answer.result, answer.code)
    return settle(work, opening, answered, answer.boot, answer.seq, answer.motor_ms)


def observe(work: Work, opening_id: str, observation: Observation) -> DoorOpening:
    """The carer says how the door stands: kept beside the lock's word, never instead of it.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    seen = replace(held(work, opening_id), observation=observation)
    opening_store.change(work.session, seen, {"observation": observation, "observed_at": work.now})
    return seen


def find_opening(session: Session, opening_id: str) -> DoorOpening:
    """An opening as it stands.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    found = opening_store.opening(session, opening_id)
    if found is None:
        raise KernelError("not_found", what=f"opening {opening_id}")
    return found


def latest_opening(session: Session, visit_id: str, shift_id: str) -> DoorOpening | None:
    """The last tap of this shift at this visit's door, for a page that was loaded again."""
    return opening_store.latest_opening(session, visit_id, shift_id)


def request_id(opening_id: str) -> bytes:
    """The 16 bytes by which lock and server name an opening."""
    return bytes.fromhex(opening_id)


def _challenged(work: Work, opening: DoorOpening, nonce: bytes, wall_s: float) -> DoorOpening:
    # The first nonce stands: a second one could only come from a message delivered twice. One that comes after its
    # time is kept with the end it has come to: nobody signs it any more.
    return move(work, opening, Challenged(wall_s), {"nonce": nonce} if opening.nonce is None else {})


def _plain(value: object) -> str | int | None:
    """A fact of a refusal as JSON can hold it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) or value is None else str(value)

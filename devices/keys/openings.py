"""The order of things when a door is opened: facts, rule, intent, challenge, proof, command, the lock's word.

Each function is one short transaction of its caller; none is open while a motor turns (design §3, "A door").
A command leaves at most once: it is handed out by the step that moves the opening to *sent*, to be published
after commit, and nothing here can hand it out again.

``wall_s`` is link time as epoch seconds, so that the web process and the inbox judge the same deadlines.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from sqlmodel import Session

from devices.events import OpeningRequested
from devices.inbox.model import Outgoing
from devices.keys import opening as machine
from devices.keys import opening_store
from devices.keys.answer import Answer
from devices.keys.messages import Ask, Challenge, ChallengeRequest, OpenCommand
from devices.keys.model import Operation, RefusalCode, Refused, VisitFacts
from devices.keys.opening import Answered, Challenged, OpeningState, RefusedByServer, Sent, Step, Ticked
from devices.keys.proof import proof_input, verify_proof
from devices.keys.rules import may_open, may_open_in_emergency
from devices.keys.schemas import DoorOpening, Observation, OpeningIds, ProofOutcome
from devices.keys.signer.model import Basis
from devices.keys.tables import GrantRow, OpeningRow
from devices.keys.vendors.model import NATIVE
from kernel.errors import DomainError, ErrorKind, ErrorText, KernelError
from kernel.ids import new_id
from kernel.work import Work

_SETTLED = frozenset(
    {
        OpeningState.UNLOCKED,
        OpeningState.REFUSED,
        OpeningState.JAMMED,
        OpeningState.EXPIRED,
        OpeningState.UNKNOWN,
    }
)
_PENDING = frozenset(OpeningState) - _SETTLED


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
    opening_id = new_id()
    tapped = machine.tap(wall_s)
    verdict = may_open(facts) if basis is Basis.ROUTE else may_open_in_emergency(facts)
    row = OpeningRow(
        opening_id=opening_id,
        door_id=ids.door_id,
        lock_id=ids.lock_id,
        visit_id=ids.visit_id,
        shift_id=ids.shift_id,
        carer_id=ids.carer_id,
        unit_id=ids.unit_id,
        state=tapped.state.value,
        requested_at=work.now,
        tapped_wall_s=wall_s,
        basis=basis.value,
        act_id=act_id,
        on_way=on_way,
        vendor=vendor,
    )
    work.session.add(row)
    work.record(
        OpeningRequested(
            at=work.now,
            opening_id=opening_id,
            door_id=ids.door_id,
            lock_id=ids.lock_id,
            visit_id=ids.visit_id,
            shift_id=ids.shift_id,
            carer_id=ids.carer_id,
            unit_id=ids.unit_id,
        )
    )
    if isinstance(verdict, Refused):
        row.facts = {name: _plain(value) for name, value in verdict.facts.items()}
        _advance(work, row, RefusedByServer(wall_s, verdict.code.value))
    work.session.flush()
    return opening_store.opening_view(row)


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
    row = _held(work, opening_id)
    if challenge.lock != row.lock_id or challenge.request != request_id(opening_id):
        raise OpeningError("challenge_not_for_opening")
    if row.state == OpeningState.REQUESTED:
        # The first nonce stands: a second one could only come from a message delivered twice.
        row.nonce = challenge.nonce
    _advance(work, row, Challenged(wall_s))
    return opening_store.opening_view(row)


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


def proof_given(
    work: Work, opening_id: str, *, cti: bytes, holder_key: bytes, proof: bytes, wall_s: float
) -> ProofOutcome:
    """The tablet signed the challenge. The command is released once, and only within 5 s of the tap.

    Parameters
    ----------
    cti
        The grant the tablet signed with (16 bytes).
    holder_key, proof
        The shift key's public point (65 bytes) and its signature r || s (64 bytes).

    Raises
    ------
    KernelError
        ``not_found``.
    OpeningError
        ``grant_not_for_opening``.
    ProofError
        The signature does not prove what it should. The opening stays as it is and expires by itself.
    """
    row = _held(work, opening_id)
    return _prove(work, row, lambda: work.session.get(GrantRow, cti), holder_key, proof, wall_s)


def proof_shown(
    work: Work, opening_id: str, carer_id: str, *, token: bytes, holder_key: bytes, proof: bytes, wall_s: float
) -> ProofOutcome:
    """The same by the grant itself, as a tablet shows it, and for this carer's openings only.

    An opening at another maker's lock is left as it is: that lock takes no grant.

    Raises
    ------
    KernelError
        ``not_found``, also for anybody else's opening.
    OpeningError, ProofError
        As above; ``grant_not_for_opening`` also where the shift's tablet may not hold that grant any more.
    """
    row = _held(work, opening_id)
    if row.carer_id != carer_id:
        raise KernelError("not_found", what="Åbningen")
    if row.vendor != NATIVE:
        return ProofOutcome(opening_store.opening_view(row), None)

    def held() -> GrantRow | None:
        return opening_store.grant_held(work.session, row.shift_id, token, work.now)

    return _prove(work, row, held, holder_key, proof, wall_s)


def _prove(
    work: Work,
    row: OpeningRow,
    find_grant: Callable[[], GrantRow | None],
    holder_key: bytes,
    proof: bytes,
    wall_s: float,
) -> ProofOutcome:
    _advance(work, row, Ticked(wall_s))
    if row.state != OpeningState.CHALLENGED or row.nonce is None:
        return ProofOutcome(opening_store.opening_view(row), None)
    grant = find_grant()
    if grant is None or (grant.visit_id, grant.door_id, grant.shift_id) != (
        row.visit_id,
        row.door_id,
        row.shift_id,
    ):
        raise OpeningError("grant_not_for_opening")
    code = _unusable(grant, work.now)
    if code is not None:
        _advance(work, row, RefusedByServer(wall_s, code.value))
        return ProofOutcome(opening_store.opening_view(row), None)
    signed = proof_input(row.lock_id, Operation.OPEN, bytes(grant.cti), bytes(row.nonce))
    verify_proof(holder_key, bytes(grant.holder_thumbprint), proof, signed)
    row.cti = bytes(grant.cti)
    _advance(work, row, Sent(wall_s))
    command = OpenCommand(
        request_id(row.opening_id), Operation.OPEN, bytes(grant.token), holder_key, bytes(row.nonce), proof
    )
    return ProofOutcome(opening_store.opening_view(row), Outgoing("lock", row.lock_id, "open", command.encode()))


def challenged_by_us(work: Work, opening_id: str, nonce: bytes, wall_s: float) -> DoorOpening:
    """A lock of another maker asks for no proof, so the server does: 16 fresh bytes for the tablet's key.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    row = _held(work, opening_id)
    row.nonce = nonce
    _advance(work, row, Challenged(wall_s))
    return opening_store.opening_view(row)


def command_leaves(work: Work, opening_id: str, wall_s: float) -> bool:
    """A command to another maker's lock is about to leave. Whether it may, once: commit first, then send.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    row = _held(work, opening_id)
    return _advance(work, row, Sent(wall_s)) and row.state == OpeningState.SENT


def nothing_left(work: Work, opening_id: str, code: str, wall_s: float) -> DoorOpening:
    """No command could leave at all: refused, unless its time was over anyway.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    row = _held(work, opening_id)
    _advance(work, row, RefusedByServer(wall_s, code))
    return opening_store.opening_view(row)


def settle_answer(work: Work, answer: Answer, wall_s: float) -> DoorOpening | None:
    """The lock's verified answer, whenever it comes. ``None`` where it answers no opening of ours.

    A tablet at the door makes request ids of its own: their answers tell of a door and of no opening here.
    """
    rows = opening_store.openings_for_update(work.session, answer.lock, {answer.request.hex()})
    row = rows.get(answer.request.hex())
    if row is None:
        return None
    settle(work, row, Answered(wall_s, answer.result, answer.code), answer.boot, answer.seq, answer.motor_ms)
    return opening_store.opening_view(row)


def settle(work: Work, row: OpeningRow, answered: Answered, boot: int, seq: int | None, motor_ms: int | None) -> None:
    """Take in the lock's own word, from its answer or from its chained event: the first of them stands."""
    _advance(work, row, answered, {"boot": boot, "seq": seq, "motor_ms": motor_ms})


def expire_due(work: Work, wall_s: float) -> list[DoorOpening]:
    """Settle what has waited too long: never sent within 5 s, or not answered within 10 s of the tap.

    Run it every second or so. It is idempotent, and an answer that comes later is still accepted.
    """
    due = opening_store.openings_free_for_update(work.session, _PENDING, wall_s - machine.SEND_WITHIN_S)
    return [opening_store.opening_view(row) for row in due if _advance(work, row, Ticked(wall_s))]


def observe(work: Work, opening_id: str, observation: Observation) -> DoorOpening:
    """The carer says how the door stands: kept beside the lock's word, never instead of it.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    row = _held(work, opening_id)
    row.observation, row.observed_at = observation, work.now
    work.session.flush()
    return opening_store.opening_view(row)


def find_opening(session: Session, opening_id: str) -> DoorOpening:
    """An opening as it stands.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    row = session.get(OpeningRow, opening_id)
    if row is None:
        raise KernelError("not_found", what=f"opening {opening_id}")
    return opening_store.opening_view(row)


def latest_opening(session: Session, visit_id: str, shift_id: str) -> DoorOpening | None:
    """The last tap of this shift at this visit's door, for a page that was loaded again."""
    row = opening_store.latest_opening(session, visit_id, shift_id)
    return None if row is None else opening_store.opening_view(row)


def request_id(opening_id: str) -> bytes:
    """The 16 bytes by which lock and server name an opening."""
    return bytes.fromhex(opening_id)


def _held(work: Work, opening_id: str) -> OpeningRow:
    row = opening_store.opening_for_update(work.session, opening_id)
    if row is None:
        raise KernelError("not_found", what=f"opening {opening_id}")
    return row


def _unusable(grant: GrantRow, now: datetime) -> RefusalCode | None:
    if grant.revoked_at is not None:
        return RefusalCode.EPOCH_REVOKED
    return RefusalCode.GRANT_EXPIRED if grant.expires_at < now else None


def _advance(work: Work, row: OpeningRow, step: Step, then: Mapping[str, int | None] = MappingProxyType({})) -> bool:
    """Move the stored opening by one step of the machine; tell when it settled. Returns whether it moved.

    ``then`` is kept with the step, if it moves.
    """
    before = machine.Opening(
        state=OpeningState(row.state),
        tapped_s=row.tapped_wall_s,
        sent_s=row.sent_wall_s,
        settled_s=row.settled_wall_s,
        code=row.code,
        by_lock=row.by_lock,
        late=row.late,
        second_by_s=row.second_by_wall_s,
    )
    after = machine.advance(before, step)
    if after == before:
        return False
    row.state, row.code, row.by_lock, row.late = after.state.value, after.code, after.by_lock, after.late
    row.sent_wall_s, row.settled_wall_s = after.sent_s, after.settled_s
    row.second_by_wall_s = after.second_by_s
    for name, value in then.items():
        setattr(row, name, value)
    if after.state in _SETTLED:
        row.settled_at = work.now
        work.record(opening_store.settled_event(row, work.now))
    work.session.flush()
    return True


def _plain(value: object) -> str | int | None:
    """A fact of a refusal as JSON can hold it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) or value is None else str(value)

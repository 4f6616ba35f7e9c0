"""How a command is released: the tablet's proof is checked, and what it releases leaves once.

A command leaves at most once: it is handed out by the step that moves the opening to *sent*, to be published after
commit, and nothing here can hand it out again.
"""

from datetime import datetime

from devices.inbox.model import Outgoing
from devices.keys import grant_store
from devices.keys.messages import OpenCommand
from devices.keys.model import Operation, RefusalCode
from devices.keys.opening import OpeningState, RefusedByServer, Sent, Ticked
from devices.keys.opening_steps import held, move
from devices.keys.openings import OpeningError, request_id
from devices.keys.proof import proof_input, verify_proof
from devices.keys.schemas import DoorOpening, GrantIssued, ProofOutcome
from kernel.work import Work


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
    opening = held(work, opening_id)
    grant = grant_store.grants(work.session, {cti}).get(cti)
    return released(work, opening, grant, holder_key=holder_key, proof=proof, wall_s=wall_s)


def released(
    work: Work, opening: DoorOpening, grant: GrantIssued | None, *, holder_key: bytes, proof: bytes, wall_s: float
) -> ProofOutcome:
    """The same for who holds the opening and has looked up the grant; ``None`` where no such grant may be used.

    Raises
    ------
    OpeningError, ProofError
        As above.
    """
    opening = move(work, opening, Ticked(wall_s))
    if opening.state is not OpeningState.CHALLENGED or opening.nonce is None:
        return ProofOutcome(opening, None)
    ids = opening.ids
    if grant is None or (grant.visit_id, grant.door_id, grant.shift_id) != (ids.visit_id, ids.door_id, ids.shift_id):
        raise OpeningError("grant_not_for_opening")
    code = _unusable(grant, work.now)
    if code is not None:
        return ProofOutcome(move(work, opening, RefusedByServer(wall_s, code.value)), None)
    signed = proof_input(ids.lock_id, Operation.OPEN, grant.cti, opening.nonce)
    verify_proof(holder_key, grant.holder_thumbprint, proof, signed)
    command = OpenCommand(request_id(opening.opening_id), Operation.OPEN, grant.token, holder_key, opening.nonce, proof)
    sent = move(work, opening, Sent(wall_s), {"cti": grant.cti, "nonce": opening.nonce})
    return ProofOutcome(sent, Outgoing("lock", ids.lock_id, "open", command.encode()))


def command_leaves(work: Work, opening_id: str, wall_s: float) -> bool:
    """A command to another maker's lock is about to leave. Whether it may, once: commit first, then send.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    opening = held(work, opening_id)
    sent = move(work, opening, Sent(wall_s))
    return sent is not opening and sent.state is OpeningState.SENT


def nothing_left(work: Work, opening_id: str, code: str, wall_s: float) -> DoorOpening:
    """No command could leave at all: refused, unless its time was over anyway.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    return move(work, held(work, opening_id), RefusedByServer(wall_s, code))


def _unusable(grant: GrantIssued, now: datetime) -> RefusalCode | None:
    if grant.revoked_at is not None:
        return RefusalCode.EPOCH_REVOKED
    return RefusalCode.GRANT_EXPIRED if grant.expires_at < now else None

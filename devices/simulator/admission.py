"""The lock's own decision on one command (docs/protocol.md, "The lock opens only if").

The server has asked its rules before; the lock does not rely on that. Freshness comes first because it is
cheap, then who is asking, and only then anything that would tell a stranger about the door.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.keys.control import Crl
from devices.keys.errors import GrantError, ProofError, SignatureError
from devices.keys.grant import Grant
from devices.keys.messages import OpenCommand
from devices.keys.model import DenialCode
from devices.keys.proof import proof_input, verify_proof
from devices.simulator.clock import Interval
from devices.simulator.issuers import IssuerBook

LEEWAY = timedelta(seconds=60)
"""For a grant's window only: 20 ppm of drift are 52 s in 30 days without the time being set."""


@dataclass(slots=True)
class AccessMemory:
    """What a lock must not forget over a start: revocations and the counters of limited grants."""

    epoch: int = 0
    crl_version: int = 0
    ctis: frozenset[bytes] = frozenset()
    cnfs: frozenset[bytes] = frozenset()
    own_issuer: str | None = None
    """Whose grants ``epoch`` is about; ``None`` where there is one issuer alone."""
    epochs: dict[str, int] = field(default_factory=dict)
    """Lowest epoch of the grants of other administrations, by issuer."""
    uses: dict[bytes, tuple[int, datetime]] = field(default_factory=dict)
    """Openings done with a limited grant, and the end of its window."""

    def revoke(self, crl: Crl) -> bool:
        """Take over a verified list; an older or equal version changes nothing, no epoch ever falls."""
        if crl.version <= self.crl_version:
            return False
        self.crl_version = crl.version
        self.epoch = max(self.epoch, crl.epoch)
        for iss, epoch in crl.epochs.items():
            self.epochs[iss] = max(self.epochs.get(iss, 0), epoch)
        self.ctis = frozenset(crl.ctis)
        self.cnfs = frozenset(crl.cnfs)
        return True

    def count_use(self, grant: Grant) -> None:
        """Count one opening of a limited grant; counters of grants long over make room."""
        if grant.max_uses is None:
            return
        over_at = grant.nbf_at - LEEWAY * 2
        self.uses = {cti: use for cti, use in self.uses.items() if use[1] >= over_at}
        self.uses[grant.cti] = (self.used(grant) + 1, grant.exp_at)

    def used(self, grant: Grant) -> int:
        """How often this grant has opened."""
        return self.uses.get(grant.cti, (0, grant.exp_at))[0]

    def lowest_epoch(self, iss: str) -> int:
        """The epoch a grant of this issuer must have reached: each administration has its own."""
        return self.epoch if self.own_issuer in (None, iss) else self.epochs.get(iss, 0)

    def revoked(self, grant: Grant) -> bool:
        """Whether epoch, grant or holder key is revoked."""
        return grant.epoch < self.lowest_epoch(grant.iss) or grant.cti in self.ctis or grant.cnf in self.cnfs


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not, and the grant as far as it could be believed."""

    code: DenialCode
    cti: bytes | None = None


def believe(lock_id: str, command: OpenCommand, issuers: IssuerBook) -> Grant | Denial:
    """Who is asking: the grant is the issuer's, for this lock, and the holder's key signed our challenge.

    Returns
    -------
    Grant or Denial
        A denial is ``bad_grant``, ``wrong_lock`` or ``wrong_holder``.
    """
    try:
        grant = issuers.read_grant(command.grant)
    except (SignatureError, GrantError):
        return Denial(DenialCode.BAD_GRANT)
    if lock_id not in grant.aud:
        return Denial(DenialCode.WRONG_LOCK, grant.cti)
    signed = proof_input(lock_id, command.op, grant.cti, command.nonce)
    try:
        verify_proof(command.holder_key, grant.cnf, command.proof, signed)
    except ProofError:
        return Denial(DenialCode.WRONG_HOLDER, grant.cti)
    return grant


def refusal(grant: Grant, command: OpenCommand, memory: AccessMemory, present: Interval | None) -> DenialCode | None:
    """Why a believed holder may not do this now, or ``None``.

    Parameters
    ----------
    grant, command
        As believed by :func:`believe`.
    memory
        Revocations and use counters.
    present
        Where the present lies by the lock's clock; both ends must be inside the window.
    """
    if present is None:
        return DenialCode.CLOCK_UNSURE
    checks = (
        (present.low_at < grant.nbf_at - LEEWAY, DenialCode.OUTSIDE_VISIT_WINDOW),
        (present.high_at > grant.exp_at + LEEWAY, DenialCode.GRANT_EXPIRED),
        (memory.revoked(grant), DenialCode.EPOCH_REVOKED),
        (command.op not in grant.scope, DenialCode.NOT_IN_SCOPE),
        (
            grant.max_uses is not None and memory.used(grant) >= grant.max_uses,
            DenialCode.USED_UP,
        ),
    )
    return next((code for broken, code in checks if broken), None)

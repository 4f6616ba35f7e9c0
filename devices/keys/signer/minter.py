"""The order of things for one batch: look at the log, judge, count, sign, write down, answer."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Lock

from devices.keys.errors import GrantError
from devices.keys.grant import CTI_BYTES, Grant, mint_grant
from devices.keys.model import Operation
from devices.keys.signer.book import LogBook
from devices.keys.signer.journal import Decision, Journal
from devices.keys.signer.keyring import GRANT_LIFE, Keyring
from devices.keys.signer.model import (
    EMERGENCY_QUOTAS,
    PREPARED_QUOTAS,
    Basis,
    Minted,
    MintRefusal,
    MintRequest,
    MintResult,
    NotMinted,
    SignedTrust,
    SignerSettings,
    SignerStatus,
)
from devices.keys.signer.quota import HOUR, QuotaCounter
from devices.keys.signer.statement import Agreed, Limits, judge

_SCOPE = frozenset({Operation.OPEN, Operation.LOCK})


class Minter:
    """Mints grants that the event log bears out. Safe to call from several threads."""

    def __init__(self, settings: SignerSettings, keys: Keyring, book: LogBook, journal: Journal) -> None:
        self._settings = settings
        self._keys = keys
        self._book = book
        self._journal = journal
        self._limits = Limits(settings.furthest_ahead, settings.shift_grace)
        # What is planned, what is urgent and what is prepared never use up each other's quota.
        self._quotas = {
            Basis.ROUTE: QuotaCounter(settings.quotas),
            Basis.EMERGENCY: QuotaCounter(EMERGENCY_QUOTAS),
            Basis.PREPARED: QuotaCounter(PREPARED_QUOTAS),
        }
        self._lock = Lock()
        self._minted = 0
        self._refused = 0
        self._now: Callable[[], datetime] = (
            (lambda: datetime.now(UTC)) if settings.clock == "system" else (lambda: book.latest_at)
        )

    def start(self) -> None:
        """Read the log back and take up the quotas where the last run left them."""
        with self._lock:
            self._book.look()
            for decision in self._journal.minted_since(self._now() - HOUR):
                self._quotas[Basis(decision.basis)].minted(decision.carer, decision.unit, decision.at)

    def follow(self) -> None:
        """Keep up with the log between requests, so that the next one finds little to read."""
        with self._lock:
            self._keys.refresh()
            if self._settings.clock == "system":
                self._keys.turn(self._now(), self._settings.furthest_ahead + GRANT_LIFE)
            self._book.look()

    @property
    def kid(self) -> bytes:
        """Key id of the present issuer key."""
        return self._keys.present.kid

    def trust_lists(self, lock_ids: Sequence[str]) -> list[SignedTrust]:
        """What each lock is to believe of issuers now, signed by the root key."""
        with self._lock:
            return self._keys.sign_lists(lock_ids)

    def mint(self, requests: Sequence[MintRequest]) -> list[MintResult]:
        """One result per request, in order. Every decision is on disk before this returns.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError, UnknownEventError, OSError
            If the log cannot be read or understood, or the own log cannot be written. No grant leaves then.
        """
        with self._lock:
            self._book.look()
            epochs = self._book.epochs(lock_id for request in requests for lock_id in request.lock_ids)
            now = self._now()
            results: list[MintResult] = []
            decisions: list[Decision] = []
            for request in requests:
                result = self._mint_one(request, epochs, now)
                results.append(result)
                decisions.append(_decision(request, result, now))
            self._journal.append(decisions)
            minted = sum(isinstance(result, Minted) for result in results)
            self._minted += minted
            self._refused += len(results) - minted
        return results

    def status(self) -> SignerStatus:
        """What the signer tells of itself; the private key is not part of it."""
        with self._lock:
            return SignerStatus(
                self._keys.present.public_bytes,
                self._settings.issuer,
                self._book.position,
                self._minted,
                self._refused,
                self._keys.version,
            )

    def close(self) -> None:
        """Let go of the database and the own log."""
        with self._lock:
            self._book.close()
            self._journal.close()

    def _mint_one(self, request: MintRequest, epochs: dict[str, int], now: datetime) -> MintResult:
        agreed = judge(request, self._book.facts, epochs, now, self._limits)
        if not isinstance(agreed, Agreed):
            return NotMinted(agreed)
        quota = self._quotas[request.basis]
        exceeded = quota.exceeded(request.carer_id, agreed.unit_id, now)
        if exceeded is not None:
            return NotMinted(exceeded)
        grant = Grant(
            iss=self._settings.issuer,
            aud=request.lock_ids,
            nbf_at=agreed.opens_at,
            exp_at=agreed.expires_at,
            cti=secrets.token_bytes(CTI_BYTES),
            cnf=request.holder_thumbprint,
            scope=_SCOPE,
            epoch=request.epoch,
            dual=agreed.dual,
            emergency=agreed.emergency,
            max_uses=agreed.max_uses,
        )
        try:
            token = mint_grant(grant, self._keys.present)
        except GrantError:  # too long: more or longer lock ids than a grant can carry
            return NotMinted(MintRefusal.BAD_REQUEST)
        quota.minted(request.carer_id, agreed.unit_id, now)
        return Minted(grant.cti, token, agreed.opens_at, agreed.expires_at, now, agreed.unit_id)


def _decision(request: MintRequest, result: MintResult, now: datetime) -> Decision:
    minted = isinstance(result, Minted)
    return Decision(
        at=now,
        decision="minted" if minted else "refused",
        cti=result.cti.hex() if isinstance(result, Minted) else "",
        door=request.door_id,
        visit=request.visit_id,
        shift=request.shift_id,
        carer=request.carer_id,
        unit=result.unit_id if isinstance(result, Minted) else "",
        reason=result.code.value if isinstance(result, NotMinted) else "",
        basis=request.basis.value,
    )

"""The grant: an issuer's signed statement that a holder's key may open a door in a window.

A CBOR Web Token (RFC 8392) in COSE_Sign1. It names no visit, no reason and no person: the server alone knows
what a ``cti`` stands for. The holder's key is confirmed by its COSE thumbprint (RFC 8747, RFC 9679 ``ckt``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from devices.keys import cbor
from devices.keys.cbor import Cbor
from devices.keys.cose import MessageKind, SigningKey, Trust, sign, verify
from devices.keys.errors import GrantError, MessageError
from devices.keys.model import Operation

MAX_GRANT_BYTES = 350
MAX_AUDIENCE = 3
"""With four ids of 32 characters and every flag a grant would be longer than :data:`MAX_GRANT_BYTES`."""
CTI_BYTES = 16
THUMBPRINT_BYTES = 32

_ISS, _AUD, _EXP, _NBF, _CTI, _CNF, _SCOPE = 1, 3, 4, 5, 7, 8, 9
_EPOCH, _DUAL, _EMERGENCY, _MAX_USES = -65537, -65538, -65539, -65540
_KNOWN = frozenset({_ISS, _AUD, _EXP, _NBF, _CTI, _CNF, _SCOPE, _EPOCH, _DUAL, _EMERGENCY, _MAX_USES})
_CKT = 5  # confirmation by COSE key thumbprint (RFC 9679 section 5.6)
_LAST_S = 221_845_391_999  # the year 8999: leaves room to add a leeway without an overflow
_MAX_TEXT = 64


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do what at which locks, and when.

    Parameters
    ----------
    iss
        Name of the issuer, 1 to 64 characters.
    aud
        Ids of one to three locks, in a fixed order: a flat alone, or a flat and what has to be opened on the way to it.
    nbf_at, exp_at
        The window, aware UTC, whole seconds; both ends belong to it.
    cti
        Identifier of the grant, 16 random bytes.
    cnf
        Thumbprint of the holder's key, 32 bytes (:func:`devices.keys.proof.holder_thumbprint`).
    scope
        What may be done.
    epoch
        Generation of rights at these locks; a lock refuses every grant below its own.
    dual
        Opens only together with a second holder's dual grant.
    emergency
        Issued for an emergency call.
    max_uses
        How often the grant opens, or ``None`` for as often as needed in the window.
    extra
        Text-named claims this version does not know. They inform and never restrict.

    Raises
    ------
    ValueError
        If a field is outside what is said above.
    """

    iss: str
    aud: tuple[str, ...]
    nbf_at: datetime
    exp_at: datetime
    cti: bytes
    cnf: bytes
    scope: frozenset[Operation]
    epoch: int
    dual: bool = False
    emergency: bool = False
    max_uses: int | None = None
    extra: Mapping[str, Cbor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= len(self.iss) <= _MAX_TEXT:
            raise ValueError(f"Expected an issuer of 1 to 64 characters, got {len(self.iss)}.")
        if not 1 <= len(self.aud) <= MAX_AUDIENCE or len(set(self.aud)) != len(self.aud):
            raise ValueError(f"Expected 1 to {MAX_AUDIENCE} different locks, got {self.aud}.")
        if not all(1 <= len(lock) <= _MAX_TEXT for lock in self.aud):
            raise ValueError(f"Expected lock ids of 1 to 64 characters, got {self.aud}.")
        if _seconds(self.exp_at) <= _seconds(self.nbf_at):
            raise ValueError(f"Expected an end after {self.nbf_at}, got {self.exp_at}.")
        if len(self.cti) != CTI_BYTES or len(self.cnf) != THUMBPRINT_BYTES:
            raise ValueError(f"Expected cti of 16 and cnf of 32 bytes, got {len(self.cti)}, {len(self.cnf)}.")
        if not self.scope:
            raise ValueError("Expected at least one operation, got none.")
        if self.epoch < 0 or (self.max_uses is not None and self.max_uses < 1):
            raise ValueError(f"Expected epoch >= 0, max_uses >= 1, got {self.epoch}, {self.max_uses}.")


def mint_grant(grant: Grant, issuer_key: SigningKey) -> bytes:
    """Sign a grant.

    Returns
    -------
    bytes
        COSE_Sign1 of at most :data:`MAX_GRANT_BYTES` bytes.

    Raises
    ------
    GrantError
        ``grant_too_large``: the near link's fragments are sized for the limit.
    """
    claims: dict[int | str, Cbor] = {
        _ISS: grant.iss,
        _AUD: list(grant.aud),
        _EXP: _seconds(grant.exp_at),
        _NBF: _seconds(grant.nbf_at),
        _CTI: grant.cti,
        _CNF: {_CKT: grant.cnf},
        _SCOPE: " ".join(sorted(grant.scope)),
        _EPOCH: grant.epoch,
    }
    claims.update(grant.extra)
    if grant.dual:
        claims[_DUAL] = True
    if grant.emergency:
        claims[_EMERGENCY] = True
    if grant.max_uses is not None:
        claims[_MAX_USES] = grant.max_uses
    token = sign(MessageKind.GRANT, cbor.encode(cast("Mapping[str, Cbor]", claims)), issuer_key)
    if len(token) > MAX_GRANT_BYTES:
        raise GrantError("grant_too_large", expected=MAX_GRANT_BYTES, found=len(token))
    return token


def read_grant(token: bytes, trust: Trust) -> Grant:
    """A grant whose issuer is trusted. Window, audience and holder are the reader's to judge.

    Raises
    ------
    SignatureError
        Form, algorithm, key or signature is wrong.
    GrantError
        ``grant_too_large``, ``grant_malformed``, or ``grant_claim_unknown``: a numbered claim that is not
        understood could be a restriction, so it refuses the grant; a claim named in text is kept.
    """
    if len(token) > MAX_GRANT_BYTES:
        raise GrantError("grant_too_large", expected=MAX_GRANT_BYTES, found=len(token))
    payload = verify(MessageKind.GRANT, token, trust)
    try:
        body = cbor.decode(payload, "grant")
    except MessageError as err:
        raise _malformed("claims", "deterministic CBOR", str(err)) from err
    if not isinstance(body, dict):
        raise _malformed("claims", "a map", body)
    claims = cast("dict[int | str, Cbor]", body)
    unknown = [key for key in claims if isinstance(key, int) and key not in _KNOWN]
    if unknown:
        raise GrantError("grant_claim_unknown", claim=unknown[0], expected="a known claim", found=unknown[0])
    try:
        return Grant(
            iss=_text(claims, _ISS, "iss"),
            aud=_audience(claims),
            nbf_at=_instant(claims, _NBF, "nbf"),
            exp_at=_instant(claims, _EXP, "exp"),
            cti=_octets(claims.get(_CTI), CTI_BYTES, "cti"),
            cnf=_confirmation(claims),
            scope=_scope(claims),
            epoch=_uint(claims, _EPOCH, "epoch"),
            dual=_flag(claims, _DUAL, "dual"),
            emergency=_flag(claims, _EMERGENCY, "emergency"),
            max_uses=_uint(claims, _MAX_USES, "max_uses") if _MAX_USES in claims else None,
            extra={key: value for key, value in claims.items() if isinstance(key, str)},
        )
    except ValueError as err:
        raise _malformed("claims", "a grant that makes sense", str(err)) from err


def _seconds(instant_at: datetime) -> int:
    if instant_at.tzinfo is None or instant_at.microsecond:
        raise ValueError(f"Expected an aware instant of whole seconds, got {instant_at}.")
    return int(instant_at.timestamp())


def _malformed(claim: str, expected: str, found: object) -> GrantError:
    return GrantError("grant_malformed", claim=claim, expected=expected, found=str(found)[:80])


def _text(claims: Mapping[int | str, Cbor], number: int, name: str) -> str:
    value = claims.get(number)
    if not isinstance(value, str):
        raise _malformed(name, "text", type(value).__name__)
    return value


def _uint(claims: Mapping[int | str, Cbor], number: int, name: str) -> int:
    value = claims.get(number)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_S:
        raise _malformed(name, "a number of at least 0", value)
    return value


def _flag(claims: Mapping[int | str, Cbor], number: int, name: str) -> bool:
    value = claims.get(number, False)
    if not isinstance(value, bool):
        raise _malformed(name, "true or false", value)
    return value


def _instant(claims: Mapping[int | str, Cbor], number: int, name: str) -> datetime:
    return datetime.fromtimestamp(_uint(claims, number, name), UTC)


def _octets(value: Cbor, size: int, name: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != size:
        raise _malformed(name, f"{size} bytes", type(value).__name__)
    return value


def _audience(claims: Mapping[int | str, Cbor]) -> tuple[str, ...]:
    value = claims.get(_AUD)
    if not isinstance(value, list) or not all(isinstance(lock, str) for lock in value):
        raise _malformed("aud", "an array of lock ids", type(value).__name__)
    return tuple(value)


def _confirmation(claims: Mapping[int | str, Cbor]) -> bytes:
    value = claims.get(_CNF)
    if not isinstance(value, dict) or set(value) != {_CKT}:
        raise _malformed("cnf", "a COSE key thumbprint (5) and nothing else", type(value).__name__)
    return _octets(value[_CKT], THUMBPRINT_BYTES, "cnf")


def _scope(claims: Mapping[int | str, Cbor]) -> frozenset[Operation]:
    words = _text(claims, _SCOPE, "scope").split(" ")
    known = {operation.value for operation in Operation}
    if words != sorted(set(words)) or not set(words) <= known:
        raise _malformed("scope", "sorted words of " + ", ".join(sorted(known)), " ".join(words))
    return frozenset(Operation(word) for word in words)

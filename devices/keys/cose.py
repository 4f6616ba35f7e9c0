"""COSE_Sign1 with Ed25519 and nothing else (RFC 9052, RFC 9053).

The algorithm is pinned, the key must be known *for that kind of message*, and the kind is bound into every
signature as external data: an answer signed by a lock can never pass for an acknowledgement, whoever holds
which key. ``cwt`` and ``cryptography`` do the cryptography; this module refuses every form but ours first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import cast

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSE, COSEKey
from cwt.cose_key_interface import COSEKeyInterface
from cwt.exceptions import CWTError

from devices.keys import cbor
from devices.keys.errors import MessageError, SignatureError

ALG_EDDSA = -8
KEY_ID_BYTES = 8
_TAG_SIGN1 = 18
_ALG, _KID = 1, 4
_SIGNATURE_BYTES = 64
_COSE = COSE.new(verify_kid=True, deterministic_header=True)


class MessageKind(StrEnum):
    """What is signed. The name enters every signature, so a kind is never renamed."""

    GRANT = "grant"
    ANSWER = "answer"
    EVENT = "event"
    ACK = "ack"
    CRL = "crl"
    CFG = "cfg"
    TIME = "time"
    ORDER = "order"
    ENROL = "enrol"
    TRUST = "trust"

    @property
    def context(self) -> bytes:
        """External authenticated data of the signature (RFC 9052 section 4.3)."""
        return b"omsorgstid/v1/" + self.value.encode()


def key_id(public_key: bytes) -> bytes:
    """Key identifier of an Ed25519 public key: the first 8 bytes of its SHA-256."""
    return sha256(public_key).digest()[:KEY_ID_BYTES]


class VerifyingKey:
    """An Ed25519 public key, 32 bytes raw (RFC 8032)."""

    __slots__ = ("cose_key", "kid", "public_bytes")

    def __init__(self, public_bytes: bytes) -> None:
        if len(public_bytes) != 32:
            raise ValueError(f"Expected an Ed25519 public key of 32 bytes, got {len(public_bytes)}.")
        self.public_bytes = bytes(public_bytes)
        self.kid = key_id(self.public_bytes)
        # COSE_Key labels: kty OKP, crv Ed25519, alg, kid, x, key_ops verify (RFC 9052 section 7, RFC 9053).
        self.cose_key: COSEKeyInterface = COSEKey.new(
            {1: 1, -1: 6, 3: ALG_EDDSA, 2: self.kid, -2: self.public_bytes, 4: [2]}
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyingKey) and other.public_bytes == self.public_bytes

    def __hash__(self) -> int:
        return hash(self.public_bytes)

    def __repr__(self) -> str:
        return f"VerifyingKey(kid={self.kid.hex()})"


class SigningKey:
    """An Ed25519 private key. It never shows itself in a repr or a log."""

    __slots__ = ("_private_bytes", "cose_key", "verifying_key")

    def __init__(self, private_bytes: bytes) -> None:
        if len(private_bytes) != 32:
            raise ValueError(f"Expected an Ed25519 private key of 32 bytes, got {len(private_bytes)}.")
        self._private_bytes = bytes(private_bytes)
        public = Ed25519PrivateKey.from_private_bytes(self._private_bytes).public_key().public_bytes_raw()
        self.verifying_key = VerifyingKey(public)
        self.cose_key: COSEKeyInterface = COSEKey.new(
            {1: 1, -1: 6, 3: ALG_EDDSA, 2: self.kid, -2: public, -4: self._private_bytes, 4: [1]}
        )

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key from the operating system's random source."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def kid(self) -> bytes:
        """Key identifier, 8 bytes."""
        return self.verifying_key.kid

    @property
    def public_bytes(self) -> bytes:
        """The public half, 32 bytes raw."""
        return self.verifying_key.public_bytes

    def private_bytes(self) -> bytes:
        """The private half, 32 bytes raw, for whoever must store it."""
        return self._private_bytes

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid.hex()})"


@dataclass(frozen=True, slots=True)
class Trust:
    """Which key is believed for which kind of message: kind to key identifier to key."""

    keys: Mapping[MessageKind, Mapping[bytes, VerifyingKey]]

    @classmethod
    def of(cls, keys: Mapping[MessageKind, Iterable[VerifyingKey]]) -> "Trust":
        """Build from keys per kind; several keys of a kind overlap while one is being replaced."""
        return cls({kind: {key.kid: key for key in some} for kind, some in keys.items()})

    def key(self, kind: MessageKind, kid: bytes) -> VerifyingKey | None:
        """The key with this identifier if it is trusted for this kind."""
        return self.keys.get(kind, {}).get(kid)


def lock_trust(lock_key: VerifyingKey) -> Trust:
    """What the server believes of one lock: its answers and its events."""
    return Trust.of({MessageKind.ANSWER: [lock_key], MessageKind.EVENT: [lock_key]})


def server_trust(
    issuers: Iterable[VerifyingKey], services: Iterable[VerifyingKey], roots: Iterable[VerifyingKey] = ()
) -> Trust:
    """What a lock believes of the server.

    Parameters
    ----------
    issuers
        Keys of the grant signer: grants alone.
    services
        Keys of the gateway: acknowledgements, revocations, settings and time. They open nothing.
    roots
        Keys of the administration, kept with the signer: trust lists alone.
    """
    issuer_keys, service_keys = list(issuers), list(services)
    return Trust.of(
        {
            MessageKind.GRANT: issuer_keys,
            MessageKind.CRL: service_keys,
            MessageKind.ACK: service_keys,
            MessageKind.CFG: service_keys,
            MessageKind.TIME: service_keys,
            MessageKind.TRUST: roots,
        }
    )


def sign(kind: MessageKind, payload: bytes, key: SigningKey) -> bytes:
    """A tagged COSE_Sign1: protected ``{1: -8, 4: kid}``, nothing unprotected, payload attached."""
    signed = _COSE.encode_and_sign(
        payload, key.cose_key, protected={_ALG: ALG_EDDSA, _KID: key.kid}, external_aad=kind.context
    )
    return cast(bytes, signed)


def verify(kind: MessageKind, message: bytes, trust: Trust) -> bytes:
    """The payload of a signed message that may be believed.

    Raises
    ------
    SignatureError
        ``signature_malformed`` (not our one form), ``signature_algorithm`` (not the pinned one),
        ``signature_key_unknown`` (not trusted for this kind), ``signature_invalid``.
    """
    tag = _sign1(kind, message)
    key = trust.key(kind, _kid(kind, tag.value[0]))
    if key is None:
        raise SignatureError("signature_key_unknown", message=kind.value, found=_kid(kind, tag.value[0]).hex())
    try:
        return cast(bytes, _COSE.decode(tag, key.cose_key, external_aad=kind.context))
    except (CWTError, ValueError) as err:
        raise SignatureError("signature_invalid", message=kind.value) from err


def signer_of(kind: MessageKind, message: bytes) -> bytes:
    """Key identifier a message *claims*. Good for choosing a key to check with, and for nothing else.

    Raises
    ------
    SignatureError
        ``signature_malformed`` or ``signature_algorithm``.
    """
    return _kid(kind, _sign1(kind, message).value[0])


def unverified_payload(kind: MessageKind, message: bytes) -> bytes:
    """What a signed message *claims*, before anybody has checked who signed it.

    Raises
    ------
    SignatureError
        ``signature_malformed``.
    """
    return cast(bytes, _sign1(kind, message).value[2])


def _sign1(kind: MessageKind, message: bytes) -> cbor2.CBORTag:
    if len(message) > cbor.MAX_BYTES:
        raise _bad_form(kind, f"at most {cbor.MAX_BYTES} bytes", f"{len(message)} bytes")
    try:
        tag = cbor2.loads(message)
    except cbor.DECODE_ERRORS as err:
        raise _bad_form(kind, "CBOR", type(err).__name__) from err
    if not isinstance(tag, cbor2.CBORTag) or tag.tag != _TAG_SIGN1:
        raise _bad_form(kind, "COSE_Sign1 with tag 18", type(tag).__name__)
    parts = tag.value
    if not isinstance(parts, list) or len(parts) != 4:
        raise _bad_form(kind, "an array of four", type(parts).__name__)
    protected, unprotected, payload, signature = parts
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise _bad_form(kind, "protected header, payload and signature as bytes", "another type")
    if unprotected != {}:
        raise _bad_form(kind, "an empty unprotected header", "a filled one")
    if len(signature) != _SIGNATURE_BYTES:
        raise _bad_form(kind, "a signature of 64 bytes", f"{len(signature)} bytes")
    if cbor2.dumps(cbor2.CBORTag(_TAG_SIGN1, [protected, {}, payload, signature])) != message:
        raise _bad_form(kind, "deterministic CBOR", "another encoding")
    return tag


def _kid(kind: MessageKind, protected: bytes) -> bytes:
    try:
        header = cbor.decode(protected, "protected header")
    except MessageError as err:
        raise _bad_form(kind, "a deterministic protected header", str(err)) from err
    if not isinstance(header, dict):
        raise _bad_form(kind, "a protected header map", type(header).__name__)
    alg = header.get(_ALG)
    if alg != ALG_EDDSA:
        raise SignatureError("signature_algorithm", message=kind.value, expected=ALG_EDDSA, found=alg)
    kid = header.get(_KID)
    if len(header) != 2 or not isinstance(kid, bytes) or len(kid) != KEY_ID_BYTES:
        raise _bad_form(kind, "a protected header of alg and an 8-byte kid", f"{len(header)} entries")
    return kid


def _bad_form(kind: MessageKind, expected: str, found: str) -> SignatureError:
    return SignatureError("signature_malformed", message=kind.value, expected=expected, found=found[:80])

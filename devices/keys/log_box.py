"""The lock's log on its way through somebody else's tablet: sealed for the server alone.

HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. The key is the
service key itself, taken over to Curve25519, so a lock needs nothing beyond what it got at enrolment. Using
one key pair for Ed25519 signatures and for an X25519 KEM is safe together (Thormarker, "On using the same
key pair for Ed25519 and an X25519 based KEM", IACR ePrint 2021/509). Sealing hides; it proves nothing: the
events inside are believed by the lock's signatures.
"""

from collections.abc import Iterable
from hashlib import sha512

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from devices.keys.cbor import malformed
from devices.keys.cose import KEY_ID_BYTES, SigningKey, VerifyingKey
from devices.keys.envelope import pack, unpack
from devices.keys.errors import MessageError

INFO = b"omsorgstid/v1/log/"
"""The lock's id follows: a box of one lock does not open as another's."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_P = 2**255 - 19
_NAME = "near/evt"


def seal_log(lock_id: str, batch: bytes, service: VerifyingKey) -> bytes:
    """A payload of ``up/evt`` as it goes over the near link: ``{"v": 1, "to": kid, "box": enc and ciphertext}``."""
    box = _SUITE.encrypt(batch, _public(service), info=INFO + lock_id.encode())
    return pack({"to": service.kid, "box": box}, {})


def open_log(lock_id: str, sealed: bytes, services: Iterable[SigningKey]) -> bytes:
    """The payload of ``up/evt`` inside.

    Raises
    ------
    MessageError
        ``message_malformed`` if it is no box, sealed for another key or lock, or changed on the way.
    """
    fields = unpack(_NAME, sealed)
    kid, box = fields.octets("to", KEY_ID_BYTES), fields.blob("box")
    key = next((key for key in services if key.kid == kid), None)
    if key is None:
        raise fields.error("to", "the id of a service key of ours", kid.hex())
    try:
        return _SUITE.decrypt(box, _private(key), info=INFO + lock_id.encode())
    except (InvalidTag, ValueError) as err:
        raise malformed(_NAME, "box", f"a log sealed by {lock_id} for us", type(err).__name__) from err


def is_sealed(payload: bytes) -> bool:
    """Whether a payload has the form of a sealed log; a plain one goes on as it is."""
    try:
        fields = unpack(_NAME, payload)
        fields.octets("to", KEY_ID_BYTES)
        fields.blob("box")
    except MessageError:
        return False
    return True


def exchange_key(public_key: bytes) -> bytes:
    """The X25519 public key that belongs to an Ed25519 public key: u = (1 + y) / (1 - y) (RFC 7748, 4.1).

    Raises
    ------
    ValueError
        If the key is a point of small order, which no key pair has.
    """
    y = int.from_bytes(public_key, "little") & (2**255 - 1)
    if y % _P == 1:
        raise ValueError("Expected a public key of a key pair, got the neutral element.")
    u = (1 + y) * pow(1 - y, -1, _P) % _P
    return u.to_bytes(32, "little")


def _public(service: VerifyingKey) -> X25519PublicKey:
    return X25519PublicKey.from_public_bytes(exchange_key(service.public_bytes))


def _private(service: SigningKey) -> X25519PrivateKey:
    # The scalar of an Ed25519 key (RFC 8032, 5.1.5); X25519 clamps it itself.
    return X25519PrivateKey.from_private_bytes(sha512(service.private_bytes()).digest()[:32])

"""The holder's proof: a P-256 signature over one lock's challenge, made where the private key lives.

A browser signs with WebCrypto (ECDSA, P-256, SHA-256), whose signature is the raw pair r || s of 64 bytes.
The signed bytes are short and laid out so that a page can build them without a CBOR library; the layout and
its test vectors are in docs/protocol.md.
"""

from hashlib import sha256
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from devices.keys import cbor
from devices.keys.errors import ProofError
from devices.keys.model import Operation

CONTEXT = "omsorgstid-open-v1"
NONCE_BYTES = 16
PUBLIC_KEY_BYTES = 65
PROOF_BYTES = 64
_CTI_BYTES = 16
_HALF = 32


def proof_input(lock_id: str, op: Operation, cti: bytes, nonce: bytes) -> bytes:
    """The bytes a holder signs: deterministic CBOR of ``["omsorgstid-open-v1", lock, op, cti, nonce]``.

    Raises
    ------
    ValueError
        If the lock id is empty, or cti or nonce is not of 16 bytes.
    """
    if not lock_id or len(cti) != _CTI_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError(f"Expected a lock id, 16 and 16 bytes, got {lock_id!r}, {len(cti)}, {len(nonce)}.")
    return cbor.encode([CONTEXT, lock_id, op.value, cti, nonce])


def holder_thumbprint(public_key: bytes) -> bytes:
    """COSE key thumbprint of a P-256 key (RFC 9679): SHA-256 of ``{1: 2, -1: 1, -2: x, -3: y}``.

    Parameters
    ----------
    public_key
        Uncompressed point, 65 bytes ``04 || x || y``, as WebCrypto exports it in format ``raw``.

    Raises
    ------
    ValueError
        If it is not an uncompressed point by form. Whether it lies on the curve is checked by
        :func:`verify_proof`.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or public_key[0] != 4:
        raise ValueError(f"Expected an uncompressed point of 65 bytes, got {len(public_key)}.")
    x, y = public_key[1 : 1 + _HALF], public_key[1 + _HALF :]
    return sha256(cbor.encode({1: 2, -1: 1, -2: x, -3: y})).digest()


def public_point(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """The uncompressed public point of a private key, 65 bytes."""
    return private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def sign_proof(private_key: ec.EllipticCurvePrivateKey, lock_id: str, op: Operation, cti: bytes, nonce: bytes) -> bytes:
    """Sign a challenge; 64 bytes r || s, deterministic by RFC 6979 so that a day can be repeated exactly."""
    signature = private_key.sign(proof_input(lock_id, op, cti, nonce), ec.ECDSA(SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(signature)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def verify_proof(public_key: bytes, cnf: bytes, proof: bytes, signed: bytes) -> None:
    """Check that the presented key is the grant's and signed exactly this challenge.

    Parameters
    ----------
    public_key
        The presented key, uncompressed, 65 bytes.
    cnf
        The thumbprint in the grant, 32 bytes.
    proof
        Signature r || s, 64 bytes.
    signed
        :func:`proof_input` built from the verifier's own lock id and nonce.

    Raises
    ------
    ProofError
        ``proof_malformed``, ``proof_other_key`` or ``proof_invalid``.
    """
    if len(proof) != PROOF_BYTES:
        raise ProofError("proof_malformed", expected="64 bytes r || s", found=f"{len(proof)} bytes")
    try:
        thumbprint = holder_thumbprint(public_key)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError as err:
        raise ProofError("proof_malformed", expected="a point on P-256", found=str(err)[:80]) from err
    if not compare_digest(thumbprint, cnf):
        raise ProofError("proof_other_key")
    r, s = int.from_bytes(proof[:_HALF], "big"), int.from_bytes(proof[_HALF:], "big")
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except InvalidSignature as err:
        raise ProofError("proof_invalid") from err

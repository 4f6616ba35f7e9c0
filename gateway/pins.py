"""PINs, kept as salted scrypt hashes."""

import hashlib
import hmac
import secrets

# A PIN of four digits is guarded by the lockout, not by the cost of a guess; 12 ms is enough to pay.
_N, _R, _P = 2**12, 8, 1


def hash_pin(pin: str) -> str:
    """A salted hash of a PIN, with its parameters."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${salt.hex()}${_digest(pin, salt, _N).hex()}"


def pin_matches(pin: str, stored: str) -> bool:
    """Whether a PIN is the one that was hashed, in constant time. Who has no PIN is signed in by none."""
    if not stored:
        return False
    _, n, salt, digest = stored.split("$")
    return hmac.compare_digest(_digest(pin, bytes.fromhex(salt), int(n)), bytes.fromhex(digest))


def _digest(pin: str, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=n, r=_R, p=_P, dklen=32)

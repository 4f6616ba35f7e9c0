"""What a tablet is handed with a lock's challenge, so that nobody has to store the challenge until it comes back.

The seal says that this server handed this nonce out for this opening at this lock. It keeps a proof over anything else
from being carried to the lock; that such a proof opens nothing is the lock's own doing, which knows its challenges.
"""

import hmac
from hashlib import sha256

from devices.keys.cose import SigningKey

_CONTEXT = b"omsorgstid-challenge-seal-v1"
SEAL_BYTES = 16


def seal_of(service_key: SigningKey, opening_id: str, lock_id: str, nonce: bytes) -> bytes:
    """The seal of a challenge, 16 bytes; every web process of an installation makes the same."""
    key = hmac.digest(service_key.private_bytes(), _CONTEXT, sha256)
    said = b"\0".join((opening_id.encode(), lock_id.encode(), nonce))
    return hmac.digest(key, said, sha256)[:SEAL_BYTES]


def is_sealed(service_key: SigningKey, opening_id: str, lock_id: str, nonce: bytes, seal: bytes) -> bool:
    """Whether a challenge was handed out for this opening."""
    return hmac.compare_digest(seal, seal_of(service_key, opening_id, lock_id, nonce))

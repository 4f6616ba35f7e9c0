"""One pseudonym per carer in the ledger: a keyed hash, so that nobody without the key can try names."""

import hashlib
import hmac

MINIMUM_KEY_BYTES = 16


class Pseudonyms:
    """Turns carer ids into subjects. The key is handed in; the same key gives the same subject for ever."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MINIMUM_KEY_BYTES:
            raise ValueError(f"Expected a key of at least {MINIMUM_KEY_BYTES} bytes, got {len(key)}.")
        self._key = key
        self._known: dict[str, str] = {}

    def subject(self, carer_id: str) -> str:
        """The pseudonym of a carer: 24 hexadecimal digits of an HMAC-SHA-256."""
        subject = self._known.get(carer_id)
        if subject is None:
            digest = hmac.new(self._key, b"subject:" + carer_id.encode(), hashlib.sha256)
            subject = self._known[carer_id] = digest.hexdigest()[:24]
        return subject

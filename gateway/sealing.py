"""Grants on their way to a tablet: the first few open, the others in a chain of sealed envelopes (ADR 0007).

Each envelope holds one visit's grant and the key of the next envelope, so a tablet can move on by itself, without a
network, one visit at a time, and a picture of its store at any moment holds no more than it may use then. The chain
orders; it does not imprison: whoever runs a program of his own in the tablet can walk it. What bounds him is the
window of each visit.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.wire import b64u

KEY_BITS = 256
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class SealedVisit:
    """One link: the nonce and AES-256-GCM of ``{"grant": …, "next_key": …}``, bound to the visit's id."""

    visit_id: str
    envelope: bytes


def seal_chain(visits: Sequence[tuple[str, Any]]) -> tuple[str | None, list[SealedVisit]]:
    """Seal what visits hold, in their order.

    Parameters
    ----------
    visits
        Visit id, and what JSON can write of it; ``None`` where the visit has no electronic door.

    Returns
    -------
    tuple
        The key of the first envelope, base64url (``None`` without visits), and the envelopes. Keys are new each time.
    """
    key_text: str | None = None
    sealed: list[SealedVisit] = []
    for visit_id, grant in reversed(visits):
        key, nonce = AESGCM.generate_key(KEY_BITS), os.urandom(NONCE_BYTES)
        content = json.dumps({"grant": grant, "next_key": key_text}).encode()
        sealed.append(SealedVisit(visit_id, nonce + AESGCM(key).encrypt(nonce, content, visit_id.encode())))
        key_text = b64u(key)
    return key_text, sealed[::-1]

"""The codes a planner reads out, and what they unlock: the envelope of one prepared door. Pure (ADR 0007).

With every server down nobody can check a code by asking. So a code is not compared with anything: it is the key, in
the sense of cryptography, of the envelope in which the door's grant lies on the designated tablet.
"""

from hashlib import pbkdf2_hmac, sha256
from hmac import digest

CODE_DIGITS = 12
"""Twelve digits, read out in three groups of four: 40 bits."""

ITERATIONS = 20_000
"""PBKDF2-HMAC-SHA256. A thief with one good graphics card (5 x 10^9 hashes/s) tries 1.3 x 10^5 codes a second, so
he needs 46 days on average for one door; the grant inside is over after four hours."""

KEY_BYTES = 32
_LABEL = b"omsorgstid-spoken-code-v1"


def spoken_code(secret: bytes, shift_id: str, door_id: str, uses: int) -> str:
    """The code of one door for one designated tablet's shift.

    Parameters
    ----------
    secret
        Of this installation, 32 bytes; it never leaves the server.
    uses
        How often a code has opened this door for this shift, as far as is known: a used code is followed by another.

    Returns
    -------
    str
        :data:`CODE_DIGITS` digits.
    """
    message = b"\n".join((_LABEL, shift_id.encode(), door_id.encode(), str(uses).encode()))
    number = int.from_bytes(digest(secret, message, sha256), "big")
    return str(number % 10**CODE_DIGITS).zfill(CODE_DIGITS)


def code_key(code: str, salt: bytes) -> bytes:
    """The AES-256 key a code stands for. ``salt`` is the grant's ``cti``."""
    return pbkdf2_hmac("sha256", code.encode(), salt, ITERATIONS, KEY_BYTES)


def in_groups(code: str) -> str:
    """As it is printed and read out: ``4821 9037 5516``."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))

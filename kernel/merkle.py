"""Merkle tree hashes after RFC 6962, section 2.1.

A leaf and a node are hashed with different first bytes, so that nobody can pass one for the other; SHA-256.
"""

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32
_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """Hash of one entry: SHA-256 of a zero byte and the entry."""
    return sha256(_LEAF + content).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root of a tree of leaf hashes, 32 bytes; of no leaves the SHA-256 of nothing.

    A level at a time: an odd one at the end moves up unchanged, which gives the same tree as the recursive
    definition of the RFC.
    """
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        paired = [sha256(_NODE + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired if len(level) % 2 == 0 else [*paired, level[-1]]
    return level[0]

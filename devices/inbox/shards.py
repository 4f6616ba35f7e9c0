"""Which of several sessions at the broker a device's messages belong to (ADR 0010).

A shard is a lasting session at the broker, not a process: it receives everything and takes in what is its own.
All messages of a device go through one shard, so their order is the broker's; whoever runs the shard next is
given, in that order, what was not acknowledged.
"""

from functools import lru_cache
from hashlib import sha256


@lru_cache(maxsize=16_384)
def shard_of(device_id: str, shards: int) -> int:
    """0 to ``shards`` - 1, the same in every process and for ever. Strangers have a shard too."""
    if shards < 1:
        raise ValueError(f"Expected at least one shard, got {shards}.")
    digest = sha256(device_id.encode(errors="backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") % shards


def session_of(shard: int, shards: int) -> str:
    """Client id of a shard's session. The number of shards is part of it: another layout is other sessions."""
    return "ingest" if shards == 1 else f"ingest-{shard}-of-{shards}"

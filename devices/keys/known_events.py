"""Events that have come before are recognised by their bytes, before anybody looks at a signature.

A lock repeats what it has no watermark for, a broker what it has no acknowledgement for, and both do it when the server
is slow. A signature takes a hundred times as long to check as bytes to compare: an inbox that checked them all again
would fall behind by its own slowness.
"""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from devices.inbox.tables import ReportRow
from devices.keys.chain import position_of
from devices.keys.errors import MessageError, SignatureError

#: what an event is known by within its lock: start and number
Position = tuple[int, int]


def known_events(session: Session, lock_id: str, chain_seq: int, messages: Sequence[bytes]) -> dict[bytes, Position]:
    """Those of these messages that are stored as they are, with where they stand.

    Nothing is asked where the first of them goes on behind the chain, as it does nearly always.

    Parameters
    ----------
    chain_seq
        Up to where the lock's chain is recorded.
    messages
        Signed events in the order sent; what cannot be read is left to whoever judges it.
    """
    first = None if not messages else _position(messages[0])
    if first is None or first[1] > chain_seq:
        return {}
    claimed = {message: position for message in messages if (position := _position(message)) is not None}
    boots, seqs = zip(*claimed.values(), strict=True)
    stored = session.scalars(
        select(ReportRow.payload).where(
            ReportRow.device_id == lock_id,
            col(ReportRow.boot).between(min(boots), max(boots)),
            col(ReportRow.seq).between(min(seqs), max(seqs)),
            ReportRow.name == "evt",
        )
    )
    return {raw: claimed[raw] for raw in stored if raw in claimed}


def _position(message: bytes) -> Position | None:
    try:
        return position_of(message)
    except (SignatureError, MessageError):
        return None

"""Single-use challenges: the only thing that makes an opening fresh."""

from dataclasses import dataclass

from devices.keys.messages import CHALLENGE_VALID_MS
from kernel.clock import LinkClock

MAX_OPEN_PER_SOURCE = 8


@dataclass(frozen=True, slots=True)
class _Issued:
    at_s: float
    source: str
    request: bytes


class Challenges:
    """Nonces a lock has handed out and not seen again, measured on its own monotonic timer."""

    def __init__(self, link: LinkClock) -> None:
        self._link = link
        self._open: dict[bytes, _Issued] = {}

    def issue(self, nonce: bytes, request: bytes, source: str) -> None:
        """Hand out a nonce. A source that asks too often pushes out its own oldest, nobody else's."""
        mine = [known for known, issued in self._open.items() if issued.source == source]
        for oldest in mine[: len(mine) - MAX_OPEN_PER_SOURCE + 1]:
            del self._open[oldest]
        self._open[nonce] = _Issued(self._link.monotonic_s(), source, request)

    def redeem(self, nonce: bytes, request: bytes, source: str) -> bool:
        """Whether this nonce is ours, for this request and source, and young enough. It is used up now."""
        issued = self._open.pop(nonce, None)
        if issued is None or issued.source != source or issued.request != request:
            return False
        return (self._link.monotonic_s() - issued.at_s) * 1000 <= CHALLENGE_VALID_MS

    def forget(self, source: str) -> None:
        """A source is gone for good; what it was given serves nobody else."""
        self._open = {known: issued for known, issued in self._open.items() if issued.source != source}

    def clear(self) -> None:
        """A start of the lock: nothing handed out before counts any more."""
        self._open.clear()

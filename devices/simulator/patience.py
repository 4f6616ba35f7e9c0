"""Bad attempts slow down the source that sends them, and nobody else."""

from collections import Counter

from kernel.clock import LinkClock

FREE_ATTEMPTS = 3
LONGEST_S = 60.0


class Patience:
    """How long each source waits for an answer to its next bad attempt. Valid commands never wait."""

    def __init__(self, link: LinkClock) -> None:
        self._link = link
        self._bad: Counter[str] = Counter()
        self._until_s: dict[str, float] = {}

    def bad_attempt(self, source: str) -> tuple[float, bool]:
        """Count a bad attempt.

        Returns
        -------
        delay_s
            How late the denial is answered.
        worth_logging
            ``False`` while the source is still waiting: it must not be able to fill the log.
        """
        now_s = self._link.monotonic_s()
        waiting = now_s < self._until_s.get(source, 0.0)
        self._bad[source] += 1
        beyond = self._bad[source] - FREE_ATTEMPTS
        delay_s = 0.0 if beyond <= 0 else min(LONGEST_S, 2.0 ** min(beyond - 1, 6))
        self._until_s[source] = max(now_s + delay_s, self._until_s.get(source, 0.0))
        return delay_s, not waiting

    def good_attempt(self, source: str) -> None:
        """A valid command clears its source."""
        self._bad.pop(source, None)
        self._until_s.pop(source, None)

    def forget(self, source: str) -> None:
        """A source is gone for good and will not come back under this name."""
        self.good_attempt(source)

"""Who showed which session to this process before. It spares asking who somebody is, never whether that still holds.

An act at a door asks the second in the statement that reads its facts (:data:`gateway.auth.HOLDS`), so a session that
was ended opens nothing from then on, whoever ended it and in which process.
"""

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.auth import Who

MOST = 4_096


class KnownSessions:
    """By the hash of their tokens, the longest unused forgotten first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._by_hash: OrderedDict[str, Who] = OrderedDict()
        self._lock = Lock()

    def get(self, token_hash: str) -> "Who | None":
        """Who showed it, if anybody did."""
        with self._lock:
            if token_hash in self._by_hash:
                self._by_hash.move_to_end(token_hash)
            return self._by_hash.get(token_hash)

    def keep(self, who: "Who") -> None:
        """Somebody showed a session that holds."""
        with self._lock:
            self._by_hash[who.session] = who
            self._by_hash.move_to_end(who.session)
            if len(self._by_hash) > self._most:
                self._by_hash.popitem(last=False)

    def forget(self, token_hash: str) -> None:
        """It holds no longer."""
        with self._lock:
            self._by_hash.pop(token_hash, None)

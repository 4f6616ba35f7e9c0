"""What a web process holds for screen visits: the hub of its pages, the echo peer, the count of wrong tokens."""

from collections import OrderedDict, deque
from threading import Lock

from gateway.peer_client import PeerClient
from gateway.postbox import Postbox
from gateway.signalling import Hub
from kernel.clock import LinkClock
from video.model import CallState, Room

WRONG_TOKENS = 10
WRONG_WITHIN_S = 60.0
_CLIENTS = 10_000


class WrongTokens:
    """Counts tokens that were not good, by client: guessing is hopeless, and may not become a load either."""

    def __init__(self, link: LinkClock) -> None:
        self._link = link
        self._lock = Lock()
        self._at_s: OrderedDict[str, deque[float]] = OrderedDict()

    def too_many(self, client: str) -> bool:
        """Whether this client has to wait."""
        with self._lock:
            return len(self._recent(client)) >= WRONG_TOKENS

    def add(self, client: str) -> None:
        """One more."""
        with self._lock:
            recent = self._recent(client)
            recent.append(self._link.monotonic_s())
            self._at_s[client] = recent
            self._at_s.move_to_end(client)
            while len(self._at_s) > _CLIENTS:
                self._at_s.popitem(last=False)

    def _recent(self, client: str) -> deque[float]:
        found = self._at_s.get(client, deque())
        while found and found[0] < self._link.monotonic_s() - WRONG_WITHIN_S:
            found.popleft()
        return found


class VideoDesk:
    """The parts of this process that screen visits need."""

    def __init__(self, redis_url: str, link: LinkClock, peer: PeerClient) -> None:
        self.postbox = Postbox(redis_url)
        self.hub = Hub(self.postbox, link)
        self.peer = peer
        self.wrong_tokens = WrongTokens(link)

    def start(self) -> None:
        """Hear the other processes."""
        self.postbox.start()

    def stop(self) -> None:
        """Stop hearing, and end the peer if it was ours."""
        self.postbox.stop()
        self.peer.stop()

    def told(self, room: Room) -> None:
        """A call has changed and is committed: pages of both sides are told, a kiosk of a ring."""
        self.hub.changed(room.room_id)
        if room.state is CallState.RINGING:
            self.hub.ring(room.room_id, room.citizen_id)

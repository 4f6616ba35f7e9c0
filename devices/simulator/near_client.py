"""A simulated tablet's end of the near link; a real one is gateway/web/static/tablet/near_link.js."""

from collections import deque
from types import TracebackType
from typing import Self

from websockets.sync.client import connect

from devices.keys.fragments import Joiner, NearMessage, Splitter
from devices.keys.messages import Ask


class NearClient:
    """One connection to the lock beside it.

    Parameters
    ----------
    url
        The carrier's address, without the lock's id.
    lock_id
        Which lock.
    timeout_s
        Longest wait for the connection, and for each message.

    Raises
    ------
    OSError, TimeoutError, websockets.exceptions.InvalidStatus
        If no lock of this name is near.
    """

    def __init__(self, url: str, lock_id: str, timeout_s: float = 5.0) -> None:
        self._link = connect(f"{url}/{lock_id}", open_timeout=timeout_s, compression=None)
        self._socket = self._link.__enter__()
        self._timeout_s = timeout_s
        self._splitter, self._joiner = Splitter(), Joiner()
        self._held: deque[NearMessage] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, name: str, payload: bytes) -> None:
        """Send one message."""
        for fragment in self._splitter.split(NearMessage(name, payload)):
            self.send_fragment(fragment)

    def send_fragment(self, fragment: bytes) -> None:
        """Send one frame as it is."""
        self._socket.send(fragment)

    def next(self, name: str) -> bytes:
        """The next message of this name, also one that came already.

        Raises
        ------
        TimeoutError
            If none comes in time.
        websockets.exceptions.ConnectionClosed
            If the lock hung up.
        """
        while True:
            for message in self._held:
                if message.name == name:
                    self._held.remove(message)
                    return message.payload
            frame = self._socket.recv(timeout=self._timeout_s, decode=False)
            joined = self._joiner.take(frame)
            if joined is not None:
                self._held.append(joined)

    def fetch_log(self) -> list[NearMessage]:
        """Everything the lock has not been told to delete, sealed, and its present birth at the end.

        Raises
        ------
        TimeoutError
            If the lock does not come to an end in time.
        """
        self.next("birth")
        self.send("ask", Ask(from_seq=1).encode())
        birth = NearMessage("birth", self.next("birth"))
        log = [message for message in self._held if message.name == "evt"]
        self._held = deque(message for message in self._held if message.name != "evt")
        return [*log, birth]

    def close(self) -> None:
        """Leave the lock."""
        self._link.__exit__(None, None, None)

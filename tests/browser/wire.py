"""A wire between browser and server that a test can cut: the real thing, for pages with a service worker too."""

import socket
from contextlib import suppress
from threading import Lock, Thread
from types import TracebackType

_CHUNK_BYTES = 65_536


class Wire:
    """Carries every connection to a local server until it is cut.

    Parameters
    ----------
    port
        The server's port on this machine. ``url`` is where the browser goes instead.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._whole = True
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection; new ones end at once."""
        with self._lock:
            self._whole = False
            broken = list(self._open)
        for end in broken:
            _close(end)

    def mend(self) -> None:
        """Carry again."""
        with self._lock:
            self._whole = True

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _close(self._listening)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = self._reach()
            if far is None:
                _close(near)
                continue
            with self._lock:
                self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _reach(self) -> socket.socket | None:
        with self._lock:
            whole = self._whole
        if not whole:
            return None
        with suppress(OSError):
            return socket.create_connection(("127.0.0.1", self._port))
        return None

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                target.sendall(chunk)
        for end in (source, target):
            _close(end)
            with self._lock:
                self._open.discard(end)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()

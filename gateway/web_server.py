"""uvicorn in a thread, so that one process can serve pages and do the rest besides."""

import asyncio
import socket
from threading import Event, Thread

import uvicorn
from fastapi import FastAPI


class WebServer:
    """Serves an application until stopped."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.host = host
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, timeout_keep_alive=120
        )
        self._server = uvicorn.Server(config)
        self._ended = Event()
        self._thread = Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to serve; returns when the first request can be answered."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._ended.wait(0.01)
        if not self._server.started:
            raise RuntimeError("Expected the web server to start, got its end. See the log above.")

    def stop(self) -> None:
        """Finish open requests and end."""
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def wait(self) -> None:
        """Return when the server has ended."""
        self._ended.wait()

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._ended.set()


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as err:
        listener.close()
        raise RuntimeError(
            f"Expected {host}:{port} to be free, got: {err.strerror}. Choose another port with OMSORGSTID_HTTP__PORT."
        ) from err
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener

"""Asks the echo peer, and starts one of our own where the settings name none.

The embedded peer starts with the first question: most processes never need it, and it is the only one that loads
the media library.
"""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import EdgeError
from kernel.clock import LinkClock

ANSWER_WITHIN_S = 10.0
START_WITHIN_S = 30.0


class PeerClient:
    """One peer process, ours or somebody else's.

    Parameters
    ----------
    url
        ``http://host:port``; empty: started in ``work_dir`` when first needed.
    """

    def __init__(self, url: str, work_dir: Path, link: LinkClock) -> None:
        self._url = url
        self._work_dir = work_dir
        self._link = link
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port_file = work_dir / "peer.port"

    def echo(self, sdp: str) -> str:
        """An answer to a pre-call offer.

        Raises
        ------
        EdgeError
            ``peer_busy`` or ``peer_away`` (503), ``peer_refused`` (422) for an offer it cannot read.
        """
        status, body = self._ask("POST", "/echo", {"sdp": sdp})
        if status == 200:
            return str(body["sdp"])
        if status == 422:
            raise EdgeError(422, "peer_refused", "Testen kunne ikke læse tilbuddet.", "The test cannot read the offer.")
        raise EdgeError(
            503,
            "peer_busy",
            "Der er mange, der tester lige nu. Prøv igen om lidt.",
            "Many people are testing right now. Try again in a moment.",
        )

    def check(self) -> str:
        """Empty where the peer answers, or was not needed yet; else what is wrong."""
        if not self._url and self._process is None:
            return ""
        try:
            status, _ = self._ask("GET", "/healthz", None)
        except EdgeError as err:
            return err.code
        return "" if status == 200 else f"status {status}"

    def stop(self) -> None:
        """End our own peer."""
        with self._lock:
            if self._process is not None:
                self._process.terminate()
                self._process.wait(timeout=10)
                self._process = None

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        try:
            host, port = self._address()
            connection = http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)
            try:
                content = None if body is None else json.dumps(body).encode()
                connection.request(method, path, content, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as err:
            raise EdgeError(
                503,
                "peer_away",
                "Testen virker ikke lige nu. Du kan godt tage imod skærmbesøg.",
                "The test does not work right now. Screen visits work all the same.",
                kind=type(err).__name__,
            ) from err

    def _address(self) -> tuple[str, int]:
        if self._url:
            parts = urlsplit(self._url)
            return parts.hostname or "127.0.0.1", parts.port or 80
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            return "127.0.0.1", int(self._port_file.read_text())

    def _start(self) -> None:
        self._port_file.unlink(missing_ok=True)
        # Our own module with our own settings as arguments: nothing here comes from outside.
        command = [sys.executable, "-m", "video.peer", "--port-file", str(self._port_file), "--end-with-parent"]
        with Path(self._work_dir / "peer.out").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603
        deadline_s = self._link.monotonic_s() + START_WITHIN_S
        while not self._port_file.exists():
            if self._process.poll() is not None or self._link.monotonic_s() > deadline_s:
                raise OSError("Expected the peer to start; see peer.out.")
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue

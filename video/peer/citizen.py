"""A simulated citizen: redeems a link, answers, holds the call for a while, hangs up. For demo and load test.

It comes the way a browser comes: the same HTTP, the same socket, the same messages. What the carer's page sends
it gets back, unchanged: a picture to look at without a camera or an encoder here.
``python -m video.peer.citizen --url http://127.0.0.1:8000 --stay 20`` reads the link from standard input, where no
list of processes shows it.
"""

import argparse
import asyncio
import http.client
import json
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from video.ice import IceServer
from video.peer.connections import AnsweringPeer

HTTP_WITHIN_S = 10.0
PING_S = 8.0
MAX_CHARS = 64 * 1024


class NotAnsweredError(Exception):
    """The server said no; the message is the problem's code."""


@dataclass
class Held:
    """How a simulated call went."""

    connected: bool = False
    #: seconds from the open socket to the connected media path
    setup_s: float | None = None
    echoed: int = 0
    last_state: str = ""
    errors: list[str] = field(default_factory=list)


class SimulatedCitizen:
    """One citizen with one link."""

    def __init__(self, base_url: str, link: str) -> None:
        parts = urlsplit(base_url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or (443 if self._secure else 80)
        self._token = link.partition("#")[2] or link
        self._cookie = ""
        self._held = Held()
        self._over = asyncio.Event()

    async def answer_call(self, stay_s: float) -> Held:
        """Redeem, answer, stay, hang up.

        Raises
        ------
        NotAnsweredError
            If the link or the answer was refused.
        """
        room = await asyncio.to_thread(self._post, "/api/v1/screen/redemption", {"token": self._token})
        await asyncio.to_thread(self._post, "/api/v1/screen/answer", {"action": "answer"})
        servers = [
            IceServer(tuple(s["urls"]), s.get("username"), s.get("credential")) for s in room["ice"]["iceServers"]
        ]
        # The call is over when the server says so: a page that tries a new path closes the old one.
        peer = AnsweringPeer(servers)
        scheme = "wss" if self._secure else "ws"
        url = f"{scheme}://{self._host}:{self._port}/api/v1/signalling?surface=call"
        try:
            async with connect(url, additional_headers={"Cookie": self._cookie}, max_size=4 * MAX_CHARS) as socket:
                await self._hold(socket, peer, stay_s)
        finally:
            await peer.close()
            self._held.echoed = peer.echoed
        return self._held

    async def _hold(self, socket: ClientConnection, peer: AnsweringPeer, stay_s: float) -> None:
        began_s = asyncio.get_running_loop().time()
        listening = asyncio.create_task(self._listen(socket, peer))
        pinging = asyncio.create_task(_ping(socket))
        try:
            await socket.send('{"type":"join"}')
            with suppress(TimeoutError):
                await asyncio.wait_for(peer.connected.wait(), stay_s)
                self._held.connected = True
                self._held.setup_s = asyncio.get_running_loop().time() - began_s
                await asyncio.wait_for(self._over.wait(), stay_s)
            with suppress(ConnectionClosed):
                await socket.send('{"type":"hangup"}')
                await asyncio.wait_for(asyncio.shield(self._over.wait()), 2.0)
        except TimeoutError:
            self._held.errors.append("hangup_not_told")
        finally:
            for task in (listening, pinging):
                task.cancel()
            await asyncio.gather(listening, pinging, return_exceptions=True)

    async def _listen(self, socket: ClientConnection, peer: AnsweringPeer) -> None:
        with suppress(ConnectionClosed):
            async for text in socket:
                message: dict[str, Any] = json.loads(text)
                match message["type"]:
                    case "offer":
                        sdp = await peer.answer(str(message["sdp"]))
                        await socket.send(json.dumps({"type": "answer", "sdp": sdp}))
                    case "candidate":
                        await peer.add_candidate(message["candidate"])
                    case "state":
                        self._held.last_state = message["state"]
                        if message["state"] in ("ended", "unanswered"):
                            self._over.set()
                    case "error":
                        self._held.errors.append(message["code"])
        self._over.set()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=HTTP_WITHIN_S)
        try:
            headers = {"Content-Type": "application/json", "X-Surface": "call", "Cookie": self._cookie}
            connection.request("POST", path, json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
            if answer.status >= 400:
                raise NotAnsweredError(str(found.get("code", answer.status)))
            self._cookie = (answer.headers.get("Set-Cookie") or self._cookie).partition(";")[0]
            return found
        finally:
            connection.close()


async def _ping(socket: ClientConnection) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send('{"type":"ping"}')


def main(arguments: list[str] | None = None) -> None:
    """Answer one call and say how it went, as JSON."""
    parser = argparse.ArgumentParser(prog="video.peer.citizen", description="Answers one screen visit.")
    parser.add_argument("--url", required=True, help="the gateway, http://host:port")
    parser.add_argument("--stay", type=float, default=20.0, help="seconds in the call")
    given = parser.parse_args(arguments)
    link = sys.stdin.readline().strip()
    held = asyncio.run(SimulatedCitizen(given.url, link).answer_call(given.stay))
    sys.stdout.write(json.dumps(held.__dict__) + "\n")


if __name__ == "__main__":
    main()

"""Peer connections of a test, and what they need of this machine."""

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from aioice.ice import get_host_addresses
from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from av import Packet

from tests.conftest import missing
from tests.gateway.platform import eventually

ROOT = Path(__file__).resolve().parents[2]


def network_address() -> str:
    """An address of this machine that is not the loopback: ICE leaves that one out."""
    found = get_host_addresses(use_ipv4=True, use_ipv6=False)
    if not found:
        missing("a network address besides 127.0.0.1")
    return str(found[0])


class Undecodable(MediaStreamTrack):
    """A picture nobody can decode: what comes back of it was handed on and not made anew."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0

    async def recv(self) -> Any:
        """The next packet, 20 a second."""
        await asyncio.sleep(0.05)
        packet: Any = Packet(b"\x90no picture at all " * 20)
        packet.pts, packet.time_base = self._sent * 4_500, Fraction(1, 90_000)
        self._sent += 1
        return packet


async def connect_by(pc: RTCPeerConnection, answer_of: Any) -> None:
    """Offer, get the answer, wait until the media path stands."""
    await pc.setLocalDescription(await pc.createOffer())
    answer = await answer_of(pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await until(lambda: pc.connectionState == "connected")


async def until(holds: Any, timeout_s: float = 15.0) -> None:
    """Wait for a condition."""
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while not holds():
        assert asyncio.get_running_loop().time() < deadline_s, "it did not come about in time"
        await asyncio.sleep(0.02)


async def echoed(channel: RTCDataChannel, text: str) -> str:
    """Send a text and wait for what comes back."""
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    channel.once("message", came.set_result)
    channel.send(text)
    return await asyncio.wait_for(came, 10.0)


class PeerProcess:
    """``python -m video.peer`` on a free port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One question."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    async def answer_of(self, sdp: str) -> str:
        """Its answer to an offer."""
        status, body = await asyncio.to_thread(self.ask, "POST", "/echo", {"sdp": sdp})
        assert status == 200, body
        return str(body["sdp"])

    def tests(self) -> int:
        """How many tests it says it holds."""
        return int(self.ask("GET", "/healthz")[1]["tests"])


@contextmanager
def peer_process(folder: Path, *arguments: str) -> Iterator[PeerProcess]:
    """Start the peer and stop it again."""
    port_file = folder / "peer.port"
    command = [sys.executable, "-m", "video.peer", "--port-file", str(port_file), *arguments]
    with (folder / "peer.out").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    try:
        assert eventually(port_file.exists, 30.0), (folder / "peer.out").read_text()
        yield PeerProcess(int(port_file.read_text()))
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0

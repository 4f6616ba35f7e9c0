"""A real coturn lets our credentials in, relays between two peers, and keeps others out."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from tests import own_loop
from tests.conftest import missing
from tests.gateway.platform import eventually
from tests.video.peers import connect_by, echoed, network_address, until
from video.ice import ice_servers, turn_credentials

SECRET = "a secret both sides know"


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((address, 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def turn_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A coturn of our own."""
    program = shutil.which("turnserver")
    if program is None:
        missing("coturn (Debian: coturn)")
        return
    address = network_address()
    port, folder = _free_port(address), tmp_path_factory.mktemp("coturn")
    options = [
        *("--listening-ip", address, "--relay-ip", address, "--listening-port", str(port)),
        *("--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "omsorgstid"),
        *("--no-tls", "--no-dtls", "--no-cli", "--pidfile", str(folder / "pid"), "--simple-log"),
        *("--log-file", str(folder / "log"), "--userdb", str(folder / "db"), "-n"),
    ]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([program, *options], cwd=folder, stdout=out, stderr=out)
    try:
        assert eventually(lambda: _listens(address, port)), (folder / "out").read_text()
        yield f"turn:{address}:{port}?transport=udp"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((address, port)) == 0


def _relayed(turn_url: str, username: str, credential: str) -> RTCPeerConnection:
    servers = [RTCIceServer([turn_url], username, credential)]
    return RTCPeerConnection(RTCConfiguration(servers, RTCIceTransportPolicy.RELAY))


def test_two_peers_with_our_credentials_meet_through_the_relay_alone(turn_url: str) -> None:
    (server,) = ice_servers([], [turn_url], SECRET, time.time())

    async def call() -> tuple[str, str]:
        one = _relayed(turn_url, str(server.username), str(server.credential))
        other = _relayed(turn_url, str(server.username), str(server.credential))
        channel = one.createDataChannel("probe")
        other.on("datachannel", lambda c: c.on("message", lambda text: c.send(text[::-1])))

        async def answer_of(sdp: str) -> str:
            await other.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            await other.setLocalDescription(await other.createAnswer())
            return str(other.localDescription.sdp)

        try:
            await connect_by(one, answer_of)
            await until(lambda: channel.readyState == "open")
            return one.localDescription.sdp, await echoed(channel, "relay")
        finally:
            await one.close()
            await other.close()

    sdp, came_back = own_loop.run(call())

    assert came_back == "yaler"
    candidates = [line for line in sdp.splitlines() if line.startswith("a=candidate")]
    assert candidates
    assert all(" typ relay " in line for line in candidates)


@pytest.mark.parametrize("wrong", ["secret", "expired"])
def test_a_wrong_or_an_old_credential_gets_no_relay(turn_url: str, wrong: str) -> None:
    now_s = time.time() - (3_600 if wrong == "expired" else 0)
    username, credential = turn_credentials("another secret" if wrong == "secret" else SECRET, "call", now_s)

    async def gather() -> str:
        pc = _relayed(turn_url, username, credential)
        pc.createDataChannel("probe")
        try:
            await asyncio.wait_for(pc.setLocalDescription(await pc.createOffer()), 10.0)
            return str(pc.localDescription.sdp)
        except Exception as err:  # noqa: BLE001 - how the client library says it is not our matter
            return type(err).__name__
        finally:
            await pc.close()

    assert "typ relay" not in own_loop.run(gather())

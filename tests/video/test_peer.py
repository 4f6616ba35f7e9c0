"""The echo peer as a process: data and media come back, media untouched, and it takes no more than it can."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection

from tests import own_loop
from tests.gateway.platform import eventually
from tests.video.peers import PeerProcess, Undecodable, connect_by, echoed, network_address, peer_process, until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerProcess]:
    """A peer that takes two tests at a time."""
    network_address()
    with peer_process(tmp_path_factory.mktemp("peer"), "--limit", "2") as started:
        yield started


def test_what_is_sent_on_a_data_channel_comes_back(peer: PeerProcess) -> None:
    async def test() -> str:
        pc = RTCPeerConnection()
        channel = pc.createDataChannel("probe")
        try:
            await connect_by(pc, peer.answer_of)
            await until(lambda: channel.readyState == "open")
            return await echoed(channel, "kan du høre mig?")
        finally:
            await pc.close()

    assert own_loop.run(test()) == "kan du høre mig?"
    assert eventually(lambda: peer.tests() == 0, 20.0)


def test_media_comes_back_undecoded_and_the_wish_for_a_whole_picture_with_it(peer: PeerProcess) -> None:
    async def test() -> tuple[int, bool]:
        pc = RTCPeerConnection()
        sender = pc.addTrack(Undecodable())
        received = 0

        def whole_picture_wanted() -> bool:
            # Set by a picture loss indication and, as nothing is encoded here, never taken back.
            return bool(vars(sender)["_RTCRtpSender__force_keyframe"])

        async def packets() -> int:
            stats = await pc.getStats()
            return sum(s.packetsReceived for s in stats.values() if s.type == "inbound-rtp")

        try:
            await connect_by(pc, peer.answer_of)
            for _ in range(200):
                received = await packets()
                if received >= 30 and whole_picture_wanted():
                    break
                await asyncio.sleep(0.05)
            return received, whole_picture_wanted()
        finally:
            await pc.close()

    received, asked = own_loop.run(test())
    assert received >= 30
    # We could not decode it either, and the peer passed our wish for a whole picture on to its maker: us.
    assert asked
    assert eventually(lambda: peer.tests() == 0, 20.0)


def test_one_too_many_hears_at_once_that_all_are_taken(peer: PeerProcess) -> None:
    async def test() -> int:
        taken = [RTCPeerConnection() for _ in range(2)]
        third = RTCPeerConnection()
        try:
            for pc in taken:
                pc.createDataChannel("probe")
                await connect_by(pc, peer.answer_of)
            third.createDataChannel("probe")
            await third.setLocalDescription(await third.createOffer())
            body = {"sdp": third.localDescription.sdp}
            status, _ = await asyncio.to_thread(peer.ask, "POST", "/echo", body)
            return status
        finally:
            for pc in (*taken, third):
                await pc.close()

    assert own_loop.run(test()) == 503
    assert eventually(lambda: peer.tests() == 0, 20.0)


@pytest.mark.parametrize("body", [{"sdp": "v=0 nonsense"}, {"sdp": ""}, {}, [1]], ids=str)
def test_an_offer_that_cannot_be_read_is_refused_and_the_peer_goes_on(peer: PeerProcess, body: object) -> None:
    assert peer.ask("POST", "/echo", body)[0] == 422
    assert peer.ask("GET", "/healthz") == (200, {"status": "ok", "tests": 0, "limit": 2})


def test_one_module_alone_knows_the_media_library() -> None:
    packages = ("kernel", "devices", "scheduling", "video", "metrics", "gateway")
    imports = re.compile(r"^\s*(?:import|from) (?:aiortc|aioice|av)\b", re.MULTILINE)
    paths = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    importers = [p.relative_to(ROOT).as_posix() for p in paths if imports.search(p.read_text(encoding="utf-8"))]

    assert importers == ["video/peer/connections.py"]

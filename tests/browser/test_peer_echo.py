"""A real browser tests its camera and network against the echo peer, and sees its own picture come back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.screen_steps import calling_browser, person
from tests.video.peers import PeerProcess, network_address, peer_process

#: offer camera, microphone and a data channel; wait until 30 frames have come back and the channel has echoed
PRECALL = """async (codec) => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480 } });
    const pc = new RTCPeerConnection();
    const probe = pc.createDataChannel("probe");
    for (const track of stream.getTracks()) pc.addTrack(track, stream);
    const video = pc.getTransceivers().find((t) => t.sender.track.kind === "video");
    const all = RTCRtpReceiver.getCapabilities("video").codecs;
    const wanted = all.filter((c) => c.mimeType === codec);
    video.setCodecPreferences([...wanted, ...all.filter((c) => c.mimeType === "video/rtx")]);
    await pc.setLocalDescription();
    while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 20));
    const answer = await fetch("/echo", { method: "POST", body: JSON.stringify({ sdp: pc.localDescription.sdp }) });
    await pc.setRemoteDescription({ type: "answer", sdp: (await answer.json()).sdp });
    const echo = new Promise((done) => { probe.onmessage = (event) => done(event.data); });
    probe.onopen = () => probe.send("hallo");
    const until = performance.now() + 15_000;
    let seen = { frames: 0, height: 0, packets: 0, codec: "" };
    while (performance.now() < until && (seen.frames < 30 || seen.packets < 30)) {
        await new Promise((done) => setTimeout(done, 100));
        const stats = [...(await pc.getStats()).values()];
        const incoming = (kind) => stats.find((s) => s.type === "inbound-rtp" && s.kind === kind) ?? {};
        const video = incoming("video");
        seen = {
            frames: video.framesDecoded ?? 0,
            height: video.frameHeight ?? 0,
            packets: incoming("audio").packetsReceived ?? 0,
            codec: stats.find((s) => s.id === video.codecId)?.mimeType ?? "",
        };
    }
    const heard = await echo;
    for (const track of stream.getTracks()) track.stop();
    pc.close();
    return { ...seen, heard };
}"""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerProcess]:
    """The peer as it runs in operation."""
    network_address()
    with peer_process(tmp_path_factory.mktemp("peer")) as started:
        yield started


@pytest.mark.browser
@pytest.mark.parametrize("codec", ["video/VP8", "video/H264"])
def test_a_browser_sees_and_hears_itself_through_the_echo_peer(browser: Browser, peer: PeerProcess, codec: str) -> None:
    with calling_browser(browser) as calling, person(calling) as page:
        page.goto(f"http://127.0.0.1:{peer.port}/healthz")
        seen: dict[str, Any] = page.evaluate(PRECALL, codec)

    assert seen["heard"] == "hallo"
    assert seen["codec"] == codec
    assert seen["frames"] >= 30
    assert seen["packets"] >= 30
    assert seen["height"] >= 240


def test_the_peer_listens_on_this_machine_alone_unless_told_otherwise(peer: PeerProcess) -> None:
    listening = Path("/proc/net/tcp").read_text()

    assert f" 0100007F:{peer.port:04X} " in listening
    assert f" 00000000:{peer.port:04X} " not in listening

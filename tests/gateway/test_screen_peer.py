"""The echo peer behind the gateway, and a simulated citizen who comes like a browser does."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiortc import RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack

from tests import own_loop
from tests.gateway.calls import ScreenVisit, Socket, screen_visit
from tests.gateway.platform import Platform
from tests.video.peers import connect_by, echoed, network_address, until

ROOT = Path(__file__).resolve().parents[2]


def test_a_page_can_test_its_network_before_the_call_and_the_peer_starts_with_the_first_test(office: Platform) -> None:
    network_address()
    visit = screen_visit(office)
    peer = office.runtime.video.peer
    assert peer._process is None
    assert peer.check() == ""

    async def answer_of(sdp: str) -> str:
        answer = await asyncio.to_thread(visit.carer.post, "/api/v1/screen/precall", {"sdp": sdp})
        assert answer.status == 200, answer.content
        return str(answer.json["sdp"])

    async def test() -> str:
        pc = RTCPeerConnection()
        channel = pc.createDataChannel("probe")
        try:
            await connect_by(pc, answer_of)
            await until(lambda: channel.readyState == "open")
            return await echoed(channel, "hallo")
        finally:
            await pc.close()

    assert own_loop.run(test()) == "hallo"
    assert peer.check() == ""
    wrong = visit.carer.post("/api/v1/screen/precall", {"sdp": "nonsense"})
    assert (wrong.status, wrong.code) == (422, "peer_refused")
    peer._process.kill()  # type: ignore[union-attr]
    peer._process.wait()  # type: ignore[union-attr]
    again = visit.carer.post("/api/v1/screen/precall", {"sdp": "nonsense"})
    assert (again.status, again.code) == (422, "peer_refused"), "a peer that died is started anew"


def test_a_simulated_citizen_answers_holds_and_hangs_up(office: Platform) -> None:
    network_address()
    visit = screen_visit(office)
    state = visit.ring()
    command = [sys.executable, "-m", "video.peer.citizen", "--url", f"http://127.0.0.1:{office.port}", "--stay", "1.5"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as citizen:
        assert citizen.stdin is not None
        assert citizen.stdout is not None
        citizen.stdin.write(state["link"] + "\n")
        citizen.stdin.flush()
        heard = own_loop.run(_carers_page(visit, state["room_id"]))
        held: dict[str, Any] = json.loads(citizen.stdout.readline())
        assert citizen.wait(20) == 0

    assert heard == ["taler du dansk?", "er du der igen?"]
    assert (held["connected"], held["echoed"], held["errors"]) == (True, 2, [])
    assert held["last_state"] == "ended"
    ended = visit.conclude("completed").json
    assert (ended["answered_by"], ended["outcome"]) == ("link", "completed")
    assert visit.visit().outcome == "done"


async def _carers_page(visit: ScreenVisit, room_id: str) -> list[str]:
    """What the tablet's page does: join, offer once the citizen is there, talk; and once more on a new path."""
    heard = []
    with Socket(visit.platform.port, visit.carer, "tablet", room_id) as socket:

        async def answer_of(sdp: str) -> str:
            socket.say("offer", sdp=sdp)
            return str((await asyncio.to_thread(socket.hear, "answer", 20.0))["sdp"])

        socket.say("join")
        await asyncio.to_thread(socket.hear, "peer", 20.0, present=True)
        for words in ("taler du dansk?", "er du der igen?"):
            pc = RTCPeerConnection()
            channel = pc.createDataChannel("probe")
            pc.addTrack(AudioStreamTrack())
            try:
                await connect_by(pc, answer_of)
                await until(lambda channel=channel: channel.readyState == "open")
                heard.append(await echoed(channel, words))
            finally:
                await pc.close()
        await asyncio.to_thread(socket.hear, "state", 20.0, state="ended")
    return heard

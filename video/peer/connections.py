"""The only importer of aiortc: peer connections that answer, echo data, and send media back as it came.

Frames are forwarded encoded. Decoding and encoding one 640x480 picture costs a fifth of a core and more, handing
its packets on a fortieth (video facts §2), and a queue nobody empties grows by 14 MB/s (§6): so the library's
decoder thread is replaced by one that hands packets on, and its queue is bounded. That is private API: aiortc is
pinned, and a test holds this module to it.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
    rtcrtpreceiver,
)
from aiortc.sdp import candidate_from_sdp
from av import Packet

from video.ice import IceServer

GATHER_WITHIN_S = 5.0
CLOSE_WITHIN_S = 5.0
#: packets of one track that wait to be sent back; the oldest go first
BACKLOG = 200

#: the queue of a received track to the flag that makes its receiver ask for a whole picture
_WHOLE_PICTURE: dict[int, threading.Event] = {}


class OfferError(ValueError):
    """An offer that cannot be answered."""


def _hand_on(
    loop: asyncio.AbstractEventLoop,
    input_q: "queue.Queue[Any]",
    output_q: "asyncio.Queue[Packet[Any] | None]",
    decode_error: threading.Event,
) -> None:
    """In place of aiortc's decoder thread: encoded frames go on as packets."""
    _WHOLE_PICTURE[id(output_q)] = decode_error
    try:
        while (task := input_q.get()) is not None:
            codec, frame = task
            packet: Packet[Any] = Packet(frame.data)
            packet.pts = frame.timestamp
            packet.time_base = Fraction(1, codec.clockRate)
            loop.call_soon_threadsafe(_put, output_q, packet)
    finally:
        _WHOLE_PICTURE.pop(id(output_q), None)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_put, output_q, None)


def _put(output_q: "asyncio.Queue[Packet[Any] | None]", packet: "Packet[Any] | None") -> None:
    while output_q.qsize() >= BACKLOG:
        output_q.get_nowait()
    output_q.put_nowait(packet)


setattr(rtcrtpreceiver, "decoder_worker", _hand_on)  # noqa: B010 - a module of theirs, checked by a test of ours


class AnsweringPeer:
    """One peer connection that answers offers, echoes data channels and sends media back.

    Parameters
    ----------
    ice_servers
        STUN and TURN servers; none on one network.
    ended
        Called once, when the connection has failed or was closed by the other side.
    """

    def __init__(
        self, ice_servers: Sequence[IceServer] = (), ended: Callable[[], None] = lambda: None, echo_media: bool = True
    ) -> None:
        servers = [RTCIceServer(list(s.urls), s.username, s.credential) for s in ice_servers]
        self._ice = RTCConfiguration(servers)
        self._ended = ended
        self._echo_media = echo_media
        self._pc = self._make()
        #: data-channel messages echoed and packets waiting are counted for tests and load reports
        self.echoed = 0
        self.connected = asyncio.Event()

    @property
    def state(self) -> str:
        """aiortc's ``connectionState``."""
        return str(self._pc.connectionState)

    async def answer(self, sdp: str) -> str:
        """Answer an offer; all candidates are in it (aiortc does not trickle).

        Raises
        ------
        OfferError
            If the offer cannot be read, or no answer could be made in time.
        """
        if "\nm=" not in sdp:
            raise OfferError("Expected an offer with at least one m-line, got none.")
        if self._pc.signalingState != "stable" or self._pc.remoteDescription is not None:
            # aiortc cannot restart ICE on a connection (issue 1367): a new offer is met by a new connection.
            before, self._pc = self._pc, self._make()
            await _closed(before)
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            local = await self._pc.createAnswer()
            await asyncio.wait_for(self._pc.setLocalDescription(local), GATHER_WITHIN_S)
        except TimeoutError as err:
            raise OfferError("Expected candidates within 5 s, got none: is a STUN or TURN server away?") from err
        except Exception as err:  # whatever a stranger's text does to the parser, it is an offer we cannot read
            raise OfferError(f"Expected an offer, got {type(err).__name__}.") from err
        return str(self._pc.localDescription.sdp)

    async def add_candidate(self, candidate: dict[str, Any] | None) -> None:
        """A candidate of the other side, as browsers write it; ``None`` or an empty one ends them."""
        text = str((candidate or {}).get("candidate") or "")
        if not text:
            return
        with suppress(ValueError, AssertionError, IndexError):
            found = candidate_from_sdp(text.partition(":")[2])
            found.sdpMid = (candidate or {}).get("sdpMid")
            found.sdpMLineIndex = (candidate or {}).get("sdpMLineIndex")
            await self._pc.addIceCandidate(found)

    async def close(self) -> None:
        """End; its threads are gone when this returns."""
        await _closed(self._pc)

    def _make(self) -> RTCPeerConnection:
        pc = RTCPeerConnection(self._ice)

        @pc.on("datachannel")
        def on_channel(channel: RTCDataChannel) -> None:
            @channel.on("message")
            def on_message(message: str | bytes) -> None:
                self.echoed += 1
                channel.send(message)

        @pc.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            if self._echo_media:
                sender = pc.addTrack(track)
                setattr(sender, "_send_keyframe", lambda: _ask_for_whole_picture(track))  # noqa: B010

        @pc.on("connectionstatechange")
        def on_state() -> None:
            if pc is not self._pc:
                return
            if pc.connectionState == "connected":
                self.connected.set()
            elif pc.connectionState in ("failed", "closed"):
                self._ended()

        return pc


async def _closed(pc: RTCPeerConnection) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(pc.close(), CLOSE_WITHIN_S)


def _ask_for_whole_picture(track: MediaStreamTrack) -> None:
    """What the receiver of our echo asks for is passed on to the one who makes the picture."""
    wanted = _WHOLE_PICTURE.get(id(getattr(track, "_queue", None)))
    if wanted is not None:
        wanted.set()

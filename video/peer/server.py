"""The peer's door: plain HTTP on a private address, one small JSON question a connection.

``GET /healthz`` and ``POST /echo {"sdp"}``. At most ``limit`` tests at a time, each for at most ``LAST_S``: who
comes when all are taken hears 503 at once instead of waiting in a queue that slows everybody down.
"""

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from video.peer.connections import AnsweringPeer, OfferError

log = structlog.get_logger(__name__)

LIMIT = 20
LAST_S = 30.0
#: nobody there by then: the test is over
CONNECT_WITHIN_S = 10.0
READ_WITHIN_S = 5.0
MAX_BODY = 128 * 1024
_REASONS = {200: "OK", 404: "Not Found", 413: "Content Too Large", 422: "Unprocessable Content", 503: "Busy"}


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """Where the peer listens and how much it takes on."""

    host: str = "127.0.0.1"
    port: int = 0
    limit: int = LIMIT
    #: written once the peer listens
    port_file: Path | None = None
    #: end when this process is gone
    parent_pid: int | None = None


class EchoServer:
    """Answers pre-call tests until stopped."""

    def __init__(self, settings: PeerSettings) -> None:
        self._settings = settings
        self._peers: dict[AnsweringPeer, asyncio.Task[None]] = {}
        self._reserved = 0

    async def serve(self) -> None:
        """Listen until cancelled."""
        settings = self._settings
        server = await asyncio.start_server(self._handle, settings.host, settings.port, limit=MAX_BODY)
        port = server.sockets[0].getsockname()[1]
        if settings.port_file is not None:
            await asyncio.to_thread(_write_whole, settings.port_file, str(port))
        log.info("peer_listens", port=port)
        try:
            async with server:
                await self._while_parent_lives()
        finally:
            peers = list(self._peers)
            for task in self._peers.values():
                task.cancel()
            await asyncio.gather(*(p.close() for p in peers), return_exceptions=True)

    async def _while_parent_lives(self) -> None:
        parent = self._settings.parent_pid
        while parent is None or os.getppid() == parent:  # noqa: ASYNC110 - a parent's end sends no event
            await asyncio.sleep(1.0)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            method, path, body = await asyncio.wait_for(_request(reader), READ_WITHIN_S)
            status, answer = await self._answer(method, path, body)
            content = json.dumps(answer).encode()
            head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content)
            await writer.drain()
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as err:
            log.info("peer_question_not_understood", error=type(err).__name__)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if (method, path) == ("GET", "/healthz"):
            return 200, {"status": "ok", "tests": len(self._peers), "limit": self._settings.limit}
        if (method, path) != ("POST", "/echo"):
            return 404, {"error": "not_found"}
        try:
            sdp = json.loads(body)["sdp"]
        except (ValueError, KeyError, TypeError):
            return 422, {"error": "wrong_json"}
        return await self._echo(str(sdp))

    async def _echo(self, sdp: str) -> tuple[int, dict[str, Any]]:
        if len(self._peers) + self._reserved >= self._settings.limit:
            return 503, {"error": "busy"}
        self._reserved += 1
        over = asyncio.Event()
        peer = AnsweringPeer(ended=over.set)
        try:
            answer = await peer.answer(sdp)
        except OfferError as err:
            await peer.close()
            return 422, {"error": "offer", "detail": str(err)}
        finally:
            self._reserved -= 1
        self._peers[peer] = asyncio.create_task(self._until_over(peer, over))
        return 200, {"sdp": answer}

    async def _until_over(self, peer: AnsweringPeer, over: asyncio.Event) -> None:
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(peer.connected.wait(), CONNECT_WITHIN_S)
                await asyncio.wait_for(over.wait(), LAST_S)
        finally:
            await peer.close()
            self._peers.pop(peer, None)


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:])}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY:
        raise ValueError(f"Expected at most {MAX_BODY} bytes, got {length}.")
    return method, path, await reader.readexactly(length)


def _write_whole(path: Path, text: str) -> None:
    # Whoever waits for the file reads all of it or none of it.
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)

"""``python -m video.peer``: the echo peer with its settings as arguments."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from video.peer.server import LIMIT, EchoServer, PeerSettings


def settings_from(arguments: list[str] | None = None) -> PeerSettings:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="video.peer", description="Echo peer for pre-call tests.")
    parser.add_argument("--host", default="127.0.0.1", help="private address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--limit", type=int, default=LIMIT, help="tests at a time")
    parser.add_argument("--port-file", type=Path, default=None, help="where to write the port once it listens")
    parser.add_argument("--end-with-parent", action="store_true", help="end when the parent process is gone")
    given = parser.parse_args(arguments)
    parent = os.getppid() if given.end_with_parent else None
    return PeerSettings(given.host, given.port, given.limit, given.port_file, parent)


async def _serve(settings: PeerSettings) -> None:
    serving = asyncio.create_task(EchoServer(settings).serve())
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, serving.cancel)
    await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_serve(settings_from()))

"""A thread that runs an asyncio loop: whoever speaks to a network does it there and nowhere else."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread, current_thread
from typing import TypeVar

import structlog

log = structlog.get_logger(__name__)

_T = TypeVar("_T")


class NetworkThread:
    """Runs what it is given, in the order given, until stopped."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, act: Callable[[], None]) -> bool:
        """Have something done by the thread, soon; never waits. Returns ``False`` once it has stopped."""
        try:
            self.loop.call_soon_threadsafe(act)
        except RuntimeError:
            log.debug("network_thread_stopped", thread=self._thread.name)
            return False
        return True

    def call(self, act: Callable[[], _T], timeout_s: float = 30.0) -> _T:
        """Have something done by the thread and wait for its result; at once if this is the thread.

        Raises
        ------
        TimeoutError
            If the thread does not come round to it in time.
        """
        if current_thread() is self._thread:
            return act()
        done: Future[_T] = Future()

        def run() -> None:
            try:
                done.set_result(act())
            except Exception as error:  # noqa: BLE001 - it is handed to the thread that asked
                done.set_exception(error)

        self.submit(run)
        return done.result(timeout=timeout_s)

    def stop(self) -> None:
        """Stop; returns when the thread has ended. May be called twice."""
        if self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=30)
        self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

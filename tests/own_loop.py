"""Runs what waits on an event loop of its own, in a thread of its own.

The browser tests of the same session keep a loop running in the main thread; ``asyncio.run`` would refuse there.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run(waited_for: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns; what it raises is raised here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, waited_for).result()

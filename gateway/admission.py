"""Who waits for whom: a door waits for nobody, what can wait goes a few at a time.

After an outage every tablet of a centre comes back in the same second, reads its day and tells what it kept. Served
all at once they would take the machine from the one carer who stands at a door. Waiting costs nothing here: it is a
coroutine, not a thread and not a database connection.
"""

import re
from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: what a tablet sends with a fact that has waited already: nobody looks at the page for its answer
WAITED_HEADER = b"x-waited"
#: requests that are worked on at once, beside those at doors; more would only take turns more often
AT_ONCE = 12
#: of these, facts that have waited
WAITED_AT_ONCE = 3

_AT_A_DOOR = re.compile(r"^/api/v1/(doors/|openings/|me/grants|me/emergenc)")
_NEVER_WAITS = ("/healthz", "/readyz", "/metrics", "/static/")


class Admission:
    """The two queues of one web process."""

    def __init__(self, at_once: int = AT_ONCE, waited_at_once: int = WAITED_AT_ONCE) -> None:
        self._all = Semaphore(at_once)
        self._waited = Semaphore(waited_at_once)

    @asynccontextmanager
    async def turn(self, path: str, waited: bool) -> AsyncIterator[None]:
        """A request's turn, from its beginning until its answer starts.

        Parameters
        ----------
        waited
            Whether what it tells has waited already (:data:`WAITED_HEADER`).
        """
        if _AT_A_DOOR.match(path) or path.startswith(_NEVER_WAITS):
            yield
        elif waited:
            async with self._waited, self._all:
                yield
        else:
            async with self._all:
                yield

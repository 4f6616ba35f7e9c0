"""How a carer of today waits at a door: until the lock has answered, or until its time is up.

In a day nobody watches, nobody stands before a lock that has lost its network for the seconds a challenge may take:
none can come. The opening expires as it would, by the same sweeper and the same rule.
"""

import time
from collections.abc import Iterable, Sequence
from threading import Event
from typing import Any

from devices.inbox.model import Outgoing
from devices.keys.messages import Challenge
from devices.keys.opening import SEND_WITHIN_S, OpeningState
from devices.keys.openings import find_opening
from devices.simulator.fleet import Fleet
from gateway.bell import Ring
from gateway.demo.agenda import QUIET_TIMEOUT_S, Agenda
from gateway.demo.tablets import Tablet
from gateway.parts import OpeningDesk

PENDING = frozenset({OpeningState.REQUESTED, OpeningState.CHALLENGED, OpeningState.SENT})
#: looked at again after so long, rung for or not
LOOK_S = 0.05


class Doorstep:
    """Where carers wait.

    Parameters
    ----------
    locks
        The locks of the day.
    hurried
        Nobody watches.
    """

    def __init__(self, agenda: Agenda, locks: Fleet, *, hurried: bool) -> None:
        self._agenda = agenda
        self._locks = locks
        self._hurried = hurried
        self._rang = Event()
        agenda.runtime.bell.on_ring(self._rang.set, Ring.WRITTEN)
        if hurried:
            agenda.runtime.parts.doors = HastyDesk(agenda.runtime.desk, locks)

    def settled(self, tablet: Tablet, opening: Any) -> str:
        """The state an opening comes to; everything is at rest then.

        Raises
        ------
        TimeoutError
            If it comes to none.
        """
        deadline_s = time.monotonic() + QUIET_TIMEOUT_S
        state = opening["state"]
        while state in PENDING:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"Expected the opening to be settled, got {state}.")
            if self._hurried and self._is_hopeless(state, opening["lock_id"]):
                self._agenda.runtime.sweeper.sweep(time.time() + SEND_WITHIN_S)
            else:
                self._rang.wait(LOOK_S)
                self._rang.clear()
            state = self._state(opening["id"])
            if state not in PENDING:
                # What the log has told, the tablet now shows.
                state = tablet.opening(opening["id"])["state"]
        self._agenda.quiet()
        return str(state)

    def _is_hopeless(self, state: str, lock_id: str) -> bool:
        """Whether nothing but the end of its time can come: no challenge, or no proof of a tablet without a grant."""
        return state == OpeningState.CHALLENGED or (
            state == OpeningState.REQUESTED and not self._locks.has_network(lock_id)
        )

    def _state(self, opening_id: str) -> str:
        with self._agenda.runtime.database.reading() as session:
            return find_opening(session, opening_id).state


class HastyDesk:
    """The desk of a day nobody watches: a lock without a network is asked, and not waited for."""

    def __init__(self, desk: OpeningDesk, locks: Fleet) -> None:
        self._desk = desk
        self._locks = locks

    def challenges(self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float) -> list[Challenge | None]:
        """Ask locks for a nonce each. ``None`` where none came in time, or none can come."""
        return self._desk.challenges(questions, self._patience_s(questions, timeout_s))

    async def challenges_soon(
        self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float
    ) -> list[Challenge | None]:
        """As :meth:`challenges`."""
        return await self._desk.challenges_soon(questions, self._patience_s(questions, timeout_s))

    def _patience_s(self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float) -> float:
        may_answer = any(self._locks.has_network(question.device_id) for question, _ in questions)
        return timeout_s if may_answer else 0.0

    def hand_over(self, messages: Iterable[Outgoing]) -> None:
        """As the desk does."""
        self._desk.hand_over(messages)

    def send(self, messages: Iterable[Outgoing]) -> bool:
        """As the desk does."""
        return self._desk.send(messages)

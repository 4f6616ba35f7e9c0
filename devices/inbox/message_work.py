"""The part of a batch's work that belongs to one message, so that it can be undone on its own."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeAlias

from sqlmodel import Session

from devices.inbox.model import Refused, ReportKey
from kernel.work import Work

LastWords: TypeAlias = dict[tuple[str, str, str], Callable[[], bytes]]
"""By kind, device and name of the message: what makes the last of them."""


class MessageWork(Work):
    """The part of a batch's work that belongs to one message, so that it can be undone on its own."""

    def __init__(
        self,
        session: Session,
        now: datetime,
        stored: AbstractSet[ReportKey] = frozenset(),
        unclaimed: set[ReportKey] | None = None,
    ) -> None:
        super().__init__(session, now)
        self.reports_new = 0
        self.reports_known = 0
        #: reports of the whole batch that are stored already, and those of them that nobody has claimed as new
        self.stored = stored
        self.unclaimed = set[ReportKey]() if unclaimed is None else unclaimed
        #: what its device is told once the whole batch is taken in
        self.last_words: LastWords = {}
        #: parts of the message that cannot be accepted while the rest can: each is set aside as a message of its own
        self.parts_aside: list[tuple[bytes, Refused]] = []

    def answer_last(self, kind: str, device_id: str, name: str, make: Callable[[], bytes]) -> None:
        """Answer a device when the whole batch is taken in, once, with the last that was to be said under this name.

        For what makes all before it void, a watermark: signed for each message it would cost more than all the rest.
        Of a message that was undone nothing is said.
        """
        self.last_words[kind, device_id, name] = make

    @property
    def is_duplicate(self) -> bool:
        """Whether the message brought reports and every one of them was here already."""
        return self.reports_known > 0 and self.reports_new == 0

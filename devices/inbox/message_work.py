"""The part of a batch's work that belongs to one message, so that it can be undone on its own."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlmodel import Session

from devices.inbox.model import Refused, ReportKey
from kernel.work import Work


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
        #: parts of the message that cannot be accepted while the rest can: each is set aside as a message of its own
        self.parts_aside: list[tuple[bytes, Refused]] = []

    @property
    def is_duplicate(self) -> bool:
        """Whether the message brought reports and every one of them was here already."""
        return self.reports_known > 0 and self.reports_new == 0

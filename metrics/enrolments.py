"""Since when a citizen uses a technology, in whose unit, and until when. Pure: events go in, spans come out."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EnrolledSpan:
    """A stretch of use in one unit, milliseconds since 1970; ``until_ms`` is absent while it lasts."""

    unit_id: str
    from_ms: int
    until_ms: int | None = None


@dataclass(slots=True)
class Enrolment:
    """Every stretch of one subject, in order."""

    subject: str
    spans: list[EnrolledSpan] = field(default_factory=list)
    last_position: int = 0

    def enrol(self, position: int, unit_id: str, from_ms: int) -> bool:
        """Begin a stretch; one that lasts in another unit ends there. Returns whether anything changed."""
        if position <= self.last_position:
            return False
        self.last_position = position
        last = self.spans[-1] if self.spans else None
        if last is not None and last.until_ms is None:
            if last.unit_id == unit_id:
                return False
            self.spans[-1] = EnrolledSpan(last.unit_id, last.from_ms, max(last.from_ms, from_ms))
        elif last is not None:
            from_ms = max(from_ms, last.until_ms or 0)
        self.spans.append(EnrolledSpan(unit_id, from_ms))
        return True

    def leave(self, position: int, at_ms: int) -> bool:
        """End the stretch that lasts. Returns whether anything changed."""
        if position <= self.last_position:
            return False
        self.last_position = position
        if not self.spans or self.spans[-1].until_ms is not None:
            return False
        last = self.spans[-1]
        self.spans[-1] = EnrolledSpan(last.unit_id, last.from_ms, max(last.from_ms, at_ms))
        return True

    def overlapping(self, from_ms: int, until_ms: int) -> EnrolledSpan | None:
        """The latest stretch that has any of ``[from, until)``."""
        for span in reversed(self.spans):
            if span.from_ms < until_ms and (span.until_ms is None or span.until_ms > from_ms):
                return span
        return None

    def left_before(self, from_ms: int) -> bool:
        """Whether the subject used it once and had stopped by an instant: consent withdrawn, device taken down."""
        return bool(self.spans) and all(s.until_ms is not None and s.until_ms <= from_ms for s in self.spans)

    def covers(self, from_ms: int, until_ms: int) -> bool:
        """Whether the subject used it all of ``[from, until)``: a move to another unit is no interruption."""
        reached_ms = from_ms
        for span in self.spans:
            if span.from_ms <= reached_ms:
                if span.until_ms is None or span.until_ms >= until_ms:
                    return True
                reached_ms = max(reached_ms, span.until_ms)
        return False

    def as_json(self) -> list[Any]:
        """The stretches as plain JSON values."""
        return [[span.unit_id, span.from_ms, span.until_ms] for span in self.spans]

    @classmethod
    def from_json(cls, subject: str, last_position: int, spans: list[Any]) -> "Enrolment":
        """The enrolment as it was stored."""
        return cls(subject, [EnrolledSpan(*span) for span in spans], last_position)

"""Stretches of time in whole milliseconds: joined, overlapped, cut out. Nothing is counted twice."""

from collections.abc import Iterable, Sequence

#: Beginning and end in milliseconds since 1970.
Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same stretches of time without overlaps, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def overlap(window: Span, spans: Sequence[Span]) -> int:
    """Milliseconds of a window that stretches without overlaps cover."""
    return sum(max(0, min(window[1], end) - max(window[0], start)) for start, end in spans)


def length_without(window: Span, spans: Sequence[Span]) -> int:
    """Milliseconds of a window that stretches without overlaps leave."""
    return max(0, window[1] - window[0]) - overlap(window, spans)


def whole_s(length_ms: int) -> int:
    """Milliseconds as seconds, half a second rounded up."""
    return (length_ms + 500) // 1000

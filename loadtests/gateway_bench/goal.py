"""One line of the page: a goal, what was measured, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """``holds`` is ``None`` where a figure stands beside a goal without being one itself."""

    goal: str
    asked: str
    measured: str
    holds: bool | None = None


def percentile(values: list[float], share: float) -> float:
    """Nearest-rank percentile.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not values:
        raise ValueError("Expected at least one value, got none.")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

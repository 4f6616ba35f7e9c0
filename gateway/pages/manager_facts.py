"""What a manager's page says of its rows: the verdict, the worst of them, why, and how time is written."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from gateway.pages.manager_quality import Uncounted
from gateway.web.catalogue import Language, catalogue
from kernel.localtime import number_text
from metrics.report import BenefitRow
from metrics.report_words import occasions_text
from metrics.technologies import OCCASION_KINDS, TARGET_ONLY, Technology

_LIKELY, _EVEN = 0.8, 0.5
_MAIN_CAUSE_RATIO = 0.1
_HOURS_FROM_S = 100 * 3600
_ONE_DECIMAL_BELOW = 10
_NO_BREAK = "\u00a0"


def age_of(computed_at: datetime, now: datetime) -> dict[str, Any]:
    """When the figures of a page were computed, and how long ago that is, for its first lines."""
    return {"computed_at": computed_at, "age_min": int((now - computed_at).total_seconds() // 60)}


def verdict_of(row: BenefitRow) -> str:
    """``likely``, ``even``, ``unlikely`` by the probability of the target, else ``none``. Never from P50."""
    if row.status != "ok" or row.target_probability_ratio is None or row.target_s == 0:
        return "none"
    if row.target_probability_ratio >= _LIKELY:
        return "likely"
    return "even" if row.target_probability_ratio >= _EVEN else "unlikely"


def worst_of(rows: Sequence[BenefitRow]) -> BenefitRow | None:
    """The row that is least likely to reach its target; a row that lacks figures comes before a good one.

    What no event can measure (a target only) is never the worst: nothing could be done about it.
    """
    judged = [row for row in rows if verdict_of(row) in ("even", "unlikely")]
    if judged:
        return min(judged, key=_chance_and_share)
    lacking = (row for row in rows if row.status == "too_little_data" and row.technology not in TARGET_ONLY)
    return next((row for row in lacking if row.target_s), None)


def _chance_and_share(row: BenefitRow) -> tuple[float, float]:
    return row.target_probability_ratio or 0.0, (row.realised_s or 0) / row.target_s


def main_cause(uncounted: Sequence[Uncounted], row: BenefitRow, language: Language) -> str:
    """What most holds a figure back: occasions that could not count, else what one of them frees."""

    def t(key: str, **facts: object) -> str:
        return catalogue().text(language, key, **facts)

    total = sum(found.occasion_count or 0 for found in uncounted) + (row.occasion_count or 0)
    lost = next((found for found in uncounted if found.occasion_count is not None), None)
    kind = OCCASION_KINDS[row.technology]
    if lost is not None and lost.occasion_count and lost.occasion_count / total >= _MAIN_CAUSE_RATIO:
        return t(
            "manager.cause.lost",
            count=number_text(lost.occasion_count),
            total=number_text(total),
            occasions=occasions_text(row.technology, language),
            reason=t(f"manager.reason.{lost.reason}"),
        )
    if row.occasion_count and row.realised_s is not None and row.target_s:
        return t(
            f"manager.cause.size.{kind}",
            minutes=number_text(row.realised_s / row.occasion_count / 60, 1),
            wanted=number_text(row.target_s / row.occasion_count / 60, 1),
        )
    return ""


def hours_of(rows: Iterable[BenefitRow], *, single_day: bool) -> bool:
    """Whether a page is written in hours: long periods are, a day is in minutes."""
    longest_s = max((max(row.target_s, abs(row.realised_s or 0)) for row in rows), default=0)
    return longest_s >= _HOURS_FROM_S and not single_day


def time_text(seconds: int, *, hours: bool, language: str = "da") -> str:
    """``3.010 t``, ``4,2 t`` or ``1.875 min`` with a no-break space; one decimal below ten hours."""
    value = seconds / 3600 if hours else seconds / 60
    decimals = 1 if hours and 0 < abs(value) < _ONE_DECIMAL_BELOW else 0
    shown = round(abs(value), decimals)
    sign = "−" if value < 0 and shown else ""
    unit = ("t" if language == "da" else "h") if hours else "min"
    return f"{sign}{number_text(shown, decimals)}{_NO_BREAK}{unit}"


def compared_of(*, hours: bool, language: str) -> Callable[[BenefitRow], str]:
    """How a page says what a figure is beside those who have not begun: times as on the rest of it."""

    def said(row: BenefitRow) -> str:
        return row.compared_text(language, lambda seconds: time_text(seconds, hours=hours, language=language))

    return said


def span_text(technology: Technology) -> str:
    """The message key of what a figure of a technology is counted by."""
    return f"manager.occasions.{OCCASION_KINDS[technology]}"

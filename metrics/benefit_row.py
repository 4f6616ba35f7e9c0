"""One row of the benefit report, as every table, page and gauge gets it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from metrics.comparison.ratio import Compared
from metrics.estimate import Grade
from metrics.report_words import ReportReason, compared_text, reason_text, threats_text
from metrics.targets import Reading
from metrics.technologies import Clock, Component, Technology
from metrics.threats import Threat

Status = Literal["ok", "too_little_data", "withheld"]


@dataclass(frozen=True, slots=True)
class BenefitRow:
    """One technology, unit (``None`` for all units) and period. Seconds; absent figures are ``None``.

    A single covered day has ``realised_s`` and no interval. ``used_s`` is what of it came in blocks of at least 15
    minutes. ``event_count`` is how many events of the log the figure rests on. Where ``has_target`` is false
    nobody promised minutes, and ``target_s`` is 0. Without ``covered_from_on`` nothing of the period is settled,
    and ``target_s`` is what the period promises.
    """

    technology: Technology
    unit_id: str | None
    unit_name: str
    from_on: date
    to_on: date
    reading: Reading
    target_s: int
    status: Status
    realised_s: int | None = None
    used_s: int | None = None
    p10_s: int | None = None
    p50_s: int | None = None
    p90_s: int | None = None
    target_probability_ratio: float | None = None
    grade: Grade | None = None
    selection_not_ruled_out: bool = True
    subject_count: int | None = None
    occasion_count: int | None = None
    ineligible_count: int | None = None
    event_count: int | None = None
    reason: ReportReason | None = None
    rule_version: str = ""
    has_target: bool = True
    #: who answers for the benefit (gevinstejer), where the adoption names one
    owner: str | None = None
    covered_from_on: date | None = None
    covered_to_on: date | None = None
    component: Component | None = None
    clock: Clock | None = None
    #: what the figure cannot rule out, or what its baseline tells against it; empty without a figure
    threats: tuple[Threat, ...] = ()
    #: the same figure with the change of those who have not begun taken out; absent where there are not five of them
    compared: Compared | None = None

    def reason_text(self, language: str = "da") -> str:
        """Why there is no figure, or what it lacks; empty where there is nothing to say."""
        return reason_text(self.reason, self.technology, language)

    def threats_text(self, language: str = "da") -> str:
        """What the figure cannot rule out, in words; empty where there is nothing to say."""
        return threats_text(self.threats, language)

    def compared_text(self, language: str = "da", written: Callable[[int], str] | None = None) -> str:
        """Whom the figure was compared with and what it is then, or that there is nobody; empty without an interval."""
        if self.status != "ok" or self.p10_s is None:
            return ""
        of_all = self.unit_id is None
        return compared_text(self.compared, self.technology, language, of_all=of_all, written=written)

    def as_json(self) -> dict[str, Any]:
        """The row as plain JSON values, both languages of the reason included."""
        values = asdict(self)
        for name in ("from_on", "to_on", "covered_from_on", "covered_to_on"):
            values[name] = None if values[name] is None else values[name].isoformat()
        values["threats"] = list(self.threats)
        texts = {f"reason_{language}": self.reason_text(language) for language in ("da", "en")}
        return values | texts | {f"compared_{language}": self.compared_text(language) for language in ("da", "en")}

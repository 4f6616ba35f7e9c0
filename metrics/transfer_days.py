"""Rule ``transfers-1``: what one resident's day saved because a lift or a turning system needs one carer only.

baseline
    The resident's own mean of the frozen baseline: seconds a day with a second carer.
actual
    Seconds a second carer was present at the day's transfers, by badge, by the tablet at the device, or by what
    those present answered.
overhead
    Time to set the devices up.
net
    baseline - actual - overhead, whole seconds; it may be negative.

A resident with a lift and a turning system has one entry for both. Only devices of a residence count; a lift in
a home is shown as use. A day with a transfer nobody knows the carers of is not counted until it is answered; a
day without any is not counted at all (design §7.5).
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from devices.events import TransferAnswered, TransferRecorded
from kernel.events import Event
from kernel.localtime import at_local
from metrics.enrolments import Enrolment
from metrics.judgement import EvidenceClass, Judgement, counted
from metrics.ledger import epoch_ms
from metrics.subject_baselines import SubjectBaseline
from metrics.technologies import Component, Technology

RULE_VERSION = "transfers-1"
TECHNOLOGY: Technology = "transfers"
BASELINE_KIND = "day"
#: A day is closed so long after local midnight: devices send what they kept during the night.
SETTLING_S = 6 * 3600


def day_due_at(day: date) -> datetime:
    """When a local day is closed."""
    return at_local(day + timedelta(days=1), time()) + timedelta(seconds=SETTLING_S)


@dataclass(slots=True)
class DayTransfer:
    """One transfer of a resident's day. Empty until its record was read; an answer may be known before it."""

    kind: str = ""
    setup_s: int = 0
    carers: int | None = None
    second_carer_s: int | None = None
    evidence: str | None = None
    answered_s: int | None = None
    positions: list[int] = field(default_factory=list)

    @property
    def second_s(self) -> int | None:
        """Seconds with a second carer; ``None`` while nobody knows. Badges stand.

        What one tablet told is corrected by what another tells later.
        """
        if self.answered_s is not None and not self.by_device:
            return self.answered_s
        return None if self.carers is None else self.second_carer_s or 0

    @property
    def by_device(self) -> bool:
        """Whether a badge tells it."""
        return self.carers is not None and self.evidence == "badge"

    def as_json(self) -> list[Any]:
        """The transfer as a JSON list, in the order of the fields."""
        return [
            self.kind,
            self.setup_s,
            self.carers,
            self.second_carer_s,
            self.evidence,
            self.answered_s,
            self.positions,
        ]


@dataclass(slots=True)
class DayProgress:
    """What is known of one resident's day."""

    subject: str
    last_on: date
    last_position: int = 0
    unit_id: str = ""
    transfers: dict[str, DayTransfer] = field(default_factory=dict)

    @property
    def recorded(self) -> list[DayTransfer]:
        """Transfers whose record was read."""
        return [transfer for transfer in self.transfers.values() if transfer.kind]

    def as_json(self) -> dict[str, Any]:
        """What has no column of its own."""
        return {
            "unit": self.unit_id,
            "transfers": {transfer_id: transfer.as_json() for transfer_id, transfer in self.transfers.items()},
        }

    @classmethod
    def from_json(cls, subject: str, last_on: date, last_position: int, state: dict[str, Any]) -> "DayProgress":
        """The progress as it was stored."""
        transfers = {key: DayTransfer(*fields) for key, fields in state["transfers"].items()}
        return cls(subject, last_on, last_position, state["unit"], transfers)


def day_of(event: Event) -> date | None:
    """The local day a transfer belongs to; ``None`` for home-care lifts and devices without a resident."""
    match event:
        case TransferRecorded() if event.in_residence and event.citizen_id is not None:
            return date.fromisoformat(event.day)
        case TransferAnswered() if event.citizen_id is not None:
            return date.fromisoformat(event.day)
        case _:
            return None


def fold_day(progress: DayProgress, position: int, event: Event) -> bool:
    """Take an event into the day it belongs to. Returns whether it was new."""
    if position <= progress.last_position or not isinstance(event, TransferRecorded | TransferAnswered):
        return False
    progress.last_position = position
    transfer = progress.transfers.setdefault(event.transfer_id, DayTransfer())
    transfer.positions.append(position)
    if isinstance(event, TransferAnswered):
        transfer.answered_s = event.second_carer_s if event.carers == 2 else 0
        return True
    progress.unit_id = event.unit_id
    transfer.kind, transfer.setup_s = event.device_kind, event.setup_s
    transfer.carers, transfer.second_carer_s, transfer.evidence = event.carers, event.second_carer_s, event.evidence
    return True


def judge_day(progress: DayProgress, enrolment: Enrolment | None, baseline: SubjectBaseline | None) -> Judgement:
    """Apply the rule to a day that is over.

    Parameters
    ----------
    enrolment
        Since when and until when the resident has a device; only tells a day without use from one without device.
    baseline
        The resident's own baseline that holds on the day, if there is one.
    """
    transfers = progress.recorded
    component = component_of(transfers)
    evidence = tuple(sorted(position for transfer in transfers for position in transfer.positions))
    if not transfers:
        enrolled = enrolment is not None and enrolment.overlapping(*day_bounds_ms(progress.last_on)) is not None
        return Judgement("ineligible", False, "no_use" if enrolled else "not_enrolled", component, "tap", evidence)
    if enrolment is not None and enrolment.left_before(day_bounds_ms(progress.last_on)[0]):
        return Judgement("ineligible", False, "not_enrolled", component, "tap", evidence)
    known_s = [transfer.second_s for transfer in transfers]
    unanswered = sum(second_s is None for second_s in known_s)
    inputs = {
        "transfers": len(transfers),
        "unanswered": unanswered,
        "second_carer_s": sum(second_s or 0 for second_s in known_s),
        "setup_s": sum(transfer.setup_s for transfer in transfers),
        "lift": sum(transfer.kind == "lift" for transfer in transfers),
        "turning": sum(transfer.kind == "turning" for transfer in transfers),
    }
    evidence_class: EvidenceClass = "device" if all(transfer.by_device for transfer in transfers) else "tap"
    if unanswered:
        return Judgement("ineligible", False, "unanswered", component, evidence_class, evidence, inputs)
    if baseline is None:
        return Judgement("no_baseline", True, "no_baseline", component, evidence_class, evidence, inputs)
    return counted(
        component=component,
        evidence_class=evidence_class,
        evidence=evidence,
        inputs=inputs,
        baseline_id=baseline.baseline_id,
        baseline_s=baseline.mean_s,
        actual_s=inputs["second_carer_s"],
        overhead_s=inputs["setup_s"],
    )


def component_of(transfers: list[DayTransfer]) -> Component:
    """``lift``, ``turning``, or ``both`` where both were used, or where none was and either may be there."""
    kinds = {transfer.kind for transfer in transfers}
    if kinds == {"lift"}:
        return "lift"
    return "turning" if kinds == {"turning"} else "both"


def day_bounds_ms(day: date) -> tuple[int, int]:
    """Local midnight before and after a day, milliseconds since 1970."""
    return epoch_ms(at_local(day, time())), epoch_ms(at_local(day + timedelta(days=1), time()))


def unit_of(progress: DayProgress, enrolment: Enrolment | None) -> str:
    """The unit of the devices that were used, else of the resident's enrolment on the day."""
    if progress.unit_id:
        return progress.unit_id
    span = None if enrolment is None else enrolment.overlapping(*day_bounds_ms(progress.last_on))
    return "" if span is None else span.unit_id

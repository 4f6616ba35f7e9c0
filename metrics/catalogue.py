"""Every metric the exporter serves: name, help and labels in one place.

Gauges, because late registrations and corrections may lower a figure; a counter would read it as a restart.
The label ``unit`` is the id of an organisation unit, or ``all`` for every unit together: the interval of a
sum is not the sum of the intervals, so ``all`` is a series of its own and never to be added to the others.
``technology`` is a name of :data:`metrics.technologies.TECHNOLOGIES`.
"""

from dataclasses import dataclass

ALL_UNITS = "all"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: its name, what it means, and the labels that tell its series apart."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


REALISED = MetricSpec(
    "omsorgstid_benefit_realised_seconds",
    "Time saved since go-live, completed days only, with its 80 % interval.",
    ("technology", "unit", "estimate"),
)
TARGET = MetricSpec(
    "omsorgstid_benefit_target_seconds",
    "Time the business case promises for the same days.",
    ("technology", "unit"),
)
MONTH_REALISED = MetricSpec(
    "omsorgstid_benefit_month_realised_seconds",
    "Time saved in the running month, completed days only, with its 80 % interval.",
    ("technology", "unit", "estimate"),
)
TARGET_PROBABILITY = MetricSpec(
    "omsorgstid_benefit_target_probability_ratio",
    "Probability that the target since go-live was reached.",
    ("technology", "unit"),
)
BASELINE_TIMESTAMP = MetricSpec(
    "omsorgstid_benefit_baseline_timestamp_seconds",
    "Last measured day of the oldest baseline in use.",
    ("technology",),
)
BASELINES_MISSING = MetricSpec(
    "omsorgstid_benefit_baselines_missing",
    "Units in use without a baseline that holds today.",
    ("technology",),
)
LEDGER_LAST_UPDATE = MetricSpec(
    "omsorgstid_benefit_ledger_last_update_timestamp_seconds",
    "World time up to which the ledger has read the event log.",
)
LEDGER_LAG = MetricSpec(
    "omsorgstid_benefit_ledger_lag_events",
    "Events in the log that the ledger has not read yet.",
)
EVIDENCE_GRADE = MetricSpec(
    "omsorgstid_benefit_evidence_grade_info",
    "Evidence grade of the figure of all units; always 1.",
    ("technology", "grade"),
)
CELLS_WITHHELD = MetricSpec(
    "omsorgstid_benefit_cells_withheld",
    "Units and totals not shown because few persons stand behind them.",
    ("technology",),
)
WATERFALL = MetricSpec(
    "omsorgstid_benefit_waterfall_seconds",
    "Time since go-live by step of the waterfall: freed, and of it used in blocks that hold planned work.",
    ("technology", "unit", "stage"),
)
ADOPTION = MetricSpec(
    "omsorgstid_adoption_subjects",
    "How many citizens, residents or carers have come to a step of the adoption funnel.",
    ("technology", "unit", "step"),
)
DEVICES_ENROLLED = MetricSpec("omsorgstid_devices_enrolled", "Devices in use.", ("kind",))
DEVICES_OFFLINE = MetricSpec(
    "omsorgstid_devices_offline", "Devices in use that keep a connection and are not connected.", ("kind",)
)
LAST_MESSAGE = MetricSpec(
    "omsorgstid_ingest_last_message_timestamp_seconds", "World time at which a device was last heard."
)
OLDEST_MESSAGE = MetricSpec(
    "omsorgstid_ingest_oldest_unacknowledged_seconds", "Age of the oldest device message that is not committed yet."
)
QUARANTINE_OPEN = MetricSpec(
    "omsorgstid_quarantine_open_messages", "Device messages that were set aside and wait for a person."
)
LOCK_BATTERIES = MetricSpec(
    "omsorgstid_lock_batteries", "Locks in use by what their battery tells: ok, low, empty or unknown.", ("level",)
)
SCREEN_VISITS = MetricSpec(
    "omsorgstid_screen_visits_last_day",
    "Screen visits that ended in the last 24 hours, by how they went.",
    ("outcome",),
)

BENEFITS: tuple[MetricSpec, ...] = (
    REALISED,
    TARGET,
    MONTH_REALISED,
    TARGET_PROBABILITY,
    WATERFALL,
    ADOPTION,
    BASELINE_TIMESTAMP,
    BASELINES_MISSING,
    LEDGER_LAST_UPDATE,
    LEDGER_LAG,
    EVIDENCE_GRADE,
    CELLS_WITHHELD,
)
#: What the benefits rest on; read from the domains' stores by gateway.operation_gauges.
OPERATIONS: tuple[MetricSpec, ...] = (
    DEVICES_ENROLLED,
    DEVICES_OFFLINE,
    LAST_MESSAGE,
    OLDEST_MESSAGE,
    QUARANTINE_OPEN,
    LOCK_BATTERIES,
    SCREEN_VISITS,
)
CATALOGUE: tuple[MetricSpec, ...] = (*BENEFITS, *OPERATIONS)


def catalogue_table() -> str:
    """The catalogue as the Markdown table of docs/metrics.md."""
    lines = ["| metric | labels | meaning |", "|---|---|---|"]
    lines += [f"| `{m.name}` | {', '.join(m.labels) or '–'} | {m.help} |" for m in CATALOGUE]
    return "\n".join(lines) + "\n"

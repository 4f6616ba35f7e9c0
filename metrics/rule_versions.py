"""The rules: every version there is, and the one a technology is counted by unless another was chosen."""

from collections.abc import Mapping

from metrics import keys_entries, routing_shifts, screen_weeks, transfer_days
from metrics.rules_beside import by_visit_type, door_begun

CURRENT_RULES: Mapping[str, str] = {
    rule.TECHNOLOGY: rule.RULE_VERSION for rule in (screen_weeks, transfer_days, keys_entries, routing_shifts)
}
_BESIDE: Mapping[str, str] = {rule.TECHNOLOGY: rule.RULE_VERSION for rule in (door_begun, by_visit_type)}
#: Every version the ledger can write, the one that counts by itself first (:mod:`metrics.rules_beside.choice`).
RULES: Mapping[str, tuple[str, ...]] = {
    technology: (version, _BESIDE[technology]) if technology in _BESIDE else (version,)
    for technology, version in CURRENT_RULES.items()
}
#: What a baseline that counts towards a target is measured in.
DAY_BASELINE_KINDS: Mapping[str, str] = {
    screen_weeks.TECHNOLOGY: screen_weeks.BASELINE_KIND,
    transfer_days.TECHNOLOGY: transfer_days.BASELINE_KIND,
    keys_entries.TECHNOLOGY: keys_entries.SHIFT_KIND,
    routing_shifts.TECHNOLOGY: routing_shifts.BASELINE_KIND,
}

"""The rule every technology is counted by today. Entries of a former version stay, and count no more."""

from collections.abc import Mapping

from metrics import keys_entries, routing_shifts, screen_weeks, transfer_days

CURRENT_RULES: Mapping[str, str] = {
    rule.TECHNOLOGY: rule.RULE_VERSION for rule in (screen_weeks, transfer_days, keys_entries, routing_shifts)
}
#: What a baseline that counts towards a target is measured in.
DAY_BASELINE_KINDS: Mapping[str, str] = {
    screen_weeks.TECHNOLOGY: screen_weeks.BASELINE_KIND,
    transfer_days.TECHNOLOGY: transfer_days.BASELINE_KIND,
    keys_entries.TECHNOLOGY: keys_entries.SHIFT_KIND,
    routing_shifts.TECHNOLOGY: routing_shifts.BASELINE_KIND,
}

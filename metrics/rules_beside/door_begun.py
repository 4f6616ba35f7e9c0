"""Rule ``keys-2``: ``keys-1`` for shifts whose first and last locked visit the door itself began.

The strict reading of the same shift. Baseline, actual, overhead and net are those of :mod:`metrics.keys_entries`; what
counts there with a tap for a beginning (``evidence_class`` is ``tap``) is not eligible here (``begun_by_tap``).
"""

from metrics import keys_entries
from metrics.judgement import Judgement
from metrics.ledger import Baseline, RouteProgress, ShiftProgress

RULE_VERSION = "keys-2"
TECHNOLOGY = keys_entries.TECHNOLOGY


def judge(shift: ShiftProgress, route: RouteProgress, baseline: Baseline | None) -> Judgement:
    """Apply the rule to a closed shift; see :func:`metrics.keys_entries.judge`."""
    found = keys_entries.judge(shift, route, baseline)
    if not found.eligible or found.evidence_class == "device":
        return found
    return Judgement("ineligible", False, "begun_by_tap", found.component, found.evidence_class, found.evidence)

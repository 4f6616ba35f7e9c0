"""The figure of some units with the change of those who have not begun taken out."""

from collections.abc import Sequence

from metrics.comparison.ratio import Compared, adjusted, compared, together
from metrics.estimate import UnitDraws
from metrics.report_figures import Subject, UnitFigures


def compared_units(units: Sequence[UnitFigures], subject: Subject, drawn: UnitDraws | None) -> Compared | None:
    """The units with the change of their comparison groups taken out; ``None`` unless each of them has one.

    Parameters
    ----------
    drawn
        Draws of all of them as one, where somebody is a subject of several.
    """
    parts = [f.adjusted for f in sorted(units, key=lambda f: f.unit.unit_id) if f.adjusted is not None]
    days = [f.covered for f in units if f.covered is not None]
    if len(parts) < len(units) or not days:
        return None
    if drawn is not None:
        covered = (min(first_on for first_on, _last in days), max(last_on for _first, last_on in days))
        spent_s, realised_s = sum(f.spent_s for f in units), sum(f.realised_s for f in units)
        group = together([part.group for part in parts])
        parts = [adjusted(drawn, spent_s, realised_s, group, rule_version=subject.rule_version, period=covered)]
    return compared(parts)

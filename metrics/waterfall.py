"""The waterfall: what every technology freed, in the fixed order in which minutes are given away.

The rules never count the same minute (design §7.6), so the steps add up: ``screen-1`` weighs visits, calls and the
travel to the citizens it is about; ``transfers-1`` the second carer; ``keys-1`` what lies before the first and
after the last visit, and closed doors; ``routing-1`` the remaining legs between visits.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from kernel.localtime import local_day
from metrics.business_case import BusinessCase
from metrics.covered_days import provisional
from metrics.report import adopted_subjects
from metrics.report_figures import settled_sums
from metrics.sums.by_subject import SubjectSum
from metrics.suppression import Cell, withhold
from metrics.targets import Adoption
from metrics.technologies import WATERFALL, Technology


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """One step. Seconds are absent where there are none or fewer than five subjects stand behind them.

    ``net_s`` is freed time, ``used_s`` what of it came in blocks of at least 15 minutes (losses in full; see
    :data:`metrics.report_words.USED_NOTE`). ``provisional`` says that occasions of the period have yet to be
    settled.
    """

    technology: Technology
    net_s: int | None
    used_s: int | None
    provisional: bool


def waterfall(
    session: Session,
    *,
    from_on: date,
    to_on: date,
    cases: Mapping[str, BusinessCase],
    adoptions: Mapping[str, Adoption],
    now: datetime,
    unit_ids: Collection[str] | None = None,
) -> list[WaterfallStep]:
    """What each step freed in a period, in the order of :data:`metrics.technologies.WATERFALL`.

    Parameters
    ----------
    from_on, to_on
        Local days, both included; of each technology what is settled of them.
    cases, adoptions
        By case id.
    unit_ids
        Only these units; all adopted ones where absent. Nothing is shown of units that include one the report
        withholds, unless they are all.
    """
    subjects = adopted_subjects(cases, adoptions)
    lived = (from_on, min(to_on, local_day(now)))
    steps: list[WaterfallStep] = []
    for technology in WATERFALL:
        subject = subjects.get(technology)
        by_unit = {} if subject is None else settled_sums(session, subject, lived, now)
        rows = _shown(by_unit, unit_ids)
        steps.append(
            WaterfallStep(
                technology=technology,
                net_s=sum(row.net_s for row in rows) if rows else None,
                used_s=sum(row.used_s for row in rows) if rows else None,
                provisional=subject is not None and provisional(technology, to_on, now),
            )
        )
    return steps


def _shown(by_unit: Mapping[str, Sequence[SubjectSum]], unit_ids: Collection[str] | None) -> list[SubjectSum]:
    """The figures of the chosen units, or nothing where they must not be shown together."""
    people = {unit_id: {row.subject for row in sums} for unit_id, sums in by_unit.items()}
    everyone = set[str]().union(*people.values())
    hidden = withhold([Cell(unit_id, len(found)) for unit_id, found in sorted(people.items())], len(everyone))
    chosen = [unit_id for unit_id in by_unit if unit_ids is None or unit_id in unit_ids]
    # The sum of shown cells tells nothing new; the sum of all is shown where the report shows its total.
    open_to_see = not hidden.total if len(chosen) == len(by_unit) else not hidden.keys.intersection(chosen)
    return [row for unit_id in chosen for row in by_unit[unit_id]] if open_to_see else []

"""Proposals for one visit: plans are ranked, people never are (ui guide §1)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.views.breaches import breach_json
from gateway.wire import iso_or_none
from scheduling.model import Day
from scheduling.reassignment.ranking import Proposal
from scheduling.tables import RouteRow

SHOWN = 5


def proposals_json(
    ranked: Sequence[Proposal], routes: Mapping[str, RouteRow], day: Day, language: str
) -> dict[str, Any]:
    """The best possible plans with what speaks for and against, and a count of why others cannot."""
    possible = [p for p in ranked if p.possible]
    reasons = Counter(breach_json(b, language)["title"] for p in ranked if not p.possible for b in p.hard[:1])
    return {
        "proposals": [_one(p, routes, day, language) for p in possible[:SHOWN]],
        "not_possible": [
            {"reason_text": text, "count": count}
            for text, count in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))
        ],
    }


def _one(p: Proposal, routes: Mapping[str, RouteRow], day: Day, language: str) -> dict[str, Any]:
    route = routes.get(p.carer_id)
    da = language == "da"
    pros = ["Rette kompetence, inden for vagten" if da else "Right competence, within the shift"]
    cons = []
    if p.late_s > 60:
        minutes = round(p.late_s / 60)
        cons.append(f"Starter {minutes} min efter tidsrummet" if da else f"Starts {minutes} min after the window")
    else:
        pros.append("Inden for borgerens tidsrum" if da else "Within the citizen's window")
    extra_min = round(p.extra_travel_s / 60)
    if extra_min > 0:
        cons.append(f"{extra_min} min mere på vejen" if da else f"{extra_min} min more on the road")
    return {
        "carer_id": p.carer_id,
        "carer_name": day.carer_by_id[p.carer_id].name,
        "start_at": iso_or_none(p.starts_at),
        "extra_min": extra_min,
        "cost_dkk_ore": None,  # pay rules are not priced yet: no figure rather than a false zero
        "pros": pros,
        "cons": cons,
        "route_id": route.id if route else f"{day.on.isoformat()}.{p.carer_id}",
        "version": route.version if route else 0,
    }

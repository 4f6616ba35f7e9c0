"""A plan as JSON: the HHCRSP solution format for an instance, routes with times for a Danish day."""

import json

from gateway.views.board import reason_text
from gateway.wire import iso
from scheduling import rules
from scheduling.day_errors import path_of
from scheduling.hhcrsp import solution_json
from scheduling.model import Day, Objective, Plan, TravelMatrix
from scheduling.travel import unknown_ways


def plan_json(day: Day, plan: Plan) -> bytes:
    """The plan as bytes, with a newline at the end."""
    if day.objective is Objective.HHCRSP:
        return solution_json(day, plan)
    body = {
        "day": day.on.isoformat(),
        "cost_min": round(plan.cost_min, 3),
        "routes": [
            {
                "carer_id": route.carer_id,
                "travel_min": round(route.travel_min, 1),
                "breaks": [
                    {"start_at": iso(day.instant(rest.start_min)), "end_at": iso(day.instant(rest.end_min))}
                    for rest in route.rests
                ],
                "stops": [
                    {"visit_id": s.visit_id, "start_at": iso(s.starts_at), "end_at": iso(s.ends_at)}
                    for s in route.stops
                ],
            }
            for route in plan.routes
        ],
        "unallocated": [
            {"visit_id": u.visit_id, "reason": u.reason, "text": reason_text(u.reason, "da")} for u in plan.unallocated
        ],
    }
    return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()


def left_over_lines(day: Day, plan: Plan) -> list[str]:
    """What a person has to look at: ways nobody knows, shifts without a break, and each visit left over and why."""
    ways = unknown_ways(day.travel) if isinstance(day.travel, TravelMatrix) else []
    unknown = [
        f"{path_of('travel', 'minutes', i, j)}: expected minutes >= 0, found none; no plan goes this way"
        for i, j in ways
    ]
    unbroken = sum(rules.shift_has_break(carer) is not None for carer in day.carers)
    if unbroken and day.objective is Objective.CARE:
        unknown.append(f"{unbroken} shifts of more than six hours have no break")
    return [*unknown, *(f"{u.visit_id}: {u.reason} ({reason_text(u.reason, 'en')})" for u in plan.unallocated)]

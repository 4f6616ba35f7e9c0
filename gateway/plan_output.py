"""A plan as JSON: the HHCRSP solution format for an instance, routes with times for a Danish day."""

import json

from gateway.wire import iso
from scheduling.hhcrsp import solution_json
from scheduling.model import Day, Objective, Plan


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
                "stops": [
                    {"visit_id": s.visit_id, "start_at": iso(s.starts_at), "end_at": iso(s.ends_at)}
                    for s in route.stops
                ],
            }
            for route in plan.routes
        ],
        "unallocated": [{"visit_id": u.visit_id, "reason": u.reason} for u in plan.unallocated],
    }
    return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()

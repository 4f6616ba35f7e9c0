"""What the difference between two plans is made of, term by term of the one cost function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from scheduling.cost import CostTerms, recomputed_terms, terms_cost_min, weights_for
from scheduling.model import Day, Plan


def cost_parts(day: Day, before: Plan, after: Plan) -> Mapping[str, float]:
    """Minutes of cost by which each term rises from one plan to the other, by the name of the term.

    The cost is a weighted sum of its terms, so the parts add up to the whole difference.
    """
    weights = weights_for(day.objective)
    old, new = recomputed_terms(day, before), recomputed_terms(day, after)
    nothing = replace(old, **{f.name: 0.0 for f in fields(CostTerms)})
    parts = {}
    for term in fields(CostTerms):
        rise = getattr(new, term.name) - getattr(old, term.name)
        if abs(rise) > 1e-9:
            parts[term.name] = terms_cost_min(replace(nothing, **{term.name: rise}), weights)
    return parts

"""OR-Tools' CP-SAT on one small day: reads numbers (``wire.py``) from standard input, writes routes.

A circuit per carer over the visits she may do. Runs in an environment that has OR-Tools and nothing of ours. Arguments
as for ``routing_peer.py``, and how many workers.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from threading import Event, Thread
from typing import Any

from ortools.sat.python import cp_model

HORIZON = 10_000_000


def main() -> None:
    """Solve what stands on standard input."""
    seconds, clock, begin, workers = float(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    day = json.load(sys.stdin)
    now = time.process_time if clock == "cpu" else time.monotonic
    began = time.monotonic()
    model = cp_model.CpModel()
    arcs = _model(model, day)
    if begin == "ours":
        _hint(model, day, arcs)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.max_time_in_seconds = 60.0 * seconds + 60.0
    # Building the model takes Python a while and is not the solver's fault.
    until, built_cpu = now() + seconds, time.process_time()
    over = Event()
    watch = Thread(target=_stop_at, args=(solver, now, until, over), daemon=True)
    watch.start()
    status = solver.solve(model)
    over.set()
    answer: dict[str, Any] = {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - built_cpu}
    known = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    answer["routes"] = [_route(solver, of_carer) for of_carer in arcs] if known else None
    json.dump(answer, sys.stdout)


def _model(model: cp_model.CpModel, day: Any) -> list[dict[tuple[int, int], Any]]:
    visits, carers = day["visits"], day["carers"]
    begins = [model.new_int_var(v["open"], HORIZON, f"start {i}") for i, v in enumerate(visits)]
    does: list[dict[int, Any]] = [{} for _ in visits]
    arcs: list[dict[tuple[int, int], Any]] = []
    cost: list[Any] = []
    for c, carer in enumerate(carers):
        mine = [v for v, visit in enumerate(visits) if c in visit["able"]]
        arcs.append(_circuit(model, day, c, mine, begins, does, cost))
        for v in mine:
            model.add(begins[v] + visits[v]["duration"] <= carer["end"]).only_enforce_if(does[v][c])
    worst = model.new_int_var(0, HORIZON, "worst")
    for v, visit in enumerate(visits):
        model.add_exactly_one(does[v].values())
        late = model.new_int_var(0, HORIZON, f"late {v}")
        model.add(late >= begins[v] - visit["close"])
        model.add(worst >= late)
        cost.append(late)
    for a, b, low, high in day["pairs"]:
        model.add(begins[b] >= begins[a] + low)
        model.add(begins[b] <= begins[a] + high)
        for c in set(does[a]) & set(does[b]):
            model.add_bool_or(does[a][c].negated(), does[b][c].negated())
    model.minimize(sum(cost) + worst)
    return arcs


def _hint(model: cp_model.CpModel, day: Any, arcs: list[dict[tuple[int, int], Any]]) -> None:
    """The whole plan to begin from: every arc, and when each visit starts."""
    for c, route in enumerate(day["start"]):
        taken = set(pairwise([-1, *route, -1])) if route else set()
        for legs, chosen in arcs[c].items():
            model.add_hint(chosen, legs in taken)
    for v in range(len(day["visits"])):
        model.add_hint(model.get_int_var_from_proto_index(v), day["begins"][str(v)])


def _circuit(
    model: cp_model.CpModel, day: Any, c: int, mine: list[int], begins: list[Any], does: list[dict[int, Any]], cost: Any
) -> dict[tuple[int, int], Any]:
    """One carer's arcs by (from, to); -1 is where her shift begins and ends."""
    visits, carer = day["visits"], day["carers"][c]
    legs = day["legs"][carer["mode"]]
    arcs: dict[tuple[int, int], Any] = {}
    circuit: list[tuple[int, int, Any]] = []

    def arc(a: int, b: int, leg: int) -> Any:
        arcs[a, b] = model.new_bool_var(f"{c} {a} {b}")
        circuit.append((a + 1, b + 1, arcs[a, b]))
        cost.append(leg * arcs[a, b])
        return arcs[a, b]

    def way(a: int, b: int) -> int:
        return int(legs[a][b]) if a >= 0 and b >= 0 else 0

    circuit.append((0, 0, model.new_bool_var(f"{c} stays")))
    for v in mine:
        does[v][c] = model.new_bool_var(f"{c} does {v}")
        circuit.append((v + 1, v + 1, does[v][c].negated()))
        there = way(carer["from"], visits[v]["place"])
        model.add(begins[v] >= carer["start"] + there).only_enforce_if(arc(-1, v, there))
        arc(v, -1, way(visits[v]["place"], carer["to"]))
        for w in mine:
            if w != v:
                leg = way(visits[v]["place"], visits[w]["place"])
                gap = visits[v]["duration"] + leg
                model.add(begins[w] >= begins[v] + gap).only_enforce_if(arc(v, w, leg))
    model.add_circuit(circuit)
    return arcs


def _stop_at(solver: cp_model.CpSolver, now: Callable[[], float], until: float, over: Event) -> None:
    while not over.wait(0.05):
        if now() >= until:
            solver.stop_search()


def _route(solver: cp_model.CpSolver, arcs: dict[tuple[int, int], Any]) -> list[int]:
    after = {a: b for (a, b), chosen in arcs.items() if solver.boolean_value(chosen)}
    route, at = [], after.get(-1, -1)
    while at >= 0:
        route.append(at)
        at = after[at]
    return route


if __name__ == "__main__":
    main()

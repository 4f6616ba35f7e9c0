"""OR-Tools' routing solver on one day: reads numbers (``wire.py``) from standard input, writes routes.

Runs in an environment that has OR-Tools and nothing of ours. Everything a day asks for that the solver has a word for
is stated: skills, windows with a price for lateness, the worst lateness, double visits with gaps, shift ends, prices of
unfamiliar carers and of visits left out. Arguments: seconds, clock (``cpu`` or ``wall``), ``own`` or ``ours`` (where it
begins).
"""

import json
import sys
import time
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

HORIZON = 10_000_000


def main() -> None:
    """Solve what stands on standard input."""
    seconds, clock, begin = float(sys.argv[1]), sys.argv[2], sys.argv[3]
    day = json.load(sys.stdin)
    now = time.process_time if clock == "cpu" else time.monotonic
    began = time.monotonic()
    visits, carers = day["visits"], day["carers"]
    n, m = len(visits), len(carers)
    starts, ends = [n + 2 * c for c in range(m)], [n + 2 * c + 1 for c in range(m)]
    manager = pywrapcp.RoutingIndexManager(n + 2 * m, m, starts, ends)
    routing = pywrapcp.RoutingModel(manager)
    place = [v["place"] for v in visits] + [c[end] for c in carers for end in ("from", "to")]
    index = [manager.NodeToIndex(v) for v in range(n)]
    duration = [v["duration"] for v in visits] + [0] * (2 * m)
    travel, lasts = _matrices(day["legs"], place, duration, n)
    costs = [routing.RegisterTransitMatrix(matrix) for matrix in travel]
    spans = [routing.RegisterTransitMatrix(matrix) for matrix in lasts]
    for c, carer in enumerate(carers):
        routing.SetArcCostEvaluatorOfVehicle(costs[carer["mode"]], c)
    routing.AddDimensionWithVehicleTransits([spans[c["mode"]] for c in carers], HORIZON, HORIZON, False, "time")
    times = routing.GetDimensionOrDie("time")
    _windows(routing, times, day, index)
    _lateness(routing, times, visits, index)
    _pairs(routing, times, day, index)
    _unfamiliar(routing, visits, m)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    # An upper bound of the wall: the clock that was asked for ends the search.
    parameters.time_limit.FromSeconds(int(60 * seconds) + 60)
    until = [0.0]
    routing.AddSearchMonitor(routing.solver().CustomLimit(lambda: now() >= until[0]))
    routing.CloseModelWithParameters(parameters)
    # Building the model takes Python a while and is not the solver's fault.
    until[0], built_cpu = now() + seconds, time.process_time()
    found = None
    if begin == "ours":
        first = routing.ReadAssignmentFromRoutes([[index[v] for v in route] for route in day["start"]], True)
        if first is not None:
            found = routing.SolveFromAssignmentWithParameters(first, parameters)
    else:
        found = routing.SolveWithParameters(parameters)
    answer: dict[str, Any] = {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - built_cpu}
    answer["routes"] = None if found is None else [_route(routing, manager, found, c) for c in range(m)]
    json.dump(answer, sys.stdout)


def _matrices(
    legs: list[list[list[int]]], place: list[int], duration: list[int], n: int
) -> tuple[list[list[list[int]]], list[list[list[int]]]]:
    """Travel, and travel with the time spent where one comes from; the way home takes no time of the shift."""
    travel, lasts = [], []
    for table in legs:
        rows = [[table[a][b] if a >= 0 and b >= 0 else 0 for b in place] for a in place]
        travel.append(rows)
        home = range(n + 1, len(place), 2)
        timed = [[leg + duration[i] for leg in row] for i, row in enumerate(rows)]
        for i, row in enumerate(timed):
            for end in home:
                row[end] = duration[i]
        lasts.append(timed)
    return travel, lasts


def _windows(routing: Any, times: Any, day: Any, index: list[int]) -> None:
    for v, visit in enumerate(day["visits"]):
        times.CumulVar(index[v]).SetMin(visit["open"])
        if visit["able"]:
            routing.VehicleVar(index[v]).SetValues([-1, *visit["able"]])
        if not day["must_place"] or not visit["able"]:
            routing.AddDisjunction([index[v]], visit["price"])
    for c, carer in enumerate(day["carers"]):
        times.CumulVar(routing.Start(c)).SetRange(carer["start"], HORIZON)
        times.CumulVar(routing.End(c)).SetMax(carer["end"])


def _lateness(routing: Any, times: Any, visits: Any, index: list[int]) -> None:
    """Lateness costs 1 a minute, and the worst one once more: the span of a dimension that only lateness lifts."""
    nothing = routing.RegisterUnaryTransitVector([0] * (len(visits) + 2 * routing.vehicles()))
    routing.AddDimension(nothing, HORIZON, HORIZON, True, "worst")
    worst = routing.GetDimensionOrDie("worst")
    for v, visit in enumerate(visits):
        times.SetCumulVarSoftUpperBound(index[v], visit["close"], 1)
        routing.solver().Add(worst.CumulVar(index[v]) >= times.CumulVar(index[v]) - visit["close"])
    worst.SetGlobalSpanCostCoefficient(1)


def _pairs(routing: Any, times: Any, day: Any, index: list[int]) -> None:
    solver = routing.solver()
    for a, b, low, high in day["pairs"]:
        first, second = index[a], index[b]
        solver.Add(times.CumulVar(second) >= times.CumulVar(first) + low)
        solver.Add(times.CumulVar(second) <= times.CumulVar(first) + high)
        if day["must_place"]:
            solver.Add(routing.VehicleVar(first) != routing.VehicleVar(second))
        else:
            # With both halves done or neither stated as well, its insertion places nothing: halves are dropped later.
            same = routing.VehicleVar(first) == routing.VehicleVar(second)
            solver.Add(same + routing.ActiveVar(first) <= 1)


def _unfamiliar(routing: Any, visits: Any, m: int) -> None:
    if not any(v["irregular"] for v in visits):
        return
    vectors = [
        routing.RegisterUnaryTransitVector([v["irregular"][c] if v["irregular"] else 0 for v in visits] + [0] * (2 * m))
        for c in range(m)
    ]
    routing.AddDimensionWithVehicleTransits(vectors, 0, HORIZON, True, "unfamiliar")
    routing.GetDimensionOrDie("unfamiliar").SetSpanCostCoefficientForAllVehicles(1)


def _route(routing: Any, manager: Any, found: Any, c: int) -> list[int]:
    route, at = [], found.Value(routing.NextVar(routing.Start(c)))
    while not routing.IsEnd(at):
        route.append(manager.IndexToNode(at))
        at = found.Value(routing.NextVar(at))
    return route


if __name__ == "__main__":
    main()

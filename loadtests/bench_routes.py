"""Every part of the route benchmark, or the named ones: what `make bench-routes` calls.

    python -m loadtests.bench_routes                            all parts as they are published
    python -m loadtests.bench_routes hhcrsp --seconds 1         one part, what follows its name belongs to it
    python -m loadtests.bench_routes city towns --seconds 10

Parts: ``hhcrsp`` (the published instances), ``curves`` (cost over time on some of them), ``towns`` (the Danish day
against the first planner), ``continuity`` (what an unfamiliar carer costs, on other towns), ``ill`` (proposals and an
ill carer), ``city`` (a large municipality by district). Each prints its figures; all but ``ill`` write their page or
chart.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from loadtests import city, continuity, danish_day, reassignment_bench, route_curves, routes

PAGES = Path(__file__).parents[1] / "docs" / "benchmarks"
PARTS: dict[str, tuple[Callable[[Sequence[str]], int], tuple[str, ...]]] = {
    "hhcrsp": (routes.main, ("--out", str(PAGES / "routes.md"))),
    "curves": (route_curves.main, ("--out", str(PAGES.parent / "img" / "routes-over-time.svg"))),
    "towns": (danish_day.main, ("--out", str(PAGES / "danish-day.md"))),
    "continuity": (continuity.main, ("--out", str(PAGES / "continuity.md"))),
    "ill": (reassignment_bench.main, ()),
    "city": (city.main, ("--out", str(PAGES / "city.md"))),
}


def chosen_parts(typed: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The parts to run, each with its own arguments; all of them where none is named.

    Raises
    ------
    ValueError
        If an argument stands before the name of any part.
    """
    chosen: list[tuple[str, list[str]]] = []
    for word in typed:
        if word in PARTS:
            chosen.append((word, []))
        elif chosen:
            chosen[-1][1].append(word)
        else:
            raise ValueError(f"Expected one of {', '.join(PARTS)}, got {word}.")
    return chosen or [(name, []) for name in PARTS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts one after the other; 1 if one of them missed a goal, 2 if nothing could be understood."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        chosen = chosen_parts(typed)
    except ValueError as err:
        print(err, file=sys.stderr)
        return 2
    missed: list[str] = []
    for name, own in chosen:
        print(f"== {name}", flush=True)
        run, page = PARTS[name]
        if run([*own, *(page if "--out" not in own else ())]):
            missed.append(name)
    print("Every goal holds." if not missed else f"Missed: {', '.join(missed)}.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

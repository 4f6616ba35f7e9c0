"""What an unfamiliar carer should cost, on towns that were not looked at when the price was chosen.

    python -m loadtests.continuity --seconds 4 --clock cpu

Each town is planned with both prices by the first planner and by this one. The price in force must hold the goals of
the Danish day there too: a tenth less travel, no rule broken, continuity not worse, no more visits left over.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from loadtests.danish_day import CLOCKS, LESS_TRAVEL, Comparison, compared
from loadtests.danish_towns import Town
from scheduling import cost

PRICES_MIN = (2.0, 3.0)
OTHER_TOWNS: tuple[tuple[Town, int], ...] = (
    (Town("forstad", 3.0, 2, cars_share=0.2, lock_share=0.4, visits=420, by_team=True), 11),
    (Town("ø", 7.0, 5, cars_share=0.7, lock_share=0.2, visits=300, visits_each=12), 12),
    (Town("storby", 3.5, 3, cars_share=0.15, lock_share=0.6, visits=900, visits_each=15), 13),
    (Town("fjordby", 8.0, 6, cars_share=0.6, lock_share=0.3, visits=480, a_day=(1, 2, 2, 3)), 14),
    (Town("hede", 14.0, 12, cars_share=1.0, lock_share=0.25, visits=360, visits_each=11, by_team=True), 15),
)
"""Other shapes, sizes and seeds than ``danish_towns.TOWNS``."""


@dataclass(frozen=True, slots=True)
class Priced:
    """One town planned under one price of an unfamiliar carer, minutes of cost."""

    price_min: float
    found: Comparison

    @property
    def holds(self) -> bool:
        """Whether every goal of the Danish day holds."""
        return self.found.holds and self.found.travel_ratio <= 1.0 - LESS_TRAVEL


@contextmanager
def price_of_unfamiliar(price_min: float) -> Iterator[None]:
    """Plan with another price than the one in force."""
    in_force = cost.CARE_WEIGHTS
    cost.CARE_WEIGHTS = replace(in_force, not_regular_min=price_min)
    try:
        yield
    finally:
        cost.CARE_WEIGHTS = in_force


def measured(seconds: float, clock: str, towns: Sequence[tuple[Town, int]] = OTHER_TOWNS) -> list[Priced]:
    """Every town under both prices."""
    found = []
    for town, seed in towns:
        for price_min in PRICES_MIN:
            with price_of_unfamiliar(price_min):
                found.append(Priced(price_min, compared(town, seed, seconds, CLOCKS[clock])))
            print(_row(found[-1]), flush=True)
    return found


def page(found: Sequence[Priced], typed: str) -> list[str]:
    """The measurement as a page."""
    kept, other = (
        sum(one.holds for one in found if (one.price_min == cost.CARE_WEIGHTS.not_regular_min) is wanted)
        for wanted in (True, False)
    )
    return [
        "# What an unfamiliar carer costs",
        "",
        f"`not_regular_min` is {cost.CARE_WEIGHTS.not_regular_min:g} minutes of cost ([rules](../rules.md)). It was "
        "chosen on three towns; these are five others, of other shapes, sizes and seeds, each planned with it and with "
        f"{PRICES_MIN[1]:g}. Written by `make bench-routes ARGS=continuity`; this run:",
        "",
        f"    python -m loadtests.continuity {typed}".rstrip(),
        "",
        "First planner → now, both under the price of the row.",
        "",
        "| town | seed | visits | carers | price | travel | less | somebody else | late min | left over | "
        "rules broken | cost | goals hold |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
        *map(_row, found),
        "",
        *(_sum(found, price_min) for price_min in PRICES_MIN),
        "",
        f"The goals (−10 % travel, nothing else worse) hold in {kept} of {len(found) // 2} towns with the price in "
        f"force and in {other} with the other.",
        "",
    ]


def _row(one: Priced) -> str:
    first, now, found = one.found.first, one.found.now, one.found
    cells = [
        *(found.town, found.seed, found.visits, found.carers, f"{one.price_min:g}"),
        f"{first.travel_min:.0f} → {now.travel_min:.0f}",
        f"{100.0 * (found.travel_ratio - 1.0):+.1f} %",
        f"{first.irregular} → {now.irregular}",
        f"{first.late_min:.0f} → {now.late_min:.0f}",
        f"{first.left_over} → {now.left_over}",
        f"{first.broken} → {now.broken}",
        f"{first.cost_min:.0f} → {now.cost_min:.0f}",
        "yes" if one.holds else "no",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _sum(found: Sequence[Priced], price_min: float) -> str:
    """All towns together under one price: what continuity is bought with."""
    these = [one.found for one in found if one.price_min == price_min]
    before, after = (sum(getattr(c, when).travel_min for c in these) for when in ("first", "now"))
    strangers = [sum(getattr(c, when).irregular for c in these) for when in ("first", "now")]
    return (
        f"- Price {price_min:g}: travel {before:.0f} → {after:.0f} min ({100.0 * (after / before - 1.0):+.1f} %), "
        f"somebody else {strangers[0]} → {strangers[1]} visits."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the table; 1 if the price in force misses a goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--out", type=Path, help="write the page here as well")
    options = parser.parse_args(sys.argv[1:] if arguments is None else list(arguments))
    found = measured(options.seconds, options.clock)
    lines = page(found, f"--seconds {options.seconds:g} --clock {options.clock}")
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines), encoding="utf-8")
    return 0 if all(one.holds for one in found if one.price_min == cost.CARE_WEIGHTS.not_regular_min) else 1


if __name__ == "__main__":
    sys.exit(main())

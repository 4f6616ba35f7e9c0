"""Cost over time against the published cost: one search of each of some instances, drawn as lines.

    python -m loadtests.route_curves --seconds 10 --out docs/img/routes-over-time.svg

The chart is black and white: lines differ by their dashes and carry their size at the end.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.routes import CLOCKS, INSTANCES, ON, Published, published
from scheduling.day_file import load_day
from scheduling.solver import AnnealingSolver, Progress

SHOWN = ("HCSRP_50_1", "InstanzVNS_HCSRP_100_1", "HHCRSP_200_40", "HHCRSP_400_80")
DASHES = ("", "8 3", "2 3", "10 3 2 3")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 70, 120, 20, 50
FROM_S = 0.1


@dataclass(frozen=True, slots=True)
class Curve:
    """One search: after so many seconds so many percent above (below) the published cost."""

    instance: Published
    points: tuple[tuple[float, float], ...]


def searched(instance: Published, seconds: float, seed: int, clock: str) -> Curve:
    """Search once and note the best cost whenever the search tells it."""
    day = load_day(instance.path, hhcrsp_on=ON)
    clock_s = CLOCKS[clock]
    began = clock_s()
    points: list[tuple[float, float]] = []

    def told(progress: Progress) -> None:
        if progress.cost_min is not None:
            points.append((clock_s() - began, 100.0 * (progress.cost_min / instance.cost - 1.0)))

    AnnealingSolver(clock_s).solve(day, moves=None, seconds=seconds, seed=seed, progress=told, cancelled=lambda: False)
    best = math.inf
    falling: list[tuple[float, float]] = []
    for at_s, gap in points:
        best = min(best, gap)
        falling.append((max(FROM_S, at_s), best))
    return Curve(instance, tuple(falling))


def chart(curves: Sequence[Curve], seconds: float, clock: str) -> str:
    """The lines as SVG: seconds to the right (logarithmic), percent upwards, the published cost as a thick line."""
    gaps = [gap for curve in curves for _, gap in curve.points]
    high, low = math.ceil(min(30.0, max(gaps)) / 5.0) * 5.0, math.floor(min(0.0, *gaps) / 5.0) * 5.0

    def x(at_s: float) -> float:
        share = math.log(max(at_s, FROM_S) / FROM_S) / math.log(seconds / FROM_S)
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, share)

    def y(gap: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - min(gap, high)) / (high - low)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13">',
        "<title>Gap to the published cost over seconds of search</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for percent in range(int(low), int(high) + 1, 5):
        thick = 2 if percent == 0 else 0.4
        lines.append(f'<path d="M{LEFT} {y(percent):.1f}H{WIDTH - RIGHT}" stroke="#000" stroke-width="{thick}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y(percent) + 4:.1f}" text-anchor="end">{percent:+d} %</text>')
    lines += [
        f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0)
        if tick <= seconds
    ]
    labels = _apart([y(curve.points[-1][1]) for curve in curves])
    for curve, dash, label_y in zip(curves, DASHES, labels, strict=False):
        path = "L".join(f"{x(at_s):.1f} {y(gap):.1f}" for at_s, gap in curve.points)
        lines.append(f'<path d="M{path}" fill="none" stroke="#000" stroke-width="1.6" stroke-dasharray="{dash}"/>')
        text = f"{curve.instance.patients}: {curve.points[-1][1]:+.1f} %"
        lines.append(f'<text x="{WIDTH - RIGHT + 8}" y="{label_y + 4:.1f}">{text}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    said = f"{clock} seconds of search; a line is an instance, with its patients and last gap; 0 is the published cost"
    lines += [f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{said}</text>', "</svg>", ""]
    return "\n".join(lines)


def _apart(wanted: Sequence[float]) -> list[float]:
    """Labels at least a line's height from each other, in their order."""
    placed = list(wanted)
    before = -math.inf
    for at in sorted(range(len(wanted)), key=lambda i: (wanted[i], i)):
        placed[at] = before = max(wanted[at], before + 15.0)
    return placed


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, print and draw; 1 if there is nothing to search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--instances", type=Path, default=INSTANCES)
    parser.add_argument("--out", type=Path, help="write the chart here")
    chosen = parser.parse_args(list(sys.argv[1:] if arguments is None else arguments))
    if not (chosen.instances / "best_known.csv").is_file():
        parser.error(f"Expected best_known.csv in {chosen.instances.name}, got none.")
    curves = [
        searched(one, chosen.seconds, 1, chosen.clock) for one in published(chosen.instances, SHOWN)[: len(DASHES)]
    ]
    for curve in curves:
        print(f"{curve.instance.name}: {curve.points[-1][1]:+.2f} % after {chosen.seconds:g} {chosen.clock} seconds")
    if chosen.out is not None and curves:
        chosen.out.write_text(chart(curves, chosen.seconds, chosen.clock), encoding="utf-8")
    return 0 if curves else 1


if __name__ == "__main__":
    sys.exit(main())

"""How long finding the trips of one car's year takes, and how much memory: fixes every ten seconds.

``python -m loadtests.trips_bench`` prints it; ``make bench-gateway`` puts it beside the other goals. The year is
made by the day as columns, as a reader of the table would hand them over: making it is timed apart.
"""

import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from devices.driving.columns import FixColumns
from devices.driving.segmentation import trips_of_columns

START_AT = datetime(2026, 1, 1, 5, 0, tzinfo=UTC)
DAYS = 365
EVERY_S = 10
VISITS = 16
#: seconds of a drive to the next door, and of the stand before it
DRIVE_S, STAND_S = 300, 1_500
GOAL_S = 10.0


def year(hours: int, days: int = DAYS) -> Iterator[FixColumns]:
    """A year of care days, a block a day: 16 doors, then the car stands until the hours are over.

    Parameters
    ----------
    hours
        Hours a day the tracker speaks: 9 while it is driven, 24 all day and night.
    """
    random = np.random.default_rng(1)
    odometer_m, seq = 48_000_000.0, 1
    for day in range(days):
        second = np.arange(0, hours * 3600, EVERY_S)
        cycle, phase = np.divmod(second, DRIVE_S + STAND_S)
        driving = (phase >= STAND_S) & (cycle < VISITS)
        speed_m_s = np.where(driving, np.clip(np.minimum(phase - STAND_S, DRIVE_S + STAND_S - phase) / 3, 2, 11), 0.0)
        rolled_m = np.concatenate(([0.0], np.cumsum(speed_m_s[:-1] * EVERY_S)))
        wander_deg = random.normal(0, 5 / 111_195, (2, len(second)))
        block = FixColumns(
            boot=np.ones(len(second), dtype=np.int64),
            seq=np.arange(seq, seq + len(second), dtype=np.int64),
            ts_ms=((START_AT + timedelta(days=day)).timestamp() * 1000 + second * 1000).astype(np.int64),
            lat_deg=55.7 + (odometer_m - 48_000_000.0) % 20_000 / 111_195 + rolled_m / 111_195 + wander_deg[0],
            lon_deg=12.5 + wander_deg[1],
            odometer_m=(odometer_m + rolled_m).astype(np.int64),
            ignition=driving,
            speed_kmh=np.round(speed_m_s * 3.6, 1),
            private=np.zeros(len(second), dtype=np.bool_),
        )
        odometer_m += float(rolled_m[-1] + speed_m_s[-1] * EVERY_S)
        seq += len(second)
        yield block


def measure(days: int = DAYS) -> dict[str, Any]:
    """Seconds and memory for a year of one car.

    Returns
    -------
    dict
        For ``driving_hours`` and ``day_and_night``: ``fixes``, ``trips``, ``seconds`` (finding alone),
        ``peak_mb_of_a_month`` and ``peak_mb_of_a_year`` (Python and numpy memory while finding, the present day's
        block included), and ``holds`` against ``goal_s``.
    """
    return {"goal_s": GOAL_S} | {
        name: _measured(hours, days) for name, hours in (("driving_hours", 9), ("day_and_night", 24))
    }


def _measured(hours: int, days: int) -> dict[str, Any]:
    fixes = 0
    making_s = 0.0

    def counted() -> Iterator[FixColumns]:
        nonlocal fixes, making_s
        blocks = year(hours, days)
        while True:
            began = time.perf_counter()
            block = next(blocks, None)
            making_s += time.perf_counter() - began
            if block is None:
                return
            fixes += len(block)
            yield block

    began = time.perf_counter()
    trips = sum(1 for _ in trips_of_columns(counted(), START_AT + timedelta(days=days + 1)))
    seconds = time.perf_counter() - began - making_s
    return {
        "fixes": fixes,
        "trips": trips,
        "seconds": round(seconds, 2),
        "peak_mb_of_a_month": _peak_mb(hours, max(1, days // 12)),
        "peak_mb_of_a_year": _peak_mb(hours, days),
        "holds": seconds < GOAL_S,
    }


def _peak_mb(hours: int, days: int) -> float:
    tracemalloc.start()
    for _ in trips_of_columns(year(hours, days), START_AT + timedelta(days=days + 1)):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(peak / 1_000_000, 2)


if __name__ == "__main__":
    for name, found in measure().items():
        sys.stdout.write(f"{name}: {found}\n")

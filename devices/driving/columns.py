"""Fixes in columns: how a long stretch is read, and what of it the rules need to see. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from devices.driving.model import Fix, Mode, Position

Booleans: TypeAlias = NDArray[np.bool_]
Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

#: of what a parked car repeats, the first so many are seen: as many as it takes to be believed, and one
SEEN_FIRST = 7
#: and then one in so many minutes, so that it never counts as silent
SEEN_EVERY_MS = 5 * 60_000
#: a parked receiver may wander so far; one that wanders further is looked at
WANDERS_M = 75.0
_M_PER_DEG = 111_195.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FixColumns:
    """Fixes of one vehicle in order of time, ``(n,)`` each.

    ``ts_ms`` since 1970; degrees and ``speed_kmh`` are NaN where there is none; ``private`` fixes have no place.
    """

    boot: Integers
    seq: Integers
    ts_ms: Integers
    lat_deg: Floats
    lon_deg: Floats
    odometer_m: Integers
    ignition: Booleans
    speed_kmh: Floats
    private: Booleans

    def __len__(self) -> int:
        return len(self.ts_ms)


def columns_of(fixes: Sequence[Fix]) -> FixColumns:
    """The columns of fixes that are in order of time."""
    nan = float("nan")
    return FixColumns(
        boot=np.array([f.boot for f in fixes], dtype=np.int64),
        seq=np.array([f.seq for f in fixes], dtype=np.int64),
        ts_ms=np.array([(f.ts_at - _EPOCH) // timedelta(milliseconds=1) for f in fixes], dtype=np.int64),
        lat_deg=np.array([nan if f.position is None else f.position.lat_deg for f in fixes], dtype=np.float64),
        lon_deg=np.array([nan if f.position is None else f.position.lon_deg for f in fixes], dtype=np.float64),
        odometer_m=np.array([f.odometer_m for f in fixes], dtype=np.int64),
        ignition=np.array([f.ignition for f in fixes], dtype=np.bool_),
        speed_kmh=np.array([nan if f.speed_kmh is None else f.speed_kmh for f in fixes], dtype=np.float64),
        private=np.array([f.mode is Mode.PRIVATE for f in fixes], dtype=np.bool_),
    )


def thinned(block: FixColumns) -> Iterator[Fix]:
    """The fixes the rules need to see: all but what a parked car repeats.

    A fix repeats the one before where the ignition is off at both, the odometer and the switch are the same, no
    minute is missing, and both are near the place where the car was parked. Of such a stretch the first seven, one
    every five minutes and the last two stay: enough to be believed, never silent, and gone from where it stood.
    """
    if len(block) == 0:
        return
    kept = np.flatnonzero(~_needless(block))
    columns = (
        block.boot[kept].tolist(),
        block.seq[kept].tolist(),
        block.ts_ms[kept].tolist(),
        block.lat_deg[kept].tolist(),
        block.lon_deg[kept].tolist(),
        block.odometer_m[kept].tolist(),
        block.ignition[kept].tolist(),
        block.speed_kmh[kept].tolist(),
        block.private[kept].tolist(),
    )
    for boot, seq, ts_ms, lat, lon, odometer_m, ignition, speed, private in zip(*columns, strict=True):
        yield Fix(
            boot,
            seq,
            _EPOCH + timedelta(milliseconds=ts_ms),
            # a NaN is not equal to itself
            None if lat != lat else Position(lat, lon),  # noqa: PLR0124
            odometer_m,
            ignition,
            None if speed != speed else speed,  # noqa: PLR0124
            Mode.PRIVATE if private else Mode.BUSINESS,
        )


def _needless(block: FixColumns) -> Booleans:
    number = len(block)
    index = np.arange(number)
    repeats = np.zeros(number, dtype=np.bool_)
    repeats[1:] = (
        ~block.ignition[1:]
        & ~block.ignition[:-1]
        & (np.diff(block.odometer_m) == 0)
        & (block.private[1:] == block.private[:-1])
        & (np.diff(block.ts_ms) <= SEEN_EVERY_MS)
    )
    first = np.maximum.accumulate(np.where(repeats, 0, index))
    near = _near(block, first)
    repeats[1:] &= near[1:] & near[:-1]
    # Anew, for a stretch ends where the receiver wandered off.
    first = np.maximum.accumulate(np.where(repeats, 0, index))
    following = np.zeros((2, number), dtype=np.bool_)
    following[0, :-1] = repeats[1:]
    following[1, :-2] = repeats[2:]
    due_ms = block.ts_ms // SEEN_EVERY_MS
    tick = np.ones(number, dtype=np.bool_)
    tick[1:] = np.diff(due_ms) != 0
    needless: Booleans = repeats & following[0] & following[1] & (index - first >= SEEN_FIRST) & ~tick
    return needless


def _near(block: FixColumns, first: Integers) -> Booleans:
    """Whether each fix is near the first of its stretch, or neither has a place."""
    north_m = (block.lat_deg - block.lat_deg[first]) * _M_PER_DEG
    east_m = (block.lon_deg - block.lon_deg[first]) * _M_PER_DEG * np.cos(np.radians(block.lat_deg))
    placeless = np.isnan(block.lat_deg) & np.isnan(block.lat_deg[first])
    near: Booleans = placeless | (np.hypot(north_m, east_m) <= WANDERS_M)
    return near

"""Home-care days as a tracker would tell them, and what was really driven: made without a line of the code that
finds trips, and without the simulator.

The car moves by speed on streets that turn every so often; fixes come every ten seconds with the scatter of a
receiver; at a door the engine is mostly turned off and sometimes left running; now and then there is a red light,
a hole in the reception, a receiver that wanders while parked. The odometer counts what the wheels roll.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from devices.driving.model import Fix, Position

EVERY_S = 10
_HOLE = timedelta(minutes=2)
_M_PER_DEG = 111_320.0


@dataclass(frozen=True)
class Drove:
    """One trip as it was driven."""

    departed_at: datetime
    arrived_at: datetime
    metres: float


@dataclass(frozen=True)
class Stood:
    """One stop as it was made."""

    from_at: datetime
    to_at: datetime


@dataclass(frozen=True)
class CareDay:
    """What was driven, and what the tracker told of it, in order of time."""

    drove: tuple[Drove, ...]
    stood: tuple[Stood, ...]
    fixes: tuple[Fix, ...]


class _Car:
    def __init__(self, random: Random, start_at: datetime, odometer_m: float, place: Position) -> None:
        self.random = random
        self.at = start_at
        self.odometer_m = odometer_m
        self.lat, self.lon = place.lat_deg, place.lon_deg
        self.heading = random.uniform(0, 2 * math.pi)
        self.fixes: list[Fix] = []
        self.next_fix_at = start_at

    def second(self, speed_m_s: float, ignition: bool, scatter_m: float) -> None:
        """One second goes by; a fix if it is due."""
        if self.at >= self.next_fix_at:
            self.next_fix_at += timedelta(seconds=EVERY_S)
            lat = self.lat + self.random.gauss(0, scatter_m) / _M_PER_DEG
            lon = self.lon + self.random.gauss(0, scatter_m) / _M_PER_DEG / math.cos(math.radians(self.lat))
            told = max(0.0, speed_m_s * 3.6 + (self.random.gauss(0, 0.7) if speed_m_s else 0.0))
            self.fixes.append(
                Fix(
                    1,
                    len(self.fixes) + 1,
                    self.at,
                    Position(round(lat, 6), round(lon, 6)),
                    int(self.odometer_m),
                    ignition,
                    round(told, 1),
                )
            )
        self.at += timedelta(seconds=1)
        self.odometer_m += speed_m_s
        self.lat += math.cos(self.heading) * speed_m_s / _M_PER_DEG
        self.lon += math.sin(self.heading) * speed_m_s / _M_PER_DEG / math.cos(math.radians(self.lat))

    def drive(self, metres: float) -> Drove:
        """Roll so far: away from the kerb, along streets with corners and red lights, and to the kerb again."""
        departed_at, goal_m, start_m = self.at, self.odometer_m + metres, self.odometer_m
        cruise = self.random.uniform(7.0, 14.0)
        speed, red_s, corner_m = 0.0, 0, self.odometer_m + self.random.uniform(120, 600)
        while self.odometer_m < goal_m:
            if red_s:
                red_s -= 1
                speed = 0.0
            else:
                left_m = goal_m - self.odometer_m
                speed = min(speed + 1.5, cruise, max(1.5, math.sqrt(2 * 1.5 * left_m)))
                if left_m > 120 and self.odometer_m - start_m > 100 and self.random.random() < 0.004:
                    red_s = self.random.randint(10, 50)
            if self.odometer_m >= corner_m:
                self.heading += self.random.choice([-1, 1]) * math.pi / 2 * self.random.uniform(0.6, 1.0)
                corner_m += self.random.uniform(120, 600)
            self.second(speed, True, 4.0)
        return Drove(departed_at, self.at, self.odometer_m - start_m)

    def stand(self, seconds: int) -> Stood:
        """Stand at a door; in one of eight the engine is left running, in one of five the receiver wanders."""
        from_at = self.at
        running = self.random.random() < 0.125
        wanders_m = 60.0 if not running and self.random.random() < 0.2 else 6.0
        for second in range(seconds):
            self.second(0.0, running or second < 4, 4.0 if running else wanders_m)
        return Stood(from_at, self.at)


def care_day(seed: int, start_at: datetime, *, visits: int = 14, gaps: bool = True) -> CareDay:
    """One day: from a stand at the base to so many doors, hops from 300 m on, stops from 90 s on.

    With ``gaps``, a few holes of up to two minutes in the reception while driving and of up to half an hour at a
    door (the tracker sleeps with the engine).
    """
    random = Random(seed)
    car = _Car(random, start_at, 48_000_000.0, Position(55.70, 12.53))
    drove: list[Drove] = []
    stood = [car.stand(random.randint(120, 600))]
    for _ in range(visits):
        drove.append(car.drive(random.choice([random.uniform(300, 500), random.uniform(500, 4_000)])))
        # A stop is told as one if ninety seconds of it are seen: the fix that sees it comes up to ten later.
        stood.append(car.stand(random.choice([random.randint(110, 180), random.randint(240, 2_700)])))
    fixes = car.fixes
    if gaps:
        # A hole that swallows an arrival leaves nothing to find it by; these end on the way.
        holes = [
            (d.departed_at + (d.arrived_at - d.departed_at) / 4, min((d.arrived_at - d.departed_at) / 2, _HOLE))
            for d in random.sample(drove, 3)
        ]
        asleep = [s for s in stood[1:-1] if s.to_at - s.from_at > timedelta(minutes=5)]
        holes += [
            (s.from_at + timedelta(seconds=130), s.to_at - s.from_at - timedelta(seconds=140))
            for s in random.sample(asleep, min(3, len(asleep)))
        ]
        fixes = [f for f in fixes if not any(at <= f.ts_at < at + by for at, by in holes)]
    return CareDay(tuple(drove), tuple(stood), tuple(fixes))

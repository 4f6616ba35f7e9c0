"""How a simulated lock differs from a perfect one: motor, jams, battery, network, clock.

Every draw comes from the lock's own stream, and each kind of draw from a stream of its own, so that one
more jam never shifts another lock's battery: a day is the same whatever else is switched on.
"""

import math
from dataclasses import dataclass
from hashlib import sha256
from random import Random


@dataclass(frozen=True, slots=True)
class LockBehaviour:
    """Parameters of a population of locks.

    Parameters
    ----------
    motor_median_s, motor_sigma, motor_min_s, motor_max_s
        Motor time: lognormal with this median and log standard deviation, cut to the two limits.
    jam_ratio
        Share of motor runs that end jammed, 0 to 1.
    battery_full_mv, battery_empty_mv, battery_low_start_ratio
        A fresh battery; the level at which the motor is not tried any more; the share of locks that begin
        within 50 mV of empty.
    battery_drop_uv
        What one motor run takes, microvolt.
    outages_per_day, outage_median_s
        How often a lock loses its network, and for how long (lognormal, log standard deviation 1).
    drift_sigma_ppm, drift_max_ppm
        Clock drift: normal around zero, cut to ± the maximum.
    clock_lost_ratio
        Share of starts after which the clock is lost.
    """

    motor_median_s: float = 1.7
    motor_sigma: float = 0.22
    motor_min_s: float = 1.0
    motor_max_s: float = 3.0
    jam_ratio: float = 0.002
    battery_full_mv: int = 6000
    battery_empty_mv: int = 4400
    battery_low_start_ratio: float = 0.005
    battery_drop_uv: int = 90
    outages_per_day: float = 0.2
    outage_median_s: float = 240.0
    drift_sigma_ppm: float = 8.0
    drift_max_ppm: float = 20.0
    clock_lost_ratio: float = 0.01

    def __post_init__(self) -> None:
        for name in ("jam_ratio", "battery_low_start_ratio", "clock_lost_ratio"):
            ratio = getattr(self, name)
            if not 0 <= ratio <= 1:
                raise ValueError(f"Expected {name} from 0 to 1, got {ratio}.")
        if not 0 <= self.motor_min_s <= self.motor_median_s <= self.motor_max_s:
            raise ValueError(f"Expected motor times min <= median <= max, got {self}.")
        if not 0 <= self.battery_empty_mv <= self.battery_full_mv:
            raise ValueError(f"Expected battery levels 0 <= empty <= full, got {self}.")


FAULTLESS = LockBehaviour(
    motor_median_s=0.0,
    motor_min_s=0.0,
    motor_max_s=0.0,
    jam_ratio=0.0,
    battery_low_start_ratio=0.0,
    battery_drop_uv=0,
    outages_per_day=0.0,
    drift_sigma_ppm=0.0,
    clock_lost_ratio=0.0,
)
"""A lock that only ever does what it is told, at once: for measuring everything around it."""


class LockStreams:
    """The random streams of one lock.

    Parameters
    ----------
    seed
        Seed of the whole simulation.
    lock_id
        The lock; another lock has other streams.
    behaviour
        What to draw from.
    """

    def __init__(self, seed: int, lock_id: str, behaviour: LockBehaviour) -> None:
        self._behaviour = behaviour
        self._root = f"{seed}/{lock_id}"
        self._motor = self._stream("motor")
        self._jam = self._stream("jam")
        self._outage = self._stream("outage")
        self._clock = self._stream("clock")
        self._bytes = self._stream("bytes")

    def _stream(self, purpose: str) -> Random:
        return Random(f"{self._root}/{purpose}")

    def private_key(self) -> bytes:
        """The lock's private key, 32 bytes. A real lock makes its own and shows it to nobody."""
        return sha256(f"{self._root}/private-key".encode()).digest()

    def octets(self, size: int) -> bytes:
        """Nonces and salts. A real lock takes them from a hardware source; these only have to differ."""
        return self._bytes.randbytes(size)

    def motor_ms(self) -> int:
        """Duration of one motor run, milliseconds."""
        b = self._behaviour
        if b.motor_median_s == 0:
            return 0
        drawn_s = self._motor.lognormvariate(math.log(b.motor_median_s), b.motor_sigma)
        return round(1000 * min(max(drawn_s, b.motor_min_s), b.motor_max_s))

    def jams(self) -> bool:
        """Whether this motor run ends jammed."""
        return self._jam.random() < self._behaviour.jam_ratio

    def battery_start_mv(self) -> int:
        """Battery level at the beginning: worn evenly, and for a few locks nearly empty."""
        b = self._behaviour
        stream = self._stream("battery")
        if stream.random() < b.battery_low_start_ratio:
            return min(b.battery_full_mv, b.battery_empty_mv + stream.randrange(51))
        if b.battery_drop_uv == 0:
            return b.battery_full_mv
        worn_mv = stream.uniform(0, 0.6) * (b.battery_full_mv - b.battery_empty_mv)
        return b.battery_full_mv - round(worn_mv)

    def drift_ppm(self) -> float:
        """Clock drift of this lock, parts per million, positive if it runs fast."""
        b = self._behaviour
        drawn = self._stream("drift").gauss(0, b.drift_sigma_ppm)
        return min(max(drawn, -b.drift_max_ppm), b.drift_max_ppm)

    def loses_clock(self) -> bool:
        """Whether the clock is lost at this start."""
        return self._clock.random() < self._behaviour.clock_lost_ratio

    def next_outage_s(self) -> tuple[float, float] | None:
        """Seconds until the network goes and seconds until it is back, or ``None`` if it never goes."""
        b = self._behaviour
        if b.outages_per_day == 0:
            return None
        wait_s = self._outage.expovariate(b.outages_per_day / 86_400)
        return wait_s, self._outage.lognormvariate(math.log(b.outage_median_s), 1.0)

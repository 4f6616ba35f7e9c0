"""What citizens wish for: a visit that returns, of a kind, at an hour, for so long."""

from dataclasses import dataclass
from random import Random

SERVICES = (
    # code, share of visits, mean minutes, spread (domain facts: personal care 25, nursing 15, medicine 8)
    ("personal_care", 0.42, 25.0, 7.0),
    ("medicine", 0.24, 8.0, 2.5),
    ("nursing", 0.12, 15.0, 5.0),
    ("supervision", 0.12, 10.0, 3.0),
    ("practical", 0.10, 28.0, 6.0),
)
# Share of the day shift's visits by the hour they are wished at: the morning is the peak.
HOURS = ((7.3, 10.0, 0.46), (10.0, 11.5, 0.20), (11.5, 13.0, 0.22), (13.0, 14.2, 0.12))


@dataclass(frozen=True, slots=True)
class Wish:
    """A visit that returns every weekday or weekend day: who, what, when (hours after midnight), how long."""

    citizen: int
    service: str
    hour: float
    duration_min: float


def draw_wish(random: Random, citizen: int, again: bool) -> Wish:
    """Draw a citizen's wish; the second one of a day comes around noon."""
    service, mean, spread = _pick_service(random)
    low, high = _pick_hours(random) if not again else (11.5, 14.0)
    minutes = max(5.0, round(random.gauss(mean, spread)))
    return Wish(citizen, service, round(random.uniform(low, high) * 12) / 12, minutes)


def _pick_service(random: Random) -> tuple[str, float, float]:
    draw = random.random()
    for code, share, mean, spread in SERVICES:
        draw -= share
        if draw < 0:
            return code, mean, spread
    code, _, mean, spread = SERVICES[-1]
    return code, mean, spread


def _pick_hours(random: Random) -> tuple[float, float]:
    draw = random.random()
    for low, high, share in HOURS:
        draw -= share
        if draw < 0:
            return low, high
    return HOURS[-1][0], HOURS[-1][1]

"""What a kilometre in one's own vehicle is paid with: dated rates, and the sum of a claim. Pure but for the file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml

from devices.driving.errors import DrivingError

RATES_FILE = Path(__file__).with_name("rates.yaml")


class OwnVehicle(StrEnum):
    """What was driven: the law has one rate for cars and motorcycles and one for cycles, mopeds and scooters."""

    CAR = "car"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True)
class Rate:
    """The rates of a year, øre per kilometre."""

    valid_from_on: date
    car_ore_per_km: int
    car_above_ore_per_km: int
    cycle_ore_per_km: int
    limit_km: int
    source: str


@dataclass(frozen=True, slots=True)
class Line:
    """So many metres at one rate."""

    distance_m: int
    ore_per_km: int
    source: str

    @property
    def amount_dkk_ore(self) -> int:
        """Øre, half an øre rounded up."""
        return (self.distance_m * self.ore_per_km + 500) // 1000


@cache
def rates() -> tuple[Rate, ...]:
    """The rates of the file, oldest first.

    Raises
    ------
    ValueError
        If an entry lacks a field or is no rate.
    """
    found = [_rate(entry) for entry in yaml.safe_load(RATES_FILE.read_text(encoding="utf-8"))]
    return tuple(sorted(found, key=lambda rate: rate.valid_from_on))


def rate_on(day: date, known: Sequence[Rate]) -> Rate:
    """The rate of a day: the latest that is valid, if it is of the same year. They are set anew every year.

    Raises
    ------
    DrivingError
        ``rate_unknown``.
    """
    valid = [rate for rate in known if rate.valid_from_on <= day]
    if not valid or valid[-1].valid_from_on.year != day.year:
        raise DrivingError("rate_unknown", day=day.isoformat())
    return valid[-1]


def calculate(distance_m: int, before_m: int, vehicle: OwnVehicle, rate: Rate) -> tuple[Line, ...]:
    """What a claim is paid with.

    Parameters
    ----------
    before_m
        What was approved earlier for the same calendar year and employer, in a car or on a motorcycle.

    Returns
    -------
    tuple
        One line, or two where the claim crosses the year's limit.
    """
    if vehicle is OwnVehicle.CYCLE:
        return (Line(distance_m, rate.cycle_ore_per_km, rate.source),)
    below_m = min(distance_m, max(0, rate.limit_km * 1000 - before_m))
    lines = (
        Line(below_m, rate.car_ore_per_km, rate.source),
        Line(distance_m - below_m, rate.car_above_ore_per_km, rate.source),
    )
    return tuple(line for line in lines if line.distance_m > 0)


def _rate(entry: dict[str, object]) -> Rate:
    try:
        valid_from_on, source = entry["valid_from_on"], entry["source"]
        numbers = {
            name: entry[name] for name in ("car_ore_per_km", "car_above_ore_per_km", "cycle_ore_per_km", "limit_km")
        }
    except (KeyError, TypeError) as err:
        raise ValueError(f"Expected a rate with every field in {RATES_FILE.name}, got {entry!r}.") from err
    if not isinstance(valid_from_on, date) or not isinstance(source, str):
        raise ValueError(f"Expected a date and a source in {RATES_FILE.name}, got {entry!r}.")
    checked: dict[str, int] = {}
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
            raise ValueError(f"Expected {name} as a whole number above 0 in {RATES_FILE.name}, got {number!r}.")
        checked[name] = number
    return Rate(valid_from_on=valid_from_on, source=source, **checked)

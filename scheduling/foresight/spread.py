"""How far lived days stray from planned ones: the spread of visits and of travel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

LEAST_MEASURED = 30
"""Fewer visits of a service than this say too little; the assumption below is used for them."""


@dataclass(frozen=True, slots=True)
class Lognormal:
    """How the lived length relates to the planned one: ``exp(Normal(log_mean, log_sd))`` times it."""

    log_mean: float
    log_sd: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Spread of visits by service, and of travel. ``measured`` is how many visits the services' figures rest on."""

    travel: Lognormal
    other_service: Lognormal
    services: Mapping[str, Lognormal] = field(default_factory=dict)
    measured: Mapping[str, int] = field(default_factory=dict)
    valid_from_on: date = date(2026, 11, 1)
    source: str = "assumption: a visit or a way varies by a quarter either side of what was planned"

    def of(self, service: str) -> Lognormal:
        """The spread of a service's visits."""
        return self.services.get(service, self.other_service)


ASSUMED = Spread(travel=Lognormal(0.0, 0.25), other_service=Lognormal(0.0, 0.25))


def measured_spread(lengths: Iterable[tuple[str, float, float]]) -> Spread:
    """The spread of lived visits.

    Parameters
    ----------
    lengths
        Service, planned seconds and lived seconds of each ended visit. Lengths beyond a sixth and six times of the
        plan are mistakes of a clock or a tap, not care, and are left out.
    """
    logs: dict[str, list[float]] = {}
    for service, planned_s, lived_s in lengths:
        if planned_s > 0.0 and 1.0 / 6.0 < lived_s / planned_s < 6.0:
            logs.setdefault(service, []).append(math.log(lived_s / planned_s))
    enough = {service: found for service, found in logs.items() if len(found) >= LEAST_MEASURED}
    return Spread(
        travel=ASSUMED.travel,
        other_service=ASSUMED.other_service,
        services={service: _lognormal(found) for service, found in enough.items()},
        measured={service: len(found) for service, found in enough.items()},
        source="lived visits" if enough else ASSUMED.source,
    )


def _lognormal(logs: list[float]) -> Lognormal:
    mean = math.fsum(logs) / len(logs)
    return Lognormal(mean, math.sqrt(math.fsum((x - mean) ** 2 for x in logs) / (len(logs) - 1)))

"""What a unit's day was made of, as far as the ledger counted it: the material a replay has to work with. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from metrics.suppression import MINIMUM_SUBJECTS
from metrics.technologies import WATERFALL, Technology


@dataclass(frozen=True, slots=True)
class LivedEnds:
    """A counted shift's time before the first and after the last visit, with doors that did not open."""

    subject: str
    lived_s: int
    baseline_id: str


@dataclass(frozen=True, slots=True)
class LivedLegs:
    """A counted shift's legs between visits."""

    subject: str
    legs: int
    lived_s: int
    baseline_id: str


@dataclass(frozen=True, slots=True)
class LivedCitizen:
    """What one citizen of the screen got on the day. ``share`` is the day's part of the week's visits.

    ``measured`` are the weeks before: seconds of visits and of travel.
    """

    subject: str
    visit_s: int
    travel_s: int
    share: Fraction
    measured: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class LivedResident:
    """Second carer and set-up of one resident's day; ``measured`` are the days before, seconds."""

    subject: str
    lived_s: int
    measured: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LivedUnitDay:
    """One unit's day, settled in every ledger."""

    unit_id: str
    day_on: date
    ends: tuple[LivedEnds, ...] = ()
    legs: tuple[LivedLegs, ...] = ()
    citizens: tuple[LivedCitizen, ...] = ()
    residents: tuple[LivedResident, ...] = ()
    #: by baseline: how many were measured at once, and their seconds
    measured: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def subject_counts(self) -> dict[Technology, int]:
        """How many carers, citizens or residents stand behind each technology."""
        return {
            "screen": len({citizen.subject for citizen in self.citizens}),
            "transfers": len({resident.subject for resident in self.residents}),
            "keys": len({end.subject for end in self.ends}),
            "routing": len({leg.subject for leg in self.legs}),
        }

    def players(self) -> tuple[Technology, ...]:
        """The technologies with enough subjects to be spoken of, in the order of the waterfall."""
        counts = self.subject_counts()
        return tuple(technology for technology in WATERFALL if counts[technology] >= MINIMUM_SUBJECTS)

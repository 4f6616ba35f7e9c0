"""The technologies whose benefit is counted: their names, their order, their clocks and whom they are counted for.

The order of :data:`WATERFALL` is the rule against counting a minute twice: a step gets only what the steps before
it left. A screen visit has no door, no journey and no second carer, so screen visits come first; what is driven
between the visits that remain comes last.
"""

from collections.abc import Mapping
from typing import Literal

Technology = Literal["screen", "transfers", "keys", "routing", "tablets", "citizen_access"]
#: The clocks of care, never mixed. ``vejtid_leveret`` is a benefit in both (inputs keep the parts apart);
#: ``arbejdstid`` is office work, which is nobody's care.
Clock = Literal["vejtid", "leveret_tid", "vejtid_leveret", "visiteret_tid", "arbejdstid"]
SubjectKind = Literal["carers", "citizens", "residents"]
OccasionKind = Literal["carer_shift", "citizen_week", "resident_day"]
#: What of a technology an entry or a target driver is about.
Component = Literal["screen_visit", "lift", "turning", "both", "base_trip", "between_visits", "tablet", "contact"]

#: Who gets the minutes first. Lifts and turning systems are one step: a resident with both counts once.
WATERFALL: tuple[Technology, ...] = ("screen", "transfers", "keys", "routing")
#: Cases with a target that this platform's events cannot measure; shown as "too little data".
TARGET_ONLY: tuple[Technology, ...] = ("tablets", "citizen_access")
#: Every technology in the order of tables and pages.
TECHNOLOGIES: tuple[Technology, ...] = (*WATERFALL, *TARGET_ONLY)
#: Technologies no approved case promises anything for.
WITHOUT_TARGET: frozenset[Technology] = frozenset({"routing"})

NAMES_DA: Mapping[Technology, str] = {
    "screen": "Skærmbesøg",
    "transfers": "Lifte og vendesystemer",
    "keys": "Nøgler og kørebog",
    "routing": "Ruteplanlægning",
    "tablets": "Tablets",
    "citizen_access": "Borger.dk",
}
NAMES_EN: Mapping[Technology, str] = {
    "screen": "Screen visits",
    "transfers": "Lifts and turning systems",
    "keys": "Keys and driving log",
    "routing": "Routing",
    "tablets": "Tablets",
    "citizen_access": "Borger.dk",
}
#: The clock a technology's minutes are counted on.
CLOCKS: Mapping[Technology, Clock] = {
    "screen": "vejtid_leveret",
    "transfers": "leveret_tid",
    "keys": "vejtid",
    "routing": "vejtid",
    "tablets": "arbejdstid",
    "citizen_access": "arbejdstid",
}
#: What a case of a technology, its drivers and its entries may be about.
COMPONENTS: Mapping[Technology, tuple[Component, ...]] = {
    "screen": ("screen_visit",),
    "transfers": ("lift", "turning", "both"),
    "keys": ("base_trip",),
    "routing": ("between_visits",),
    "tablets": ("tablet",),
    "citizen_access": ("contact",),
}
SUBJECT_KINDS: Mapping[Technology, SubjectKind] = {
    "screen": "citizens",
    "transfers": "residents",
    "keys": "carers",
    "routing": "carers",
    "tablets": "carers",
    "citizen_access": "citizens",
}
OCCASION_KINDS: Mapping[Technology, OccasionKind] = {
    "screen": "citizen_week",
    "transfers": "resident_day",
    "keys": "carer_shift",
    "routing": "carer_shift",
    "tablets": "carer_shift",
    "citizen_access": "citizen_week",
}


def name_of(technology: Technology, language: str = "da") -> str:
    """What a technology is called in a language: ``da``, anything else is English."""
    return (NAMES_DA if language == "da" else NAMES_EN)[technology]


def waterfall_rank(technology: Technology) -> int:
    """Where a technology stands in tables: waterfall first, then the cases with a target only."""
    return TECHNOLOGIES.index(technology)

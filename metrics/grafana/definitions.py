"""What a panel's figures mean, in the words of the managers' pages: definition, baseline and how far they go."""

import re
from collections.abc import Iterable, Mapping

from metrics import catalogue

_UP_TO = "Tal til og med den seneste afsluttede dag; uger og døgn, der ikke er gjort op, er ikke med."
_REALISED = (
    "Realiseret er nulpunktsmålingens tid minus faktisk tid minus tab, på teknologiens eget ur. Mellem P10 og P90"
    " ligger det sande tal i 8 af 10 tilfælde. Tal, som færre end fem personer står bag, vises ikke."
)
_FUNNEL = (
    "Tilmeldt; brugt mindst én gang; brugt i mindst halvdelen af ugerne; brugt ved mindst 80 % af lejlighederne."
    " De seneste fire uger."
)
_SCREEN = "Skærmbesøg, der er afsluttet i det seneste døgn, efter udfald."
_BATTERY = "Låse i brug efter det, deres batteri melder."

#: By metric, and by recorded series for those that are worked out of several.
DEFINITIONS: Mapping[str, str] = {
    catalogue.REALISED.name: f"{_REALISED} Siden ibrugtagning. {_UP_TO}",
    catalogue.MONTH_REALISED.name: f"{_REALISED} I den løbende måned. {_UP_TO}",
    catalogue.TARGET.name: "Måltallet er det, sagen lover for de samme dage, i den læsning eksporten er startet med.",
    catalogue.TARGET_PROBABILITY.name: "Sandsynligheden for, at måltallet siden ibrugtagning er nået.",
    catalogue.WATERFALL.name: (
        "Frigjort er det realiserede i den faste rækkefølge, så intet minut tæller to gange. Anvendt er det, der kom i"
        f" blokke på mindst 15 minutter; tab tæller fuldt. {_UP_TO}"
    ),
    catalogue.ADOPTION.name: _FUNNEL,
    catalogue.BASELINE_TIMESTAMP.name: (
        "Sidste målte dag i den ældste nulpunktsmåling, der er i brug. Den holder 12 måneder."
    ),
    catalogue.BASELINES_MISSING.name: (
        "Enheder i brug uden en nulpunktsmåling, der gælder i dag: deres minutter tæller ikke."
    ),
    catalogue.LEDGER_LAST_UPDATE.name: "Så langt gevinstregnskabet har læst hændelserne.",
    catalogue.LEDGER_LAG.name: "Hændelser, som gevinstregnskabet ikke har læst endnu.",
    catalogue.EVIDENCE_GRADE.name: (
        "A: før og efter med enheder og samtidig sammenligning. B: en del af det ved tryk. C: uden sammenligning eller"
        " færre end 15. D: antaget tid."
    ),
    catalogue.CELLS_WITHHELD.name: "Enheder og summer, der ikke vises, fordi for få personer står bag dem.",
    catalogue.DEVICES_ENROLLED.name: "Enheder i brug.",
    catalogue.DEVICES_OFFLINE.name: "Enheder i brug, som holder forbindelse og ikke har den nu.",
    catalogue.LAST_MESSAGE.name: "Hvornår en enhed sidst blev hørt.",
    catalogue.OLDEST_MESSAGE.name: "Hvor længe den ældste besked har ventet på at blive gemt. Intet er kvitteret før.",
    catalogue.QUARANTINE_OPEN.name: "Beskeder fra enheder, der er sat til side og venter på et menneske.",
    catalogue.LOCK_BATTERIES.name: _BATTERY,
    catalogue.SCREEN_VISITS.name: _SCREEN,
    "technology_unit:omsorgstid_benefit_realised_per_target:ratio": (
        f"P50 divideret med måltallet. {_REALISED} {_UP_TO}"
    ),
    "technology_unit:omsorgstid_benefit_interval_width:seconds": "P90 minus P10: jo smallere, jo sikrere er tallet.",
    "technology_unit:omsorgstid_benefit_used_per_freed:ratio": (
        "Anvendt divideret med frigjort: den del, der kom i blokke på mindst 15 minutter."
    ),
    "technology_unit:omsorgstid_adoption_weekly_per_enrolled:ratio": (
        f"Brugt ugentligt divideret med tilmeldte. {_FUNNEL}"
    ),
    "kind:omsorgstid_devices_offline_per_enrolled:ratio": "Enheder uden forbindelse divideret med enheder i brug.",
    "municipality:omsorgstid_screen_visits_failed_per_ended:ratio": (
        f"{_SCREEN} Mislykket er teknisk fejl, ingen svarede, eller lavet om til fysisk; aflyste er ikke med."
    ),
}
_NAME = re.compile(r"[a-z_]+:omsorgstid_[a-z_]+:[a-z]+|omsorgstid_[a-z_]+")


def definition_of(expressions: Iterable[str]) -> str:
    """What the series of some expressions are, each once. Raises ``KeyError`` for one nobody has explained."""
    names = dict.fromkeys(name for expression in expressions for name in _NAME.findall(expression))
    return " ".join(dict.fromkeys(DEFINITIONS[name] for name in names))

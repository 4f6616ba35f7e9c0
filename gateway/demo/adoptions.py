"""How the demo's municipality took the five business cases into use: its units, their shares, since when."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from gateway.demo.municipality import Municipality
from metrics.adoption import AdoptedUnit, Adoption
from metrics.business_case import BusinessCase, load_cases
from metrics.technologies import Technology
from scheduling.model import Day, Unit

#: gevinstejere, by what they answer for
OWNERS: Mapping[Technology, str] = {
    "screen": "Centerchef, sygeplejen",
    "transfers": "Forstander, botilbud",
    "keys": "Centerchef, hjemmeplejen",
    "tablets": "Chef for digitalisering",
    "citizen_access": "Chef for borgerservice",
}


def given_day(day: Day) -> list[Adoption]:
    """A given day has carers and keys: every unit begins today, with its share of the carers."""
    on_duty_in = Counter(str(c.unit_id) for c in day.carers)
    return [
        _adoption(case, day.units, on_duty_in, day.on) for case in load_cases().values() if case.technology == "keys"
    ]


def invented(municipality: Municipality, day: Day, go_live_on: date) -> list[Adoption]:
    """Every case went live in all of its units on one day."""
    citizens = [municipality.citizens[i].unit_id for i in municipality.screen_days]
    subjects: dict[str, Counter[str]] = {
        "screen": Counter(map(str, citizens)),
        "transfers": Counter(str(r.unit_id) for r in municipality.residences.residents),
        "keys": Counter(str(c.unit_id) for c in day.carers),
        "tablets": Counter(str(unit_id) for _, unit_id, *_ in municipality.carers),
        "citizen_access": Counter(str(c.unit_id) for c in municipality.citizens),
    }
    units = (*municipality.units, *municipality.residences.units)
    return [
        _adoption(case, units, subjects[case.technology], go_live_on)
        for case in load_cases().values()
        if subjects.get(case.technology)
    ]


def _adoption(case: BusinessCase, units: tuple[Unit, ...], subjects: Counter[str], go_live_on: date) -> Adoption:
    documented = [u.name for u in case.rollout.units]
    mine = [u for u in units if subjects[str(u.id)]]
    total = subjects.total()
    return Adoption(
        case_id=case.id,
        owner=OWNERS.get(case.technology),
        units=tuple(
            AdoptedUnit(
                unit_id=u.id,
                name=u.name,
                document_unit=u.name if u.name in documented else documented[i % len(documented)],
                go_live_on=go_live_on,
                share=subjects[str(u.id)] / total,
            )
            for i, u in enumerate(mine)
        ),
    )

"""Residents who are moved three times a day, with a second carer before and less of one after."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from devices.events import TransferAnswered, TransferRecorded
from kernel.events import Event
from loadtests.honesty.calendar import LIVED_WEEKS, MEASURED_WEEKS, instant, lived_on, measured_on
from loadtests.honesty.kinds import Kind
from loadtests.honesty.town import Lived, Person, arrivals, enrol, people, use_in

#: What one resident-day saves where the target is met exactly.
NOMINAL_S = 10 * 60
_TRANSFERS_A_DAY = 3
_SETUP_S = 30
#: Weekdays that are lived and measured: enough occasions, few enough events.
_LIVED_DAYS = (0, 3)
_MEASURED_DAYS = (1,)
_ASKED_RATIO = 0.1


def live(rng: np.random.Generator, kind: Kind) -> Lived:
    """A residence; the truth is the second carer's time of the same days without the device, less what it took."""
    enrolled, measured = people(rng, kind, "resident", 0.3)
    days = LIVED_WEEKS * len(_LIVED_DAYS)
    lived = Lived(nominal_s={"transfers": NOMINAL_S * kind.subjects * days})
    lived.studies["transfers"] = ["unit;date;resident;second_carer_minutes;technology", *_study(rng, kind, measured)]
    events: list[Event] = []
    truth_s = 0
    for person in enrolled:
        gain = kind.saving_ratio * (1 + 0.5 * float(rng.normal()))
        for week in range(LIVED_WEEKS):
            for weekday in _LIVED_DAYS:
                if person.in_week(week) and rng.random() < use_in(kind, week):
                    told, saved_s = _day(rng, kind, person, week, lived_on(week, weekday), gain * NOMINAL_S)
                    events += told
                    truth_s += saved_s
    lived.truth_s["transfers"] = truth_s
    before, within = enrol(kind, enrolled, "transfers")
    lived.enrolments = before
    lived.events = arrivals(rng, kind, events, within)
    return lived


def _second_s(rng: np.random.Generator, person: Person, level: float) -> npt.NDArray[np.float64]:
    """Seconds a second carer is there at each of a day's transfers without the device."""
    day = person.need * level * float(np.exp(rng.normal(0, 0.12)))
    return 520 * day * np.exp(rng.normal(0, 0.2, _TRANSFERS_A_DAY))


def _study(rng: np.random.Generator, kind: Kind, measured: list[Person]) -> Iterator[str]:
    for person in measured:
        for week in range(MEASURED_WEEKS):
            for weekday in _MEASURED_DAYS:
                seconds = float(_second_s(rng, person, float(person.measured[week])).sum())
                day, device = measured_on(week, weekday), "lift" if person.number % 2 else "turning"
                yield f"{person.measured_unit(kind)};{day};{person.name};{seconds / 60:.2f};{device}"


def _day(
    rng: np.random.Generator, kind: Kind, person: Person, week: int, day: date, saving_s: float
) -> tuple[list[Event], int]:
    """One day of one resident: what is told of it, and the seconds it truly saved."""
    told: list[Event] = []
    saved_s = 0
    for number, without_s in enumerate(_second_s(rng, person, float(person.lived[week]))):
        wanted_s = saving_s / _TRANSFERS_A_DAY * float(np.exp(rng.normal(-0.045, 0.3)))
        second_s = max(0, round(without_s - _SETUP_S - wanted_s))
        saved_s += round(without_s) - _SETUP_S - second_s
        told += _transfer(rng, kind, person, week, day, number, second_s)
    return told, saved_s


def _transfer(
    rng: np.random.Generator, kind: Kind, person: Person, week: int, day: date, number: int, second_s: int
) -> list[Event]:
    started_at = instant(day, 7 * 60 + 200 * number + person.number)
    asked = rng.random() < _ASKED_RATIO
    who: dict[str, Any] = {
        "transfer_id": f"{person.name}-{day}-{number}",
        "device_id": f"device-{person.name}",
        "device_kind": "lift" if person.number % 2 else "turning",
        "unit_id": person.unit_in(week, kind),
        "citizen_id": person.name,
        "day": day.isoformat(),
    }
    recorded = TransferRecorded(
        at=started_at + timedelta(seconds=second_s + 120),
        in_residence=True,
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=second_s + 120),
        duration_s=second_s + 120,
        setup_s=_SETUP_S,
        carers=None if asked else 2 if second_s else 1,
        second_carer_s=None if asked else second_s,
        evidence=None if asked else "badge",
        **who,
    )
    if not asked:
        return [recorded]
    answered = TransferAnswered(
        at=started_at + timedelta(hours=20),
        carers=2 if second_s else 1,
        second_carer_s=second_s,
        **who,
    )
    return [recorded, answered]

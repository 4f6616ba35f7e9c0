"""An invented municipality of the size of the source documents: three centres, 400 carers, 2,300 citizens.

700 citizens have an electronic lock (004:364); the day shift is 125 carers on weekdays and 50 at weekends
(004:389) with 15 visits each. 115 citizens are visited by screen on some weekdays (``gateway.demo.screen``), two
residences have lifts and turning systems (``gateway.demo.residences``), and the carers who drive take one of the
cars (``gateway.demo.vehicles``). Everything is drawn from one seed; ids say nothing and do not depend on order.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cached_property
from random import Random

from gateway.demo.names import ELDERLY, FIRST, FLOORS, LAST, STREETS
from gateway.demo.residences import Residences, ResidenceSize
from gateway.demo.screen import (
    PLANNED_MIN,
    SHORT_SERVICES,
    SKILL,
    ScreenSize,
    choose_citizens,
    screen_slots,
    weekdays_of,
)
from gateway.demo.vehicles import Cars
from gateway.demo.wishes import Wish, draw_wish
from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from kernel.localtime import at_local
from scheduling.model import (
    Carer,
    Citizen,
    Consent,
    Day,
    Device,
    Door,
    Objective,
    Place,
    Preferences,
    ShiftEnd,
    Transport,
    TravelBySpeed,
    Unit,
    UnitKind,
    Visit,
    VisitMode,
)
from scheduling.travel import STANDARD_SPEEDS

CENTRES = (
    ("Center Nord", 55.7080, 12.5360),
    ("Center Midtbyen", 55.6700, 12.5500),
    ("Center Amager", 55.6600, 12.6080),
)
SHIFT_START, SHIFT_END = time(7, 0), time(15, 0)
CONSENTED_ON = date(2026, 9, 1)

NO_SCREEN, NO_RESIDENCES = ScreenSize(), ResidenceSize()


@dataclass(frozen=True, slots=True)
class Size:
    """How many of everything. The default is home care with keys alone; :data:`DOCUMENTED` has it all."""

    carers: int = 400
    citizens: int = 2_300
    locks: int = 700
    #: citizens whose key still has to be fetched at the base: the lock is not mounted yet
    keys_left: int = 12
    weekday_carers: int = 125
    weekend_carers: int = 50
    visits_per_carer: int = 15
    screen: ScreenSize = NO_SCREEN
    residences: ResidenceSize = NO_RESIDENCES
    #: cars of home care, each with a tracker
    cars: int = 0
    #: citizens at home with a lift of their own: shown as use, without a target
    home_lifts: int = 0


#: The municipality of the source documents: 115 screen citizens and 75 carers for them, 30 lifts and 25 turning
#: systems in the residences, about 60 cars.
DOCUMENTED = Size(
    screen=ScreenSize(citizens=115, kiosks=23, carers=75),
    residences=ResidenceSize(
        residents=40, lifts=30, existing_lifts=10, turning=25, carers=36, weekday_carers=14, weekend_carers=10
    ),
    cars=60,
    home_lifts=12,
)


class Municipality:
    """The invented municipality of one seed."""

    def __init__(self, seed: int, size: Size | None = None) -> None:
        self.seed = seed
        self.size = size or DOCUMENTED

    def stream(self, *purpose: object) -> Random:
        """A random stream of its own for each purpose, so that adding one changes no other."""
        return Random("/".join(str(p) for p in (self.seed, *purpose)))

    def identifier(self, *purpose: object) -> str:
        """An id that says nothing: 24 hexadecimal digits of a hash."""
        text = "/".join(str(p) for p in (self.seed, *purpose))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The three centres."""
        return tuple(
            Unit(UnitId(self.identifier("unit", name)), name, UnitKind.HOME_CARE, Place(lat, lon))
            for name, lat, lon in CENTRES
        )

    @cached_property
    def residences(self) -> Residences:
        """The residences with their residents, devices and rota."""
        return Residences(self.size.residences, self.stream, self.identifier)

    @cached_property
    def cars(self) -> Cars:
        """The cars of home care."""
        return Cars(self.size.cars, [u.id for u in self.units], self.stream, self.identifier)

    @cached_property
    def screen_days(self) -> dict[int, frozenset[int]]:
        """Citizens with screen visits, and the weekdays (0 is Monday) on which their visit is by screen."""
        wishes = [(unit, w.citizen, w.service, w.duration_min) for unit, w in self.weekday_wishes]
        chosen = choose_citizens(self.stream("screen"), wishes, self.size.screen.citizens)
        return {i: weekdays_of(self.stream("screen_days", i)) for i in chosen}

    @cached_property
    def screen_slots(self) -> frozenset[tuple[int, int]]:
        """Places of the rota whose carers do screen visits."""
        return screen_slots(self.slots(weekend=False), self.size.screen.carers, self._turns)

    @property
    def _turns(self) -> int:
        """How many carers take turns in a place of the rota."""
        return max(1, self.size.carers // len(self.units) // self.slots_per_unit)

    @cached_property
    def kiosks(self) -> dict[int, str]:
        """Kiosks by citizen."""
        return {i: self.identifier("kiosk", i) for i in list(self.screen_days)[: self.size.screen.kiosks]}

    def kiosks_of_visits(self, day: Day) -> dict[str, str]:
        """The kiosk at which each screen visit of a day is answered; the others are answered by link."""
        kiosks = {c.id: d.id for c in day.citizens for d in c.devices if d.kind == "kiosk"}
        by_screen = (v for v in day.visits if v.mode is VisitMode.SCREEN)
        return {str(v.id): kiosks[v.citizen_id] for v in by_screen if v.citizen_id in kiosks}

    @cached_property
    def home_lifts(self) -> dict[int, str]:
        """Lifts in home care by citizen."""
        cared_for = [w.citizen for _, w in self.weekday_wishes if w.service == "personal_care"]
        self.stream("home_lifts").shuffle(cared_for)
        return {i: self.identifier("home_lift", i) for i in cared_for[: self.size.home_lifts]}

    @cached_property
    def citizens(self) -> tuple[Citizen, ...]:
        """All citizens, by unit in turn; the first of a shuffle have locks."""
        order = list(range(self.size.citizens))
        self.stream("locks").shuffle(order)
        locked = set(order[: self.size.locks])
        keyed = set(order[self.size.locks : self.size.locks + self.size.keys_left])
        return tuple(self._citizen(i, i in locked, i in keyed) for i in range(self.size.citizens))

    @cached_property
    def carers(self) -> tuple[tuple[CarerId, UnitId, str, frozenset[str], Transport], ...]:
        """All carers: id, unit, name, skills, transport."""
        found = []
        in_turn = self.slots_per_unit * self._turns
        for i in range(self.size.carers):
            random = self.stream("carer", i)
            unit = self.units[i % len(self.units)]
            skills = {"personal_care", "medicine", "supervision", "practical"}
            # By slot, so that all who take turns in a slot can do the same visits.
            slot = (i // len(self.units)) % self.slots_per_unit
            if slot % 3 == 0:
                skills.add("nursing")
            if (i % len(self.units), slot) in self.screen_slots and i // len(self.units) < in_turn:
                skills.add(SKILL)
            name = f"{random.choice(FIRST)} {random.choice(LAST)}"
            transport = Transport.CAR if random.random() < 0.12 else Transport.BIKE
            found.append((CarerId(self.identifier("carer", i)), unit.id, name, frozenset(skills), transport))
        return tuple(found)

    def slots(self, *, weekend: bool) -> list[tuple[int, int]]:
        """Places of the rota of a day: (unit index, slot of the unit)."""
        count = self.size.weekend_carers if weekend else self.size.weekday_carers
        return [(i % len(self.units), i // len(self.units)) for i in range(count)]

    @property
    def slots_per_unit(self) -> int:
        """Slots of the largest unit on a weekday."""
        return -(-self.size.weekday_carers // len(self.units))

    def carer_of_slot(self, unit: int, slot: int, on: date) -> int:
        """Who takes a slot on a day: the carers of a slot take turns, a day each."""
        mine = range(unit, self.size.carers, len(self.units))
        return mine[slot + self.slots_per_unit * (on.toordinal() % self._turns)]

    @cached_property
    def weekday_wishes(self) -> tuple[tuple[int, Wish], ...]:
        """Visits of a weekday's day shift with their unit."""
        return self._wishes(self.size.weekday_carers, "weekday")

    @cached_property
    def weekend_wishes(self) -> tuple[tuple[int, Wish], ...]:
        """Visits of a weekend day's day shift with their unit."""
        return self._wishes(self.size.weekend_carers, "weekend")

    def day(self, on: date) -> Day:
        """The day of home care as it is to be planned; residences have a rota and no routes."""
        is_weekend = on.weekday() >= 5
        wishes = self.weekend_wishes if is_weekend else self.weekday_wishes
        citizens = self.citizens
        visits = tuple(self._visit(on, number, wish) for number, (_, wish) in enumerate(wishes))
        used = sorted({w.citizen for _, w in wishes})
        return Day(
            on=on,
            name=f"Opdigtet kommune {self.seed}",
            zero_at=at_local(on, SHIFT_START),
            objective=Objective.CARE,
            units=self.units,
            carers=tuple(self._on_duty(on, weekend=is_weekend)),
            citizens=tuple(citizens[i] for i in used),
            visits=visits,
            pairs=(),
            travel=TravelBySpeed(STANDARD_SPEEDS),
        )

    def _on_duty(self, on: date, *, weekend: bool) -> list[Carer]:
        found = []
        for unit, slot in self.slots(weekend=weekend):
            carer_id, unit_id, name, skills, transport = self.carers[self.carer_of_slot(unit, slot, on)]
            found.append(
                Carer(
                    id=carer_id,
                    unit_id=unit_id,
                    name=name,
                    skills=skills,
                    shift_starts_at=at_local(on, SHIFT_START),
                    shift_ends_at=at_local(on, SHIFT_END),
                    transport=transport,
                    starts_from=ShiftEnd.CITIZEN,
                    ends_at=ShiftEnd.CITIZEN,
                )
            )
        return found

    def _citizen(self, i: int, locked: bool, keyed: bool) -> Citizen:
        random = self.stream("citizen", i)
        unit_index = i % len(self.units)
        name, lat, lon = CENTRES[unit_index]
        door = None
        if locked:
            door = Door(DoorId(self.identifier("door", i)), self.identifier("lock", i))
        street, number = random.choice(STREETS[name]), random.randint(1, 96)
        consents = [Consent("electronic_key", CONSENTED_ON)] if locked else []
        consents += [Consent("screen", CONSENTED_ON)] if i in self.screen_days else []
        devices = [Device(self.kiosks[i], "kiosk")] if i in self.kiosks else []
        devices += [Device(self.home_lifts[i], "lift")] if i in self.home_lifts else []
        return Citizen(
            id=CitizenId(self.identifier("citizen", i)),
            unit_id=self.units[unit_index].id,
            display_name=f"{random.choice(ELDERLY)} {random.choice(LAST)}",
            address=f"{street} {number}, {random.choice(FLOORS)}",
            place=Place(round(lat + random.gauss(0, 0.0058), 6), round(lon + random.gauss(0, 0.0102), 6)),
            door=door,
            devices=tuple(devices),
            consents=tuple(consents),
            preferences=Preferences(screen_ok=i in self.screen_days),
            formerly_key_fetched=locked or keyed,
        )

    def _wishes(self, carers: int, purpose: str) -> tuple[tuple[int, Wish], ...]:
        wishes: list[tuple[int, Wish]] = []
        for unit in range(len(self.units)):
            random = self.stream("wishes", purpose, unit)
            count = sum(1 for i in range(carers) if i % len(self.units) == unit) * self.size.visits_per_carer
            mine = list(range(unit, self.size.citizens, len(self.units)))
            random.shuffle(mine)
            chosen = [mine[i % len(mine)] for i in range(count)]
            wishes += [(unit, draw_wish(random, citizen, i >= len(mine))) for i, citizen in enumerate(chosen)]
        return tuple(wishes)

    def _visit(self, on: date, number: int, wish: Wish) -> Visit:
        citizen = self.citizens[wish.citizen]
        # Counted from the start of the shift: on a night the clocks change midnight is an hour off.
        wished_at = at_local(on, SHIFT_START) + timedelta(hours=wish.hour - SHIFT_START.hour)
        opens = max(wished_at - timedelta(minutes=30), at_local(on, SHIFT_START))
        by_screen = self.is_by_screen(on, wish)
        minutes = PLANNED_MIN if by_screen else wish.duration_min
        return Visit(
            id=VisitId(f"{on:%y%m%d}{self.identifier('visit', wish.citizen, number)[:18]}"),
            citizen_id=citizen.id,
            unit_id=citizen.unit_id,
            service=wish.service,
            window_open_at=opens,
            window_close_at=opens + timedelta(minutes=90),
            duration_s=minutes * 60,
            mode=VisitMode.SCREEN if by_screen else VisitMode.PHYSICAL,
            door_id=citizen.door.id if citizen.door and not by_screen else None,
            required_skills=frozenset({wish.service, SKILL} if by_screen else {wish.service}),
        )

    def is_by_screen(self, on: date, wish: Wish) -> bool:
        """Whether a citizen's visit is by screen on a day: the short visit of a weekday that is one of hers."""
        return on.weekday() in self.screen_days.get(wish.citizen, ()) and wish.service in SHORT_SERVICES

"""Two invented residences (botilbud): residents, their lifts and turning systems, and a rota of carers.

30 citizens have a ceiling lift, 10 of these an older one, and 25 a turning system (source document 004). How often
a device is used, how long that takes and how often two carers are needed are assumptions, named here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from random import Random

from devices.events import TransferDevice
from gateway.demo.names import ELDERLY, FIRST, LAST
from kernel.ids import CarerId, CitizenId, UnitId
from kernel.localtime import at_local
from scheduling.model import Place, Unit, UnitKind

RESIDENCES = (
    ("Botilbud Lindegården", "Lindegårdsvej 4", 55.7012, 12.5241),
    ("Botilbud Kløvermarken", "Kløvermarksvej 18", 55.6688, 12.6215),
)
SHIFT_START, SHIFT_END = time(7, 0), time(15, 0)
COMPETENCES = {"lift": "transfer_lift", "turning": "transfer_turning"}
#: minutes of one transfer with its set-up, and uses of a device in a day shift
MINUTES: dict[TransferDevice, tuple[float, float]] = {"lift": (7.5, 1.4), "turning": (7.0, 1.2)}
USES: dict[TransferDevice, tuple[int, int]] = {"lift": (3, 5), "turning": (4, 6)}
SETUP_S = (35, 80)
#: how often two are still needed: most residents seldom, a few heavy ones often
SELDOM_TWO, OFTEN_TWO, HEAVY_RATIO = 0.1, 0.6, 0.1
#: how often a carer wears her badge at a device that reads badges, and lays her tablet beside one that does not
BADGE_RATIO, TABLET_RATIO = 0.9, 0.6
MORNING, AFTERNOON = timedelta(minutes=15), timedelta(minutes=25)


@dataclass(frozen=True, slots=True)
class ResidenceSize:
    """How many residents, devices and carers. ``existing_lifts`` of the lifts are older and read no badges."""

    residents: int = 0
    lifts: int = 0
    existing_lifts: int = 0
    turning: int = 0
    carers: int = 0
    weekday_carers: int = 0
    weekend_carers: int = 0


@dataclass(frozen=True, slots=True)
class AidDevice:
    """A lift or a turning system of a resident."""

    id: str
    kind: TransferDevice
    reads_badges: bool
    uses_per_day: int


@dataclass(frozen=True, slots=True)
class Resident:
    """A resident, the devices in the room, and how often two carers are needed there."""

    id: CitizenId
    unit_id: UnitId
    name: str
    address: str
    place: Place
    devices: tuple[AidDevice, ...]
    two_ratio: float

    @property
    def component(self) -> str:
        """``lift``, ``turning`` or ``both``."""
        kinds = {d.kind for d in self.devices}
        return "both" if len(kinds) > 1 else next(iter(kinds))


@dataclass(frozen=True, slots=True)
class ResidenceCarer:
    """A carer of a residence; the badge says nothing but itself."""

    id: CarerId
    unit_id: UnitId
    name: str
    badge: str


@dataclass(frozen=True, slots=True)
class LivedTransfer:
    """A transfer as it happens. ``by`` are the one or two who are there; ``badges`` whether the device saw them.

    ``asked`` says that neither a badge nor a tablet told, so that somebody has to be asked.
    """

    resident: Resident
    device: AidDevice
    started_at: datetime
    ended_at: datetime
    setup_s: int
    load_kg: float
    by: tuple[ResidenceCarer, ...]
    badges: bool
    asked: bool


class Residences:
    """The residences of one municipality."""

    def __init__(self, size: ResidenceSize, stream: Callable[..., Random], identifier: Callable[..., str]) -> None:
        self.size = size
        self._stream = stream
        self._identifier = identifier

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The residences; none where nobody lives in one."""
        if not self.size.residents:
            return ()
        return tuple(
            Unit(UnitId(self._identifier("unit", name)), name, UnitKind.RESIDENCE, Place(lat, lon))
            for name, _, lat, lon in RESIDENCES
        )

    @cached_property
    def residents(self) -> tuple[Resident, ...]:
        """Everybody who lives there, by unit in turn."""
        order = list(range(self.size.residents))
        self._stream("residents").shuffle(order)
        lifted = set(order[: self.size.lifts])
        older = set(order[: self.size.existing_lifts])
        # From the other end, so that as few as possible have both and nobody has nothing.
        turned = set(order[len(order) - self.size.turning :])
        return tuple(self._resident(i, i in lifted, i in older, i in turned) for i in range(self.size.residents))

    @cached_property
    def carers(self) -> tuple[ResidenceCarer, ...]:
        """Everybody who works there, by unit in turn."""
        return tuple(self._carer(i) for i in range(self.size.carers))

    def rota(self, on: date) -> tuple[ResidenceCarer, ...]:
        """Who is on the day shift, by unit in turn: the carers of a residence take turns, a few each day."""
        count = self.size.weekend_carers if on.weekday() >= 5 else self.size.weekday_carers
        found = []
        for place in range(count):
            unit, number = place % len(self.units), place // len(self.units)
            mine = self.carers[unit :: len(self.units)]
            found.append(mine[(number + on.toordinal() * (self.size.weekday_carers // 2)) % len(mine)])
        return tuple(found)

    def transfers(self, on: date) -> tuple[LivedTransfer, ...]:
        """The transfers of a day shift, in the order of time: no carer and no resident is in two at once."""
        on_duty = {u.id: [c for c in self.rota(on) if c.unit_id == u.id] for u in self.units}
        free_at: dict[str, datetime] = {}
        wanted = [
            (at, resident, device)
            for resident in self.residents
            for device in resident.devices
            for at in self._wanted_at(on, device)
        ]
        found = []
        for at, resident, device in sorted(wanted, key=lambda w: (w[0], w[2].id)):
            draw = self._stream("transfer", on, device.id, f"{at:%H%M%S}")
            found.append(self._transfer(draw, at, resident, device, on_duty[resident.unit_id], free_at))
        return tuple(sorted(found, key=lambda t: (t.started_at, t.device.id)))

    def second_carer_minutes_before(self, on: date, resident: Resident) -> float:
        """What a second carer spent with a resident on a day before the devices: always two, every time."""
        random = self._stream("residence_study", on, resident.id)
        return round(sum(_minutes(random, d) for d in resident.devices for _ in range(d.uses_per_day)), 1)

    def _transfer(
        self,
        draw: Random,
        at: datetime,
        resident: Resident,
        device: AidDevice,
        on_duty: list[ResidenceCarer],
        free_at: dict[str, datetime],
    ) -> LivedTransfer:
        two = draw.random() < resident.two_ratio
        # The one who has been free longest comes, ties by badge: everybody has her share of the work.
        there = sorted(on_duty, key=lambda c: (free_at.get(c.id, at), c.badge))[: 2 if two else 1]
        starts_at = max([at, *(free_at[k] for k in (*(c.id for c in there), resident.id) if k in free_at)])
        setup_s = draw.randint(*SETUP_S)
        length = timedelta(seconds=round(_minutes(draw, device) * 60) - setup_s)
        starts_at += timedelta(seconds=setup_s)
        ends_at = starts_at + length
        badges = device.reads_badges and draw.random() < BADGE_RATIO
        tablet = draw.random() < TABLET_RATIO
        load_kg = round(draw.gauss(74, 9), 1)
        for key in (*(c.id for c in there), resident.id):
            free_at[key] = ends_at + timedelta(seconds=60)
        return LivedTransfer(
            resident, device, starts_at, ends_at, setup_s, load_kg, tuple(there), badges, not badges and not tablet
        )

    def _wanted_at(self, on: date, device: AidDevice) -> list[datetime]:
        random = self._stream("transfers", on, device.id)
        first, last = at_local(on, SHIFT_START) + MORNING, at_local(on, SHIFT_END) - AFTERNOON
        span_s = (last - first).total_seconds() / device.uses_per_day
        return [
            first + timedelta(seconds=round(span_s * (use + random.uniform(0.05, 0.75))))
            for use in range(device.uses_per_day)
        ]

    def _resident(self, i: int, lifted: bool, older: bool, turned: bool) -> Resident:
        random = self._stream("resident", i)
        unit = i % len(self.units)
        _, street, lat, lon = RESIDENCES[unit]
        name, heavy = f"{random.choice(ELDERLY)} {random.choice(LAST)}", random.random() < HEAVY_RATIO
        uses = {kind: random.randint(*USES[kind]) for kind in ("lift", "turning")}
        devices = []
        if lifted:
            devices.append(AidDevice(self._identifier("lift", i), "lift", not older, uses["lift"]))
        if turned:
            devices.append(AidDevice(self._identifier("turning", i), "turning", True, uses["turning"]))
        return Resident(
            id=CitizenId(self._identifier("resident", i)),
            unit_id=self.units[unit].id,
            name=name,
            address=f"{street}, bolig {i // len(self.units) + 1}",
            place=Place(lat, lon),
            devices=tuple(devices),
            two_ratio=OFTEN_TWO if heavy else SELDOM_TWO,
        )

    def _carer(self, i: int) -> ResidenceCarer:
        random = self._stream("residence_carer", i)
        name = f"{random.choice(FIRST)} {random.choice(LAST)}"
        unit = self.units[i % len(self.units)]
        return ResidenceCarer(CarerId(self._identifier("residence_carer", i)), unit.id, name, self._badge(i))

    def _badge(self, i: int) -> str:
        return f"b{self._identifier('badge', i)[:15]}"


def _minutes(random: Random, device: AidDevice) -> float:
    mean, spread = MINUTES[device.kind]
    return max(3.0, random.gauss(mean, spread))

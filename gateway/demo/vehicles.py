"""The cars of home care: a carer who drives takes one of her centre's at the start of each shift."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from random import Random

from kernel.ids import CarerId, UnitId


@dataclass(frozen=True, slots=True)
class Car:
    """A car with a tracker. ``odometer_m`` is what it showed on the first day of the story."""

    id: str
    unit_id: UnitId
    reg_no: str
    odometer_m: int


class Cars:
    """The cars of one municipality, shared out evenly among its centres."""

    def __init__(
        self,
        count: int,
        unit_ids: Sequence[UnitId],
        stream: Callable[..., Random],
        identifier: Callable[..., str],
    ) -> None:
        self._count = count
        self._unit_ids = tuple(unit_ids)
        self._stream = stream
        self._identifier = identifier

    @cached_property
    def all(self) -> tuple[Car, ...]:
        """Every car, by centre in turn."""
        return tuple(self._car(i) for i in range(self._count))

    def taken(self, on: date, drivers: Sequence[tuple[CarerId, UnitId]]) -> dict[CarerId, Car]:
        """Which car each carer who drives takes on a day. Every car has its turn; nobody gets a second one.

        Parameters
        ----------
        drivers
            Carers on duty by car, with their centre.
        """
        found: dict[CarerId, Car] = {}
        for number, unit_id in enumerate(self._unit_ids):
            mine = self.all[number :: len(self._unit_ids)]
            here = sorted(carer for carer, unit in drivers if unit == unit_id)
            first = on.toordinal() * max(1, len(here))
            for place, carer in enumerate(here[: len(mine)]):
                found[carer] = mine[(first + place) % len(mine)]
        return found

    def _car(self, i: int) -> Car:
        random = self._stream("car", i)
        letters = "".join(random.choice("ABCDEHJKLMNPRSTVXYZ") for _ in range(2))
        return Car(
            id=self._identifier("car", i),
            unit_id=self._unit_ids[i % len(self._unit_ids)],
            reg_no=f"{letters} {random.randint(20, 99)} {random.randint(100, 999)}",
            odometer_m=random.randint(4_000, 60_000) * 1_000,
        )

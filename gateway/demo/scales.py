"""How large the demo is, and how long its story."""

from dataclasses import dataclass

from gateway.demo.municipality import DOCUMENTED, Size
from gateway.demo.residences import ResidenceSize
from gateway.demo.screen import ScreenSize


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a municipality, and how many weeks before and after its go-live."""

    size: Size
    weeks: int


SCALES = {
    "full": Scale(DOCUMENTED, 8),
    "small": Scale(
        Size(
            carers=63,
            citizens=360,
            locks=120,
            keys_left=3,
            weekday_carers=21,
            weekend_carers=9,
            visits_per_carer=10,
            screen=ScreenSize(citizens=21, kiosks=4, carers=18),
            residences=ResidenceSize(
                residents=12, lifts=9, existing_lifts=3, turning=7, carers=12, weekday_carers=6, weekend_carers=4
            ),
            cars=9,
            home_lifts=3,
        ),
        2,
    ),
}

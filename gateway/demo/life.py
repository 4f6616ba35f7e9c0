"""A carer living her shift: the plan of it, how late reality has made her, and the tablet she has just now."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.demo.agenda import Agenda
from gateway.demo.behaviour import LivedShift, LivedStop
from gateway.demo.tablets import Tablet


@dataclass
class Life:
    """One simulated carer with her tablet. ``ahead`` are the stops she still has to make, in order."""

    tablet: Tablet
    lived: LivedShift
    ahead: list[LivedStop] = field(default_factory=list)
    behind: timedelta = timedelta()
    on_duty: bool = False
    #: her tablet is lost, and another comes at this instant
    without_tablet_until: datetime | None = None


def later(agenda: Agenda, life: Life, at: datetime, run: Callable[[], None]) -> None:
    """Put something a carer does on her tablet on the agenda; it waits while she has none."""

    def act() -> None:
        until = life.without_tablet_until
        if until is not None and agenda.now < until:
            life.behind += until - agenda.now
            later(agenda, life, until, run)
        else:
            run()

    agenda.at(at, life.tablet.carer_id, act)

"""Whom nobody simulates while the demo is served: a person at the browser lives their day."""

from datetime import datetime

from sqlmodel import Session

from gateway.demo.residences import Residences
from scheduling import publishing
from scheduling.model import Day


def left_to_people(session: Session, day: Day, residences: Residences | None) -> frozenset[str]:
    """One carer of each centre, her first stop at an electronic lock where there is one; the one of them all with the
    earliest screen visit; and one of the residences, where there are any.
    """
    by_door: dict[str, tuple[bool, datetime, str]] = {}
    by_screen: list[tuple[datetime, str]] = []
    for carer in day.carers:
        stops = publishing.stops_of(session, carer.id, day.on)
        if not stops:
            continue
        rank = (stops[0].door_id is None, stops[0].start_at or carer.shift_starts_at, str(carer.id))
        by_door[carer.unit_id] = min(rank, by_door.get(carer.unit_id, rank))
        by_screen += [(s.start_at, str(carer.id)) for s in stops if s.mode == "screen" and s.start_at is not None]
    chosen = {carer_id for _, _, carer_id in by_door.values()}
    chosen |= {carer_id for _, carer_id in sorted(by_screen)[:1]}
    on_rota = residences.rota(day.on) if residences is not None else ()
    return frozenset(chosen | {c.id for c in on_rota[:1]})

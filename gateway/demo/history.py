"""The past of the demo: a time study of eight weeks before the locks, and eight lived weeks after them.

The lived weeks go through the same service functions as today, in batches instead of one by one, and through
the inbox for everything the locks say. Only the carriers (HTTP, MQTT) are left out.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from hashlib import sha256
from time import time as clock_s

from devices.inbox.model import Incoming
from devices.inbox.service import Inbox
from devices.keys import service as keys
from devices.keys import store as keys_store
from devices.keys.lock_events import lock_handlers
from devices.keys.model import LockResult
from devices.keys.schemas import GrantIssued
from devices.registry.store import known_devices
from devices.simulator.lock import SimulatedLock
from gateway.demo.behaviour import LivedShift, LivedStop, PlannedStop, live_shift, time_study_minutes
from gateway.demo.municipality import SHIFT_START, Municipality
from gateway.runtime import Runtime
from gateway.usecases.days import import_day
from gateway.usecases.plans import publish_routes
from kernel.clock import SimulatedWorldClock
from kernel.localtime import at_local
from kernel.work import Work
from metrics.baselines import import_time_study
from metrics.pseudonyms import Pseudonyms
from scheduling import day_store, publishing, shifts, visits
from scheduling.model import Day, Plan
from scheduling.publishing import RouteDraft, StopDraft
from scheduling.tables import VisitRow


@dataclass(frozen=True, slots=True)
class TemplateStop:
    """One stop of a typical day: the number of the visit and its minutes from the start of the shift."""

    visit_number: int
    start_min: float
    end_min: float
    travel_min: float


@dataclass(frozen=True, slots=True)
class Template:
    """The routes of a typical weekday or weekend day, by slot of the rota."""

    routes: tuple[tuple[TemplateStop, ...], ...]

    @classmethod
    def of(cls, day: Day, plan: Plan) -> "Template":
        """What a planned day says about all days like it."""
        number = {v.id: i for i, v in enumerate(day.visits)}
        routes = [
            tuple(
                TemplateStop(number[s.visit_id], s.start_min, s.end_min, s.travel_min)
                for s in plan.route_of[c.id].stops
            )
            for c in day.carers
        ]
        return cls(tuple(routes))

    def drafts(self, day: Day) -> list[RouteDraft]:
        """The routes for a day of the same kind."""
        return [
            RouteDraft(
                carer.id,
                carer.unit_id,
                tuple(
                    StopDraft(
                        day.visits[s.visit_number].id,
                        day.instant(s.start_min),
                        day.instant(s.end_min),
                        s.travel_min,
                        s.visit_number,
                    )
                    for s in route
                ),
            )
            for carer, route in zip(day.carers, self.routes, strict=True)
        ]


def time_study_csv(municipality: Municipality, from_on: date, to_on: date) -> bytes:
    """The nulpunktsmåling: every day shift of a period, its minutes at the base and on the way there."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(["unit", "date", "shift_kind", "carer", "base_minutes", "base_leg_minutes"])
    on = from_on
    while on <= to_on:
        for unit, slot in municipality.slots(weekend=on.weekday() >= 5):
            carer = municipality.carer_of_slot(unit, slot, on)
            base, leg = time_study_minutes(municipality.stream("study", on, carer))
            row = [
                municipality.units[unit].id,
                on.isoformat(),
                "day",
                municipality.carers[carer][0],
                base,
                leg,
            ]
            writer.writerow([*row[:4], *(str(v).replace(".", ",") for v in row[4:])])
        on += timedelta(days=1)
    return out.getvalue().encode()


class History:
    """Writes the past, day after day."""

    def __init__(
        self,
        runtime: Runtime,
        clock: SimulatedWorldClock,
        municipality: Municipality,
        weekday: Template,
        weekend: Template,
        locks: Mapping[str, SimulatedLock],
        progress: Callable[[date], None] = lambda _on: None,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._municipality = municipality
        self._templates = {False: weekday, True: weekend}
        self._locks = locks
        self._progress = progress
        # The logs come home after the visits have begun: they prove the openings, they begin nothing.
        self._logs_home = Inbox(
            runtime.units,
            lock_handlers(runtime.service_key, clock_s),
            runtime.settings.mqtt.tenant,
            known_devices,
        )

    def study(self, from_on: date, to_on: date) -> None:
        """Import the time study, the day after it ended."""
        self._clock.advance_to(at_local(to_on + timedelta(days=1), time(5, 0)))
        content = time_study_csv(self._municipality, from_on, to_on)
        with self._runtime.units.begin() as work:
            import_time_study(
                work,
                content,
                known_units={u.id for u in self._municipality.units},
                pseudonyms=Pseudonyms(self._runtime.parts.pseudonym_key),
            )

    def live(self, from_on: date, to_on: date) -> None:
        """Live these days, both included."""
        on = from_on
        while on <= to_on:
            self._day(on)
            self._progress(on)
            on += timedelta(days=1)

    def _day(self, on: date) -> None:
        day = self._municipality.day(on)
        template = self._templates[on.weekday() >= 5]
        drafts = template.drafts(day)
        self._clock.advance_to(at_local(on, time(6, 15)))
        with self._runtime.units.begin() as work:
            import_day(work, day)
            publish_routes(work, on, drafts, reason="Dagens plan")
        self._clock.advance_to(at_local(on, time(6, 40)))
        lived = {d.carer_id: self._lived(day, d) for d in drafts if d.stops}
        with self._runtime.units.begin() as work:
            stops: dict[str, list[VisitRow]] = {}
            for row in day_store.visits_of(work.session, on):
                stops.setdefault(row.carer_id or "", []).append(row)
            for route in day_store.routes_of(work.session, on):
                publishing.deliver(work, route, stops.get(route.carer_id, []))
        end_at = max(s.ends_at for s in lived.values()) + timedelta(minutes=5)
        self._clock.advance_to(end_at)
        self._shifts_and_visits(day, lived)

    def _lived(self, day: Day, draft: RouteDraft) -> LivedShift:
        doors = {v.id: v.door_id for v in day.visits}
        keyed = {v.id for v in day.visits if v.door_id is None and day.citizen_by_id[v.citizen_id].formerly_key_fetched}
        stops = [
            PlannedStop(
                s.visit_id,
                s.start_at,
                (s.end_at - s.start_at).total_seconds(),
                s.travel_min,
                doors[s.visit_id],  # type: ignore[index]
                s.visit_id in keyed,
            )
            for s in draft.stops
        ]
        return live_shift(
            self._municipality.stream("day", day.on, draft.carer_id),
            self._municipality.stream("habit", draft.carer_id),
            at_local(day.on, SHIFT_START),
            stops,
        )

    def _shifts_and_visits(self, day: Day, lived: Mapping[str, LivedShift]) -> None:
        with self._runtime.units.begin() as work:
            begun = shifts.start_shifts(
                work,
                [
                    shifts.ShiftStart(
                        carer, day.on, s.start_place, s.starts_at, _holder(self._municipality, day, carer)
                    )
                    for carer, s in sorted(lived.items())
                ],
            )
            shift_of = {row.carer_id: row.id for row in begun}
            self._grant(work, day, lived, shift_of)
        accepted = self._logs_home.accept(self._door_messages(day, lived))
        for answer in accepted.outgoing:
            self._locks[answer.device_id].on_message(answer.name, answer.payload)
        with self._runtime.units.begin() as work:
            longest = max(len(s.stops) for s in lived.values())
            for wave in range(longest):
                here = [(c, s.stops[wave]) for c, s in sorted(lived.items()) if wave < len(s.stops)]
                visits.begin_visits(work, [_begin(c, stop) for c, stop in here])
                visits.end_visits(
                    work, [visits.VisitEnd(stop.visit_id, c, stop.ends_at, stop.outcome) for c, stop in here]
                )
            shifts.end_shifts(
                work,
                [shifts.ShiftEnd(c, day.on, s.end_place, s.ends_at) for c, s in sorted(lived.items())],
            )

    def _grant(self, work: Work, day: Day, lived: Mapping[str, LivedShift], shift_of: Mapping[str, str]) -> None:
        rights = keys_store.active_rights(work.session, day.on, list(lived))
        keys.record_grants(
            work,
            [
                GrantIssued(
                    cti=_cti(self._municipality, r.visit_id),
                    right_id=r.right_id,
                    door_id=r.door_id,
                    visit_id=r.visit_id,
                    carer_id=r.carer_id,
                    unit_id=r.unit_id,
                    shift_id=shift_of[r.carer_id],
                    holder_thumbprint=bytes.fromhex(_holder(self._municipality, day, r.carer_id)),
                    epoch=0,
                    minted_at=lived[r.carer_id].starts_at,
                    expires_at=r.closes_at,
                    token=b"",
                )
                for r in rights
            ],
        )

    def _door_messages(self, day: Day, lived: Mapping[str, LivedShift]) -> list[Incoming]:
        lock_of = {c.door.id: c.door.device_id for c in day.citizens if c.door is not None}
        opened = sorted(
            (stop.arrives_at, stop.visit_id, lock_of[stop.door_id])  # type: ignore[index]
            for s in lived.values()
            for stop in s.stops
            if stop.door_id is not None
        )
        by_lock: dict[str, int] = {}
        for at, visit_id, lock_id in opened:
            if lock_id is None or lock_id not in self._locks:
                continue
            seq = self._locks[lock_id].remember(LockResult.OPENED, _cti(self._municipality, visit_id), at)
            by_lock.setdefault(lock_id, seq)
        tenant, now = self._runtime.settings.mqtt.tenant, self._clock.now()
        return [
            Incoming(tenant, "lock", lock_id, "evt", batch.encode(), now)
            for lock_id, first in sorted(by_lock.items())
            for batch in self._locks[lock_id].log.batches(first)
        ]


def _begin(carer_id: str, stop: LivedStop) -> visits.VisitBegin:
    source = "device" if stop.door_id is not None else "manual"
    return visits.VisitBegin(stop.visit_id, carer_id, stop.arrives_at, source)  # type: ignore[arg-type]


def _holder(municipality: Municipality, day: Day, carer_id: str) -> str:
    return sha256(f"{municipality.seed}/{day.on}/{carer_id}".encode()).hexdigest()


def _cti(municipality: Municipality, visit_id: str) -> bytes:
    return bytes.fromhex(municipality.identifier("cti", visit_id)) + bytes(4)

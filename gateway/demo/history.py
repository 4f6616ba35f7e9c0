"""The past of the demo since its go-live: every day lived at event level.

The lived weeks go through the same service functions as today, in batches instead of one by one, and through
the inbox for everything the locks say. Only the carriers (HTTP, MQTT) are left out.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from itertools import count
from time import time as clock_s

from sqlmodel import Session

from devices.inbox.model import Incoming, Known, Report
from devices.inbox.service import Inbox
from devices.keys import service as keys
from devices.keys import store as keys_store
from devices.keys.lock_events import lock_handlers
from devices.keys.model import LockResult
from devices.keys.schemas import GrantIssued
from devices.registry.store import known_devices
from devices.simulator.lock import SimulatedLock
from gateway.demo.behaviour import LivedShift, LivedStop, PlannedStop, live_shift
from gateway.demo.follow_ups import plan_follow_ups
from gateway.demo.foreseen import hold_locks
from gateway.demo.municipality import SHIFT_END, SHIFT_START, Municipality
from gateway.demo.past_driving import PastDriving
from gateway.demo.past_residences import PastTransfers
from gateway.demo.past_screen import (
    physical_minutes,
    tell_calls,
    wanted_follow_ups,
    with_follow_ups,
    with_new_visits,
    with_second_tries,
)
from gateway.demo.screen import LivedCall, live_call
from gateway.demo.templates import Templates
from gateway.runtime import Runtime
from gateway.usecases.days import import_day
from gateway.usecases.plans import publish_routes
from kernel.clock import SimulatedWorldClock
from kernel.ids import VisitId
from kernel.localtime import at_local
from kernel.work import Work
from scheduling import day_store, publishing, shifts, visits
from scheduling.model import Day, VisitMode
from scheduling.publishing import RouteDraft
from scheduling.tables import VisitRow


class History:
    """Writes the past, day after day.

    Parameters
    ----------
    transfers
        Lives the lifts and turning systems.
    driving
        Drives the cars and closes the driving logs.
    """

    def __init__(
        self,
        runtime: Runtime,
        clock: SimulatedWorldClock,
        municipality: Municipality,
        templates: Templates,
        locks: Mapping[str, SimulatedLock],
        transfers: PastTransfers,
        driving: PastDriving,
        progress: Callable[[date], None] = lambda _on: None,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._municipality = municipality
        self._templates = templates
        self._locks = locks
        self._transfers = transfers
        self._driving = driving
        self._progress = progress
        # The logs come home after the visits have begun: they prove the openings, they begin nothing.
        self._logs_home = Inbox(
            runtime.units,
            lock_handlers(runtime.service_key, clock_s),
            runtime.settings.mqtt.tenant,
            self._known,
            reports_of={("lock", "evt"): lambda message: self._reports[message.payload]},
        )
        #: of the day that is being told: the grants its doors were opened with, and each message's reports
        self._ctis: list[bytes] = []
        self._reports: dict[bytes, list[Report]] = {}

    def live(self, from_on: date, to_on: date) -> None:
        """Live these days, both included."""
        on = from_on
        while on <= to_on:
            self._day(on)
            self._progress(on)
            on += timedelta(days=1)

    def _day(self, on: date) -> None:
        day = self._municipality.day(on)
        drafts = self._templates.of(on).drafts(day)
        self._clock.advance_to(at_local(on, time(6, 15)))
        with self._runtime.units.begin() as work:
            import_day(work, day)
            publish_routes(work, on, drafts, reason="Dagens plan")
            self._transfers.begin_day(work, on)
        self._clock.advance_to(at_local(on, time(6, 40)))
        lived, first_rung = {}, dict[str, datetime]()
        for draft in drafts:
            if draft.stops:
                shift, rung = with_second_tries(self._lived(day, draft))
                lived[draft.carer_id] = shift
                first_rung |= rung
        self._deliver(on, lived)
        self._clock.advance_to(at_local(on, SHIFT_START) + timedelta(hours=2))
        day, lived = self._followed_up(day, lived)
        everybody_home_at = max([at_local(on, SHIFT_END), *(s.ends_at for s in lived.values())])
        self._clock.advance_to(everybody_home_at + timedelta(minutes=5))
        self._shifts_and_visits(day, lived, first_rung)
        self._driving.live(day, lived)
        self._transfers.live_residences(on)
        self._transfers.live_home_lifts(day, lived)

    def _deliver(self, on: date, carer_ids: Collection[str]) -> None:
        with self._runtime.units.begin() as work:
            stops: dict[str, list[VisitRow]] = {}
            for row in day_store.visits_of(work.session, on):
                stops.setdefault(row.carer_id or "", []).append(row)
            for route in day_store.routes_of(work.session, on):
                if route.carer_id not in carer_ids or not publishing.deliver(
                    work, route, stops.get(route.carer_id, [])
                ):
                    continue
                if route.version > 1:
                    publishing.acknowledge(work, route.carer_id, on, route.version)

    def _followed_up(self, day: Day, lived: dict[str, LivedShift]) -> tuple[Day, dict[str, LivedShift]]:
        """Planners put the follow-ups of screen visits on the routes; they are lived as planned."""
        if not any(stop.call for shift in lived.values() for stop in shift.stops):
            return day, lived
        minutes = physical_minutes(self._municipality, day.visits)
        wanted = wanted_follow_ups(self._municipality, day, lived, minutes)
        if not wanted:
            return day, lived
        with self._runtime.units.begin() as work:
            rows, _ = plan_follow_ups(work, day.on, wanted)
            planned = {row.id: (row.start_at, row.end_at) for row in rows}
        carers = {w.carer_id for w in wanted}
        self._deliver(day.on, carers)
        changed = {c: with_follow_ups(lived[c], [w for w in wanted if w.carer_id == c], planned) for c in carers}
        return with_new_visits(day, wanted), {**lived, **changed}

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
                self._call(day, s.visit_id),
            )
            for s in draft.stops
        ]
        return live_shift(
            self._municipality.stream("day", day.on, draft.carer_id),
            self._municipality.stream("habit", draft.carer_id),
            at_local(day.on, SHIFT_START),
            stops,
        )

    def _call(self, day: Day, visit_id: str) -> LivedCall | None:
        if day.visit_by_id[VisitId(visit_id)].mode is not VisitMode.SCREEN:
            return None
        return live_call(self._municipality.stream("call", visit_id))

    def _shifts_and_visits(self, day: Day, lived: Mapping[str, LivedShift], first_rung: Mapping[str, datetime]) -> None:
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
            tell_calls(work, day, lived, first_rung, self._municipality.kiosks_of_visits(day))
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
        self._ctis, self._reports = [], {}
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
            cti = _cti(self._municipality, visit_id)
            self._ctis.append(cti)
            seq = self._locks[lock_id].remember(LockResult.OPENED, cti, at)
            by_lock.setdefault(lock_id, seq)
        return [message for lock_id, first in sorted(by_lock.items()) for message in self._log_home(lock_id, first)]

    def _log_home(self, lock_id: str, first: int) -> Iterator[Incoming]:
        """A lock's log from a number on, as it comes home."""
        tenant, now, lock, seq = (
            self._runtime.settings.mqtt.tenant,
            self._clock.now(),
            self._locks[lock_id],
            count(first),
        )
        for batch in lock.log.batches(first):
            message = Incoming(tenant, "lock", lock_id, "evt", batch.encode(), now)
            self._reports[message.payload] = [
                Report(lock_id, lock.boot, next(seq), message.kind, message.name, now, told.raw)
                for told in batch.events
            ]
            yield message

    def _known(self, session: Session, device_ids: Collection[str]) -> Mapping[str, Known]:
        hold_locks(session, device_ids, self._ctis)
        return known_devices(session, device_ids)


def _begin(carer_id: str, stop: LivedStop) -> visits.VisitBegin:
    source = "device" if stop.door_id is not None else "manual"
    return visits.VisitBegin(stop.visit_id, carer_id, stop.arrives_at, source)  # type: ignore[arg-type]


def _holder(municipality: Municipality, day: Day, carer_id: str) -> str:
    return sha256(f"{municipality.seed}/{day.on}/{carer_id}".encode()).hexdigest()


def _cti(municipality: Municipality, visit_id: str) -> bytes:
    return bytes.fromhex(municipality.identifier("cti", visit_id)) + bytes(4)

"""The residences live today: tablets over HTTP, lifts and turning systems over MQTT, and the question "one or two?"."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from urllib.parse import quote

from devices.simulator.holder import HolderKey
from devices.simulator.lift import SimulatedTransferDevice, TransferFleet
from gateway.demo.agenda import Agenda
from gateway.demo.behaviour import LivedStop
from gateway.demo.life import Life, later
from gateway.demo.past_residences import FORGOTTEN_RATIO, TABLET_BEFORE, home_cycle, how_many, record_transfer
from gateway.demo.residences import SHIFT_END, SHIFT_START, LivedTransfer, Residences
from gateway.demo.tablets import Tablet
from kernel.events import StoredEvent
from kernel.localtime import at_local

#: how long after a transfer somebody looks at her tablet and answers
ANSWERS_AFTER = timedelta(minutes=2)
BEFORE_SHIFT = timedelta(minutes=15)


class LiveResidences:
    """The carers, lifts and turning systems of a day.

    Parameters
    ----------
    left_to_people
        Carers nobody simulates: a person at the browser lives their day.
    home_lift_of
        The lift at the citizen's home by visit.
    """

    def __init__(
        self,
        agenda: Agenda,
        port: int,
        residences: Residences,
        fleet: TransferFleet | None,
        streams: Callable[..., Random],
        *,
        left_to_people: frozenset[str] = frozenset(),
        home_lift_of: Mapping[str, str] | None = None,
    ) -> None:
        self._agenda = agenda
        self._port = port
        self._residences = residences
        self._fleet = fleet
        self._streams = streams
        self._left_to_people = left_to_people
        self._home_lift_of = home_lift_of or {}
        self._tablets: dict[str, Tablet] = {}
        #: what is asked now: carer and device to the transfers
        self._questions: dict[tuple[str, str], set[str]] = {}
        agenda.watch("transfer.asked", self._heard)

    def expect(self, on: date) -> None:
        """Put the day of the residences on the agenda."""
        for carer in self._residences.rota(on):
            if carer.id in self._left_to_people:
                continue
            key = HolderKey.seeded(str(self._streams("holder", on, carer.id).getrandbits(128)))
            tablet = Tablet("127.0.0.1", self._port, carer.id, key)
            off = timedelta(seconds=round(self._streams("residence_shift", on, carer.id).uniform(-120, 60)))
            starts_at, ends_at = at_local(on, SHIFT_START) + off, at_local(on, SHIFT_END) + off
            self._at(starts_at, carer.id, tablet, self._start)
            self._at(ends_at, carer.id, tablet, self._end)
        for transfer in self._residences.transfers(on):
            self._expect(transfer)

    def uses_lift(self, life: Life, stop: LivedStop, leaves_at: datetime) -> None:
        """A carer with a citizen who has a lift at home uses it during the visit."""
        lift = self._home_lift_of.get(stop.visit_id)
        if lift is None or stop.outcome not in ("done", "partly"):
            return
        now, carer = self._agenda.now, life.tablet.carer_id
        random = self._streams("home_lift", now.date(), lift)
        begun_at, ended_at = home_cycle(random, now + (leaves_at - now) / 4, leaves_at)

        def down() -> None:
            self._act(lift, lambda device: device.record(begun_at, ended_at, setup_s=45))
            self._agenda.counts["home_lift_uses"] += 1
            told_at = max(self._agenda.now, ended_at + timedelta(seconds=20))
            later(self._agenda, life, told_at, lambda: self._answer_at_home(life, lift))

        self._agenda.at(ended_at, carer, down)

    def close(self) -> None:
        """Everybody's tablet is put away."""
        for tablet in self._tablets.values():
            tablet.close()

    def _expect(self, transfer: LivedTransfer) -> None:
        begun_at, first = transfer.started_at - timedelta(seconds=transfer.setup_s), transfer.by[0].id
        if not transfer.badges and not transfer.asked:
            for carer in transfer.by:
                self._agenda.at(begun_at - TABLET_BEFORE, carer.id, partial(self._present, carer.id, transfer))
        self._agenda.at(transfer.ended_at, first, lambda: self._over(transfer))
        if not transfer.badges:
            self._agenda.at(transfer.ended_at + ANSWERS_AFTER, first, lambda: self._asked(transfer))

    def _start(self, tablet: Tablet) -> None:
        tablet.sign_in()
        tablet.start_shift("base")
        self._tablets[tablet.carer_id] = tablet
        self._agenda.counts["residence_shifts"] += 1

    def _end(self, tablet: Tablet) -> None:
        tablet.end_shift("base")
        self._agenda.counts["residence_shifts_ended"] += 1

    def _present(self, carer_id: str, transfer: LivedTransfer) -> None:
        tablet = self._tablets.get(carer_id)
        if tablet is not None:
            tablet.call("POST", "/api/v1/me/transfers/presence", {"device_id": transfer.device.id})

    def _over(self, transfer: LivedTransfer) -> None:
        self._act(transfer.device.id, lambda device: record_transfer(device, transfer))
        self._agenda.counts["transfers"] += 1

    def _asked(self, transfer: LivedTransfer) -> None:
        """Whoever of the rota is asked answers: one of those who were there before anybody else."""
        if self._streams("answer", transfer.device.id, transfer.started_at).random() < FORGOTTEN_RATIO:
            return
        there = [c.id for c in transfer.by]
        others = [c for c in sorted(self._tablets) if c not in there]
        for carer_id in (*there, *others):
            tablet = self._tablets.get(carer_id)
            if tablet is not None and self._answered(tablet, transfer.device.id, how_many(transfer)):
                return

    def _answer_at_home(self, life: Life, lift: str) -> None:
        if life.on_duty:
            self._answered(life.tablet, lift, 1)

    def _answered(self, tablet: Tablet, device_id: str, carers: int) -> bool:
        """Answer what is asked about a device on this tablet; it looks once it has been told of a question."""
        if not self._questions.get((tablet.carer_id, device_id)):
            return False
        asked: Any = tablet.call("GET", "/api/v1/me/residence")["questions"]
        mine = [q["transfer_id"] for q in asked if q["device_id"] == device_id]
        for transfer_id in mine:
            tablet.call("POST", f"/api/v1/me/transfers/{quote(transfer_id)}/carers", {"carers": carers})
            self._agenda.counts["transfers_answered"] += 1
        return bool(mine)

    def _heard(self, event: StoredEvent) -> None:
        asked = self._questions.setdefault((str(event.carer_id), str(event.data["device_id"])), set())
        change = asked.add if event.data["open"] else asked.discard
        change(str(event.data["transfer_id"]))

    def _act(self, device_id: str, act: Callable[[SimulatedTransferDevice], object]) -> None:
        if self._fleet is not None:
            self._fleet.act(device_id, act)

    def _at(self, at: datetime, carer_id: str, tablet: Tablet, act: Callable[[Tablet], None]) -> None:
        self._agenda.at(at, carer_id, lambda: act(tablet))

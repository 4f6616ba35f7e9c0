"""One street with a few locked doors, a carer or two, and everything between them but the network."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from devices.events import DeviceEnrolled
from devices.inbox.model import Accepted, Incoming, Known, Outgoing
from devices.inbox.service import Inbox
from devices.keys import service
from devices.keys.cose import SigningKey, server_trust
from devices.keys.lock_events import LockVoice, lock_handlers
from devices.keys.model import VisitFacts
from devices.keys.rights import set_rights
from devices.keys.schemas import GrantIssued, LockEnrolment, OpeningIds, RightsChange, RightWanted
from devices.keys.signer.book import LogBook, read_only
from devices.keys.signer.journal import Journal
from devices.keys.signer.keyring import Keyring
from devices.keys.signer.minter import Minter
from devices.keys.signer.model import SignerSettings
from devices.simulator.behaviour import FAULTLESS, LockBehaviour
from devices.simulator.holder import HolderKey
from devices.simulator.lock import SimulatedLock
from kernel.clock import ManualLinkClock, SimulatedWorldClock
from kernel.database import Database
from kernel.events import Event, read_event
from kernel.sequencer import Sequencer
from kernel.tables import EventRow
from kernel.work import UnitsOfWork
from scheduling.events import RoutePublished, RouteStop, ShiftEnded, ShiftStarted
from tests.databases import PostgresDatabases, sqlite_database

START_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
DAY = date(2026, 11, 25)
TENANT = "testby"
UNIT = "unit-nord"
BATTERY_EMPTY_MV = 4_400


@dataclass(frozen=True)
class Carer:
    """A carer on shift with her tablet's key."""

    carer_id: str
    shift_id: str
    key: HolderKey

    @property
    def route_id(self) -> str:
        """Her route of the day."""
        return f"route-{self.carer_id}"


@dataclass
class Kept:
    """What became of the signer's answer; empty until it is stored."""

    issued: tuple[GrantIssued, ...] = ()
    locks_to_tell: frozenset[str] = frozenset()


def stop(visit: str, door: str | None, minute: int, minutes: int = 30) -> RouteStop:
    """A visit that begins this many minutes after seven."""
    start_at = START_AT + timedelta(minutes=minute)
    return RouteStop(
        visit_id=visit,
        citizen_id=f"citizen-of-{visit}",
        start_at=start_at,
        end_at=start_at + timedelta(minutes=minutes),
        mode="physical",
        door_id=door,
    )


@dataclass
class Town:
    """Database, clocks, keys and locks; every act is a transaction of its own."""

    folder: Path
    database: Database
    clock: SimulatedWorldClock = field(default_factory=lambda: SimulatedWorldClock(START_AT))
    link: ManualLinkClock = field(default_factory=lambda: ManualLinkClock(1_000.0))
    service_key: SigningKey = field(default_factory=lambda: SigningKey(bytes(range(32))))
    issuer_key: SigningKey = field(default_factory=lambda: SigningKey(bytes(range(32, 64))))
    locks: dict[str, SimulatedLock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.units = UnitsOfWork(self.database, self.clock)
        handlers = lock_handlers(self.service_key, self.wall_s)
        handlers["lock", "birth"] = LockVoice(self.service_key, self.wall_s).birth
        self.inbox = Inbox(self.units, handlers, TENANT, self._known)

    @classmethod
    def build(cls, folder: Path) -> "Town":
        """An empty town on a database file in a folder."""
        return cls(folder, sqlite_database(folder / "town.db"))

    @property
    def database_url(self) -> str:
        """The address of the database, whole."""
        return self.database.url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Let go of the database."""
        self.database.dispose()

    def wall_s(self) -> float:
        """Link time as every part of the town sees it."""
        return self.link.monotonic_s()

    def pass_s(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.link.advance(seconds)
        self.clock.advance_to(self.clock.now() + timedelta(seconds=seconds))

    def mount(self, lock_id: str, door_id: str, behaviour: LockBehaviour = FAULTLESS) -> SimulatedLock:
        """A lock on a door, switched on; its first events are at home."""
        roots = [self.keys.root.verifying_key]
        trust = server_trust([self.issuer_key.verifying_key], [self.service_key.verifying_key], roots)
        lock = SimulatedLock(lock_id, trust, world=self.clock, link=self.link, behaviour=behaviour)
        with self.units.begin() as work:
            service.mount_locks(work, [LockEnrolment(lock_id, door_id, UNIT, lock.public_key)])
            enrolled = DeviceEnrolled(at=work.now, unit_id=UNIT, device_id=lock_id, kind="lock", door_id=door_id)
            work.record(enrolled)
        self.locks[lock_id] = lock
        self.hear(lock_id, [(name, payload) for name, payload, _ in lock.power_on()])
        return lock

    def begin_shift(self, carer_id: str = "carer-a", shift_id: str = "shift-a") -> Carer:
        """A carer starts a shift with a key of its own."""
        carer = Carer(carer_id, shift_id, HolderKey.seeded(shift_id))
        self.record(
            ShiftStarted(
                at=self.clock.now(),
                shift_id=shift_id,
                carer_id=carer_id,
                unit_id=UNIT,
                kind="day",
                place="home",
                day=DAY.isoformat(),
                planned_start_at=START_AT,
                planned_end_at=START_AT + timedelta(hours=8),
                holder_thumbprint=carer.key.thumbprint.hex(),
            )
        )
        return carer

    def end_shift(self, carer: Carer) -> None:
        """She ends it."""
        self.record(
            ShiftEnded(
                at=self.clock.now(),
                shift_id=carer.shift_id,
                carer_id=carer.carer_id,
                unit_id=UNIT,
                place="home",
            )
        )

    def publish(self, carer: Carer, version: int, stops: Sequence[RouteStop]) -> RightsChange:
        """A version of her route, and the door rights that follow it."""
        with self.units.begin() as work:
            work.record(
                RoutePublished(
                    at=work.now,
                    route_id=carer.route_id,
                    carer_id=carer.carer_id,
                    unit_id=UNIT,
                    day=DAY.isoformat(),
                    route_version=version,
                    reason="test",
                    stops=tuple(stops),
                )
            )
            wanted = [RightWanted(s.door_id, s.visit_id, UNIT, s.start_at, s.end_at) for s in stops if s.door_id]
            return set_rights(work, carer.carer_id, DAY, carer.route_id, version, wanted)

    def record(self, *events: Event) -> None:
        """Put events into the log."""
        with self.units.begin() as work:
            work.record(*events)

    @cached_property
    def keys(self) -> Keyring:
        """The signer's keys, with the town's issuer key among them."""
        file = self.folder / "issuer"
        file.touch(0o600)
        file.write_text(self.issuer_key.private_bytes().hex() + "\n")
        return Keyring(file, "omsorgstid", START_AT)

    def minter(self) -> Minter:
        """The signer's inside, on the town's log."""
        settings = SignerSettings(
            address="unix:/unused",
            database_url=self.database_url,
            key_file=self.folder / "issuer",
            secret_file=self.folder / "secret",
            log_file=self.folder / "signer.jsonl",
            clock="log",
        )
        minter = Minter(settings, self.keys, LogBook(read_only(settings.database_url)), Journal(settings.log_file))
        minter.start()
        return minter

    def grants(self, carer: Carer) -> list[GrantIssued]:
        """What her tablet holds after asking for what it lacks."""
        with self.minting(carer):
            pass
        with self.database.reading() as session:
            return service.tablet_grants(session, carer.shift_id, self.clock.now())

    @contextmanager
    def minting(self, carer: Carer) -> Iterator[Kept]:
        """Ask the signer for what her tablet lacks; what happens inside happens before the answer is stored.

        Gives what holds the stored grants and the locks to tell in the end.
        """
        with self.database.reading() as session:
            wanted = service.wanted_grants(
                session,
                carer_id=carer.carer_id,
                day=DAY,
                shift_id=carer.shift_id,
                holder_thumbprint=carer.key.thumbprint,
                now=self.clock.now(),
            )
        with closing(self.minter()) as minter:
            results = minter.mint([want.request for want in wanted])
        kept = Kept()
        yield kept
        with self.units.begin() as work:
            stored = service.keep_grants(work, wanted, results)
        kept.issued, kept.locks_to_tell = stored.issued, stored.locks_to_tell

    def incoming(self, lock_id: str, name: str, payload: bytes) -> Incoming:
        """A message of a lock as it arrives now."""
        return Incoming(TENANT, "lock", lock_id, name, payload, self.clock.now())

    def facts(self, carer: Carer, visit: RouteStop, lock_id: str) -> tuple[VisitFacts, OpeningIds]:
        """What the gateway fills in when she taps."""
        assert visit.door_id is not None
        with self.database.reading() as session:
            door = service.door_facts(session, lock_id, BATTERY_EMPTY_MV)
            right = service.right_facts(
                session,
                carer_id=carer.carer_id,
                visit_id=visit.visit_id,
                door_id=visit.door_id,
                shift_id=carer.shift_id,
                epoch=door.epoch,
            )
        facts = VisitFacts(
            now_at=self.clock.now(),
            carer=carer.carer_id,
            planned_carer=carer.carer_id,
            planned_start_at=visit.start_at,
            planned_end_at=visit.end_at,
            consent_active=True,
            right=right,
            door=door,
        )
        ids = OpeningIds(visit.door_id, lock_id, visit.visit_id, carer.shift_id, carer.carer_id, UNIT)
        return facts, ids

    def hear(self, lock_id: str, said: Sequence[tuple[str, bytes]]) -> Accepted:
        """The inbox takes in what a lock sent; what it answers reaches the lock, until both are quiet."""
        accepted = self.inbox.accept([self.incoming(lock_id, name, payload) for name, payload in said])
        self.tell(accepted.outgoing)
        return accepted

    def tell(self, messages: Sequence[Outgoing]) -> None:
        """Carry messages to their locks, and what the locks say to that back home."""
        for message in messages:
            answers = self.locks[message.device_id].on_message(message.name, message.payload)
            if answers:
                self.hear(message.device_id, [(name, payload) for name, payload, _ in answers])

    def events(self, event_type: str) -> list[Event]:
        """All events of a type, in the order written."""
        with self.database.reading() as session:
            rows = session.exec(
                select(EventRow).where(EventRow.event_type == event_type).order_by(col(EventRow.id))
            ).all()
        return [read_event(row.event_type, row.version, row.data) for row in rows]

    def sequence(self) -> None:
        """Give every event its position."""
        Sequencer(self.database).run_until_empty()

    def _known(self, _session: Session, device_ids: Collection[str]) -> dict[str, Known]:
        return {lock_id: Known(lock_id, "lock", TENANT) for lock_id in device_ids if lock_id in self.locks}


def towns(request: pytest.FixtureRequest, folder: Path) -> Iterator[Town]:
    """An empty town on a database of the make the fixture is parametrised with, gone again afterwards."""
    if request.param == "sqlite":
        town = Town.build(folder)
        yield town
        town.close()
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    with databases.empty() as database:
        yield Town(folder, database)

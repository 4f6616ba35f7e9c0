"""A running platform whose ledger holds three weeks of every technology: what the manager's pages are about."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.app import create_app
from gateway.parts import Benefits
from gateway.pins import hash_pin
from gateway.runtime import Duties, Runtime
from gateway.settings import HttpSettings, Settings
from gateway.tables import IdentityRow
from gateway.web_server import WebServer
from kernel.clock import SimulatedWorldClock
from metrics.business_case import load_cases
from tests.databases import migrated_file
from tests.gateway.web import Person
from tests.metrics.all_technologies import RESIDENCE, WholeWorld, adoptions
from tests.metrics.world import PSEUDONYM_KEY, UNITS

PIN = "1234"


@dataclass
class BenefitsTown:
    """The platform, the world in its ledger, and who may look at it."""

    runtime: Runtime
    server: WebServer
    world: WholeWorld

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.port}"

    def person(self, identity: str = "manager") -> Person:
        """Somebody signed in on the manager's pages."""
        person = Person(self.server.port, "manager")
        answer = person.sign_in(identity, PIN)
        assert answer.status == 200, answer.content
        return person


@contextmanager
def benefits_town(work_dir: Path, *, lived: bool = True) -> Iterator[BenefitsTown]:
    """Start it; everybody goes home at the end. ``lived`` writes the three weeks into the log and the ledger."""
    clock = SimulatedWorldClock(datetime(2026, 9, 29, 12, tzinfo=UTC))
    settings = Settings(work_dir=work_dir, demo=True, http=HttpSettings(port=0))
    migrated_file(work_dir / "omsorgstid.db")
    runtime = Runtime(settings, Duties(ingest=False, work=False, signer=False), clock=clock)
    runtime.start()
    try:
        world = WholeWorld(work_dir, database=runtime.database)
        if lived:
            world.live_three_weeks()
        clock.advance_to(world.clock.now())
        runtime.parts.pseudonym_key = PSEUDONYM_KEY
        runtime.parts.benefits = Benefits(load_cases(), adoptions())
        _add_people(runtime)
        server = WebServer(create_app(runtime.parts), "127.0.0.1", 0)
        server.start()
        yield BenefitsTown(runtime, server, world)
        server.stop()
    finally:
        runtime.stop()


def _add_people(runtime: Runtime) -> None:
    people: Sequence[tuple[str, str, list[str]]] = (
        ("manager", "manager", [*UNITS, RESIDENCE]),
        ("auditor", "auditor", [*UNITS, RESIDENCE]),
        ("leader-nord", "manager", ["nord"]),
        ("leader-bakken", "manager", [RESIDENCE]),
    )
    pin_hash = hash_pin(PIN)
    with runtime.units.begin() as work:
        for identity, role, units in people:
            work.session.add(
                IdentityRow(
                    id=identity, role=role, name=f"Leder {identity}", unit_ids=units, pin_hash=pin_hash, demo=True
                )
            )

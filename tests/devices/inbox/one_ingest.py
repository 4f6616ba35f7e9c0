"""One ingest process among several: ``one_ingest.py PORT DATABASE SHARDS``. It says which shards it runs."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event

import devices.alarms.tables  # noqa: F401 - the tables are known once their modules are
from devices.broker_address import BrokerAddress
from devices.events import LockReported
from devices.inbox.ingest import Ingest
from devices.inbox.model import Incoming, Outgoing, Report
from devices.inbox.report_store import store_reports
from devices.inbox.service import Inbox
from devices.keys.cose import SigningKey
from devices.keys.lock_events import lock_handlers
from devices.registry.model import unpack_json
from devices.registry.service import presence_handlers, touch
from devices.registry.store import known_devices
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.work import UnitsOfWork, Work

TENANT = "nord"
SERVICE_SEED = bytes(range(32))
STARTS_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


def number_it(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
    """A device without a chain: its report is a number, told to the log once."""
    seq = unpack_json("up/evt", incoming.payload).uint("seq")
    report = Report(incoming.device_id, 1, seq, incoming.kind, "evt", incoming.received_at, incoming.payload)
    if store_reports(work, [report]):
        told = LockReported(
            at=work.now, unit_id="unit-1", lock_id=incoming.device_id, door_id=None, boot=1, seq=seq, kind="counted"
        )
        work.record(told)
    return ()


def make_ingest(port: int, url: str, shards: int, instance: str) -> Ingest:
    """The ingest of a process, with real handlers for locks."""
    world = SimulatedWorldClock(STARTS_AT)
    units = UnitsOfWork(Database(url), world)
    handlers = {
        **presence_handlers(),
        **lock_handlers(SigningKey(SERVICE_SEED), time.time),
        ("lift", "evt"): number_it,
    }
    inbox = Inbox(units, handlers, TENANT, known_devices, touch)
    address = BrokerAddress("127.0.0.1", port)
    return Ingest(inbox, address, TENANT, units, SystemLinkClock(), time.time, instance, shards=shards)


def main(port: int, url: str, shards: int) -> None:
    """Run until killed, and say so whenever the shards change."""
    ingest = make_ingest(port, url, shards, "of-a-test")
    ingest.start()
    said: frozenset[int] | None = None
    while True:
        if ingest.shards != said:
            said = ingest.shards
            sys.stdout.write(f"runs {' '.join(map(str, sorted(said)))}\n")
            sys.stdout.flush()
        Event().wait(0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

"""An ingest process that is gone at the worst moment: ``dying_ingest.py PORT DATABASE before|after``.

``before`` the commit of the batch that holds the message with seq 3, or ``after`` it and before the
acknowledgement. Nothing is tidied up: the process ends as by kill -9.
"""

import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event

from devices.broker_address import BrokerAddress
from devices.connections import BrokerConnection
from devices.inbox.committer import Committer
from devices.inbox.model import Accepted, Incoming, Outgoing, Report
from devices.inbox.report_store import store_reports
from devices.inbox.service import Inbox
from devices.registry.model import unpack_json
from devices.registry.store import known_devices
from kernel.clock import SimulatedWorldClock, SystemLinkClock
from kernel.database import Database
from kernel.work import UnitsOfWork, Work

TENANT = "nord"
LAST_SEQ = 3


def die() -> None:
    """End this process as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingInbox(Inbox):
    """Commits, and never comes to tell of it."""

    def accept(self, batch: Sequence[Incoming]) -> Accepted:
        accepted = super().accept(batch)
        if any(b'"seq": %d' % LAST_SEQ in message.payload for message in batch):
            die()
        return accepted


def main(port: int, url: str, moment: str) -> None:
    """Take in messages until the moment has come."""

    def take(work: Work, incoming: Incoming) -> Sequence[Outgoing]:
        seq = unpack_json("up/evt", incoming.payload).uint("seq")
        row = Report(incoming.device_id, 1, seq, "lift", "evt", incoming.received_at, incoming.payload)
        store_reports(work, [row])
        if moment == "before" and seq == LAST_SEQ:
            die()
        return ()

    world = SimulatedWorldClock(datetime(2026, 11, 25, 7, 0, tzinfo=UTC))
    units = UnitsOfWork(Database(url), world)
    kind = DyingInbox if moment == "after" else Inbox
    inbox = kind(units, {("lift", "evt"): take}, TENANT, known_devices)
    committer = Committer(inbox, TENANT, world, SystemLinkClock())
    address = BrokerAddress("127.0.0.1", port)
    topics = ["omsorgstid/v1/+/+/+/up/#"]
    connection = BrokerConnection(address, "ingest-1", topics, committer.offer)
    committer.attach(connection)
    committer.start()
    connection.start()
    if connection.wait_up(20.0):
        sys.stdout.write("up\n")
        sys.stdout.flush()
    Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])

"""The ingest of one process: the shards it holds, each a session at the broker with a committer behind it.

Any number of processes may run beside each other. Once a second each says that it lives and how old its oldest
unacknowledged message is, takes shards nobody runs and gives away what it has too many of (ADR 0010). A process
that dies leaves its sessions with the broker, and its unacknowledged messages in them, to the others.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from time import monotonic

import structlog
from sqlmodel import Session

from devices.alarms.model import NewAlarm
from devices.alarms.service import clear_for, raise_alarm
from devices.broker import SESSION_EXPIRY_S
from devices.broker_address import BrokerAddress
from devices.connections import BrokerConnection
from devices.inbox import leases
from devices.inbox.committer import Committer
from devices.inbox.leases import Lease, Pulse, holder_name
from devices.inbox.model import Accepted, Incoming
from devices.inbox.rebirth import questions
from devices.inbox.service import Inbox
from devices.inbox.shards import session_of, shard_of
from kernel.clock import LinkClock
from kernel.work import UnitsOfWork, Work

log = structlog.get_logger(__name__)

#: Every tenant's topics, so that a stranger's message is kept and shown instead of passing unseen.
EVERYTHING_UP = "omsorgstid/v1/+/+/+/up/#"
#: A message that waits longer for its commit is an alarm.
STALE_S = 5.0
_BEAT_S = 1.0
_UP_S = 10.0
#: An old session counts as empty when nothing has come for so long.
_QUIET_S = 0.5


@dataclass
class _Shard:
    lease: Lease
    committer: Committer
    connection: BrokerConnection

    def stop(self) -> None:
        self.connection.stop()
        self.committer.stop()


class Ingest:
    """Takes in what devices say, together with every other process that does.

    Parameters
    ----------
    instance
        Makes this process's name unique.
    shards
        How many sessions share the devices; the same for every process. More processes than shards stand by.
    wall_s
        Epoch seconds, the same clock (to a second or so) in all processes.
    committed
        Told of every batch after its commit.
    """

    def __init__(
        self,
        inbox: Inbox,
        address: BrokerAddress,
        tenant: str,
        units: UnitsOfWork,
        link: LinkClock,
        wall_s: Callable[[], float],
        instance: str,
        *,
        shards: int = 1,
        committed: Callable[[Sequence[Incoming], Accepted], None] = lambda _batch, _accepted: None,
    ) -> None:
        self._inbox = inbox
        self._address = address
        self._tenant = tenant
        self._units = units
        self._link = link
        self._wall_s = wall_s
        self._holder = holder_name(instance)
        self._shards = shards
        self._committed = committed
        self._running: dict[int, _Shard] = {}
        self._reborn: set[int] = set()
        self._committed_before = 0
        self._oldest_s = 0.0
        # One that an earlier process left open is settled by the first beat that finds nothing waiting.
        self._is_stale = True
        self._told_at_s = 0.0
        self._stop = Event()
        self._thread = Thread(target=self._run, name="ingest-beat", daemon=True)

    def start(self) -> None:
        """Take the shards that are free; waits a little for the broker and goes on connecting after that.

        Raises
        ------
        InboxError
            ``shards_differ`` while another process runs another number of shards.
        """
        with self._units.begin() as work:
            before = leases.former_layout(work.session, self._shards, self._holder, self._wall_s())
            leases.say_alive(work.session, self._holder, Pulse(), self._wall_s())
        if before:
            self._empty(before)
        with self._units.begin() as work:
            leases.lay_out(work.session, self._shards)
        self._beat()
        until_s = monotonic() + _UP_S
        for shard in list(self._running.values()):
            if not shard.connection.wait_up(max(0.0, until_s - monotonic())):
                log.warning("ingest_without_broker", shard=shard.lease.shard)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batches in hand and let others take over at once."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        self._stop_all()
        with suppress(Exception), self._units.begin() as work:
            # Where the database is away the others wait until our time is up.
            leases.leave(work.session, self._holder)

    @property
    def shards(self) -> frozenset[int]:
        """The shards this process runs now."""
        return frozenset(self._running)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being committed or answered."""
        return all(shard.committer.idle for shard in list(self._running.values()))

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing waits. Returns whether that was reached."""
        until_s = monotonic() + timeout_s
        running = list(self._running.values())
        return all(shard.committer.wait_idle(max(0.0, until_s - monotonic())) for shard in running)

    @property
    def oldest_unacknowledged_s(self) -> float:
        """Age of the oldest message of this process not yet committed, 0 where there is none."""
        return max((s.committer.oldest_unacknowledged_s for s in list(self._running.values())), default=0.0)

    def _run(self) -> None:
        while not self._stop.wait(_BEAT_S):
            try:
                self._beat()
            except Exception as error:  # noqa: BLE001 - tried again in a second
                log.warning("ingest_beat_failed", error=type(error).__name__)
                if self._running and self._link.monotonic_s() - self._told_at_s > leases.TTL_S:
                    # Others may hold our shards by now; coming back again and again would throw them out.
                    log.error("ingest_stands_down")
                    self._stop_all()

    def _beat(self) -> None:
        # Kept until it is told: a database that stood still is told of by the first beat that gets through.
        worst_s = [shard.committer.take_worst_s() for shard in self._running.values()]
        self._oldest_s = max([self._oldest_s, *worst_s])
        with self._units.begin() as work:
            leases.say_alive(work.session, self._holder, self._pulse(), self._wall_s())
            self._tell_alarm(work)
        self._told_at_s, self._oldest_s = self._link.monotonic_s(), 0.0
        with self._units.database.reading() as session:
            share = leases.share_of(session, self._holder, self._wall_s())
        if share.free:
            with self._units.begin() as work:
                leases.take(work.session, self._holder, share.free)
            with self._units.database.reading() as session:
                share = leases.share_of(session, self._holder, self._wall_s())
        self._follow(share.hold, share.too_many)
        self._ask_for_births()

    def _follow(self, hold: Sequence[Lease], too_many: Sequence[Lease]) -> None:
        """Run exactly what is ours: stop what was taken or is too much, start what is new."""
        keep = {lease.shard: lease for lease in hold if lease not in too_many}
        for number, shard in list(self._running.items()):
            if keep.get(number) != shard.lease or shard.committer.is_taken_over:
                self._stop_one(number)
        if too_many:
            with self._units.begin() as work:
                leases.release(work.session, self._holder, [lease.shard for lease in too_many])
        for number, lease in sorted(keep.items()):
            if number not in self._running:
                self._start_one(lease)

    def _start_one(self, lease: Lease) -> None:
        number, shards = lease.shard, self._shards

        def fence(session: Session) -> None:
            leases.require_held(session, self._holder, lease)

        committer = Committer(
            self._inbox,
            self._tenant,
            self._units.clock,
            self._link,
            self._committed,
            is_mine=partial(_is_of, number, shards),
            fence=fence,
        )
        connection = BrokerConnection(
            self._address,
            session_of(number, shards),
            [EVERYTHING_UP],
            committer.offer,
            on_new_session=lambda: self._reborn.add(number),
        )
        committer.attach(connection)
        committer.start()
        connection.start()
        self._running[number] = _Shard(lease, committer, connection)
        log.info("shard_taken", shard=number, of=shards, generation=lease.generation)

    def _stop_one(self, number: int) -> None:
        shard = self._running.pop(number)
        shard.stop()
        self._committed_before += shard.committer.committed_total
        log.info("shard_left", shard=number)

    def _stop_all(self) -> None:
        for number in list(self._running):
            self._stop_one(number)

    def _pulse(self) -> Pulse:
        running = list(self._running.values())
        total = self._committed_before + sum(shard.committer.committed_total for shard in running)
        return Pulse(round(self._oldest_s, 3), sum(shard.committer.waiting for shard in running), total)

    def _tell_alarm(self, work: Work) -> None:
        if self._oldest_s > STALE_S:
            facts = {"oldest_s": round(self._oldest_s)}
            raise_alarm(work, NewAlarm("ingest_stale", None, severity="critical", facts=facts))
            self._is_stale = True
        elif self._is_stale:
            clear_for(work, "ingest_stale", None)
            self._is_stale = False

    def _ask_for_births(self) -> None:
        """The broker had no session for a shard: whatever its devices said meanwhile is asked for again."""
        while self._reborn:
            number = self._reborn.pop()
            shard = self._running.get(number)
            if shard is None:
                continue
            with self._units.database.reading() as session:
                asked = questions(session, self._tenant, partial(_is_of, number, self._shards))
            for publication in asked:
                shard.connection.publish(publication)
            log.info("devices_asked_for_births", shard=number, devices=len(asked))

    def _empty(self, before: int) -> None:
        """The number of shards was changed: empty the sessions of the old layout, then give them up.

        The new sessions are opened first, so that what comes meanwhile is in one or the other, or in both: then
        the second copy is recognised.
        """
        for number in range(self._shards):
            _visit(self._address, session_of(number, self._shards), [EVERYTHING_UP])
        for number in range(before):
            session_id = session_of(number, before)
            committer = Committer(
                self._inbox,
                self._tenant,
                self._units.clock,
                self._link,
                self._committed,
                is_mine=partial(_is_of, number, before),
            )
            connection = BrokerConnection(self._address, session_id, [], committer.offer)
            committer.attach(connection)
            committer.start()
            connection.start()
            if not connection.wait_up(_UP_S):
                log.warning("ingest_without_broker", session=session_id)
            while not connection.is_up or self._comes_more(committer):
                if self._stop.wait(_QUIET_S):
                    break
                with self._units.begin() as work:
                    leases.say_alive(work.session, self._holder, self._pulse(), self._wall_s())
            connection.stop()
            committer.stop()
            _visit(self._address, session_id, [], clean=True)
            log.info("old_session_emptied", session=session_id, messages=committer.committed_total)

    def _comes_more(self, committer: Committer) -> bool:
        """Whether a committer has work or was given some within a moment."""
        before = committer.acknowledged_total
        self._stop.wait(_QUIET_S)
        return not committer.idle or committer.acknowledged_total != before


def _is_of(number: int, shards: int, device_id: str) -> bool:
    return shard_of(device_id, shards) == number


def _visit(address: BrokerAddress, session_id: str, subscriptions: Sequence[str], clean: bool = False) -> None:
    """Open a session and leave it to the broker; or, where ``clean``, end it for good."""
    connection = BrokerConnection(
        address,
        session_id,
        subscriptions,
        lambda _delivery: None,
        session_expiry_s=0 if clean else SESSION_EXPIRY_S,
        clean_start=clean,
    )
    connection.start()
    if not connection.wait_up(_UP_S):
        log.warning("ingest_without_broker", session=session_id)
    connection.stop()

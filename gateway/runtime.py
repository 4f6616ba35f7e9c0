"""Puts the parts of a process together by settings alone: no code path exists in one column only."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Event, Thread

import structlog

from devices.alarms.watch import AlarmWatch
from devices.broker_address import BrokerAddress, TlsFiles
from devices.broker_process import BrokerProcess, start_broker
from devices.driving.intake import vehicle_handlers
from devices.driving.messages import KIND as FIX_KIND
from devices.driving.messages import without_private_places
from devices.inbox.ingest import Ingest
from devices.inbox.service import Inbox
from devices.keys.cose import SigningKey, VerifyingKey
from devices.keys.lock_events import LockVoice, lock_handlers
from devices.keys.signer.client import SignerClient
from devices.keys.signing import load_or_create_key, load_or_create_secret, load_public_key
from devices.registry import service as registry
from devices.registry import store as registry_store
from devices.registry.battery_log import BatteryLog
from devices.transfers.service import cycle_reports, transfer_handlers
from gateway.acl_writer import AclWriter
from gateway.adoption import load_benefits
from gateway.bell import Bell, Ring
from gateway.call_sweeper import CallSweeper
from gateway.care_record_watch import CareRecordWatch
from gateway.door_desk import DoorDesk
from gateway.figures_round import FiguresRound
from gateway.grants import Grants
from gateway.jobs import CeleryQueue, WorkerThread, make_celery, register
from gateway.migrations import migrate
from gateway.oidc import Provider
from gateway.outlooks import Outlooks
from gateway.parts import Parts, RealSpeed, WorldSpeed
from gateway.peer_client import PeerClient
from gateway.pipeline import Pipeline
from gateway.process_metrics import ProcessMetrics, count_batch, observed
from gateway.retention import Retention
from gateway.rights_watch import RightsWatch
from gateway.rounds import Rounds
from gateway.route_list_files import RouteListFiles
from gateway.sealer import Sealer
from gateway.settings import Settings
from gateway.sweeper import Sweeper
from gateway.trust_keeper import TrustKeeper
from gateway.usecases.district_planning import DISTRICT_KIND, DistrictCrew, DistrictWork
from gateway.usecases.doors import tell_locks
from gateway.usecases.driving import facts_of
from gateway.usecases.planning import ALL_KIND, KIND, plan_day_body
from gateway.usecases.replayed_day import SequenceReplayer
from gateway.usecases.split_days import split_sampled_days
from gateway.usecases.transfers import ask_about_transfers
from gateway.usecases.visits import begin_by_door
from gateway.vendor_desk import make_vendor_desk
from gateway.video_desk import VideoDesk
from kernel.clock import LinkClock, SystemLinkClock, SystemWorldClock, WorldClock
from kernel.consumers import Consumer
from kernel.database import Database
from kernel.jobs import JobBody, waiting
from kernel.seals import AT_MOST
from kernel.tailer import Tailer
from kernel.work import UnitsOfWork
from metrics.pseudonyms import Pseudonyms
from metrics.screen_weeks_ledger import ScreenLedger
from metrics.service import KeysLedger
from metrics.transfer_days_ledger import TransferLedger
from scheduling.exchange.care_record import FileDrop
from scheduling.solver import AnnealingSolver

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Duties:
    """What this process does. Embedded it does everything; in operation each process has its own."""

    web: bool = True
    ingest: bool = True
    work: bool = True
    signer: bool = True


class Runtime:
    """The parts of one process, started and stopped in order."""

    def __init__(
        self,
        settings: Settings,
        duties: Duties,
        *,
        clock: WorldClock | None = None,
        speed: WorldSpeed | None = None,
        link: LinkClock | None = None,
    ) -> None:
        self.settings = settings
        self.duties = duties
        self.clock = clock or SystemWorldClock()
        self.link = link or SystemLinkClock()
        settings.work_dir.mkdir(parents=True, exist_ok=True)
        self.database = Database(settings.database_url)
        migrate(self.database)
        self.bell = Bell(settings.redis_url)
        self.units = UnitsOfWork(self.database, self.clock, self.bell.ring, self.bell.ring_calmly)
        self.service_key: SigningKey = load_or_create_key(settings.work_dir / "service.key")
        pseudonym_key = load_or_create_secret(settings.work_dir / "pseudonym.key")
        self.tailer = Tailer(self.database)
        pseudonyms = Pseudonyms(pseudonym_key)
        ledgers: list[Consumer] = [ScreenLedger(pseudonyms), TransferLedger(pseudonyms), KeysLedger(pseudonyms)]
        watches: list[Consumer] = [AlarmWatch(), BatteryLog()]
        # Positions are given where messages come in; figures are counted where jobs run, so that nobody's door
        # waits for them.
        self.pipeline = Pipeline(
            self.units,
            [*ledgers, *watches] if duties.work else (),
            sequenced=self.bell.ring_readable,
            sequencing=duties.ingest or not duties.work,
        )
        self.inbox = self._make_inbox()
        self.broker: BrokerProcess | None = None
        self.address = self._broker_address()
        instance = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.desk = DoorDesk(self.address, settings.mqtt.tenant, instance, asking=duties.web)
        self.signer = SignerClient(signer_address(settings), load_or_create_secret(signer_secret(settings)))
        self._signer_process: subprocess.Popen[bytes] | None = None
        self.celery = make_celery(settings.redis_url)
        self.run_job: Callable[[str], str] = register(self.celery, self.units, self.link, observed(self._job_bodies()))
        self.sweeper = Sweeper(self.units, self.desk)
        self.rights_watch = RightsWatch(self.units, self._tell_locks)
        self.retention = Retention(self.units, settings.retention)
        self.rounds = Rounds(self.units, settings.alarms, daily=[self._split_days])
        lists = settings.route_lists
        drop = settings.care_record.directory
        self.care_record = CareRecordWatch(self.units, FileDrop(drop), self._tell_locks) if drop else None
        self.route_lists = RouteListFiles(self.units, lists, settings.duty_phone) if lists.directory else None
        self.sealer = Sealer(
            self.units,
            load_or_create_key(settings.work_dir / "audit.key"),
            settings.work_dir / "seals",
            # A simulated day goes by position, so that how fast the machine is changes nothing.
            at_least=AT_MOST if settings.demo else 1,
        )
        peer = PeerClient(settings.video.peer_url, settings.work_dir, self.link)
        self.outlooks = Outlooks(self.units)
        self.video = VideoDesk(settings.redis_url, self.link, peer)
        self._instance = instance
        self.ingest: Ingest | None = None
        acl_file = settings.mqtt.acl_file
        self.acl_writer = AclWriter(self.units, acl_file) if acl_file is not None else None
        self._worker: WorkerThread | None = None
        self._stopping = Event()
        self._pick_up: Thread | None = None
        self.parts = Parts(
            settings=settings,
            database=self.database,
            clock=self.clock,
            link=self.link,
            units=self.units,
            bell=self.bell,
            tailer=self.tailer,
            pipeline=self.pipeline,
            inbox=self.inbox,
            doors=self.desk,
            grants=Grants(self.units, self.signer, self._tell_locks),
            jobs=CeleryQueue(self.celery),
            video=self.video,
            service_key=self.service_key,
            pseudonym_key=pseudonym_key,
            code_key=load_or_create_secret(settings.work_dir / "codes.key"),
            speed=speed or RealSpeed(),
            benefits=load_benefits(settings),
            checks=self._checks(),
            identity_provider=Provider(settings.oidc) if settings.oidc.issuer else None,
            near_url=settings.near.url,
        )
        self.vendor_desk = make_vendor_desk(self.units, settings.vendor_cloud, self.link)
        self.parts.vendors = self.vendor_desk
        self.call_sweeper = CallSweeper(self.parts)
        self.trust_keeper = TrustKeeper(self.parts, self.signer)
        self.figures = FiguresRound(self.parts, goes_on=duties.work)

    def start(self) -> None:
        """Start what this process is to do, in the order things depend on each other."""
        if self.duties.signer:
            self._start_signer()
        # Who gives positions looks at what was committed, everybody else at what has its position.
        self.bell.on_ring(self.pipeline.wake, Ring.WRITTEN if self.pipeline.is_sequencing else Ring.READABLE)
        if self.pipeline.is_sequencing:
            self.bell.on_ring(self.pipeline.expect, Ring.COMING)
        self.bell.on_ring(self.tailer.wake, Ring.READABLE)
        self.bell.start()
        if self.duties.ingest:
            self._start_ingest()
            self.retention.start()
            self.sealer.start()
        self.process_metrics.start()
        if self.duties.ingest or self.duties.work:
            self.pipeline.start()
        if self.duties.web:
            self.tailer.start()
        if self.duties.web or self.duties.work:
            # A worker that plans a day takes rights away, and the locks have to hear of it.
            self.desk.start()
        if self.duties.web:
            self.sweeper.start()
            self.rights_watch.start()
            self.bell.on_ring(self.vendor_desk.wake, Ring.WRITTEN)
            self.vendor_desk.start()
            self.video.start()
            self.call_sweeper.start()
            self.trust_keeper.start()
        if not self.settings.demo and (self.duties.web or self.duties.work):
            # In a simulated day no page is computed ahead: a quarter of an hour passes in seconds.
            self.figures.start()
            self.parts.checks["figures"] = self.figures.check
        if self.duties.work:
            self.rounds.start()
            if not self.settings.demo:
                # A simulated day is told by its own story, the same every time.
                self.outlooks.start()
            for watch in (self.route_lists, self.care_record):
                if watch is not None:
                    watch.start()
            self._worker = WorkerThread(self.celery)
            self._worker.start()
            self._pick_up = Thread(target=self._pick_up_jobs, name="forgotten-jobs", daemon=True)
            self._pick_up.start()

    def stop(self) -> None:
        """Stop in the reverse order; nothing acknowledged is lost."""
        self._stopping.set()
        self.process_metrics.stop()
        if self._pick_up is not None:
            self._pick_up.join(timeout=10)
        self.rounds.stop()
        self.figures.stop()
        self.outlooks.stop()
        for watch in (self.route_lists, self.care_record):
            if watch is not None:
                watch.stop()
        if self._worker is not None:
            self._worker.stop()
        if self.duties.web:
            self.trust_keeper.stop()
            self.call_sweeper.stop()
            self.video.stop()
            self.vendor_desk.stop()
            self.rights_watch.stop()
            self.sweeper.stop()
        self.desk.stop()
        if self.duties.web:
            self.tailer.stop()
        self.retention.stop()
        if self.acl_writer is not None:
            self.acl_writer.stop()
        if self.ingest is not None:
            self.ingest.stop()
        self.pipeline.stop()
        # After the last events got their positions: what is left is sealed.
        self.sealer.stop()
        self.bell.stop()
        self.signer.close()
        if self._signer_process is not None:
            self._signer_process.terminate()
            self._signer_process.wait(timeout=10)
        if self.broker is not None:
            self.broker.stop()
        self.database.dispose()

    @cached_property
    def process_metrics(self) -> ProcessMetrics:
        """The port on which a process without pages tells how it does."""
        told = self.settings.metrics
        port = told.ingest_port if self.duties.ingest else told.worker_port
        return ProcessMetrics(told.host, 0 if self.duties.web else port)

    def issuer_key(self) -> VerifyingKey:
        """The signer's public key, as it exported it."""
        return load_public_key(self.settings.work_dir / "issuer.key.pub")

    def root_key(self) -> VerifyingKey:
        """The public key that trust lists are signed with, as the signer exported it."""
        return load_public_key(self.settings.work_dir / "issuer.key.root.pub")

    def _make_inbox(self) -> Inbox:
        voice = LockVoice(self.service_key, time.time)
        handlers = begin_by_door(
            {
                **registry.presence_handlers({"lock": voice.birth}),
                **lock_handlers(self.service_key, time.time),
                **ask_about_transfers(transfer_handlers()),
                **vehicle_handlers(facts_of),
            }
        )
        kept_as = {(FIX_KIND, "fix"): without_private_places}
        tenant = self.settings.mqtt.tenant
        known, seen = registry_store.known_devices, registry.touch
        return Inbox(self.units, handlers, tenant, known, seen, kept_as, cycle_reports())

    def _broker_address(self) -> BrokerAddress:
        mqtt = self.settings.mqtt
        if mqtt.broker == "external":
            return external_broker(self.settings)
        self.broker = start_broker(self.settings.work_dir / "broker", mqtt.broker, mqtt.port or None)
        return self.broker.address

    def _start_ingest(self) -> None:
        self.ingest = Ingest(
            self.inbox,
            self.address,
            self.settings.mqtt.tenant,
            self.units,
            self.link,
            time.time,
            self._instance,
            shards=self.settings.ingest.shards,
            committed=count_batch,
        )
        self.ingest.start()
        if self.acl_writer is not None:
            self.acl_writer.start()

    def _start_signer(self) -> None:
        settings = self.settings
        arguments = [
            *("--address", signer_address(settings), "--database-url", settings.database_url),
            *("--key-file", str(settings.work_dir / "issuer.key")),
            *("--secret-file", str(signer_secret(settings))),
            *("--log-file", str(settings.work_dir / "signer.log")),
            *("--per-carer", str(settings.signer.per_carer_hour)),
            *("--per-unit", str(settings.signer.per_unit_hour)),
            *("--clock", "log" if settings.demo else "system", "--end-with-parent"),
        ]
        # Our own module with our own settings as arguments: nothing here comes from outside.
        command = [sys.executable, "-m", "devices.keys.signer", *arguments]
        with Path(settings.work_dir / "signer.out").open("ab") as out:
            self._signer_process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603
        self.signer.wait_ready(30.0)

    def _split_days(self, now: datetime) -> bool:
        """Share the minutes of sampled days between the technologies, as a check beside the waterfall."""
        benefits = self.parts.benefits
        if benefits is None:
            return True
        unit_ids = {unit.unit_id for adoption in benefits.adoptions.values() for unit in adoption.units}
        return split_sampled_days(self.units, unit_ids, now, SequenceReplayer()) is not None

    def _job_bodies(self) -> dict[str, JobBody]:
        most_visits = self.settings.planning.district_visits
        crew = DistrictCrew(self.units, self.link, time.time, self._trigger, most_visits)
        districts = DistrictWork(crew, AnnealingSolver())
        plan = plan_day_body(self.units, tell=self._tell_locks, districts=districts)
        return {KIND: plan, ALL_KIND: plan, DISTRICT_KIND: districts.body()}

    def _trigger(self, job_id: str) -> None:
        self.parts.jobs.trigger(job_id)

    def _pick_up_jobs(self) -> None:
        # A trigger can be lost with the queue; the table cannot.
        while not self._stopping.wait(5.0):
            try:
                with self.database.reading() as session:
                    forgotten = waiting(session, time.time())
                for job_id in forgotten:
                    self.parts.jobs.trigger(job_id)
            except Exception as err:  # noqa: BLE001 - looked at again in five seconds
                log.warning("jobs_not_picked_up", error=type(err).__name__)

    def _tell_locks(self, lock_ids: frozenset[str]) -> None:
        tell_locks(self.parts, lock_ids)

    def _checks(self) -> dict[str, Callable[[], str]]:
        return {
            "database": self._check_database,
            "broker": lambda: "" if self.desk.is_up or not self.duties.web else "no connection",
            "signer": self._check_signer,
            "video_peer": self.video.peer.check,
            **({"route_lists": self.route_lists.check} if self.route_lists and self.duties.work else {}),
            **({"care_record": self.care_record.check} if self.care_record and self.duties.work else {}),
        }

    def _check_database(self) -> str:
        try:
            with self.database.reading() as session:
                session.connection().exec_driver_sql("SELECT 1")
        except Exception as err:  # noqa: BLE001 - whatever it is, the part is not ready
            return type(err).__name__
        return ""

    def _check_signer(self) -> str:
        try:
            self.signer.status()
        except Exception as err:  # noqa: BLE001 - whatever it is, the part is not ready
            return type(err).__name__
        return ""


def external_broker(settings: Settings) -> BrokerAddress:
    """Where somebody else's broker listens, and how we prove who we are."""
    mqtt = settings.mqtt
    password = mqtt.password.get_secret_value() if mqtt.password else None
    tls = None
    if mqtt.ca_file and mqtt.certificate_file and mqtt.key_file:
        tls = TlsFiles(mqtt.ca_file, mqtt.certificate_file, mqtt.key_file)
    return BrokerAddress(mqtt.host, mqtt.port or (8884 if tls else 1883), tls, mqtt.username, password)


def signer_address(settings: Settings) -> str:
    """Where the signer listens, with its scheme."""
    address = settings.signer_address
    if address.startswith(("unix:", "tcp:")):
        return address
    return f"unix:{Path(address).resolve()}" if "/" in address else f"tcp:{address}"


def signer_secret(settings: Settings) -> Path:
    """The file of the secret that gateway and signer share."""
    return settings.signer.secret_file or settings.work_dir / "signer.secret"

"""Looks at settings and parts and says what is wrong and what to do."""

import secrets
import shutil
import ssl
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import redis
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from devices.broker import BrokerError, Publication
from devices.broker_process import iotcore_is_installed, mosquitto_path
from devices.connections import BrokerConnection
from devices.keys.signer.client import SignerClient
from devices.keys.signing import load_or_create_secret
from gateway.adoption import load_benefits
from gateway.migrations import alembic_config
from gateway.peer_client import PeerClient
from gateway.runtime import external_broker, signer_address, signer_secret
from gateway.settings import Settings
from gateway.turn_probe import TurnProbeError, allocate
from kernel.clock import SystemLinkClock
from kernel.database import Database
from kernel.errors import DomainError
from scheduling.engine import library
from video.ice import turn_credentials

LEAST_FREE_GIB = 1.0
#: grants' windows have a leeway of 60 s; far below that nobody notices
MOST_SKEW_S = 2.0
_LEAST_POSTGRES = 13
_WAIT_S = 3.0
_PRIVATE = ("issuer.key", "service.key", "signer.secret", "pseudonym.key")
#: Debian's packages by the program they bring: looked at so that a person sees what a machine has
_PROGRAMS = {
    "mosquitto": "mosquitto",
    "redis-server": "redis-server",
    "turnserver": "coturn",
    "prometheus": "prometheus",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    part: str
    ok: bool
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order a person would look."""
    yield _work_dir(settings.work_dir)
    yield _private_files(settings)
    yield from _database(settings)
    yield _certificate(settings) or _broker(settings)
    yield _redis(settings)
    yield _signer(settings)
    yield _peer(settings)
    yield from _turn(settings)
    yield _routes()
    yield _adoption(settings)
    yield _exporter(settings)
    yield _route_lists(settings.route_lists.directory, needed=not settings.demo)
    yield _programs()


def _work_dir(path: Path) -> Finding:
    remedy = "Set OMSORGSTID_WORK_DIR to a folder you may write to."
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".doctor-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
        free_gib = shutil.disk_usage(path).free / 2**30
    except OSError as err:
        return Finding("work dir", False, str(err), remedy)
    if free_gib < LEAST_FREE_GIB:
        detail = f"{free_gib:.1f} GiB free, expected at least {LEAST_FREE_GIB:g}"
        return Finding("work dir", False, detail, "Free some disk space, or move the work directory to a larger disk.")
    return Finding("work dir", True, f"{free_gib:.0f} GiB free")


def _route_lists(directory: Path | None, *, needed: bool) -> Finding:
    if directory is None:
        remedy = (
            "Set OMSORGSTID_ROUTE_LISTS__DIRECTORY to a folder the offices can read when every server is down "
            "(docs/emergency-list.md)."
        )
        return Finding("emergency lists", not needed, "written nowhere: no folder is set", remedy)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = directory / f".probe-{secrets.token_hex(4)}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as err:
        remedy = "Make the folder writable for the worker, or correct OMSORGSTID_ROUTE_LISTS__DIRECTORY."
        return Finding("emergency lists", False, str(err), remedy)
    return Finding("emergency lists", True, f"written to {directory}")


def _private_files(settings: Settings) -> Finding:
    files = [settings.work_dir / name for name in _PRIVATE]
    if settings.signer.secret_file is not None:
        files.append(settings.signer.secret_file)
    there = [file for file in files if file.exists()]
    open_to_others = [str(file) for file in there if stat.S_IMODE(file.stat().st_mode) & 0o077]
    if open_to_others:
        detail = f"others may read {', '.join(open_to_others)}"
        remedy = f"Run: chmod 600 {' '.join(open_to_others)}. Was it open for long, make the key anew (operations.md)."
        return Finding("private files", False, detail, remedy)
    return Finding("private files", True, f"{len(there)} here, for their owner alone")


def _database(settings: Settings) -> Iterator[Finding]:
    database = Database(settings.database_url)
    try:
        if database.is_sqlite and database.url.database and not Path(database.url.database).exists():
            # Looking must not make an empty one.
            yield Finding("database", False, "there is none yet", "Start serve, ingest or worker: they make it.")
            return
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            yield _make(connection)
            yield _migrated(connection)
            if not database.is_sqlite:
                yield _skew(connection)
    except SQLAlchemyError as err:
        yield Finding("database", False, type(err).__name__, "Start PostgreSQL or correct OMSORGSTID_DATABASE__URL.")
    finally:
        database.dispose()


def _make(connection: Connection) -> Finding:
    if connection.dialect.name == "sqlite":
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        detail = f"sqlite, journal {journal}, synchronous {synchronous}"
        if (journal, synchronous) != ("wal", 2):
            remedy = "The disk refuses write-ahead logging: move the work directory off network drives."
            return Finding("database", False, f"{detail}, expected wal and 2", remedy)
        return Finding("database", True, detail)
    number = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    detail = f"postgresql {number // 10_000}"
    if number < _LEAST_POSTGRES * 10_000:
        return Finding("database", False, detail, f"Upgrade PostgreSQL to {_LEAST_POSTGRES} or newer.")
    return Finding("database", True, detail)


def _migrated(connection: Connection) -> Finding:
    newest = set(ScriptDirectory.from_config(alembic_config()).get_heads())
    found = set(MigrationContext.configure(connection).get_current_heads())
    if found == newest:
        return Finding("migrations", True, "newest")
    detail = f"expected {', '.join(sorted(newest))}, found {', '.join(sorted(found)) or 'none'}"
    remedy = "Stop all processes, copy the database, start ingest: it migrates. An unknown one is of a newer program."
    return Finding("migrations", False, detail, remedy)


def _skew(connection: Connection) -> Finding:
    before = datetime.now(UTC)
    theirs: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    after = datetime.now(UTC)
    # Half the way is the best guess of when it was asked.
    skew_s = (theirs - (before + (after - before) / 2)).total_seconds()
    return judged_skew(skew_s)


def judged_skew(skew_s: float) -> Finding:
    """How far the database's clock is ahead of ours, seconds."""
    detail = f"the database's clock is {skew_s:+.2f} s from ours"
    if abs(skew_s) > MOST_SKEW_S:
        remedy = "Let chrony or systemd-timesyncd set both clocks: grants, windows and TURN go by them."
        return Finding("clock", False, f"{detail}, expected at most {MOST_SKEW_S:g}", remedy)
    return Finding("clock", True, detail)


def _certificate(settings: Settings) -> Finding | None:
    """What is wrong with our certificate for the broker; ``None`` where nothing is, or where there is none."""
    address = external_broker(settings)
    if address.tls is None:
        return None
    try:
        ssl.create_default_context(cafile=address.tls.authority).load_cert_chain(
            address.tls.certificate, address.tls.key
        )
    except OSError as err:
        remedy = (
            "Correct OMSORGSTID_MQTT__CA_FILE, …CERTIFICATE_FILE and …KEY_FILE (omsorgstid broker-certs makes them)."
        )
        return Finding("broker", False, f"the certificate cannot be used: {err.strerror or type(err).__name__}", remedy)
    return None


def _broker(settings: Settings) -> Finding:
    mqtt = settings.mqtt
    if mqtt.broker != "external":
        found = mosquitto_path() or ("iotcore" if iotcore_is_installed() else None)
        if found is None:
            remedy = "Install Debian's mosquitto, or the iotcore wheel from requirements.lock."
            return Finding("broker", False, "no embedded broker found", remedy)
        return Finding("broker", True, found)
    address = external_broker(settings)
    # Neither up nor dn: ingest does not hear it, and no device does.
    topic = f"omsorgstid/v1/{mqtt.tenant}/doctor/{secrets.token_hex(4)}/echo"
    heard = Event()
    connection = BrokerConnection(
        address, f"doctor-{topic.split('/')[4]}", [topic], lambda _: heard.set(), acknowledge=True, session_expiry_s=0
    )
    connection.start()
    try:
        if not connection.wait_up(_WAIT_S):
            remedy = (
                "Start the broker, or correct OMSORGSTID_MQTT__HOST and OMSORGSTID_MQTT__PORT, or user and password."
            )
            return Finding("broker", False, f"{address.host}:{address.port} lets nobody in", remedy)
        connection.publish(Publication(topic, b"echo")).result(_WAIT_S)
        if not heard.wait(_WAIT_S):
            remedy = "Let the gateway's user read and write omsorgstid/v1/+/doctor/+/echo (docs/operations.md)."
            return Finding("broker", False, "what is published does not come back", remedy)
    except (BrokerError, TimeoutError) as err:
        remedy = "Look at the broker's log; let the gateway's user write omsorgstid/v1/+/doctor/+/echo (operations.md)."
        return Finding("broker", False, f"takes no message: {type(err).__name__}", remedy)
    finally:
        connection.stop()
    return Finding("broker", True, f"{address.host}:{address.port} carries messages")


def _redis(settings: Settings) -> Finding:
    if not settings.redis_url:
        return Finding("redis", True, "in process")
    try:
        redis.Redis.from_url(settings.redis_url, socket_timeout=3).ping()
    except redis.RedisError as err:
        return Finding("redis", False, type(err).__name__, "Start Redis or correct OMSORGSTID_REDIS_URL.")
    return Finding("redis", True, "answers")


def _signer(settings: Settings) -> Finding:
    client = SignerClient(signer_address(settings), load_or_create_secret(signer_secret(settings)))
    try:
        position = client.status().position
    except DomainError as err:
        return Finding("signer", False, err.text("en"), "Start it with: omsorgstid signer")
    finally:
        client.close()
    return Finding("signer", True, f"has read the log to position {position}")


def _peer(settings: Settings) -> Finding:
    if not settings.video.peer_url:
        return Finding("video peer", True, "started by serve when it is needed")
    wrong = PeerClient(settings.video.peer_url, settings.work_dir, SystemLinkClock()).check()
    if wrong:
        remedy = "Start it with python -m video.peer, or correct OMSORGSTID_VIDEO__PEER_URL."
        return Finding("video peer", False, wrong, remedy)
    return Finding("video peer", True, "answers")


def _turn(settings: Settings) -> Iterator[Finding]:
    video = settings.video
    if not video.turn_urls:
        yield Finding("turn", True, "none set: browsers behind strict networks will not meet")
        return
    if video.turn_secret is None:
        remedy = "Set OMSORGSTID_VIDEO__TURN_SECRET to the static-auth-secret of the TURN servers."
        yield Finding("turn", False, "addresses without a secret", remedy)
        return
    username, credential = turn_credentials(video.turn_secret.get_secret_value(), "doctor", time.time())
    for url in video.turn_urls:
        try:
            allocate(url, username, credential)
        except TurnProbeError as err:
            remedy = (
                "No answer: start coturn and open its ports. 401: OMSORGSTID_VIDEO__TURN_SECRET is not its "
                "static-auth-secret, or the clocks differ (docs/screen-visits.md)."
            )
            yield Finding("turn", False, f"{url}: {err}", remedy)
        else:
            yield Finding("turn", True, f"{url} gives a relay")


def _adoption(settings: Settings) -> Finding:
    benefits = load_benefits(settings)
    if benefits is None:
        return Finding("benefits", True, "no business case adopted yet (docs/operations.md)")
    said = (f"{adoption.case_id} in {len(adoption.units)} units" for adoption in benefits.adoptions.values())
    return Finding("benefits", True, ", ".join(said))


def _exporter(settings: Settings) -> Finding:
    if load_benefits(settings) is None:
        return Finding("exporter", True, "not needed before a business case is adopted")
    port = settings.benefits.exporter_port
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_WAIT_S) as answer:
            told = b"omsorgstid_benefit" in answer.read()
    except (urllib.error.URLError, OSError) as err:
        return Finding("exporter", False, f"port {port}: {err}", "Start it with: omsorgstid export")
    if not told:
        remedy = "Something else listens there: free the port, or set OMSORGSTID_BENEFITS__EXPORTER_PORT."
        return Finding("exporter", False, f"port {port} tells no benefits", remedy)
    return Finding("exporter", True, f"answers on port {port}")


def _programs() -> Finding:
    there = [name for program, name in _PROGRAMS.items() if shutil.which(program) or _is_in_sbin(program)]
    there += ["postgresql"] if list(Path("/usr/lib/postgresql").glob("*/bin/postgres")) else []
    return Finding("Debian parts", True, ", ".join(sorted(there)) or "none on this machine")


def _is_in_sbin(program: str) -> bool:
    return (Path("/usr/sbin") / program).exists()


def _routes() -> Finding:
    if library() is None:
        return Finding("routes", True, "planned by the slower search in Python; a C compiler and make engine mend it")
    return Finding("routes", True, "planned by the compiled engine")

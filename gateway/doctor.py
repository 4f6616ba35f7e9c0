"""Looks at settings and parts and says what is wrong and what to do."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis
from sqlalchemy.exc import SQLAlchemyError

from devices.broker_process import iotcore_is_installed, mosquitto_path
from devices.keys.signer.client import SignerClient
from devices.keys.signing import load_or_create_secret
from gateway.adoption import load_benefits
from gateway.runtime import signer_address, signer_secret
from gateway.settings import Settings
from kernel.database import Database
from kernel.errors import DomainError


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
    yield _database(settings)
    yield _broker(settings)
    yield _redis(settings)
    yield _signer(settings)
    yield _adoption(settings)


def _work_dir(path: Path) -> Finding:
    try:
        path.mkdir(parents=True, exist_ok=True)
        free_gib = shutil.disk_usage(path).free / 2**30
    except OSError as err:
        return Finding("work dir", False, str(err), "Set OMSORGSTID_WORK_DIR to a folder you may write to.")
    if free_gib < 1:
        return Finding("work dir", False, f"{free_gib:.1f} GiB free", "Free some disk space.")
    return Finding("work dir", True, f"{free_gib:.0f} GiB free")


def _database(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError as err:
        return Finding("database", False, type(err).__name__, "Start PostgreSQL or correct OMSORGSTID_DATABASE__URL.")
    finally:
        database.dispose()
    return Finding("database", True, database.url.get_backend_name())


def _broker(settings: Settings) -> Finding:
    mqtt = settings.mqtt
    if mqtt.broker == "external":
        try:
            socket.create_connection((mqtt.host, mqtt.port or 1883), timeout=3).close()
        except OSError as err:
            remedy = "Start the broker or correct OMSORGSTID_MQTT__HOST and OMSORGSTID_MQTT__PORT."
            return Finding("broker", False, str(err), remedy)
        return Finding("broker", True, f"{mqtt.host}:{mqtt.port or 1883}")
    found = mosquitto_path() or ("iotcore" if iotcore_is_installed() else None)
    if found is None:
        remedy = "Install Debian's mosquitto, or the iotcore wheel from requirements.lock."
        return Finding("broker", False, "no embedded broker found", remedy)
    return Finding("broker", True, found)


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


def _adoption(settings: Settings) -> Finding:
    benefits = load_benefits(settings)
    if benefits is None:
        return Finding("benefits", True, "no business case adopted yet (docs/operations.md)")
    said = (f"{adoption.case_id} in {len(adoption.units)} units" for adoption in benefits.adoptions.values())
    return Finding("benefits", True, ", ".join(said))

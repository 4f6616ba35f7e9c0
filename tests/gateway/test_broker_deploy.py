"""The deployed mosquitto configuration on the real broker: who is let in, who may say what, what survives a kill."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Condition
from time import monotonic, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from devices.acl import PLATFORM, Speaker, acl_text, write_acl
from devices.alarms import store as alarms
from devices.broker import Delivery, Publication
from devices.broker_address import BrokerAddress, TlsFiles
from devices.broker_process import mosquitto_path
from devices.certificates import Authority
from devices.connections import BrokerConnection
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol, retire
from gateway.acl_writer import AclWriter
from gateway.cli import app
from kernel.clock import SystemWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from tests.conftest import missing
from tests.gateway.platform import eventually

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PASSWORD = "platform only"
NOW = datetime.now(UTC)
WAIT_S = 15.0
LOCKS = [Speaker("lillestad", "lock", f"{n:032x}") for n in range(2)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Deployed:
    """mosquitto as deploy/ configures it, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = {"1883": free_port(), "8883": free_port(), "8884": free_port()}
        self.acl = directory / "acl"
        self.database = directory / "data" / "mosquitto.db"
        (directory / "data").mkdir()
        write_acl(self.acl, acl_text(LOCKS))
        for name, clients in (("devices", [lock.user for lock in LOCKS]), ("platform", [PLATFORM])):
            authority = Authority.load_or_create(directory / name, NOW)
            authority.server(directory / name, ["127.0.0.1", "localhost"], NOW)
            for client in clients:
                authority.client(directory / name, client, NOW)
        passwords = directory / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), PLATFORM, PASSWORD], check=True)
        self._config = directory / "mosquitto.conf"
        self._config.write_text(self._configuration(passwords))
        self._child: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with (self.directory / "said.txt").open("ab") as out:
            self._child = subprocess.Popen([str(mosquitto_path()), "-c", str(self._config)], stderr=out, stdout=out)
        assert eventually(self._listens), (self.directory / "said.txt").read_text()

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._child is not None
        self._child.send_signal(how)
        self._child.wait(timeout=10)

    def reload(self) -> None:
        assert self._child is not None
        self._child.send_signal(signal.SIGHUP)

    def as_device(self, name: str, directory: str = "devices") -> BrokerAddress:
        files = self.directory / directory
        tls = TlsFiles(self.directory / "devices" / "ca.crt", files / f"{name}.crt", files / f"{name}.key")
        return BrokerAddress("127.0.0.1", self.ports["8883"], tls)

    @property
    def as_platform(self) -> BrokerAddress:
        files = self.directory / "platform"
        tls = TlsFiles(files / "ca.crt", files / f"{PLATFORM}.crt", files / f"{PLATFORM}.key")
        return BrokerAddress("127.0.0.1", self.ports["8884"], tls)

    @property
    def by_password(self) -> BrokerAddress:
        return BrokerAddress("127.0.0.1", self.ports["1883"], username=PLATFORM, password=PASSWORD)

    def _configuration(self, passwords: Path) -> str:
        text = (DEPLOY / "mosquitto/mosquitto.conf").read_text()
        for placed, here in (
            ("/mosquitto/data/", f"{self.directory}/data/"),
            ("/mosquitto/config/passwords", str(passwords)),
            ("/mosquitto/acl/acl", str(self.acl)),
            ("/mosquitto/certs/", f"{self.directory}/"),
            *((f"listener {port}", f"listener {here} 127.0.0.1") for port, here in self.ports.items()),
        ):
            assert placed in text
            text = text.replace(placed, here)
        return f"{text}\nuser root\n"

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports["1883"]), timeout=1).close()
        except OSError:
            return False
        return True


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    if mosquitto_path() is None or shutil.which("mosquitto_passwd") is None:
        missing("mosquitto")
    made = Deployed(tmp_path)
    yield made
    made.end()


class Person:
    """Somebody at the broker: what they heard, and whether they are let in."""

    def __init__(self, address: BrokerAddress, client_id: str, topics: list[str]) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._changed = Condition()
        self.connection = BrokerConnection(address, client_id, topics, self._take, acknowledge=True)
        self.connection.start()

    def wait_for(self, payload: bytes) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: payload in [p for _, p in self.heard], WAIT_S), self.heard

    def say(self, topic: str, payload: bytes) -> bool:
        """Publish; whether the broker took it, rather than refused it.

        mosquitto 2.0.11 says why and then hangs up on whoever tried what is not theirs: they come back by themselves.
        """
        assert self.connection.wait_up(WAIT_S)
        why = self.connection.publish(Publication(topic, payload)).exception(WAIT_S)
        assert why is None or getattr(why, "code", "") == "broker_refused", why
        if why is not None:
            self.connection.wait_down(1.0)
        return why is None

    def _take(self, delivery: Delivery) -> None:
        with self._changed:
            self.heard.append((delivery.topic, delivery.payload))
            self._changed.notify_all()


@pytest.fixture
def meet() -> Iterator[Callable[..., Person]]:
    met: list[Person] = []

    def make(address: BrokerAddress, client_id: str, topics: list[str], is_let_in: bool = True) -> Person:
        person = Person(address, client_id, topics)
        met.append(person)
        assert person.connection.wait_up(WAIT_S if is_let_in else 1.5) is is_let_in
        return person

    yield make
    for person in met:
        person.connection.stop()


def up(lock: Speaker, name: str = "evt") -> str:
    return f"omsorgstid/v1/{lock.tenant}/{lock.kind}/{lock.device_id}/up/{name}"


def dn(lock: Speaker, name: str = "open") -> str:
    return f"omsorgstid/v1/{lock.tenant}/{lock.kind}/{lock.device_id}/dn/{name}"


def test_a_device_speaks_and_hears_for_itself_alone_and_the_platform_the_reverse(
    deployed: Deployed, meet: Callable[..., Person]
) -> None:
    mine, other = LOCKS
    platform = meet(deployed.as_platform, "ingest", ["omsorgstid/v1/+/+/+/up/#"])
    device = meet(deployed.as_device(mine.user), mine.user, [dn(mine, "#"), dn(other, "#"), "omsorgstid/v1/#"])
    assert device.say(up(mine), b"my own")
    platform.wait_for(b"my own")

    for topic in (up(other), dn(other), dn(mine), "anything"):
        assert not device.say(topic, b"forbidden"), topic
    assert not platform.say(up(mine), b"forbidden"), "the platform does not speak for devices"
    assert platform.say(dn(other), b"for the other")
    assert platform.say(dn(mine), b"for me")
    device.wait_for(b"for me")
    assert device.say(up(mine), b"last")
    platform.wait_for(b"last")
    assert {topic for topic, _ in device.heard} == {dn(mine)}, "nothing of another's, whatever it asked for"
    assert b"forbidden" not in [payload for _, payload in platform.heard]


def test_nobody_is_let_in_without_a_certificate_of_the_right_authority(
    deployed: Deployed, meet: Callable[..., Person]
) -> None:
    lock = LOCKS[0]
    authority = deployed.directory / "devices" / "ca.crt"
    stranger = Authority.load_or_create(deployed.directory / "stranger", NOW)
    stranger.client(deployed.directory / "stranger", lock.user, NOW)
    Authority.load_or_create(deployed.directory / "devices", NOW).client(deployed.directory / "devices", "lock-x", NOW)
    no_certificate = BrokerAddress("127.0.0.1", deployed.ports["8883"], username=PLATFORM, password=PASSWORD)
    meet(no_certificate, "gateway-1", [], False)
    meet(deployed.as_device(lock.user, "stranger"), lock.user, [], False)
    at_platform = TlsFiles(
        deployed.directory / "platform" / "ca.crt",
        *(deployed.directory / "devices" / f"{lock.user}.{e}" for e in ("crt", "key")),
    )
    meet(BrokerAddress("127.0.0.1", deployed.ports["8884"], at_platform), "ingest", [], False)
    meet(BrokerAddress("127.0.0.1", deployed.ports["1883"]), "ingest", [], False)
    nobody = meet(deployed.as_device("lock-x"), "lock-x", [])
    assert not nobody.say(up(lock), b"x"), "a name that is in no register may say nothing"
    assert authority.exists()


def test_a_device_cannot_take_the_session_of_another_whatever_it_calls_itself(
    deployed: Deployed, meet: Callable[..., Person]
) -> None:
    first, second = LOCKS
    platform = meet(deployed.by_password, "ingest", ["omsorgstid/v1/+/+/+/up/#"])
    victim = meet(deployed.as_device(first.user), first.user, [dn(first, "#")])
    for stolen in (first.user, "ingest"):
        thief = meet(deployed.as_device(second.user), stolen, [dn(second, "#")])
        assert thief.say(up(second), stolen.encode())
        platform.wait_for(stolen.encode())
        thief.connection.stop()
    assert victim.connection.is_up
    assert platform.connection.is_up
    assert not platform.connection.is_contested


def test_a_device_that_makes_its_own_key_gets_a_certificate_with_the_name_it_was_given(
    deployed: Deployed, meet: Callable[..., Person], tmp_path: Path
) -> None:
    lock, files = LOCKS[0], deployed.directory / "devices"
    key = ec.generate_private_key(ec.SECP256R1())
    asked = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    )
    request = tmp_path / "lock.csr"
    request.write_bytes(asked.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (files / f"{lock.user}.key").write_bytes(private)

    said = CliRunner().invoke(app, ["broker-certs", str(files), "--client", lock.user, "--request", str(request)])

    assert said.exit_code == 0, said.output
    device = meet(deployed.as_device(lock.user), lock.user, [])
    assert device.say(up(lock), b"mine")
    assert not device.say(dn(lock), b"the platform's")
    made = x509.load_pem_x509_certificate((files / f"{lock.user}.crt").read_bytes())
    assert made.subject.rfc4514_string() == f"CN={lock.user}"
    assert made.not_valid_after_utc > NOW + timedelta(days=1_000)
    wrong = CliRunner().invoke(app, ["broker-certs", str(files), "--client", "../x"])
    assert wrong.exit_code == 2
    assert "Expected a name" in wrong.output


def test_what_the_broker_confirmed_survives_its_sudden_death_after_a_second(
    deployed: Deployed, meet: Callable[..., Person]
) -> None:
    lock = LOCKS[0]
    meet(deployed.by_password, "ingest", ["omsorgstid/v1/+/+/+/up/#"]).connection.stop()
    device = meet(deployed.as_device(lock.user), lock.user, [])
    for number in range(100):
        assert device.say(up(lock), b"%d" % number)
    written_ns = deployed.database.stat().st_mtime_ns if deployed.database.exists() else 0
    until_s = monotonic() + WAIT_S
    while not deployed.database.exists() or deployed.database.stat().st_mtime_ns == written_ns:
        assert monotonic() < until_s, "Expected the sessions to be written every second."
        sleep(0.02)
    deployed.end(signal.SIGKILL)
    deployed.start()
    platform = meet(deployed.by_password, "ingest", ["omsorgstid/v1/+/+/+/up/#"])
    platform.wait_for(b"99")
    assert [payload for _, payload in platform.heard] == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_enrolment_lets_a_device_in_and_retirement_shuts_it_out_without_a_restart(
    deployed: Deployed, meet: Callable[..., Person], database: Database
) -> None:
    units = UnitsOfWork(database, SystemWorldClock())
    newcomer = Speaker("lillestad", "lock", "c0ffee")
    authority = Authority.load_or_create(deployed.directory / "devices", NOW)
    authority.client(deployed.directory / "devices", newcomer.user, NOW)
    device = meet(deployed.as_device(newcomer.user), newcomer.user, [dn(newcomer, "#")])
    writer = AclWriter(units, deployed.acl)
    writer.start()
    assert not device.say(up(newcomer), b"too early")

    with units.begin() as work:
        enrol(work, "lillestad", [Enrolment(DeviceKind.LOCK, "unit", device_id=newcomer.device_id)])
    assert eventually(lambda: newcomer.user in deployed.acl.read_text())
    deployed.reload()
    assert eventually(lambda: device.say(up(newcomer), b"enrolled"))

    with units.begin() as work:
        retire(work, newcomer.device_id, "stolen")
    assert eventually(lambda: newcomer.user not in deployed.acl.read_text())
    deployed.reload()
    assert eventually(lambda: not device.say(up(newcomer), b"retired"))
    writer.stop()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_file_that_cannot_be_written_is_an_alarm_until_it_can(database: Database, tmp_path: Path) -> None:
    units = UnitsOfWork(database, SystemWorldClock())
    away = tmp_path / "not yet"
    writer = AclWriter(units, away / "acl")

    def open_alarms() -> int:
        with database.reading() as session:
            return len(alarms.open_of_kind(session, "acl_stale"))

    assert writer.write() is False
    assert open_alarms() == 1
    away.mkdir()
    assert writer.write() is True
    assert open_alarms() == 0
    stamp_ns = (away / "acl").stat().st_mtime_ns
    assert writer.write() is False
    assert (away / "acl").stat().st_mtime_ns == stamp_ns, "the broker is not asked to read the same again"


def test_the_seed_of_the_access_file_says_what_is_written_for_no_device_at_all() -> None:
    def rules(text: str) -> list[str]:
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    assert rules((DEPLOY / "mosquitto/acl").read_text()) == rules(acl_text([]))


@pytest.mark.parametrize("device_id", ["a/b", "+", "#", "a b", "a\nuser gateway", ""])
def test_an_id_that_would_mean_something_in_the_file_is_refused(device_id: str) -> None:
    with pytest.raises(ValueError, match="Expected an id"):
        acl_text([Speaker("lillestad", "lock", device_id)])

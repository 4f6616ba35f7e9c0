"""The doctor: each part is broken for real, and what is said helps the person in front of it."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from devices.broker_process import BrokerProcess, mosquitto_path, start_broker
from gateway.doctor import Finding, examine, judged_skew
from gateway.settings import (
    PREFIX,
    BenefitSettings,
    DatabaseSettings,
    MqttSettings,
    RouteListSettings,
    Settings,
    SignerSettings,
    VideoSettings,
)
from kernel.database import Database
from tests.conftest import missing
from tests.gateway.platform import Platform, eventually
from tests.video.peers import network_address

ROOT = Path(__file__).resolve().parents[2]
SECRET = "what both sides know"


def finding(settings: Settings, part: str) -> Finding:
    """What is said of one part."""
    found = {each.part: each for each in examine(settings)}
    assert part in found, sorted(found)
    return found[part]


def refused(settings: Settings, part: str, *words: str) -> None:
    """A part is found at fault, and detail and remedy together have these words."""
    found = finding(settings, part)
    assert not found.ok, found
    for word in words:
        assert word in f"{found.detail} {found.remedy}", found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker of our own."""
    started = start_broker(tmp_path / "broker")
    yield started
    started.stop()


def _meeting(broker: BrokerProcess, work_dir: Path) -> Settings:
    address = broker.address
    return Settings(work_dir=work_dir, mqtt=MqttSettings(broker="external", host=address.host, port=address.port))


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_work_dir_that_is_a_file_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("no folder")

    found = next(iter(examine(Settings(work_dir=tmp_path / "var"))))

    assert (found.part, found.ok) == ("work dir", False)
    assert "OMSORGSTID_WORK_DIR" in found.remedy


def test_a_key_that_others_may_read_is_named_with_the_command_that_closes_it(tmp_path: Path) -> None:
    key = tmp_path / "issuer.key"
    key.write_text("00")
    key.chmod(0o644)

    refused(Settings(work_dir=tmp_path), "private files", str(key), f"chmod 600 {key}")
    key.chmod(0o600)
    assert finding(Settings(work_dir=tmp_path), "private files").ok


def test_a_secret_kept_elsewhere_is_looked_at_too(tmp_path: Path) -> None:
    secret = tmp_path / "apart" / "signer.secret"
    secret.parent.mkdir()
    secret.write_text("00" * 32)
    secret.chmod(0o640)
    looked = []

    for each in examine(Settings(work_dir=tmp_path, signer=SignerSettings(secret_file=secret))):
        looked.append(each)
        if each.part == "private files":
            break

    assert not looked[-1].ok
    assert str(secret) in looked[-1].detail


def test_a_missing_database_is_not_made_by_looking(tmp_path: Path) -> None:
    refused(Settings(work_dir=tmp_path), "database", "none yet", "serve, ingest or worker")

    assert not (tmp_path / "omsorgstid.db").exists()


def test_a_database_nobody_has_migrated_is_told_with_what_to_start(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'omsorgstid.db'}")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('of another program')")
    database.dispose()

    refused(Settings(work_dir=tmp_path), "migrations", "of another program", "start ingest: it migrates")


def test_a_migrated_database_of_either_make_is_well(database: Database, tmp_path: Path) -> None:
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(work_dir=tmp_path, database=DatabaseSettings(url=url))

    found = {each.part: each for each in examine(settings)}

    assert found["database"].ok
    assert found["migrations"].ok
    if database.is_sqlite:
        assert found["database"].detail == "sqlite, journal wal, synchronous 2"
    else:
        assert found["database"].detail.startswith("postgresql ")
        assert found["clock"].ok


def test_a_database_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://omsorgstid@127.0.0.1:{_closed_port()}/omsorgstid"

    refused(Settings(work_dir=tmp_path, database=DatabaseSettings(url=url)), "database", "OMSORGSTID_DATABASE__URL")


@pytest.mark.parametrize(("skew_s", "well"), [(0.0, True), (1.9, True), (-2.1, False), (75.0, False)])
def test_clocks_that_differ_are_told(skew_s: float, well: bool) -> None:
    found = judged_skew(skew_s)

    assert found.ok is well
    assert well or "timesyncd" in found.remedy


def test_a_broker_that_carries_messages_is_well_and_a_dead_one_is_told(broker: BrokerProcess, tmp_path: Path) -> None:
    settings = _meeting(broker, tmp_path)
    assert finding(settings, "broker").ok

    broker.kill()

    refused(settings, "broker", "lets nobody in", "OMSORGSTID_MQTT__HOST", "OMSORGSTID_MQTT__PORT")


def test_a_broker_that_takes_messages_and_gives_none_back_is_told_with_the_line_it_needs(tmp_path: Path) -> None:
    program = mosquitto_path()
    if program is None:
        missing("mosquitto")
        return
    port = _closed_port()
    (tmp_path / "acl").write_text("topic write omsorgstid/v1/+/doctor/+/echo\n")
    (tmp_path / "acl").chmod(0o644)
    tmp_path.chmod(0o755)
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nacl_file {tmp_path / 'acl'}\nuser root\nlog_dest none\n"
    )
    process = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: _listens(port))
        settings = Settings(work_dir=tmp_path, mqtt=MqttSettings(broker="external", host="127.0.0.1", port=port))
        refused(settings, "broker", "omsorgstid/v1/+/doctor/+/echo")
    finally:
        process.terminate()
        process.wait(timeout=10)


def _listens(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def test_redis_signer_and_peer_that_are_away_are_told_each_with_its_remedy(tmp_path: Path) -> None:
    settings = Settings(
        work_dir=tmp_path,
        redis_url=f"redis://127.0.0.1:{_closed_port()}/0",
        video=VideoSettings(peer_url=f"http://127.0.0.1:{_closed_port()}"),
    )

    refused(settings, "redis", "OMSORGSTID_REDIS_URL")
    refused(settings, "signer", "omsorgstid signer")
    refused(settings, "video peer", "python -m video.peer", "OMSORGSTID_VIDEO__PEER_URL")


def test_a_running_signer_is_well_and_an_exporter_nobody_started_is_told(office: Platform) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
        settings = office.runtime.settings.model_copy(update={"benefits": BenefitSettings(exporter_port=port)})

        assert finding(settings, "signer").ok
        refused(settings, "exporter", "omsorgstid export")


def test_somebody_else_on_the_exporter_s_port_is_told(office: Platform) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Somebody)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        port = BenefitSettings(exporter_port=server.server_port)
        settings = office.runtime.settings.model_copy(update={"benefits": port})
        refused(settings, "exporter", "tells no benefits", "OMSORGSTID_BENEFITS__EXPORTER_PORT")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Somebody(BaseHTTPRequestHandler):
    """Another program."""

    def do_GET(self) -> None:
        """Answer, with something else."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def turn_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A coturn of our own."""
    program = shutil.which("turnserver")
    if program is None:
        missing("coturn (Debian: coturn)")
        return
    address, folder = network_address(), tmp_path_factory.mktemp("coturn")
    port = _closed_port()
    options = [
        *("--listening-ip", address, "--relay-ip", address, "--listening-port", str(port)),
        *("--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "omsorgstid"),
        *("--no-tls", "--no-dtls", "--no-cli", "--pidfile", str(folder / "pid"), "--simple-log"),
        *("--log-file", str(folder / "log"), "--userdb", str(folder / "db"), "-n"),
    ]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([program, *options], cwd=folder, stdout=out, stderr=out)
    try:
        assert eventually(lambda: _listens(port, address))
        yield f"turn:{address}:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _relayed(url: str, secret: str | None, work_dir: Path) -> Settings:
    held = SecretStr(secret) if secret else None
    return Settings(work_dir=work_dir, video=VideoSettings(turn_urls=(url,), turn_secret=held))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_relay_gives_us_a_place_with_our_secret_and_none_with_another(
    turn_url: str, transport: str, tmp_path: Path
) -> None:
    url = f"{turn_url}?transport={transport}"

    assert finding(_relayed(url, SECRET, tmp_path), "turn").ok
    refused(_relayed(url, "another secret", tmp_path), "turn", "401", "static-auth-secret", "clocks differ")
    refused(_relayed(url, None, tmp_path), "turn", "OMSORGSTID_VIDEO__TURN_SECRET")


def test_a_relay_that_is_not_there_is_told(tmp_path: Path) -> None:
    url = f"turn:127.0.0.1:{_closed_port()}?transport=tcp"

    refused(_relayed(url, SECRET, tmp_path), "turn", "no answer", "start coturn")


def test_emergency_lists_that_are_written_nowhere_are_a_fault_but_in_the_demo(tmp_path: Path) -> None:
    unset, folder = Settings(work_dir=tmp_path), tmp_path / "noedlister"

    refused(unset, "emergency lists", "OMSORGSTID_ROUTE_LISTS__DIRECTORY")
    assert finding(unset.model_copy(update={"demo": True}), "emergency lists").ok
    assert finding(Settings(work_dir=tmp_path, route_lists=RouteListSettings(directory=folder)), "emergency lists").ok


def test_the_command_prints_each_remedy_and_ends_with_status_1(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}

    done = subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", "doctor"],
        env={**clean, f"{PREFIX}WORK_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    fault = next(i for i, line in enumerate(lines) if line.startswith("FAIL  signer"))
    assert lines[fault + 1].strip() == "Start it with: omsorgstid signer"
    assert "Traceback" not in done.stderr

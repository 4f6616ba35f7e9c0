"""The embedded broker: a process of its own on 127.0.0.1, mosquitto where installed, else the iotcore wheel.

One interface for both, so that nothing else can tell which is running. In operation the broker is a service
of its own and this module is not used.
"""

import atexit
import getpass
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal, Protocol

import structlog

from devices.broker import INFLIGHT
from devices.broker_address import BrokerAddress
from devices.keys.cbor import MAX_BYTES
from kernel.errors import DomainError, ErrorKind, ErrorText

log = structlog.get_logger(__name__)

BrokerKind = Literal["auto", "mosquitto", "iotcore"]

HOST = "127.0.0.1"
_READY_S = 10.0
_ATTEMPTS = 3
_SYSTEM_PATHS = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto")
#: Largest payload plus room for headers and properties.
_PACKET_BYTES = MAX_BYTES * 2


class BrokerProcessError(DomainError):
    """The embedded broker cannot be had or does not start."""

    texts = {  # noqa: RUF012 - declared ClassVar in the base class
        "broker_missing": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Ingen MQTT-broker: {what} findes ikke. {remedy}",
            "No MQTT broker: {what} is not there. {remedy}",
        ),
        "broker_did_not_start": ErrorText(
            ErrorKind.UNAVAILABLE,
            "MQTT-brokeren {what} startede ikke: {reason}",
            "The MQTT broker {what} did not start: {reason}",
        ),
    }


class BrokerProcess(Protocol):
    """A running broker."""

    kind: Literal["mosquitto", "iotcore"]
    address: BrokerAddress

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        ...

    @property
    def pid(self) -> int | None:
        """The process, ``None`` once stopped."""
        ...

    def stop(self) -> None:
        """End it in good order; it keeps its sessions where it can. May be called twice."""
        ...

    def kill(self) -> None:
        """End it as a power cut does."""
        ...

    def restart(self) -> None:
        """Start again after :meth:`stop` or :meth:`kill`, on the same port and directory."""
        ...


def start_broker(directory: Path, kind: BrokerKind = "auto", port: int | None = None) -> BrokerProcess:
    """Start the embedded broker and wait until it listens.

    Parameters
    ----------
    directory
        Where it keeps its configuration, its sessions and its log; made if missing.
    port
        A free one is chosen where absent.

    Raises
    ------
    BrokerProcessError
        ``broker_missing`` with what to install, or ``broker_did_not_start`` with the end of its log.
    """
    chosen = _choose(kind)
    directory.mkdir(parents=True, exist_ok=True)
    for attempt in range(_ATTEMPTS):
        broker = _Process(chosen, directory, port or _free_port())
        try:
            broker.restart()
        except BrokerProcessError:
            # Somebody may have taken the free port in the meantime: look for another one.
            if port is not None or attempt == _ATTEMPTS - 1:
                raise
        else:
            return broker
    raise AssertionError("Expected the last attempt to return or to raise.")


def mosquitto_path() -> str | None:
    """Where the system's mosquitto is; ``/usr/sbin`` is often missing from a user's path."""
    found = shutil.which("mosquitto")
    return found or next((path for path in _SYSTEM_PATHS if os.access(path, os.X_OK)), None)


def iotcore_is_installed() -> bool:
    """Whether the wheel with the embedded broker is there."""
    return importlib.util.find_spec("iotcore") is not None


def _choose(kind: BrokerKind) -> Literal["mosquitto", "iotcore"]:
    if kind in ("auto", "mosquitto") and mosquitto_path() is not None:
        return "mosquitto"
    if kind in ("auto", "iotcore") and iotcore_is_installed():
        return "iotcore"
    if kind == "mosquitto":
        raise BrokerProcessError("broker_missing", what="mosquitto", remedy="apt-get install mosquitto")
    if kind == "iotcore":
        raise BrokerProcessError("broker_missing", what="iotcore", remedy="pip install iotcore")
    remedy = "apt-get install mosquitto, or pip install iotcore (Linux x86_64)"
    raise BrokerProcessError("broker_missing", what="mosquitto / iotcore", remedy=remedy)


class _Process:
    """Either broker as a child process."""

    def __init__(self, kind: Literal["mosquitto", "iotcore"], directory: Path, port: int) -> None:
        self.kind: Literal["mosquitto", "iotcore"] = kind
        self.address = BrokerAddress(HOST, port)
        self._directory = directory.resolve()
        self._child: subprocess.Popen[bytes] | None = None

        atexit.register(self.stop)

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self._end_leftover()
        self._require_free_port()
        log_path = self._directory / f"{self.kind}.log"
        with log_path.open("ab") as output:
            # A session of its own: an interrupt from the keyboard is for us, and we stop the broker in order.
            self._child = subprocess.Popen(  # noqa: S603 - our own command line
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._directory,
                start_new_session=True,
            )
        self._pid_path.write_text(str(self._child.pid), encoding="ascii")
        if not self._wait_ready(self._child):
            self.kill()
            reason = log_path.read_text(encoding="utf-8", errors="replace").strip()[-400:]
            raise BrokerProcessError("broker_did_not_start", what=self.kind, reason=reason or "no answer")
        log.info("broker_started", broker=self.kind, port=self.address.port)

    @property
    def _pid_path(self) -> Path:
        return self._directory / f"{self.kind}.pid"

    @property
    def _configuration_path(self) -> Path:
        return self._directory / ("mosquitto.conf" if self.kind == "mosquitto" else "iotcore.toml")

    def _command(self) -> list[str]:
        path = self._configuration_path
        if self.kind == "mosquitto":
            path.write_text(mosquitto_configuration(self.address.port, self._directory), encoding="utf-8")
            return [mosquitto_path() or "mosquitto", "-c", str(path)]
        path.write_text(iotcore_configuration(self.address.port), encoding="utf-8")
        return [sys.executable, "-m", "iotcore", "--config", str(path), "--log-level", "CRITICAL"]

    def _require_free_port(self) -> None:
        """Whoever listens there already would answer in our child's place."""
        with socket.socket() as probe:
            # As the broker does: connections of its predecessor that are still fading away do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.address.port))
                probe.listen()
            except OSError as error:
                reason = f"port {self.address.port} is taken ({error.strerror})"
                raise BrokerProcessError("broker_did_not_start", what=self.kind, reason=reason) from error

    def _wait_ready(self, child: "subprocess.Popen[bytes]") -> bool:
        until_s = time.monotonic() + _READY_S
        while time.monotonic() < until_s and child.poll() is None:
            try:
                socket.create_connection((HOST, self.address.port), timeout=0.5).close()
            except OSError:
                time.sleep(0.02)
            else:
                return child.poll() is None
        return False

    def _end(self, how: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(how)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(timeout=10)
        self._pid_path.unlink(missing_ok=True)

    def _end_leftover(self) -> None:
        """End a broker that a killed run left behind: two on one directory would spoil the sessions."""
        try:
            pid = int(self._pid_path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return
        if self._is_ours(pid):
            log.warning("leftover_broker_ended", pid=pid)
            os.kill(pid, signal.SIGTERM)
            until_s = time.monotonic() + _READY_S
            while self._is_ours(pid) and time.monotonic() < until_s:
                time.sleep(0.02)

    def _is_ours(self, pid: int) -> bool:
        """Whether a process is a broker that runs on our configuration (a number may be in use anew)."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return os.fsencode(self._configuration_path) in command.split(b"\x00")


def mosquitto_configuration(port: int, directory: Path) -> str:
    """Configuration of the embedded mosquitto.

    Sessions reach the disk every second (the default is half an hour, and a power cut loses all of it),
    packets leave at once, and one client may have a whole batch in flight (mqtt.md §1c).
    """
    lines = (
        f"listener {port} {HOST}",
        "allow_anonymous true",
        "set_tcp_nodelay true",
        f"max_inflight_messages {INFLIGHT}",
        "max_queued_messages 0",
        f"max_packet_size {_PACKET_BYTES}",
        "persistence true",
        f"persistence_location {directory}/",
        "autosave_interval 1",
        "persistent_client_expiration 30d",
        "connection_messages false",
        "log_dest stderr",
        # Started by root it would become another user, who may not write here.
        f"user {getpass.getuser()}",
    )
    return "\n".join(lines) + "\n"


def iotcore_configuration(port: int) -> str:
    """Configuration of the embedded iotcore (rumqttd): MQTT 5 on the loopback address only."""
    return f"""\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 1000
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "{HOST}:{port}"
next_connection_delay_ms = 0

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {_PACKET_BYTES}
max_inflight_count = {INFLIGHT}
dynamic_filters = true
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])

"""The signer as a process: a socket of this machine, one thread per caller, an end on request."""

import os
import secrets
import signal
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from hmac import compare_digest
from threading import Event, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.keys.cbor import Cbor
from devices.keys.envelope import Fields
from devices.keys.errors import MessageError
from devices.keys.signer import wire
from devices.keys.signer.book import LogBook, read_only
from devices.keys.signer.journal import Journal
from devices.keys.signer.keyring import Keyring
from devices.keys.signer.minter import Minter
from devices.keys.signer.model import SignerSettings
from devices.keys.signer.wire import SignerAddress
from devices.keys.signing import KeyFileError, load_or_create_secret
from kernel.events import UnknownEventError

log = structlog.get_logger(__name__)

_MAX_CALLERS = 32
_HANDSHAKE_S = 5.0
_POLL_S = 0.5


def serve_signer(settings: SignerSettings, stop: Event | None = None) -> None:
    """Serve until told to stop (SIGTERM, SIGINT, ``stop``), or until the parent process is gone.

    Makes the issuer key and the shared secret on the first start; exports the public key beside the private
    one. Call it in the main thread of a process of its own, or pass ``stop`` and call it anywhere.

    Raises
    ------
    KeyFileError
        If a key file may be read by others.
    OSError, sqlalchemy.exc.SQLAlchemyError
        If the address, the own log file or the event log cannot be opened.
    """
    if stop is None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop.set())
    secret = load_or_create_secret(settings.secret_file)
    journal = Journal(settings.log_file)
    book = LogBook(read_only(settings.database_url))
    minter = Minter(settings, Keyring(settings.key_file, settings.issuer, datetime.now(UTC)), book, journal)
    with closing(minter):
        minter.start()
        with SignerAddress.parse(settings.address).listen() as listener:
            log.info("signer_ready", address=settings.address, kid=minter.kid.hex())
            _Server(minter, secret, listener, settings.parent_pid).run(stop)
    log.info("signer_stopped")


class _Server:
    def __init__(self, minter: Minter, secret: bytes, listener: socket.socket, parent_pid: int | None) -> None:
        self._minter = minter
        self._secret = secret
        self._listener = listener
        self._parent_pid = parent_pid
        self._callers: dict[Thread, socket.socket] = {}

    def run(self, stop: Event) -> None:
        """Accept callers until told to stop, then hang up on all of them."""
        self._listener.settimeout(_POLL_S)
        while not stop.is_set() and not self._orphaned():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                self._idle()
                continue
            self._callers = {thread: known for thread, known in self._callers.items() if thread.is_alive()}
            if len(self._callers) >= _MAX_CALLERS:
                log.warning("signer_too_many_callers", count=len(self._callers))
                connection.close()
                continue
            thread = Thread(target=self._serve, args=(connection,), name="signer-caller", daemon=True)
            self._callers[thread] = connection
            thread.start()
        for thread, connection in self._callers.items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)

    def _orphaned(self) -> bool:
        return self._parent_pid is not None and os.getppid() != self._parent_pid

    def _idle(self) -> None:
        try:
            self._minter.follow()
        except (SQLAlchemyError, UnknownEventError) as err:
            # The next request meets the same fault and is answered with it; the signer stays up.
            log.warning("signer_cannot_read_log", error=type(err).__name__)
        except (KeyFileError, OSError) as err:
            # What somebody wrote beside the key cannot be used: the keys that are in memory go on serving.
            log.warning("signer_cannot_read_keys", error=str(err))

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                if connection.family != socket.AF_UNIX:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(_HANDSHAKE_S)
                if not self._knows_secret(connection):
                    log.warning("signer_caller_not_authorised")
                    return
                connection.settimeout(None)
                while True:
                    self._answer(connection, wire.receive_frame(connection))
            except wire.ConnectionEndedError:
                return
            except MessageError as err:
                log.warning("signer_frame_not_understood", code=err.code)
                with suppress(OSError):
                    wire.send_frame(connection, {"error": err.code})
            except OSError as err:
                log.info("signer_caller_lost", error=type(err).__name__)

    def _knows_secret(self, connection: socket.socket) -> bool:
        mine = secrets.token_bytes(wire.NONCE_BYTES)
        wire.send_frame(connection, {"nonce": mine})
        shown = wire.receive_frame(connection)
        theirs = shown.octets("nonce", wire.NONCE_BYTES)
        mac = shown.octets("mac", wire.MAC_BYTES)
        if not compare_digest(mac, wire.caller_mac(self._secret, mine, theirs)):
            wire.send_frame(connection, {"mac": None})
            return False
        wire.send_frame(connection, {"mac": wire.signer_mac(self._secret, mine, theirs)})
        return True

    def _answer(self, connection: socket.socket, question: Fields) -> None:
        asked = question.text("ask")
        if asked == "mint":
            wire.send_frame(connection, self._mint(question))
        elif asked == "trust":
            wire.send_frame(connection, wire.trust_to_wire(self._minter.trust_lists(wire.trust_asked(question))))
        elif asked == "status":
            wire.send_frame(connection, wire.status_to_wire(self._minter.status()))
        else:
            raise question.error("ask", "mint, trust or status", asked)

    def _mint(self, question: Fields) -> Mapping[str, Cbor]:
        try:
            return wire.results_to_wire(self._minter.mint(wire.requests_from_wire(question)))
        except (SQLAlchemyError, UnknownEventError) as err:
            log.warning("signer_cannot_read_log", error=type(err).__name__)
        except OSError as err:
            log.warning("signer_cannot_write_its_log", error=type(err).__name__)
        return {"error": "unavailable"}

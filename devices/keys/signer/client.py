"""The gateway's way to the signer: one connection, kept open, with a time-out on everything."""

import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest
from threading import Lock
from typing import TypeVar

from devices.keys.cbor import Cbor
from devices.keys.envelope import Fields
from devices.keys.errors import MessageError
from devices.keys.signer import wire
from devices.keys.signer.errors import SignerError
from devices.keys.signer.model import MAX_BATCH, MintRequest, MintResult, SignedTrust, SignerStatus
from devices.keys.signer.wire import SignerAddress

_Answer = TypeVar("_Answer")


class SignerClient:
    """Asks the signer. Safe to share between threads; they take turns.

    Parameters
    ----------
    address
        As in :class:`~devices.keys.signer.model.SignerSettings`.
    secret
        The shared secret (:func:`devices.keys.signing.load_or_create_secret`).
    timeout_s
        Longest wait for any single answer, seconds of link time.
    """

    def __init__(self, address: str, secret: bytes, timeout_s: float = 5.0) -> None:
        self._address = SignerAddress.parse(address)
        self._secret = secret
        self._timeout_s = timeout_s
        self._connection: socket.socket | None = None
        self._lock = Lock()

    def mint(self, requests: Sequence[MintRequest]) -> list[MintResult]:
        """One result per request, in order; any number of requests.

        Raises
        ------
        SignerError
            ``signer_unavailable``, ``signer_not_authorised`` or ``signer_protocol``.
        """
        results: list[MintResult] = []
        for start in range(0, len(requests), MAX_BATCH):
            chunk = requests[start : start + MAX_BATCH]
            answered = self._ask(wire.requests_to_wire(chunk), wire.results_from_wire)
            if len(answered) != len(chunk):
                self.close()
                raise SignerError("signer_protocol", found=f"{len(answered)} results for {len(chunk)}")
            results.extend(answered)
        return results

    def trust_lists(self, lock_ids: Sequence[str]) -> list[SignedTrust]:
        """The signed list of issuers for each lock; any number of locks.

        Raises
        ------
        SignerError
            As :meth:`mint`.
        """
        lists: list[SignedTrust] = []
        for start in range(0, len(lock_ids), MAX_BATCH):
            lists += self._ask(wire.trust_question(lock_ids[start : start + MAX_BATCH]), wire.trust_from_wire)
        return lists

    def status(self) -> SignerStatus:
        """What the signer tells of itself.

        Raises
        ------
        SignerError
            As :meth:`mint`.
        """
        return self._ask({"ask": "status"}, wire.status_from_wire)

    def wait_ready(self, timeout_s: float) -> SignerStatus:
        """Ask until the signer answers, for a program that has just started it.

        Raises
        ------
        SignerError
            ``signer_unavailable`` when it has not come up by then; at once where the secret is wrong.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                return self.status()
            except SignerError as err:
                if err.code != "signer_unavailable" or time.monotonic() >= deadline_s:
                    raise
            time.sleep(0.02)

    def close(self) -> None:
        """Hang up. The next question connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, question: Mapping[str, Cbor], read: Callable[[Fields], _Answer]) -> _Answer:
        with self._lock:
            try:
                return read(self._exchange(question))
            except MessageError as err:
                self.close()
                raise SignerError("signer_protocol", found=str(err)) from err
            except OSError as err:
                self.close()
                raise SignerError("signer_unavailable", found=type(err).__name__) from err
            except SignerError:
                self.close()
                raise

    def _exchange(self, question: Mapping[str, Cbor]) -> Fields:
        reused = self._connection is not None
        connection = self._connection or self._connect()
        try:
            wire.send_frame(connection, question)
            answer = wire.receive_frame(connection)
        except (wire.ConnectionEndedError, BrokenPipeError, ConnectionResetError):
            if not reused:
                raise
            # The signer was restarted since the last question. A grant it may still have minted was never
            # handed out; it stands in the signer's log and does no harm.
            self.close()
            return self._exchange(question)
        error = answer.optional_text("error", 200)
        if error is not None:
            code = "signer_unavailable" if error == "unavailable" else "signer_protocol"
            raise SignerError(code, found=error)
        return answer

    def _connect(self) -> socket.socket:
        connection = self._address.connect(self._timeout_s)
        connection.settimeout(self._timeout_s)
        try:
            nonce = wire.receive_frame(connection).octets("nonce", wire.NONCE_BYTES)
            mine = secrets.token_bytes(wire.NONCE_BYTES)
            wire.send_frame(connection, {"nonce": mine, "mac": wire.caller_mac(self._secret, nonce, mine)})
            shown = wire.receive_frame(connection).optional_octets("mac", wire.MAC_BYTES)
            if shown is None or not compare_digest(shown, wire.signer_mac(self._secret, nonce, mine)):
                raise SignerError("signer_not_authorised")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

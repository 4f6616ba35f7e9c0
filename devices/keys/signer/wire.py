"""How the gateway and the signer talk: length-prefixed deterministic CBOR over a socket of this machine.

Frame: four bytes length (big-endian), then a map with text keys and ``v`` = 1. The signer speaks first with a
nonce; the caller answers with HMAC-SHA256 of it under the shared secret, and the signer with one over both
nonces, so that neither talks to a stranger on a port. Then the caller asks and the signer answers, in turn.
"""

import hmac
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from devices.keys.cbor import MAX_BYTES, Cbor
from devices.keys.envelope import Fields, from_ms, pack, to_ms, unpack
from devices.keys.grant import CTI_BYTES, MAX_GRANT_BYTES
from devices.keys.signer.model import (
    MAX_BATCH,
    Basis,
    Minted,
    MintRefusal,
    MintRequest,
    MintResult,
    NotMinted,
    SignedTrust,
    SignerStatus,
)

NONCE_BYTES = 32
MAC_BYTES = 32
_LENGTH_BYTES = 4
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MAX_SOCKET_PATH = 100


class ConnectionEndedError(ConnectionError):
    """The other side hung up."""


@dataclass(frozen=True, slots=True)
class SignerAddress:
    """Where the signer listens: a Unix socket, or a loopback port. Never the network."""

    kind: Literal["unix", "tcp"]
    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "SignerAddress":
        """``unix:/path`` or ``tcp:127.0.0.1:PORT``.

        Raises
        ------
        ValueError
            Anything else, a path too long for a socket, or an address that others can reach.
        """
        kind, _, rest = text.partition(":")
        if kind == "unix" and rest:
            if len(rest.encode()) > _MAX_SOCKET_PATH:
                raise ValueError(f"Expected a socket path of at most {_MAX_SOCKET_PATH} bytes, got {rest!r}.")
            return cls("unix", path=rest)
        host, _, port = rest.rpartition(":")
        if kind == "tcp" and host in _LOOPBACK and port.isdigit() and 0 < int(port) < 65_536:
            return cls("tcp", host=host, port=int(port))
        raise ValueError(f"Expected unix:/path or tcp:127.0.0.1:PORT, got {text!r}.")

    def listen(self) -> socket.socket:
        """A listening socket; a Unix socket is for its owner only and replaces a dead one."""
        if self.kind == "tcp":
            return socket.create_server((self.host, self.port), backlog=16)
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        path.chmod(0o600)
        listener.listen(16)
        return listener

    def connect(self, timeout_s: float) -> socket.socket:
        """A connection to whoever listens there.

        Raises
        ------
        OSError
            If nobody does.
        """
        if self.kind == "tcp":
            connection = socket.create_connection((self.host, self.port), timeout=timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return connection


def send_frame(connection: socket.socket, values: Mapping[str, Cbor]) -> None:
    """Send one message.

    Raises
    ------
    ValueError
        If it is larger than a frame may be.
    OSError
        If the connection broke.
    """
    body = pack(values, {})
    if len(body) > MAX_BYTES:
        raise ValueError(f"Expected a frame of at most {MAX_BYTES} bytes, got {len(body)}.")
    connection.sendall(len(body).to_bytes(_LENGTH_BYTES, "big") + body)


def receive_frame(connection: socket.socket) -> Fields:
    """Receive one message.

    Raises
    ------
    ConnectionEndedError
        If the other side hung up, or announces more than a frame may hold.
    MessageError
        If it cannot be read or has another version.
    """
    length = int.from_bytes(_exactly(connection, _LENGTH_BYTES), "big")
    if length > MAX_BYTES:
        raise ConnectionEndedError(f"Expected a frame of at most {MAX_BYTES} bytes, got {length} announced.")
    return unpack("signer frame", _exactly(connection, length))


def caller_mac(secret: bytes, signer_nonce: bytes, caller_nonce: bytes) -> bytes:
    """What the caller shows to prove it knows the secret."""
    return hmac.digest(secret, b"omsorgstid-signer-v1 caller" + signer_nonce + caller_nonce, sha256)


def signer_mac(secret: bytes, signer_nonce: bytes, caller_nonce: bytes) -> bytes:
    """What the signer shows to prove it knows the secret."""
    return hmac.digest(secret, b"omsorgstid-signer-v1 signer" + signer_nonce + caller_nonce, sha256)


def requests_to_wire(requests: Sequence[MintRequest]) -> dict[str, Cbor]:
    """The ``mint`` question."""
    return {
        "ask": "mint",
        "requests": [
            [
                r.route_id,
                r.route_version,
                r.visit_id,
                r.door_id,
                list(r.lock_ids),
                r.carer_id,
                r.shift_id,
                r.holder_thumbprint,
                r.epoch,
                r.basis.value,
            ]
            for r in requests
        ],
    }


def requests_from_wire(fields: Fields) -> list[MintRequest]:
    """The requests of a ``mint`` question, by form only; what they claim is judged later.

    Raises
    ------
    MessageError
        If the form is wrong anywhere: then nothing of the frame is served.
    """
    entries = fields.array("requests")
    if not 1 <= len(entries) <= MAX_BATCH:
        raise fields.error("requests", f"1 to {MAX_BATCH} requests", len(entries))
    return [_request(fields, f"requests[{at}]", entry) for at, entry in enumerate(entries)]


def results_to_wire(results: Sequence[MintResult]) -> dict[str, Cbor]:
    """The answer to ``mint``."""
    return {
        "results": [
            [
                result.cti,
                result.token,
                to_ms(result.opens_at),
                to_ms(result.expires_at),
                to_ms(result.minted_at),
                result.unit_id,
            ]
            if isinstance(result, Minted)
            else [result.code.value]
            for result in results
        ]
    }


def results_from_wire(fields: Fields) -> list[MintResult]:
    """Read the answer to ``mint``.

    Raises
    ------
    MessageError
        If it cannot be read.
    """
    return [_result(fields, f"results[{at}]", entry) for at, entry in enumerate(fields.array("results"))]


def trust_question(lock_ids: Sequence[str]) -> dict[str, Cbor]:
    """The ``trust`` question: the lists of issuers for these locks."""
    return {"ask": "trust", "locks": list(lock_ids)}


def trust_asked(fields: Fields) -> list[str]:
    """The locks of a ``trust`` question.

    Raises
    ------
    MessageError
        If the form is wrong.
    """
    locks = fields.array("locks")
    if not 1 <= len(locks) <= MAX_BATCH or not all(isinstance(lock, str) and 1 <= len(lock) <= 64 for lock in locks):
        raise fields.error("locks", f"1 to {MAX_BATCH} lock ids", len(locks))
    return [str(lock) for lock in locks]


def trust_to_wire(lists: Sequence[SignedTrust]) -> dict[str, Cbor]:
    """The answer to ``trust``."""
    return {"lists": [[each.lock_id, each.version, each.message] for each in lists]}


def trust_from_wire(fields: Fields) -> list[SignedTrust]:
    """Read the answer to ``trust``.

    Raises
    ------
    MessageError
        If it cannot be read.
    """
    lists: list[SignedTrust] = []
    for at, entry in enumerate(fields.array("lists")):
        if not isinstance(entry, list) or len(entry) != 3:
            raise fields.error(f"lists[{at}]", "an array of three", entry)
        lock_id, version, message = entry
        if not (isinstance(lock_id, str) and _is_count(version) and isinstance(message, bytes)):
            raise fields.error(f"lists[{at}]", "a lock, a version and a signed list", "others")
        lists.append(SignedTrust(lock_id, version, message))
    return lists


def status_to_wire(status: SignerStatus) -> dict[str, Cbor]:
    """The answer to ``status``."""
    return {
        "public_key": status.public_key,
        "issuer": status.issuer,
        "position": status.position,
        "minted": status.minted,
        "refused": status.refused,
        "trust_version": status.trust_version,
    }


def status_from_wire(fields: Fields) -> SignerStatus:
    """Read the answer to ``status``."""
    return SignerStatus(
        public_key=fields.octets("public_key", 32),
        issuer=fields.text("issuer"),
        position=fields.uint("position"),
        minted=fields.uint("minted"),
        refused=fields.uint("refused"),
        trust_version=fields.optional_uint("trust_version") or 0,
    )


def _request(fields: Fields, where: str, entry: Cbor) -> MintRequest:
    if not isinstance(entry, list) or len(entry) != 10:
        raise fields.error(where, "an array of ten", entry)
    route_id, version, visit_id, door_id, locks, carer_id, shift_id, holder, epoch, basis = entry
    texts = (route_id, visit_id, door_id, carer_id, shift_id)
    if not (
        all(isinstance(text, str) for text in texts)
        and _is_count(version)
        and _is_count(epoch)
        and isinstance(holder, bytes)
        and isinstance(locks, list)
        and all(isinstance(lock, str) for lock in locks)
        and isinstance(basis, str)
        and basis in set(Basis)
    ):
        raise fields.error(where, "ids as text, counts, locks as an array, a thumbprint as bytes, a basis", "others")
    return MintRequest(
        route_id, version, visit_id, door_id, tuple(locks), carer_id, shift_id, holder, epoch, Basis(basis)
    )


def _result(fields: Fields, where: str, entry: Cbor) -> MintResult:
    if isinstance(entry, list) and len(entry) == 1 and isinstance(entry[0], str) and entry[0] in set(MintRefusal):
        return NotMinted(MintRefusal(entry[0]))
    if not isinstance(entry, list) or len(entry) != 6:
        raise fields.error(where, "a grant of six fields or one known code", entry)
    cti, token, opens_ms, expires_ms, minted_ms, unit_id = entry
    if not (
        isinstance(cti, bytes)
        and len(cti) == CTI_BYTES
        and isinstance(token, bytes)
        and len(token) <= MAX_GRANT_BYTES
        and all(_is_count(instant) for instant in (opens_ms, expires_ms, minted_ms))
        and isinstance(unit_id, str)
    ):
        raise fields.error(where, "cti, token, three instants and a unit", "others")
    return Minted(cti, token, from_ms(opens_ms), from_ms(expires_ms), from_ms(minted_ms), unit_id)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts: list[bytes] = []
    while count:
        part = connection.recv(count)
        if not part:
            raise ConnectionEndedError("Expected more bytes, the other side hung up.")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

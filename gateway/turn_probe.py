"""Asks a TURN server for a relay with our own credentials, as a browser would: RFC 8656, Allocate.

Only what that takes: one request to be told realm and nonce, one signed with them. Nothing is relayed; the
allocation is given back at once.
"""

import hashlib
import hmac
import secrets
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs

_COOKIE = 0x2112A442
_ALLOCATE, _REFRESH = 0x0003, 0x0004
_USERNAME, _INTEGRITY, _ERROR, _LIFETIME, _REALM, _NONCE, _TRANSPORT = 0x06, 0x08, 0x09, 0x0D, 0x14, 0x15, 0x19
_UDP = b"\x11\0\0\0"
_TIMEOUT_S = 3.0
_PORTS = {"turn": 3478, "turns": 5349}


class TurnProbeError(Exception):
    """No relay was given; says why."""


def allocate(url: str, username: str, credential: str) -> None:
    """Get a relay and give it back.

    Parameters
    ----------
    url
        ``turn:host[:port][?transport=udp|tcp]`` or ``turns:…``.

    Raises
    ------
    TurnProbeError
        ``no answer``, or the server's error code and phrase.
    """
    try:
        with _connection(url) as ask:
            first = ask(_ALLOCATE, {_TRANSPORT: _UDP}, b"")
            realm, nonce = first.get(_REALM), first.get(_NONCE)
            if realm is None or nonce is None:
                raise TurnProbeError(_reason(first) or "it asked for no credentials")
            # The long-term key is an MD5 by the standard (RFC 8489 §9.2.2).
            key = hashlib.md5(  # noqa: S324
                f"{username}:".encode() + realm + f":{credential}".encode()
            ).digest()
            signed = {_USERNAME: username.encode(), _REALM: realm, _NONCE: nonce}
            answer = ask(_ALLOCATE, {_TRANSPORT: _UDP, **signed}, key)
            if _reason(answer):
                raise TurnProbeError(_reason(answer))
            ask(_REFRESH, {_LIFETIME: bytes(4), **signed}, key)
    except (OSError, struct.error) as err:
        raise TurnProbeError(f"no answer ({type(err).__name__})") from err


class _Ask:
    """One request and its answer, over datagrams or a stream."""

    def __init__(self, connection: socket.socket, datagrams: bool) -> None:
        self._connection, self._datagrams = connection, datagrams

    def __call__(self, method: int, attributes: Mapping[int, bytes], key: bytes) -> dict[int, bytes]:
        transaction = secrets.token_bytes(12)
        body = b"".join(_attribute(kind, value) for kind, value in attributes.items())
        if key:
            head = struct.pack("!HHI", method, len(body) + 24, _COOKIE) + transaction
            body += _attribute(_INTEGRITY, hmac.new(key, head + body, hashlib.sha1).digest())
        self._connection.sendall(struct.pack("!HHI", method, len(body), _COOKIE) + transaction + body)
        received = self._connection.recv(2048) if self._datagrams else self._one_from_stream()
        return dict(_attributes(received))

    def _one_from_stream(self) -> bytes:
        head = self._exactly(20)
        return head + self._exactly(struct.unpack("!H", head[2:4])[0])

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self._connection.recv(count - len(found))
            if not more:
                raise ConnectionError("closed")
            found += more
        return found


@contextmanager
def _connection(url: str) -> Iterator[_Ask]:
    scheme, _, rest = url.partition(":")
    address, _, query = rest.partition("?")
    datagrams = scheme == "turn" and parse_qs(query).get("transport", ["udp"])[0] == "udp"
    host, port = _host_and_port(address, _PORTS.get(scheme, 3478))
    if datagrams:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        connection = socket.socket(found[0], socket.SOCK_DGRAM)
        connection.settimeout(_TIMEOUT_S)
        connection.connect(found[4])
    else:
        connection = socket.create_connection((host, port), timeout=_TIMEOUT_S)
        if scheme == "turns":
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    with connection:
        yield _Ask(connection, datagrams)


def _host_and_port(address: str, default: int) -> tuple[str, int]:
    host, _, port = address.rpartition(":") if not address.endswith("]") else (address, "", "")
    if not host or not port.isdigit():
        host, port = address, ""
    return host.strip("[]"), int(port) if port else default


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _attributes(message: bytes) -> Iterator[tuple[int, bytes]]:
    at = 20
    while at + 4 <= len(message):
        kind, length = struct.unpack("!HH", message[at : at + 4])
        yield kind, message[at + 4 : at + 4 + length]
        at += 4 + length + (-length % 4)


def _reason(answer: Mapping[int, bytes]) -> str:
    """The error an answer carries; empty for none."""
    error = answer.get(_ERROR)
    if error is None:
        return ""
    return f"{error[2] * 100 + error[3]} {error[4:].decode('utf-8', 'replace')}".strip()

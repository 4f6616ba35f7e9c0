"""What is read out of the erasable part of a lock's event. A payload of another make says nothing, and does no harm."""

from devices.keys import cbor
from devices.keys.errors import MessageError
from devices.keys.grant import CTI_BYTES

_REQUEST_BYTES = 16


def request_in(payload: bytes) -> str | None:
    """The opening an event belongs to, as hex; ``None`` where it names none."""
    request = _field(payload, "request")
    return request.hex() if isinstance(request, bytes) and len(request) == _REQUEST_BYTES else None


def other_cti_in(payload: bytes) -> bytes | None:
    """The other holder's grant, where two opened together."""
    cti = _field(payload, "with_cti")
    return cti if isinstance(cti, bytes) and len(cti) == CTI_BYTES else None


def list_version_in(payload: bytes) -> int:
    """Version of the revocation list the lock has taken; 0 where it names none."""
    version = _field(payload, "version")
    return version if isinstance(version, int) and 0 < version < 2**31 else 0


def _field(payload: bytes, name: str) -> object:
    try:
        body = cbor.decode(payload, "event payload")
    except MessageError:
        return None
    return body.get(name) if isinstance(body, dict) else None

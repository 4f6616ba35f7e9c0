"""What goes over the wire with a vendor's cloud: log entries as JSON, and the signature under a webhook. Pure.

A webhook is signed with HMAC-SHA-256 over ``timestamp.delivery.body`` (RFC 2104), the way such clouds sell it. Each
delivery has an id of its own, so that what is repeated by somebody who listened can be told from what the vendor
sends once more.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import LogEntry

TOLERANCE_S = 300
"""How far a webhook's time may be from ours; a delivery's id is remembered for as long."""

MAX_WEBHOOK_BYTES = 256_000
_MAX_TEXT = 64
_MAX_NUMBER = 2**63 - 1


def sign_webhook(secret: bytes, timestamp_s: int, delivery: str, body: bytes) -> str:
    """The signature under a webhook, in hex."""
    signed = f"{timestamp_s}.{delivery}.".encode() + body
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def verify_webhook(secret: bytes, timestamp: str, delivery: str, signature: str, body: bytes, wall_s: float) -> None:
    """Believe a webhook, or not.

    Raises
    ------
    VendorError
        ``webhook_forged`` or ``webhook_old``. The signature is looked at first: a stranger learns nothing else.
    """
    number = int(timestamp) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16 else 0
    genuine = hmac.compare_digest(sign_webhook(secret, number, delivery, body).encode(), signature.encode())
    if not number or not 0 < len(delivery) <= _MAX_TEXT or not genuine:
        raise VendorError("webhook_forged")
    if abs(wall_s - number) > TOLERANCE_S:
        raise VendorError("webhook_old", expected=TOLERANCE_S)


def entries_of(body: bytes) -> tuple[LogEntry, ...]:
    """The log entries in a body ``{"entries": […]}``, as they stand there.

    Raises
    ------
    VendorError
        ``vendor_unclear``.
    """
    return entries_in(json_of(body), "body")


def entries_in(found: Any, path: str) -> tuple[LogEntry, ...]:
    """The log entries of an object that was read. Raises as :func:`entries_of`."""
    listed = found.get("entries") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise VendorError("vendor_unclear", path=f"{path}.entries", expected="a list", found=_short(listed))
    return tuple(_entry(each, f"{path}.entries[{at}]") for at, each in enumerate(listed))


def entry_json(entry: LogEntry) -> dict[str, Any]:
    """A log entry as it goes over the wire."""
    return {
        "number": entry.number,
        "lock": entry.lock_ref,
        "kind": entry.kind,
        "at": entry.at.astimezone(UTC).isoformat(),
        "request": entry.request,
        "access": entry.access_id,
        "code": entry.code,
    }


def entry_of(found: Any, path: str) -> LogEntry:
    """One log entry of an object that was read. Raises as :func:`entries_of`."""
    return _entry(found, path)


def json_of(body: bytes) -> Any:
    """A body as JSON. Raises as :func:`entries_of`."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise VendorError("vendor_unclear", path="body", expected="JSON", found=_short(body[:40])) from None


def _entry(found: Any, path: str) -> LogEntry:
    if not isinstance(found, dict):
        raise VendorError("vendor_unclear", path=path, expected="an object", found=_short(found))
    fields = cast(Mapping[str, Any], found)
    number = fields.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= _MAX_NUMBER:
        raise VendorError(
            "vendor_unclear", path=f"{path}.number", expected="a whole number above 0", found=_short(number)
        )
    return LogEntry(
        number=number,
        lock_ref=_text(fields, "lock", path),
        kind=_text(fields, "kind", path),
        at=_instant(fields.get("at"), f"{path}.at"),
        request=_optional(fields, "request", path),
        access_id=_optional(fields, "access", path),
        code=_optional(fields, "code", path),
    )


def _text(fields: Mapping[str, Any], name: str, path: str) -> str:
    found = fields.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= _MAX_TEXT or not found.isprintable():
        raise VendorError(
            "vendor_unclear", path=f"{path}.{name}", expected=f"1 to {_MAX_TEXT} characters", found=_short(found)
        )
    return found


def _optional(fields: Mapping[str, Any], name: str, path: str) -> str | None:
    return None if fields.get(name) is None else _text(fields, name, path)


def _instant(found: Any, path: str) -> datetime:
    try:
        at = datetime.fromisoformat(found)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise VendorError("vendor_unclear", path=path, expected="an instant with its time zone", found=_short(found))


def _short(found: object) -> str:
    return repr(found)[:60]

"""What a device said, so that a person can read it: JSON as it is, CBOR in diagnostic notation, all else in hex."""

import json
from typing import Any, Literal

import cbor2

from devices.inbox.errors import InboxError
from devices.keys.cbor import MAX_BYTES

Format = Literal["json", "cbor", "bytes"]
EditFormat = Literal["json", "hex"]
_DEEPEST = 6


def readable(payload: bytes) -> tuple[Format, str]:
    """How a payload is written, and the payload so that a person can read it."""
    try:
        return "json", json.dumps(json.loads(payload), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        pass
    try:
        return "cbor", _diagnostic(cbor2.loads(payload), 0)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError, OverflowError):
        return "bytes", payload.hex(" ")


def edited(how: EditFormat, content: str) -> bytes:
    """The payload somebody typed.

    Raises
    ------
    InboxError
        ``correction_unreadable``, naming where it goes wrong.
    """
    if how == "hex":
        try:
            return _bounded(bytes.fromhex(content))
        except ValueError as error:
            found = next((word for word in content.split() if not _is_hex(word)), content[:20])
            raise InboxError("correction_unreadable", expected="hex (0-9, a-f)", found=found) from error
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        where = f"linje {error.lineno}, tegn {error.colno}" if isinstance(error, json.JSONDecodeError) else "…"
        raise InboxError("correction_unreadable", expected="JSON", found=where) from error
    return _bounded(content.encode())


def _bounded(payload: bytes) -> bytes:
    if len(payload) > MAX_BYTES:
        raise InboxError("correction_unreadable", expected=f"≤ {MAX_BYTES} byte", found=f"{len(payload)} byte")
    return payload


def _is_hex(word: str) -> bool:
    return len(word) % 2 == 0 and all(sign in "0123456789abcdefABCDEF" for sign in word)


def _diagnostic(value: Any, depth: int) -> str:
    """Diagnostic notation of RFC 8949 section 8, bytes that hold CBOR themselves shown as ``<<…>>``."""
    inner = "  " * (depth + 1)
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, bytes):
        return _embedded(value, depth) or f"h'{value.hex()}'"
    if isinstance(value, cbor2.CBORTag):
        return f"{value.tag}({_diagnostic(value.value, depth)})"
    if isinstance(value, dict):
        lines = [f"{inner}{_diagnostic(k, depth + 1)}: {_diagnostic(v, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}" if lines else "{}"
    if isinstance(value, list | tuple):
        lines = [f"{inner}{_diagnostic(each, depth + 1)}" for each in value]
        return "[\n" + ",\n".join(lines) + "\n" + "  " * depth + "]" if lines else "[]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _embedded(value: bytes, depth: int) -> str | None:
    if len(value) < 3 or value[0] >> 5 not in (4, 5, 6):
        return None
    try:
        found = cbor2.loads(value)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError, OverflowError):
        return None
    whole = isinstance(found, dict | list | tuple | cbor2.CBORTag)
    return f"<<{_diagnostic(found, depth + 1)}>>" if whole else None

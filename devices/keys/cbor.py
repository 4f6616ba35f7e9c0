"""Deterministic CBOR: one value, one encoding.

Everything that is signed or hashed must have exactly one byte form, so encoding follows RFC 8949 section
4.2.1 (shortest integers, definite lengths, map keys in bytewise order of their encodings) and decoding
refuses every other form. Refusing also closes duplicate keys, trailing bytes, tags and floats in one
comparison.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

import cbor2

from devices.keys.errors import MessageError

Cbor: TypeAlias = "int | bytes | str | bool | Sequence[Cbor] | Mapping[str, Cbor] | Mapping[int, Cbor] | None"

MAX_BYTES = 65_536
"""Largest message anybody has to read, in bytes. A revocation list of 3,000 grants takes 51 kB."""

_UINT64 = 2**64
DECODE_ERRORS = (cbor2.CBORDecodeError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError)
"""What ``cbor2.loads`` may raise: its documented error, and what hostile tags (dates, decimals, patterns)
raise from the constructors they reach."""


def encode(value: Cbor) -> bytes:
    """Deterministic encoding of integers of 64 bits, bytes, text, booleans, null, arrays and maps.

    Raises
    ------
    ValueError
        If the value holds anything else (floats and instants among them), or a map key is neither text nor
        an integer.
    """
    return cbor2.dumps(_ordered(value))


def decode(data: bytes, what: str = "message") -> Cbor:
    """The value of a deterministic encoding.

    Parameters
    ----------
    data
        At most :data:`MAX_BYTES` bytes.
    what
        What is being read; it is named in the error.

    Raises
    ------
    MessageError
        ``message_malformed`` if the bytes are too many, no CBOR, or not the one deterministic form.
    """
    if len(data) > MAX_BYTES:
        raise malformed(what, "", f"at most {MAX_BYTES} bytes", f"{len(data)} bytes")
    try:
        value = cbor2.loads(data)
    except DECODE_ERRORS as err:
        raise malformed(what, "", "CBOR", f"{len(data)} bytes that are none ({type(err).__name__})") from err
    try:
        same = encode(cast(Cbor, value)) == data
    except (ValueError, RecursionError) as err:
        raise malformed(what, "", "integers, bytes, text, arrays and maps", str(err)) from err
    if not same:
        raise malformed(what, "", "deterministic CBOR (RFC 8949 section 4.2.1)", "another encoding")
    return cast(Cbor, value)


def malformed(what: str, field: str, expected: str, found: object) -> MessageError:
    """The error of a message that cannot be read: where, what was expected, what came (80 characters)."""
    shown = found if isinstance(found, str) else repr(found)
    return MessageError("message_malformed", name=what, field=field, expected=expected, found=shown[:80])


def _ordered(value: object) -> object:
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, int):
        if not -_UINT64 <= value < _UINT64:
            raise ValueError(f"Expected an integer of 64 bits, got {value.bit_length()} bits.")
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value, key=_rank)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    raise ValueError(f"Expected a plain CBOR value, got {type(value).__name__}.")


def _rank(key: object) -> tuple[int, int, bytes]:
    """Sorts like the bytes of the encoded key: major type, then argument, then content."""
    if isinstance(key, str):
        text = key.encode()
        return (3, len(text), text)
    if isinstance(key, int) and not isinstance(key, bool):
        return (0, key, b"") if key >= 0 else (1, -1 - key, b"")
    raise ValueError(f"Expected map keys of text or integers, got {type(key).__name__}.")

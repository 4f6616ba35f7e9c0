"""One versioned map on the wire, read field by field.

Every payload is a CBOR map with text keys and a version ``v``. A field that is not known is kept and goes
out again; a version that is not known is refused with its own error, so that the inbox can hold the message
until it is understood. Errors say which field, what was expected and what came.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar, cast

from devices.keys import cbor
from devices.keys.cbor import Cbor, malformed
from devices.keys.cose import MessageKind, SigningKey, Trust, sign, verify
from devices.keys.errors import MessageError

VERSION = 1
Extra = Mapping[str, Cbor]

_EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 221_845_391_999_999  # the year 8999: leaves room to add a leeway without an overflow
_INT63 = 2**63 - 1
INT31 = 2**31 - 1
"""The largest version or level: what the server keeps of a device in 32 bits."""
_Word = TypeVar("_Word", bound=StrEnum)


def to_ms(instant_at: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, rounded down.

    Raises
    ------
    ValueError
        If the instant is naive or before 1970.
    """
    if instant_at.tzinfo is None:
        raise ValueError(f"Expected an aware instant, got {instant_at} without a time zone.")
    if instant_at < _EPOCH_AT:
        raise ValueError(f"Expected an instant from 1970 on, got {instant_at}.")
    return (instant_at - _EPOCH_AT) // timedelta(milliseconds=1)


def from_ms(instant_ms: int) -> datetime:
    """The aware UTC instant of a number of milliseconds since 1970-01-01 UTC."""
    return _EPOCH_AT + timedelta(milliseconds=instant_ms)


def pack(values: Mapping[str, Cbor], extra: Extra) -> bytes:
    """Encode one message of the present version; unknown fields kept in ``extra`` go out again."""
    return cbor.encode({**extra, **values, "v": VERSION})


def unpack(name: str, data: bytes) -> "Fields":
    """Open one message of the present version.

    Raises
    ------
    MessageError
        ``message_malformed`` or ``message_version_unknown``.
    """
    body = cbor.decode(data, name)
    if not isinstance(body, dict) or not all(isinstance(key, str) for key in body):
        raise malformed(name, "", "a map with text keys", type(body).__name__)
    fields = Fields(name, cast("dict[str, Cbor]", body))
    version = fields.uint("v")
    if version != VERSION:
        raise MessageError("message_version_unknown", name=name, field="v", expected=VERSION, found=version)
    return fields


def seal(kind: MessageKind, values: Mapping[str, Cbor], extra: Extra, key: SigningKey) -> bytes:
    """Pack and sign."""
    return sign(kind, pack(values, extra), key)


def unseal(kind: MessageKind, message: bytes, trust: Trust) -> "Fields":
    """Verify, then open.

    Raises
    ------
    SignatureError
        As :func:`devices.keys.cose.verify`.
    MessageError
        As :func:`unpack`.
    """
    return unpack(kind.value, verify(kind, message, trust))


class Fields:
    """The fields of one decoded map. Each is taken once; what is left is ``rest()``."""

    def __init__(self, name: str, body: dict[str, Cbor]) -> None:
        self._name = name
        self._left = dict(body)

    def rest(self) -> Extra:
        """The fields nobody took, to be kept."""
        return dict(self._left)

    def error(self, field: str, expected: str, found: object) -> MessageError:
        """A ``message_malformed`` for one field."""
        return malformed(self._name, field, expected, found if isinstance(found, str) else _shown(found))

    def uint(self, field: str, maximum: int = _INT63) -> int:
        """An integer from 0 to ``maximum``."""
        value = self._take(field)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= maximum:
            raise self.error(field, f"an integer from 0 to {maximum}", _shown(value))
        return value

    def optional_uint(self, field: str, maximum: int = _INT63) -> int | None:
        """An integer from 0 to ``maximum``, or null or absent."""
        return None if self._empty(field) else self.uint(field, maximum)

    def text(self, field: str, maximum: int = 64) -> str:
        """Text of 1 to ``maximum`` characters, U+0000 and half characters not among them: no database stores those."""
        value = self._take(field)
        if not isinstance(value, str) or not 1 <= len(value) <= maximum or not _is_whole(value):
            raise self.error(field, f"text of 1 to {maximum} characters", _shown(value))
        return value

    def optional_text(self, field: str, maximum: int = 64) -> str | None:
        """Text of 1 to ``maximum`` characters, or null or absent."""
        return None if self._empty(field) else self.text(field, maximum)

    def word(self, field: str, words: type[_Word]) -> _Word:
        """One of a closed set of words."""
        value = self._take(field)
        if not isinstance(value, str) or value not in {word.value for word in words}:
            raise self.error(field, "one of " + ", ".join(word.value for word in words), _shown(value))
        return words(value)

    def octets(self, field: str, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        value = self._take(field)
        if not isinstance(value, bytes) or len(value) != size:
            raise self.error(field, f"{size} bytes", _shown(value))
        return value

    def optional_octets(self, field: str, size: int) -> bytes | None:
        """Exactly ``size`` bytes, or null or absent."""
        return None if self._empty(field) else self.octets(field, size)

    def blob(self, field: str, maximum: int = cbor.MAX_BYTES) -> bytes:
        """1 to ``maximum`` bytes."""
        value = self._take(field)
        if not isinstance(value, bytes) or not 1 <= len(value) <= maximum:
            raise self.error(field, f"1 to {maximum} bytes", _shown(value))
        return value

    def octets_list(self, field: str, size: int) -> tuple[bytes, ...]:
        """An array of byte strings of ``size`` bytes each."""
        value = self.array(field)
        for position, item in enumerate(value):
            if not isinstance(item, bytes) or len(item) != size:
                raise self.error(f"{field}[{position}]", f"{size} bytes", _shown(item))
        return cast("tuple[bytes, ...]", value)

    def array(self, field: str) -> tuple[Cbor, ...]:
        """An array of anything."""
        value = self._take(field)
        if not isinstance(value, list):
            raise self.error(field, "an array", _shown(value))
        return tuple(value)

    def mapping(self, field: str) -> Mapping[str, Cbor]:
        """A map with text keys."""
        value = self._take(field)
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.error(field, "a map with text keys", _shown(value))
        return cast("Mapping[str, Cbor]", value)

    def counts(self, field: str) -> Mapping[str, int]:
        """A map of names to integers from 0; empty where null or absent."""
        if self._empty(field):
            return {}
        value = self.mapping(field)
        if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= _INT63 for n in value.values()):
            raise self.error(field, "a map of names to integers from 0", "other values")
        return cast("Mapping[str, int]", value)

    def instant(self, field: str) -> datetime:
        """An instant, sent as milliseconds since 1970-01-01 UTC."""
        return from_ms(self.uint(field, _LAST_MS))

    def optional_instant(self, field: str) -> datetime | None:
        """An instant, or null or absent where the sender's clock is lost."""
        return None if self._empty(field) else self.instant(field)

    def _empty(self, field: str) -> bool:
        if self._left.get(field) is not None:
            return False
        self._left.pop(field, None)
        return True

    def _take(self, field: str) -> Cbor:
        if field not in self._left:
            raise self.error(field, "a value", "nothing")
        return self._left.pop(field)


def _is_whole(text: str) -> bool:
    # JSON can write half of a surrogate pair, and both can write U+0000.
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: object) -> str:
    """A value as an error may show it: bytes by their number, so that no key or nonce ends in a log."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)

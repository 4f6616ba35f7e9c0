"""Messages that nobody should send: valid ones damaged, and values no reader expects, in CBOR and in JSON.

Every draw comes from one seeded stream, so a message that breaks something is made again by its number.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import cbor2

#: values a field is replaced with: wrong type, too large, too small, and what some database or parser chokes on
_ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
    -(2**63),
    2**200,
    1.5,
    float("nan"),
    float("inf"),
    -0.0,
    1e308,
    "",
    "\x00",
    "a\x00b",
    "\u202e",
    "\ufeff",
    "\U0001f511",
    "x" * 64,
    "x" * 65,
    "x" * 5_000,
    "../../etc",
    "' OR 1=1 --",
    b"",
    b"\x00",
    b"\xff" * 16,
    b"\x00" * 32,
    b"\xa1" * 5_000,
    [],
    [[]],
    {},
    {"v": 1},
    {"": None},
)
_JSON_TEXT = (
    b'"\\ud800"',
    b'"\\u0000"',
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"9" * 5_000,
    b"1E400",
    b"[" * 3_000,
    b'{"a":' * 3_000,
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b"0x10",
    b"'x'",
    b"01",
    b"-",
    b"",
    b"\xef\xbb\xbf1",
    b"true",
    b"null",
)
_CBOR_BYTES = (
    b"\x9f\x01\xff",  # of indefinite length
    b"\xbf\x61v\x01\xff",
    b"\x5f\x41a\xff",
    b"\xa2\x61v\x01\x61v\x01",  # one key twice
    b"\x62\xc3\x28",  # text that is no UTF-8
    b"\x63\xed\xa0\x80",
    b"\x18\x01",  # an integer longer than need be
    b"\xc0\x63bad",  # tags that reach constructors
    b"\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
    b"\xc2\x58\xff" + b"\xff" * 255,
    b"\xc4\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xc5\x82\x1a\x7f\xff\xff\xff\x01",
    b"\xd8\x23\x62((",
    b"\xd8\x1e\x82\x01\x00",
    b"\xd8\x1d\x00",
    b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\xf9\x7c\x00",
    b"\xf7",
    b"\xf8\xff",
    b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",  # an array that says it is endless
    b"\xbb\x00\x00\x00\x00\xff\xff\xff\xff",
    b"\x7a\xff\xff\xff\xff",
    b"\x81" * 2_000,
    b"\xa1\x61a" * 2_000,
    b"\xd8\x18" * 2_000,
)


_MOST_ITEMS = 20_000


class Mutator:
    """One stream of damage."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def chance(self, ratio: float) -> bool:
        """True this often."""
        return self._random.random() < ratio

    def noise(self) -> bytes:
        """Bytes of no meaning, mostly short."""
        return self._random.randbytes(self._random.choice((0, 1, 2, 7, 16, 64, 300, 2_000)))

    def damaged(self, valid: bytes) -> bytes:
        """A valid message with bytes flipped, cut, doubled, put in or taken out."""
        raw = bytearray(valid)
        for _ in range(self._random.choice((1, 1, 1, 2, 4, 16))):
            at = self._random.randrange(len(raw) + 1)
            match self._random.randrange(6):
                case 0 if at < len(raw):
                    raw[at] ^= 1 << self._random.randrange(8)
                case 1 if at < len(raw):
                    raw[at] = self._random.choice((0, 0x18, 0x1B, 0x5F, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xF6, 0xFB, 0xFF))
                case 2:
                    raw[at:at] = self._random.randbytes(self._random.randrange(1, 9))
                case 3:
                    del raw[at : at + self._random.randrange(1, 17)]
                case 4:
                    raw = raw[:at]
                case _:
                    raw[at:at] = raw[at : at + self._random.randrange(1, 33)]
        return bytes(raw)

    def cbor(self, valid: bytes) -> bytes:
        """A CBOR message with one to three of its values replaced, dropped, added or badly encoded."""
        tree = cbor2.loads(valid)
        for _ in range(self._random.choice((1, 1, 2, 3))):
            tree = self._touched(tree)
        try:
            encoded = cbor2.dumps(tree, canonical=True)
        except (ValueError, OverflowError, RecursionError):
            encoded = cbor2.dumps(str(tree))
        return self._spliced(encoded, _CBOR_BYTES) if self.chance(0.25) else encoded

    def json(self, valid: bytes) -> bytes:
        """A JSON message with one to three of its values replaced, dropped, added or badly written."""
        tree = json.loads(valid)
        for _ in range(self._random.choice((1, 1, 2, 3))):
            tree = self._touched(tree)
        text = json.dumps(tree, default=lambda value: repr(value)[:80], ensure_ascii=self.chance(0.5)).encode()
        if self.chance(0.4):
            # Where a value stands, so that what surrounds it is still JSON.
            colons = [at for at, byte in enumerate(text) if byte == ord(":")]
            if colons:
                at = self._random.choice(colons) + 1
                ends = [end for end in (text.find(b",", at), text.find(b"}", at)) if end >= 0]
                text = text[:at] + self._random.choice(_JSON_TEXT) + text[min(ends, default=len(text)) :]
        if self.chance(0.1):
            text = text[:-1] + b',"v":1,"v":2}'
        return text

    def pick(self, some: list[Callable[[], bytes]]) -> bytes:
        """One of several ways."""
        return self._random.choice(some)()

    def _spliced(self, encoded: bytes, pieces: tuple[bytes, ...]) -> bytes:
        at = self._random.randrange(len(encoded) + 1)
        return encoded[:at] + self._random.choice(pieces) + encoded[at + self._random.randrange(0, 3) :]

    def _touched(self, tree: Any) -> Any:
        """A tree with one place in it changed."""
        if isinstance(tree, cbor2.CBORTag):
            return cbor2.CBORTag(tree.tag if self.chance(0.8) else 98, self._touched(tree.value))
        if isinstance(tree, dict) and tree and self.chance(0.9):
            return self._in_map(tree)
        if isinstance(tree, list | tuple) and tree and self.chance(0.8):
            return self._in_array(list(tree))
        return self._odd(tree)

    def _in_map(self, tree: dict[Any, Any]) -> dict[Any, Any]:
        key = self._random.choice(list(tree))
        changed = dict(tree)
        match self._random.randrange(8):
            case 0:
                del changed[key]
            case 1:
                changed[self._random.choice(("zz", "\x00", "", "__proto__", "x" * 300))] = self._odd(None)
            case 2 if isinstance(key, int):
                changed[self._random.choice((0, -1, 99, 2**64))] = self._odd(None)
            case _:
                changed[key] = self._touched(tree[key])
        return changed

    def _in_array(self, tree: list[Any]) -> list[Any]:
        at = self._random.randrange(len(tree))
        match self._random.randrange(6):
            case 0:
                del tree[at]
            case 1:
                tree.insert(at, self._odd(None))
            case 2:
                # Three times in a row would be a hundred million: that kills the one who sends it.
                tree = (tree * self._random.choice((2, 65, 300)))[:_MOST_ITEMS]
            case _:
                tree[at] = self._touched(tree[at])
        return tree

    def _odd(self, value: Any) -> Any:
        if isinstance(value, bytes) and value and self.chance(0.4):
            # Signed things are bytes within bytes.
            return self.damaged(value)
        if isinstance(value, int) and not isinstance(value, bool) and self.chance(0.3):
            return value + self._random.choice((-1, 1, 2**32, -(2**40)))
        return self._random.choice(_ODD)

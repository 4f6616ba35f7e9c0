"""Messages of the near link in pieces that fit one Bluetooth packet (docs/protocol.md, section 10).

One ATT packet carries at most 244 bytes. A message is cut into fragments with a header of five bytes: form
and end, number of the message, index of the fragment. Nothing is repaired here: a fragment that does not
continue the message under way throws it away and is counted, and whoever waits asks again. What the pieces
say is judged by the readers of the messages, as if it had come over any other carrier.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from devices.keys.cbor import MAX_BYTES

MAX_FRAGMENT_BYTES = 244
HEADER_BYTES = 5
MAX_BODY_BYTES = MAX_BYTES + 1 + 32
"""A payload of 65,536 bytes with the length and the text of the longest name before it."""

_MORE, _LAST = 0x10, 0x11
_ROOM_BYTES = MAX_FRAGMENT_BYTES - HEADER_BYTES
_NUMBERS = 65_536
_NAME = re.compile(rb"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class NearMessage:
    """One message on the near link: the last level of its topic, and the payload it has on MQTT."""

    name: str
    payload: bytes


class FragmentFault(StrEnum):
    """Why fragments were thrown away."""

    FORM = "form"  # longer than 244 bytes, without content, or a first byte nobody uses
    ORDER = "order"  # does not continue the message under way
    CUT = "cut"  # a new message began before the last one was whole
    SIZE = "size"  # more than 65,536 bytes
    BODY = "body"  # whole, but without a name


class Splitter:
    """Cuts the messages of one direction of one connection; numbers them 0, 1 … 65,535, 0 …"""

    def __init__(self) -> None:
        self._number = 0

    def split(self, message: NearMessage) -> Sequence[bytes]:
        """The fragments of a message, in the order in which they must be sent.

        Raises
        ------
        ValueError
            If the name is none, or the payload has more than 65,536 bytes.
        """
        name = message.name.encode()
        if not _NAME.fullmatch(name) or len(message.payload) > MAX_BYTES:
            raise ValueError(f"Expected a name and at most {MAX_BYTES} bytes, got {message.name!r}.")
        body = bytes([len(name)]) + name + message.payload
        number, self._number = self._number, (self._number + 1) % _NUMBERS
        pieces = [body[at : at + _ROOM_BYTES] for at in range(0, len(body), _ROOM_BYTES)]
        return [_head(number, index, last=index == len(pieces) - 1) + piece for index, piece in enumerate(pieces)]


class Joiner:
    """Puts the fragments of one direction of one connection together again; never holds more than one message."""

    def __init__(self) -> None:
        self._number = 0
        self._next = 0
        self._body = bytearray()
        self.dropped: Counter[FragmentFault] = Counter()
        """How often something was thrown away, by reason."""

    def take(self, fragment: bytes) -> NearMessage | None:
        """Take one fragment; the message if it is whole now. Never raises on what others sent."""
        if not HEADER_BYTES < len(fragment) <= MAX_FRAGMENT_BYTES or fragment[0] not in (_MORE, _LAST):
            self._drop(FragmentFault.FORM)
            return None
        number, index = int.from_bytes(fragment[1:3], "big"), int.from_bytes(fragment[3:5], "big")
        if index == 0:
            if self._next:
                self._drop(FragmentFault.CUT)
            self._number = number
        elif index != self._next or number != self._number:
            self._drop(FragmentFault.ORDER)
            return None
        if len(self._body) + len(fragment) - HEADER_BYTES > MAX_BODY_BYTES:
            self._drop(FragmentFault.SIZE)
            return None
        self._body += fragment[HEADER_BYTES:]
        self._next = index + 1
        return self._whole() if fragment[0] == _LAST else None

    def _whole(self) -> NearMessage | None:
        body = bytes(self._body)
        self._forget()
        end = 1 + body[0]
        name, payload = body[1:end], body[end:]
        if not _NAME.fullmatch(name) or len(payload) > MAX_BYTES:
            self._drop(FragmentFault.BODY)
            return None
        return NearMessage(name.decode(), payload)

    def _drop(self, fault: FragmentFault) -> None:
        self.dropped[fault] += 1
        self._forget()

    def _forget(self) -> None:
        self._body.clear()
        self._next = 0


def _head(number: int, index: int, *, last: bool) -> bytes:
    return bytes([_LAST if last else _MORE]) + number.to_bytes(2, "big") + index.to_bytes(2, "big")

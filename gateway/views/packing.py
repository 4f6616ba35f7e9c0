"""Columns of ids and numbers so that they are small after gzip, which shortens what repeats and nothing else.

Ids repeat nothing: what is random in them travels as bytes. Numbers written in decimal repeat neither, but their high
digits do, and low digits beside low digits are packed better than each beside its own high ones.
"""

import base64
import math
from collections.abc import Sequence
from typing import Any

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_BASE = len(DIGITS)
_HEX = frozenset("0123456789abcdef")
_PACKED_FROM = 2


def packed_ids(ids: Sequence[str]) -> dict[str, Any] | list[str]:
    """Ids without what they share: ``{prefix, size, text}`` where all have one length, the list itself otherwise.

    ``size`` characters of ``text`` are one id. Where all are pairs of hexadecimal digits, ``bytes`` instead of ``text``
    holds the same in base64, ``size`` bytes each.
    """
    sizes = {len(one) for one in ids}
    if len(sizes) != 1 or len(ids) < _PACKED_FROM:
        return list(ids)
    first, last = min(ids), max(ids)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=True)) if a != b), 0)
    size = sizes.pop()
    # A pair of digits is a byte: with an odd number of them the last shared one goes along.
    even = shared - (size - shared) % 2
    if even >= 0 and _HEX.issuperset("".join(one[even:] for one in ids)):
        as_bytes = base64.b64encode(bytes.fromhex("".join(one[even:] for one in ids))).decode()
        return {"prefix": first[:even], "size": (size - even) // 2, "bytes": as_bytes}
    return {"prefix": first[:shared], "size": size - shared, "text": "".join(one[shared:] for one in ids)}


def packed_numbers(values: Sequence[int | None]) -> dict[str, Any]:
    """Whole numbers as ``{from, unit, places}``: each place is one text, a digit of :data:`DIGITS` a number.

    The places, the highest first, make a number n: 0 is nothing known, otherwise the value is
    ``from + unit * (n - 1)``.
    """
    known = [value for value in values if value is not None]
    least = min(known, default=0)
    unit = math.gcd(*(value - least for value in known)) or 1
    numbers = [0 if value is None else (value - least) // unit + 1 for value in values]
    places = []
    while True:
        places.append("".join(DIGITS[n % _BASE] for n in numbers))
        numbers = [n // _BASE for n in numbers]
        if not any(numbers):
            return {"from": least, "unit": unit, "places": places[::-1]}

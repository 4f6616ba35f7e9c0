"""What a car's tracker and the server say to each other, in JSON.

``up/fix`` carries a batch: ``{"v": 1, "device", "boot", "oldest"?, "fixes": [{"seq", "ts", "lat", "lon",
"odometer_m", "ignition", "speed_kmh"?, "mode"?}]}``; ``ts`` in milliseconds since 1970. ``seq`` counts from 1 in
each start. ``oldest`` is the lowest number the tracker still holds: what is before it will never come. A fix in
private mode needs no position, and one that has it loses it here. ``dn/ack`` is ``{"v": 1, "boot", "upto_seq"}``:
committed up to here, may be deleted.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.driving.model import Fix, Mode, Position
from devices.keys.cbor import Cbor
from devices.keys.envelope import Extra, Fields, to_ms
from devices.keys.errors import MessageError
from devices.registry.model import pack_json, unpack_json

KIND = "vehicle"
MAX_FIXES = 240
MAX_ODOMETER_M = 10_000_000_000
MAX_SPEED_KMH = 400.0
MAX_SEQ = 2**63 - 1
#: what a fix tells besides where it was
_NO_PLACE = frozenset({"seq", "ts", "odometer_m", "ignition", "speed_kmh", "mode"})


@dataclass(frozen=True, slots=True)
class FixBatch:
    """``up/fix``: fixes of one start, each with the fields nobody here knows."""

    device: str
    boot: int
    fixes: tuple[Fix, ...]
    oldest_seq: int | None = None
    extras: tuple[Extra, ...] = ()
    extra: Extra = field(default_factory=dict)

    def encode(self) -> bytes:
        """The payload."""
        extras = self.extras or tuple({} for _ in self.fixes)
        body: dict[str, Any] = {
            **self.extra,
            "device": self.device,
            "boot": self.boot,
            "fixes": [_fix_json(fix, extra) for fix, extra in zip(self.fixes, extras, strict=True)],
        }
        if self.oldest_seq is not None:
            body["oldest"] = self.oldest_seq
        return pack_json("up/fix", body)


@dataclass(frozen=True, slots=True)
class Ack:
    """``dn/ack``: everything of this start up to ``upto_seq`` is committed."""

    boot: int
    upto_seq: int

    def encode(self) -> bytes:
        """The payload."""
        return pack_json("dn/ack", {"boot": self.boot, "upto_seq": self.upto_seq})


@dataclass(frozen=True, slots=True)
class BadFix:
    """A fix of a batch that cannot be read, as it came. ``seq`` is absent where not even that can be."""

    raw: Any
    error: MessageError
    seq: int | None


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch with the fixes that can be read, and those that cannot."""

    batch: FixBatch
    bad: tuple[BadFix, ...]
    #: the good fixes as they came, in the order of ``batch.fixes``
    raw: tuple[Any, ...]


def read_fixes(payload: bytes) -> FixBatch:
    """Read ``up/fix`` where every fix must be readable.

    Raises
    ------
    MessageError
        ``message_malformed`` or ``message_version_unknown``; the field names the fix: ``fixes[3].lat``.
    """
    read = read_each_fix(payload)
    if read.bad:
        raise read.bad[0].error
    return read.batch


def read_each_fix(payload: bytes) -> ReadBatch:
    """Read ``up/fix``, fix by fix: one that is wrong takes no other with it.

    Raises
    ------
    MessageError
        ``message_malformed`` or ``message_version_unknown`` if nothing of it can be read: the batch itself is
        wrong, or every fix in it.
    """
    fields = unpack_json("up/fix", payload)
    device, boot = fields.text("device"), fields.uint("boot")
    oldest = fields.optional_uint("oldest")
    raw = fields.array("fixes")
    if not 1 <= len(raw) <= MAX_FIXES:
        raise fields.error("fixes", f"1 to {MAX_FIXES} fixes", len(raw))
    fixes: list[Fix] = []
    extras: list[Extra] = []
    good: list[Any] = []
    bad: list[BadFix] = []
    for number, item in enumerate(raw):
        try:
            fix, extra = _read_item(fields, number, item, boot, oldest)
        except MessageError as error:
            bad.append(BadFix(item, error, _seq_of(item)))
            continue
        fixes.append(fix)
        extras.append(extra)
        good.append(item)
    if not fixes:
        raise bad[0].error
    batch = FixBatch(device, boot, tuple(fixes), oldest, tuple(extras), fields.rest())
    return ReadBatch(batch, tuple(bad), tuple(good))


def batch_of_raw(batch: FixBatch, raw: Sequence[Any]) -> bytes:
    """A message with fixes of a batch as they came; it says nothing of what the tracker still holds."""
    return pack_json("up/fix", {"device": batch.device, "boot": batch.boot, "fixes": list(raw)})


def read_ack(payload: bytes) -> Ack:
    """Read ``dn/ack``. Raises as :func:`read_fixes`."""
    fields = unpack_json("dn/ack", payload)
    return Ack(fields.uint("boot"), fields.uint("upto_seq"))


def kept_report(batch: FixBatch, number: int) -> bytes:
    """One fix of a batch as the raw report that is kept; a private one without its position and unknown fields."""
    fix = batch.fixes[number]
    # A field nobody here knows may be an address.
    extra = batch.extras[number] if batch.extras and fix.mode is not Mode.PRIVATE else {}
    return pack_json("up/fix", {"boot": batch.boot, **_fix_json(fix, extra)})


def without_private_places(payload: bytes) -> bytes:
    """``up/fix`` as it may be kept where it is set aside: of a fix that is not plainly business, no place.

    Business fixes stay as they came, so that the message can be run through again. Where nobody can tell one
    fix from the next and a mode is spoken of, only what stands before the fixes is kept.
    """
    try:
        body = json.loads(payload)
        fixes = body["fixes"]
        private = [n for n, fix in enumerate(fixes) if fix.get("mode") not in (None, Mode.BUSINESS.value)]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return payload.partition(b'"fixes"')[0] if b'"mode"' in payload else payload
    if not private:
        return payload
    for number in private:
        fixes[number] = {name: value for name, value in fixes[number].items() if name in _NO_PLACE}
    return json.dumps(body, separators=(",", ":")).encode()


def _read_item(fields: Fields, number: int, item: object, boot: int, oldest: int | None) -> tuple[Fix, Extra]:
    if not isinstance(item, dict):
        raise fields.error(f"fixes[{number}]", "an object", type(item).__name__)
    one = _FixFields("up/fix", {f"fixes[{number}].{name}": value for name, value in item.items()})
    fix = _read_fix(one, boot, f"fixes[{number}].")
    if oldest is not None and fix.seq < oldest:
        raise fields.error(f"fixes[{number}].seq", f"not below the oldest that is held, {oldest}", fix.seq)
    return fix, {name.split(".", 1)[1]: value for name, value in one.rest().items()}


def _seq_of(item: object) -> int | None:
    seq = item.get("seq") if isinstance(item, dict) else None
    readable = isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq <= MAX_SEQ
    return seq if readable else None


class _FixFields(Fields):
    """The fields of one fix; JSON has fractions, which the locks' CBOR has not."""

    def number(self, name: str, low: float, high: float) -> float:
        """A finite number from ``low`` to ``high``."""
        value: object = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(name, f"a number from {low:g} to {high:g}", repr(value))
        return float(value)

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            raise self.error(name, "true or false", repr(value))
        return value

    def has(self, name: str) -> bool:
        """Whether a field is there and not null; a null is taken."""
        return not self._empty(name)


def _read_fix(fields: _FixFields, boot: int, at: str) -> Fix:
    mode = fields.word(f"{at}mode", Mode) if fields.has(f"{at}mode") else Mode.BUSINESS
    return Fix(
        boot=boot,
        seq=fields.uint(f"{at}seq"),
        ts_at=fields.instant(f"{at}ts"),
        position=_position(fields, at, mode),
        odometer_m=math.floor(fields.number(f"{at}odometer_m", 0, MAX_ODOMETER_M)),
        ignition=fields.truth(f"{at}ignition"),
        speed_kmh=fields.number(f"{at}speed_kmh", 0, MAX_SPEED_KMH) if fields.has(f"{at}speed_kmh") else None,
        mode=mode,
    )


def _position(fields: _FixFields, at: str, mode: Mode) -> Position | None:
    if mode is Mode.PRIVATE:
        # Where somebody drove on an errand of her own is nobody's business: taken, and not kept.
        for name in ("lat", "lon"):
            if fields.has(f"{at}{name}"):
                fields.number(f"{at}{name}", -180, 180)
        return None
    return Position(fields.number(f"{at}lat", -90, 90), fields.number(f"{at}lon", -180, 180))


def _fix_json(fix: Fix, extra: Mapping[str, Cbor]) -> dict[str, Any]:
    body: dict[str, Any] = {
        **extra,
        "seq": fix.seq,
        "ts": to_ms(fix.ts_at),
        "odometer_m": fix.odometer_m,
        "ignition": fix.ignition,
    }
    if fix.position is not None:
        body |= {"lat": fix.position.lat_deg, "lon": fix.position.lon_deg}
    if fix.speed_kmh is not None:
        body["speed_kmh"] = fix.speed_kmh
    if fix.mode is Mode.PRIVATE:
        body["mode"] = fix.mode.value
    return body

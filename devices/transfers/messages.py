"""What lifts and turning systems say, and the watermark they get. JSON, version 1 (docs/mqtt.md).

``up/cycle`` is a batch of one start: ``{"v": 1, "device", "boot", "cycles": [{"seq", "started_ts", "ended_ts",
"load_kg"?, "setup_s"?, "badges"?: [{"badge", "from_ts", "to_ts"}], "fault"?}]}``; times in milliseconds since 1970.
``dn/ack`` is ``{"v": 1, "device", "boot", "upto", "also": [..]}``: everything up to ``upto`` is committed, and of
what comes after it these. The device may forget those and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from devices.keys.cbor import Cbor
from devices.keys.envelope import Fields, to_ms
from devices.registry.model import pack_json, unpack_json

CYCLE, ACK = "cycle", "ack"
MAX_CYCLES = 500
MAX_LOAD_KG = 400
#: ceiling lifts move somebody in a few minutes; more than this is a device that lost its clock
MAX_CYCLE = timedelta(hours=2)
MAX_SETUP_S = 3_600
MAX_BADGES = 16


@dataclass(frozen=True, slots=True)
class BadgeSeen:
    """A badge was at the device."""

    badge: str
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle as the device says it. ``fault`` is the device's own code."""

    seq: int
    started_at: datetime
    ended_at: datetime
    load_kg: float | None = None
    setup_s: int = 0
    badges: tuple[BadgeSeen, ...] = ()
    fault: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The cycle as it travels; fields that were not known go along."""
        known: dict[str, Any] = {
            "seq": self.seq,
            "started_ts": to_ms(self.started_at),
            "ended_ts": to_ms(self.ended_at),
            "load_kg": self.load_kg,
            "setup_s": self.setup_s or None,
            "badges": [{"badge": b.badge, "from_ts": to_ms(b.from_at), "to_ts": to_ms(b.to_at)} for b in self.badges],
            "fault": self.fault,
        }
        return {**self.extra, **{name: value for name, value in known.items() if value not in (None, [])}}


@dataclass(frozen=True, slots=True)
class CycleBatch:
    """Cycles of one start of one device, in any order."""

    device_id: str
    boot: int
    cycles: tuple[Cycle, ...]

    def encode(self) -> bytes:
        """The message."""
        cycles = [cycle.to_json() for cycle in self.cycles]
        return pack_json("up/cycle", {"device": self.device_id, "boot": self.boot, "cycles": cycles})


@dataclass(frozen=True, slots=True)
class CycleAck:
    """What of a start is committed: everything up to ``upto``, and besides that ``also``."""

    device_id: str
    boot: int
    upto: int
    also: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """The message."""
        body = {"device": self.device_id, "boot": self.boot, "upto": self.upto, "also": list(self.also)}
        return pack_json("dn/ack", body)


def read_cycles(payload: bytes) -> CycleBatch:
    """Read ``up/cycle``.

    Raises
    ------
    MessageError
        ``message_malformed`` (naming the cycle and the field) or ``message_version_unknown``.
    """
    fields = unpack_json("up/cycle", payload)
    device_id, boot = fields.text("device"), fields.uint("boot")
    listed = fields.array("cycles")
    if not 1 <= len(listed) <= MAX_CYCLES:
        raise fields.error("cycles", f"1 to {MAX_CYCLES} cycles", f"{len(listed)} cycles")
    cycles = tuple(_cycle(index, item, fields) for index, item in enumerate(listed))
    if len({cycle.seq for cycle in cycles}) < len(cycles):
        raise fields.error("cycles", "each number once", "a number twice")
    return CycleBatch(device_id, boot, cycles)


def read_ack(payload: bytes) -> CycleAck:
    """Read ``dn/ack``. Raises as :func:`read_cycles`."""
    fields = unpack_json("dn/ack", payload)
    device_id, boot, upto = fields.text("device"), fields.uint("boot"), fields.uint("upto")
    also = fields.array("also")
    if not all(isinstance(seq, int) and not isinstance(seq, bool) for seq in also):
        raise fields.error("also", "an array of numbers", "something else")
    return CycleAck(device_id, boot, upto, tuple(cast(Sequence[int], also)))


def _cycle(index: int, item: object, batch: Fields) -> Cycle:
    at = f"cycles[{index}]"
    fields = _inner(at, item, batch)
    seq = fields.uint("seq")
    started_at, ended_at = fields.instant("started_ts"), fields.instant("ended_ts")
    if not started_at <= ended_at <= started_at + MAX_CYCLE:
        expected = f"an end from 0 to {MAX_CYCLE // timedelta(minutes=1)} min after the start"
        raise batch.error(f"{at}.ended_ts", expected, f"{round((ended_at - started_at).total_seconds())} s after it")
    setup_s = fields.optional_uint("setup_s", MAX_SETUP_S) or 0
    fault = fields.optional_text("fault", 32)
    if fault is not None:
        _require_printable(f"{at}.fault", fault, batch)
    rest = dict(fields.rest())
    badges = rest.pop("badges", None)
    badges = [] if badges is None else badges
    if not isinstance(badges, list) or len(badges) > MAX_BADGES:
        raise batch.error(f"{at}.badges", f"at most {MAX_BADGES} badges", type(badges).__name__)
    return Cycle(
        seq=seq,
        started_at=started_at,
        ended_at=ended_at,
        load_kg=_load_kg(rest.pop("load_kg", None), at, batch),
        setup_s=setup_s,
        badges=tuple(_badge(f"{at}.badges[{n}]", badge, batch) for n, badge in enumerate(badges)),
        fault=fault,
        extra=rest,
    )


def _badge(at: str, item: object, batch: Fields) -> BadgeSeen:
    fields = _inner(at, item, batch)
    seen = BadgeSeen(fields.text("badge"), fields.instant("from_ts"), fields.instant("to_ts"))
    _require_printable(f"{at}.badge", seen.badge, batch)
    if seen.to_at < seen.from_at:
        raise batch.error(f"{at}.to_ts", "not before from_ts", "earlier")
    return seen


def _require_printable(at: str, text: str, batch: Fields) -> None:
    # No database stores every control character, and half a character is none.
    if not text.isprintable():
        raise batch.error(at, "printable text", ascii(text)[:40])


def _load_kg(value: object, at: str, batch: Fields) -> float | None:
    if value is None:
        return None
    # Neither "not a number" nor infinity lies between the two.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_LOAD_KG:
        raise batch.error(f"{at}.load_kg", f"a number from 0 to {MAX_LOAD_KG}", repr(value)[:40])
    return float(value)


def _inner(at: str, item: object, batch: Fields) -> Fields:
    if not isinstance(item, dict):
        raise batch.error(at, "an object", type(item).__name__)
    return Fields(f"up/cycle {at}", cast("dict[str, Cbor]", item))

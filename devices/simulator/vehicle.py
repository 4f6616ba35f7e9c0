"""A simulated car's tracker: fixes from the legs it is given, kept until the server has them.

It gets messages and returns messages; who carries them is somebody else's business
(:class:`devices.simulator.vehicle_fleet.VehicleFleet`). The way from place to place is a bent line, so that the
odometer counts what the track shows; a parked receiver drifts by some metres, as real ones do.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from devices.driving.distance import great_circle_m
from devices.driving.messages import MAX_FIXES, FixBatch, read_ack
from devices.driving.model import Doubt, Fix, Mode, Position
from devices.keys.errors import ProtocolError
from devices.simulator.body import Outgoing

FIRMWARE = "sim-tracker-1"
EVERY_S = 10.0
PARKED_EVERY_S = 60.0
DETOUR_RATIO = 1.3
DRIFT_M = 8.0
#: so many fixes are sent together while driving: one message a minute
BATCH = 6
_M_PER_DEG = 111_195.0
_JUMP_DEG = 1.0
_BACK_M = 5_000


@dataclass(frozen=True, slots=True)
class DriveLeg:
    """From place to place, in world time."""

    start: Position
    end: Position
    departs_at: datetime
    arrives_at: datetime
    mode: Mode = Mode.BUSINESS


@dataclass(frozen=True, slots=True)
class Fault:
    """From an instant on, so many fixes are wrong: a place far away, or an odometer that runs backwards."""

    at: datetime
    kind: Doubt
    count: int = 2


def fixes_of(
    legs: Sequence[DriveLeg],
    *,
    odometer_m: int,
    seed: int,
    boot: int = 1,
    first_seq: int = 1,
    every_s: float = EVERY_S,
    parked_every_s: float = PARKED_EVERY_S,
    until: datetime | None = None,
    faults: Sequence[Fault] = (),
) -> list[Fix]:
    """What a tracker tells of these legs: the same seed, the same fixes.

    Parameters
    ----------
    legs
        In order of time, not overlapping.
    odometer_m
        What the odometer shows at the first departure.
    until
        How long the car stands at the end; three minutes where absent.

    Raises
    ------
    ValueError
        If a leg ends before it begins or before the one before it has ended.
    """
    random = Random(seed)
    fixes: list[Fix] = []
    counted_m = float(odometer_m)
    for number, leg in enumerate(legs):
        leaves_at = legs[number + 1].departs_at if number + 1 < len(legs) else until
        leaves_at = leaves_at or leg.arrives_at + timedelta(minutes=3)
        if not leg.departs_at < leg.arrives_at <= leaves_at:
            raise ValueError(f"Expected legs in order of time, got {leg} before {leaves_at}.")
        way = _Way(leg, counted_m)
        fixes += way.driving(every_s)
        counted_m += way.length_m
        fixes += _parked(leg, leaves_at, counted_m, parked_every_s, random)
    numbered = [replace(fix, boot=boot, seq=first_seq + i) for i, fix in enumerate(fixes)]
    for fault in faults:
        numbered = _with_fault(numbered, fault)
    return numbered


class SimulatedTracker:
    """One tracker.

    Parameters
    ----------
    vehicle_id
        Its random id.
    legs, odometer_m, seed, faults
        As :func:`fixes_of`.
    """

    def __init__(
        self,
        vehicle_id: str,
        legs: Sequence[DriveLeg],
        *,
        odometer_m: int,
        seed: int,
        until: datetime | None = None,
        every_s: float = EVERY_S,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.vehicle_id = vehicle_id
        self.boot = 1
        self._to_come = deque(
            fixes_of(legs, odometer_m=odometer_m, seed=seed, every_s=every_s, until=until, faults=faults)
        )
        self._held: deque[Fix] = deque()
        self._sent_seq = 0
        self._numbered = 0

    def change_plan(self, now: datetime, fixes: Sequence[Fix]) -> None:
        """Forget what was to come after an instant and take these fixes instead: the car drives elsewhere."""
        self._to_come = deque([*(fix for fix in self._to_come if fix.ts_at < now), *fixes])

    @property
    def held(self) -> int:
        """How many fixes the server has not acknowledged."""
        return len(self._held)

    @property
    def waiting_for_watermark(self) -> bool:
        """Whether something that was sent is not acknowledged."""
        return bool(self._held) and self._held[0].seq <= self._sent_seq

    @property
    def next_fix_at(self) -> datetime | None:
        """World time of the next fix, ``None`` when the last leg is told."""
        return self._to_come[0].ts_at if self._to_come else None

    def advance_to(self, now: datetime) -> list[Outgoing]:
        """Take fixes up to this world time; send them by the minute, and at once when the car is parked."""
        while self._to_come and self._to_come[0].ts_at <= now:
            # Numbered as they are taken: a plan that changes leaves no hole for the watermark to wait at.
            self._numbered += 1
            self._held.append(replace(self._to_come.popleft(), boot=self.boot, seq=self._numbered))
        unsent = [fix for fix in self._held if fix.seq > self._sent_seq]
        if len(unsent) < BATCH and not (unsent and not unsent[-1].ignition):
            return []
        return self._send(unsent)

    def connected(self) -> list[Outgoing]:
        """After every CONNECT: birth, and all the server lacks."""
        birth = f'{{"v":1,"device":"{self.vehicle_id}","boot":{self.boot},"firmware":"{FIRMWARE}"}}'
        return [Outgoing("birth", birth.encode(), 0.0), *self.repeat()]

    def repeat(self) -> list[Outgoing]:
        """Everything not acknowledged, once more."""
        return self._send(list(self._held))

    def last_will(self) -> bytes:
        """Payload of ``up/death``."""
        return f'{{"v":1,"device":"{self.vehicle_id}","boot":{self.boot}}}'.encode()

    def on_message(self, name: str, payload: bytes) -> list[Outgoing]:
        """Take one message from below ``dn``; what makes no sense is ignored."""
        if name == "ask":
            return self.connected()
        if name != "ack":
            return []
        try:
            ack = read_ack(payload)
        except ProtocolError:
            return []
        while ack.boot == self.boot and self._held and self._held[0].seq <= ack.upto_seq:
            self._held.popleft()
        return []

    def _send(self, fixes: Sequence[Fix]) -> list[Outgoing]:
        if not fixes:
            return []
        self._sent_seq = max(self._sent_seq, fixes[-1].seq)
        return [
            Outgoing("fix", FixBatch(self.vehicle_id, self.boot, tuple(fixes[i : i + MAX_FIXES])).encode(), 0.0)
            for i in range(0, len(fixes), MAX_FIXES)
        ]


class _Way:
    """A bent line between two places, as long as a road between them is."""

    def __init__(self, leg: DriveLeg, odometer_m: float) -> None:
        self._leg = leg
        self._odometer_m = odometer_m
        straight_m = great_circle_m(leg.start, leg.end)
        aside_m = straight_m / 2 * math.sqrt(DETOUR_RATIO**2 - 1)
        north = (leg.end.lat_deg - leg.start.lat_deg) * _M_PER_DEG
        narrow = math.cos(math.radians(leg.start.lat_deg))
        east = (leg.end.lon_deg - leg.start.lon_deg) * _M_PER_DEG * narrow
        length = math.hypot(north, east) or 1.0
        self._corner = Position(
            (leg.start.lat_deg + leg.end.lat_deg) / 2 + east / length * aside_m / _M_PER_DEG,
            (leg.start.lon_deg + leg.end.lon_deg) / 2 - north / length * aside_m / _M_PER_DEG / narrow,
        )
        self.length_m = great_circle_m(leg.start, self._corner) + great_circle_m(self._corner, leg.end)

    def driving(self, every_s: float) -> list[Fix]:
        """Fixes from departure until just before arrival."""
        leg = self._leg
        takes_s = (leg.arrives_at - leg.departs_at).total_seconds()
        speed_kmh = min(150.0, self.length_m / takes_s * 3.6)
        found = []
        for step in range(math.ceil(takes_s / every_s)):
            share = step * every_s / takes_s
            found.append(
                Fix(
                    boot=0,
                    seq=0,
                    ts_at=leg.departs_at + timedelta(seconds=step * every_s),
                    position=None if leg.mode is Mode.PRIVATE else self._at(share),
                    odometer_m=int(self._odometer_m + share * self.length_m),
                    ignition=True,
                    speed_kmh=0.0 if step == 0 else round(max(6.0, speed_kmh), 1),
                    mode=leg.mode,
                )
            )
        return found

    def _at(self, share: float) -> Position:
        a, b, part = self._leg.start, self._corner, share * 2
        if share > 0.5:
            a, b, part = self._corner, self._leg.end, share * 2 - 1
        return Position(
            round(a.lat_deg + (b.lat_deg - a.lat_deg) * part, 6), round(a.lon_deg + (b.lon_deg - a.lon_deg) * part, 6)
        )


def _parked(leg: DriveLeg, leaves_at: datetime, odometer_m: float, every_s: float, random: Random) -> list[Fix]:
    """Fixes of a car that stands: at arrival, then now and then, with some metres of drift."""
    found = []
    at = leg.arrives_at
    while at < leaves_at:
        drifted = Position(
            round(leg.end.lat_deg + random.gauss(0, DRIFT_M) / _M_PER_DEG, 6),
            round(leg.end.lon_deg + random.gauss(0, DRIFT_M) / _M_PER_DEG, 6),
        )
        position = None if leg.mode is Mode.PRIVATE else (leg.end if at == leg.arrives_at else drifted)
        found.append(Fix(0, 0, at, position, int(odometer_m), False, 0.0, leg.mode))
        at += timedelta(seconds=every_s)
    return found


def _with_fault(fixes: Sequence[Fix], fault: Fault) -> list[Fix]:
    wrong = {fix.key for fix in [fix for fix in fixes if fix.ts_at >= fault.at][: fault.count]}
    return [_wrong(fix, fault.kind) if fix.key in wrong else fix for fix in fixes]


def _wrong(fix: Fix, kind: Doubt) -> Fix:
    if kind is Doubt.ODOMETER_BACKWARDS:
        return replace(fix, odometer_m=max(0, fix.odometer_m - _BACK_M))
    if fix.position is None:
        return fix
    return replace(fix, position=Position(fix.position.lat_deg + _JUMP_DEG, fix.position.lon_deg))

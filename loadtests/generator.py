"""What the two generators, devices and people, have in common: their task, their start, what they hand over."""

import sys
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from loadtests.profile import Profile
from loadtests.world import World


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Broker(_Shape):
    """Where devices meet the platform."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None


class Task(_Shape):
    """One line on standard input: all a generator is told."""

    profile: Profile
    world: World
    urls: tuple[str, ...]
    broker: Broker
    out: Path


class Sent(_Shape):
    """An event of a lock, when it was handed to the client, and after how long its signed watermark was back.

    ``at_s`` is of the machine's monotonic clock, which all processes share. ``ack_s`` is ``None`` where none came.
    """

    device: str
    boot: int
    seq: int
    at_s: float
    ack_s: float | None


class DeviceResult(_Shape):
    """What the devices saw."""

    sent: list[Sent]
    #: other devices' messages: (instant, seconds to the acknowledgement)
    others: list[tuple[float, float]]
    #: events of each lock that were acknowledged, by lock and start, and how many were not
    acknowledged: dict[str, int]
    unacknowledged: int
    recovered_s: float | None = Field(description="From the moment all came back; None if never, or no storm.")


class Sample(_Shape):
    """One request. ``ms`` is its time; ``error`` is empty where it went well."""

    name: str
    at_s: float
    ms: float
    error: str = ""


class PeopleResult(_Shape):
    """What tablets, planners and citizens saw."""

    samples: list[Sample]
    #: events of locks on the planners' streams: device, boot, seq, instant
    board: list[tuple[str, int, int, float]]
    facts_lost: int
    facts_sent: int
    #: from the moment all came back until the last tablet had sent all it kept
    recovered_s: float | None
    #: how late the generator itself was, 99 of 100, milliseconds: high means that it is the bottleneck
    lag_p99_ms: float


def read_task() -> Task:
    """The task of this process."""
    return Task.model_validate_json(sys.stdin.readline())


def wait_for_start() -> float:
    """Say that everything is connected, and wait for the instant everybody begins at (monotonic seconds)."""
    print("ready", flush=True)
    return float(sys.stdin.readline())


def sleep_until(at_s: float) -> None:
    """Sleep until an instant of the monotonic clock."""
    wait_s = at_s - time.monotonic()
    if wait_s > 0:
        time.sleep(wait_s)

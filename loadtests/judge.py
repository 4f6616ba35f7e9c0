"""Measured against limit, line by line, and what broke first. Pure: figures in, verdict lines out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.load_verdict import Line
from loadtests.profile import FailedRequests, Latency, Limit, Lost, Profile, Profiles, Recovery, RequestTime


@dataclass(frozen=True, slots=True)
class Timed:
    """One measured time: when it began, seconds after the start, and the milliseconds; infinite: it never ended."""

    at_s: float
    ms: float


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and whether it failed."""

    name: str
    time: Timed
    failed: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything a run measured."""

    requests: Sequence[Request]
    committed: Sequence[Timed]
    live_board: Sequence[Timed]
    messages_sent: int
    messages_lost: int
    facts_sent: int
    facts_lost: int
    recovered_s: float | None
    failures: Counter[str] = field(default_factory=Counter)


def judge(profiles: Profiles, profile: Profile, measured: Measured) -> list[Line]:
    """One line per limit of the profile, in its order."""
    return [_line(name, profiles.limits[name], allowed, profile, measured) for name, allowed in profile.limits.items()]


def broke_first(lines: Sequence[Line]) -> str | None:
    """The line whose limit was first beyond saving; ``None`` where all hold."""
    broken = [line for line in lines if not line.ok]
    first = min(broken, key=lambda line: line.broke_at_s if line.broke_at_s is not None else float("inf"), default=None)
    return first.id if first else None


def _line(name: str, limit: Limit, allowed: float, profile: Profile, measured: Measured) -> Line:
    match limit.measure:
        case RequestTime(request=wanted, percentile=percentile):
            times = [r.time for r in measured.requests if r.name == wanted and not r.failed]
            found = _percentile(times, percentile, allowed)
        case Latency(of=of, percentile=percentile):
            found = _percentile(measured.committed if of == "committed" else measured.live_board, percentile, allowed)
        case FailedRequests():
            found = _failed(measured.requests, allowed)
        case Lost(of=of):
            sent = measured.messages_sent if of == "messages" else measured.facts_sent
            lost = measured.messages_lost if of == "messages" else measured.facts_lost
            found = _Found(float(lost) if sent else None, sent, profile.seconds)
        case Recovery():
            found = _recovery(measured.recovered_s, allowed, profile)
    ok = found.value is not None and found.value <= allowed
    return Line(
        id=name,
        da=limit.da,
        en=limit.en,
        unit=limit.unit,
        limit=allowed,
        measured=None if found.value is None or found.value == float("inf") else round(found.value, 4),
        samples=found.samples,
        ok=ok,
        broke_at_s=None if ok else found.broke_at_s,
        source=limit.source,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    value: float | None
    samples: int
    #: when the limit was beyond saving, if it was broken
    broke_at_s: float | None


def _percentile(times: Sequence[Timed], percentile: float, allowed_ms: float) -> _Found:
    """Nearest rank. It was beyond saving with the first slow one more than the rank lets pass."""
    if not times:
        return _Found(None, 0, None)
    ordered = sorted(t.ms for t in times)
    rank = min(len(ordered) - 1, int(percentile / 100 * len(ordered)))
    may_be_slow = len(ordered) - rank - 1
    # Too slow is known as soon as the limit has passed, however long it takes in the end.
    slow = sorted(t.at_s + allowed_ms / 1000 for t in times if t.ms > allowed_ms)
    return _Found(ordered[rank], len(ordered), slow[may_be_slow] if len(slow) > may_be_slow else None)


def _failed(requests: Sequence[Request], allowed_ratio: float) -> _Found:
    if not requests:
        return _Found(None, 0, None)
    failed = sorted(r.time.at_s + r.time.ms / 1000 for r in requests if r.failed)
    may_fail = int(allowed_ratio * len(requests))
    return _Found(len(failed) / len(requests), len(requests), failed[may_fail] if len(failed) > may_fail else None)


def _recovery(recovered_s: float | None, allowed_s: float, profile: Profile) -> _Found:
    back_s = profile.storm.back_after_s if profile.storm else 0.0
    # Never is a measurement too: it was beyond saving when the time was up.
    return _Found(float("inf") if recovered_s is None else recovered_s, 1, back_s + allowed_s)

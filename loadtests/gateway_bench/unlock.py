"""G5, G6, G7: a door through the whole platform, its motor taking no time, against what it is made of.

An unlock is timed from the tap to the commit of *Låst op*, on the platform of
:mod:`loadtests.gateway_bench.doors`. Beside it, in the same run: no-op requests, round trips over the same broker
without cryptography, the signatures and checks of one opening, and commits.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from devices.broker import Delivery, Publication
from devices.connections import BrokerConnection
from devices.inbox import counter_store
from devices.keys.cose import MessageKind, SigningKey, VerifyingKey, lock_trust, sign, verify
from devices.keys.model import Operation
from devices.simulator.holder import HolderKey
from loadtests.gateway_bench.doors import Doors, doors
from loadtests.gateway_bench.goal import Line, percentile

_WAIT_S = 30.0


def measure(directory: Path, openings: int, seconds: float) -> list[Line]:
    """All three goals on one running application."""
    with doors(directory) as town:
        for number in range(len(town.tablets)):
            town.open(number)
        alone_s = [town.open(number % len(town.tablets)) for number in range(openings)]
        floor = _floor(town)
        open_s, at_40_ms = _open_loop(town, seconds)
        busy, noop = _at_once(town, seconds)
        people = len(town.tablets)
    p50_s = statistics.median(alone_s)
    ratio = p50_s / sum(floor.values())
    made_of = " + ".join(f"{1000 * value:.2f} {name}" for name, value in floor.items())
    p99_s = percentile(open_s, 0.99)
    alone = f"p50 {1000 * p50_s:.1f} ms = {ratio:.2f}x of {1000 * sum(floor.values()):.2f} ms ({made_of})"
    return [
        Line("G5", "one after the other: p50 ≤ 1.5x of its parts", alone, ratio <= 1.5),
        Line("G6", "20 a second: p99 ≤ 25 ms", f"p99 {1000 * p99_s:.1f} ms of {len(open_s)} unlocks", p99_s <= 0.025),
        Line("G6", "no 40 ms mode: < 1 % of round trips in 35–50 ms", f"{at_40_ms:.1%}", at_40_ms < 0.01),
        Line(
            "G7",
            f"{people} at once: ≥ 15 % of no-op requests a second",
            f"{busy:.0f} unlocks/s, {noop:.0f} no-ops/s: {busy / noop:.0%}",
            busy / noop >= 0.15,
        ),
    ]


def _floor(town: Doors) -> dict[str, float]:
    """What an opening is made of, medians in seconds."""
    tablet = town.tablets[0][0]
    no_op_s = _median(lambda: tablet.call("GET", "/healthz"), 200)
    with _echo(town) as echo:
        trip_s = _median(echo, 200)
    return {
        "two no-op requests": 2 * no_op_s,
        "two round trips": 2 * trip_s,
        "cryptography": _crypto_s(),
        "two commits": 2 * _median(lambda: _commit(town), 100),
    }


def _median(act: Callable[[], object], times: int) -> float:
    took_s = []
    for _ in range(times):
        began_s = time.perf_counter()
        act()
        took_s.append(time.perf_counter() - began_s)
    return statistics.median(took_s)


@contextmanager
def _echo(town: Doors) -> Iterator[Callable[[], None]]:
    """A device that says back what it hears, and somebody who asks and waits."""
    base, heard = "omsorgstid/v1/bench/echo/e", Event()
    address = town.broker

    def back(delivery: Delivery) -> None:
        device.publish(Publication(f"{base}/said", delivery.payload))

    device = BrokerConnection(address, "bench-echo", [f"{base}/asked"], back, acknowledge=True, session_expiry_s=0)
    asker = BrokerConnection(
        address, "bench-asker", [f"{base}/said"], lambda _: heard.set(), acknowledge=True, session_expiry_s=0
    )
    for connection in (device, asker):
        connection.start()
        connection.wait_up(_WAIT_S)

    def ask() -> None:
        heard.clear()
        asker.publish(Publication(f"{base}/asked", bytes(300)))
        if not heard.wait(_WAIT_S):
            raise TimeoutError("Expected the echo to come back.")

    yield ask
    for connection in (device, asker):
        connection.stop()


def _crypto_s() -> float:
    """Signatures and checks of one opening: the proof made and checked on both sides, grant, answer and event."""
    key, holder = SigningKey(bytes(range(32))), HolderKey.generate()
    trust = lock_trust(VerifyingKey(key.public_bytes))
    made_s = _median(lambda: holder.prove("lock", Operation.OPEN, bytes(16), bytes(16)), 200)
    signed = sign(MessageKind.EVENT, bytes(150), key)
    sign_s = _median(lambda: sign(MessageKind.EVENT, bytes(150), key), 200)
    check_s = _median(lambda: verify(MessageKind.EVENT, signed, trust), 200)
    # Grant: checked by gateway and lock. Answer and event: signed by the lock, checked by the inbox. Watermark: signed.
    return made_s * 3 + 3 * sign_s + 4 * check_s


def _commit(town: Doors) -> None:
    with town.database.writing() as session:
        counter_store.count(session, {"accepted": 1})


def _open_loop(town: Doors, seconds: float) -> tuple[list[float], float]:
    count, took_s = int(20 * seconds), list[float]()
    trips_s: list[float] = []
    with _echo(town) as echo, ThreadPoolExecutor(len(town.tablets)) as pool:
        waiting = []
        start_s = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, start_s + number / 20 - time.monotonic()))
            waiting.append(pool.submit(town.open, number % len(town.tablets)))
            began_s = time.perf_counter()
            echo()
            trips_s.append(time.perf_counter() - began_s)
        took_s = [done.result() for done in waiting]
    return took_s, sum(0.035 <= trip <= 0.05 for trip in trips_s) / len(trips_s)


def _at_once(town: Doors, seconds: float) -> tuple[float, float]:
    """Unlocks and no-op requests a second, by everybody at once."""
    everybody = range(len(town.tablets))

    def rate(act: Callable[[int], object]) -> float:
        until_s = time.monotonic() + seconds

        def work(number: int) -> int:
            done = 0
            while time.monotonic() < until_s:
                # Who is too late is told so and taps again; only doors that opened count.
                with suppress(TimeoutError):
                    act(number)
                    done += 1
            return done

        with ThreadPoolExecutor(len(town.tablets)) as pool:
            return sum(pool.map(work, everybody)) / seconds

    def no_op(number: int) -> None:
        town.tablets[number][0].call("GET", "/healthz")

    return rate(town.open), rate(no_op)

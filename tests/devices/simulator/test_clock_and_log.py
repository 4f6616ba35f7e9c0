"""The lock's clock believes only what it asked for; its log deletes only what is acknowledged."""

from dataclasses import replace
from datetime import timedelta

import pytest

from devices.keys.chain import GAP, ChainEvent, ChainState, Verdict, verify_links
from devices.keys.control import Ack, SignedTime, ack_of
from devices.keys.cose import SigningKey, lock_trust
from devices.keys.model import ClockState
from devices.simulator.clock import LockClock
from devices.simulator.log import CAPACITY, EventLog
from kernel.clock import ManualLinkClock, SimulatedWorldClock
from tests.devices.simulator.door_bench import LOCK_ID, NOW_AT

NONCE = bytes(16)


class ClockBench:
    """A lock clock with the two clocks that move it."""

    def __init__(self, drift_ppm: float = 0.0) -> None:
        self.world, self.link = SimulatedWorldClock(NOW_AT), ManualLinkClock()
        self.clock = LockClock(self.world, self.link, drift_ppm)

    def told(self, off_s: float = 0.0, under_way_s: float = 0.1, nonce: bytes = NONCE) -> bool:
        """Ask, wait, and get an answer that is off by some seconds."""
        self.clock.ask(NONCE)
        self.link.advance(under_way_s)
        return self.clock.accept(SignedTime(LOCK_ID, nonce, self.world.now() + timedelta(seconds=off_s)))


def test_a_fast_clock_of_20_ppm_is_52_seconds_ahead_after_thirty_days() -> None:
    bench = ClockBench(drift_ppm=20)
    bench.world.advance_to(NOW_AT + timedelta(days=30))

    own_at = bench.clock.now_at()

    assert own_at is not None
    assert (own_at - bench.world.now()).total_seconds() == pytest.approx(51.84, abs=0.01)
    assert bench.told()
    assert bench.clock.state is ClockState.OK


@pytest.mark.parametrize(
    ("off_s", "under_way_s", "believed", "state"),
    [
        pytest.param(0, 0.1, True, ClockState.OK, id="quick"),
        pytest.param(0, 2.0, True, ClockState.OK, id="just quick enough"),
        pytest.param(0, 2.1, True, ClockState.UNSURE, id="ferried by a tablet"),
        pytest.param(0, 900, True, ClockState.UNSURE, id="ferried for a quarter of an hour"),
        pytest.param(0, 900.1, False, ClockState.LOST, id="ferried too long"),
        pytest.param(-3_600, 0.1, False, ClockState.LOST, id="before the last time it knew"),
        pytest.param(3_600, 0.1, True, ClockState.OK, id="long after"),
    ],
)
def test_a_lost_clock_takes_only_its_own_fresh_answer_and_never_an_earlier_time(
    off_s: float, under_way_s: float, believed: bool, state: ClockState
) -> None:
    bench = ClockBench()
    bench.clock.lose()

    assert bench.told(off_s, under_way_s) is believed
    assert bench.clock.state is state


def test_a_lost_clock_knows_no_time() -> None:
    bench = ClockBench()
    bench.clock.lose()

    assert (bench.clock.interval(), bench.clock.now_at()) == (None, None)


def test_a_ferried_time_is_an_interval_and_ends_a_quarter_of_an_hour_after_the_question() -> None:
    bench = ClockBench()
    bench.clock.lose()
    bench.told(under_way_s=300)

    interval = bench.clock.interval()
    assert interval is not None
    assert interval.high_at - interval.low_at == timedelta(seconds=300)
    bench.link.advance(600.1)
    assert bench.clock.state is ClockState.LOST


def test_a_running_clock_is_not_moved_back_nor_set_by_a_slow_answer() -> None:
    bench = ClockBench()
    bench.world.advance_to(NOW_AT + timedelta(days=1))
    before = bench.clock.now_at()

    assert not bench.told(off_s=-60)
    assert not bench.told(under_way_s=5)
    assert bench.clock.now_at() == before


def test_time_for_a_nonce_nobody_sent_or_sent_twice_is_not_believed() -> None:
    bench = ClockBench()
    bench.clock.lose()

    assert not bench.told(nonce=b"\x01" * 16)
    assert bench.told()
    assert not bench.clock.accept(SignedTime(LOCK_ID, NONCE, NOW_AT))


def test_only_the_last_four_questions_are_remembered() -> None:
    bench = ClockBench()
    for number in range(5):
        bench.clock.ask(bytes([number]) * 16)

    believed = [bench.clock.accept(SignedTime(LOCK_ID, bytes([n]) * 16, NOW_AT)) for n in range(5)]

    assert believed == [False, True, True, True, True]


KEY = SigningKey(bytes(range(32)))
TRUST = lock_trust(KEY.verifying_key)
DRAFT = ChainEvent(LOCK_ID, 1, 0, NOW_AT, 0, "door_ajar", None, None, 5_900, b"", None)


class LogBench:
    """A log, and a server that reads it."""

    def __init__(self) -> None:
        self.log = EventLog(LOCK_ID, KEY)
        self.state = ChainState.start(LOCK_ID)

    def write(self, count: int) -> None:
        """Let things happen."""
        for _ in range(count):
            self.log.record(DRAFT, bytes(16), b"payload")

    def read(self) -> list[ChainEvent]:
        """Read all the server lacks."""
        events: list[ChainEvent] = []
        for batch in self.log.batches(self.log.last_ack + 1):
            report = verify_links(self.state, [logged.raw for logged in batch.events], TRUST)
            assert report.verdict is Verdict.OK, report.detail
            self.state = report.state
            events.extend(signed.event for signed in report.fresh)
        return events


def test_a_thousand_events_are_held_and_read_back_in_order() -> None:
    bench = LogBench()
    bench.write(CAPACITY)

    assert [event.seq for event in bench.read()] == list(range(1, CAPACITY + 1))
    assert bench.log.acknowledge(ack_of(bench.state))
    assert (bench.log.held, bench.log.last_ack) == (0, CAPACITY)


def test_beyond_that_the_oldest_become_one_signed_gap_and_the_chain_goes_on() -> None:
    bench = LogBench()
    bench.write(CAPACITY + 25)

    events = bench.read()

    gap = events[0]
    assert (gap.type, gap.from_seq, gap.seq, gap.result) == (GAP, 1, 25, "overflow")
    assert [event.seq for event in events[1:]] == list(range(26, CAPACITY + 26))
    assert bench.log.acknowledge(ack_of(bench.state))
    assert list(bench.log.batches(0)) == []


def test_an_acknowledgement_from_inside_the_gap_shortens_it() -> None:
    bench = LogBench()
    bench.write(10)
    bench.read()
    ten = ack_of(bench.state)
    bench.write(CAPACITY + 5)

    assert bench.log.acknowledge(ten)
    events = bench.read()

    assert (events[0].type, events[0].from_seq, events[0].seq) == (GAP, 11, 15)
    assert events[-1].seq == CAPACITY + 15


def test_an_acknowledgement_of_exactly_the_gap_needs_its_hash() -> None:
    bench = LogBench()
    bench.write(CAPACITY + 3)
    gap = verify_links(bench.state, [next(bench.log.batches(0)).events[0].raw], TRUST).state

    assert not bench.log.acknowledge(replace(ack_of(gap), head=bytes(32)))
    assert bench.log.acknowledge(ack_of(gap))
    assert (bench.log.last_ack, bench.log.held) == (3, CAPACITY)


def test_the_watermark_never_goes_back() -> None:
    bench = LogBench()
    bench.write(3)
    bench.read()
    three = ack_of(bench.state)

    assert bench.log.acknowledge(three)
    assert not bench.log.acknowledge(three)
    assert not bench.log.acknowledge(Ack(LOCK_ID, 1, 2, bytes(32)))
    assert bench.log.last_ack == 3


def test_a_log_smaller_than_the_protocol_asks_for_is_a_wrong_argument() -> None:
    with pytest.raises(ValueError, match="at least 1000"):
        EventLog(LOCK_ID, KEY, CAPACITY - 1)

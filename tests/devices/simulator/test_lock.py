"""A simulated lock lives: it opens, jams, starts again, loses network and clock, and tells all of it."""

from dataclasses import replace
from datetime import timedelta

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.keys.answer import read_answer
from devices.keys.chain import ChainState, SignedEvent, Verdict, commit, verify_links
from devices.keys.control import Cfg, Crl, sign_cfg, sign_crl
from devices.keys.messages import Ask, Birth, CfgReport, Death, EventBatch, decode_message
from devices.keys.model import Bolt, ClockState, LockResult, Operation
from devices.keys.topics import Direction
from devices.simulator.behaviour import FAULTLESS, LockBehaviour
from devices.simulator.body import Outgoing
from devices.simulator.holder import HolderKey
from tests.devices.simulator.door_bench import LOCK_ID, NOW_AT, DoorBench

UP = Direction.UP


def _birth(out: list[Outgoing]) -> Birth:
    message = decode_message(UP, out[0].name, out[0].payload)
    assert isinstance(message, Birth)
    return message


def test_a_start_tells_its_boot_number_where_its_log_goes_on_and_what_the_server_lacks() -> None:
    door = DoorBench()
    door.send(door.command())

    out = door.lock.power_on()

    birth = _birth(out)
    assert (birth.boot, birth.next_seq, birth.last_ack, birth.clock) == (2, 4, 0, ClockState.OK)
    assert [each.name for each in out] == ["birth", "evt"]
    assert [signed.event.type for signed in door.take(out)] == ["boot"]
    assert decode_message(UP, "death", door.lock.last_will()) == Death(LOCK_ID, 2)


def test_an_opening_is_answered_recorded_and_committed_to() -> None:
    door = DoorBench(LockBehaviour(jam_ratio=0, clock_lost_ratio=0))
    command = door.command()

    answer_out, evt_out = door.lock.on_message("open", command.encode())

    answer = read_answer(answer_out.payload, door.trust)
    batch = decode_message(UP, "evt", evt_out.payload)
    assert isinstance(batch, EventBatch)
    (event,) = door.take([evt_out])
    assert (answer.result, answer.seq, answer.cti) == (LockResult.OPENED, event.event.seq, door.grant().cti)
    assert 1_000 <= answer.motor_ms <= 3_000
    assert answer_out.delay_s == evt_out.delay_s == answer.motor_ms / 1000
    salt, payload = batch.events[0].salt, batch.events[0].payload
    assert salt is not None
    assert payload is not None
    assert commit(salt, payload) == event.event.commitment
    assert door.lock.bolt is Bolt.UNLOCKED


def test_a_grant_to_lock_locks() -> None:
    door = DoorBench()
    door.send(door.command())

    answer = door.send(door.command(op=Operation.LOCK))

    assert (answer.result, answer.bolt) == (LockResult.LOCKED, Bolt.LOCKED)


def test_a_jam_is_told_and_leaves_the_bolt_unknown() -> None:
    door = DoorBench(replace(FAULTLESS, jam_ratio=1.0))

    answer = door.send(door.command())

    assert (answer.result, answer.bolt) == (LockResult.JAMMED, Bolt.UNKNOWN)


def test_an_empty_battery_is_not_tried_and_a_new_one_opens_once_the_clock_is_set() -> None:
    door = DoorBench()
    door.lock.set_battery(FAULTLESS.battery_empty_mv)
    flat = door.send(door.command())

    out = door.lock.change_battery()
    door.take(out)
    unsure = door.send(door.command())
    door.tell_time(next(each for each in out if each.name == "time"), NOW_AT)
    good = door.send(door.command())

    assert (flat.code, unsure.code, good.result) == ("battery_low", "clock_unsure", LockResult.OPENED)
    assert (unsure.ts_at, good.ts_at) == (None, NOW_AT)


def test_a_battery_wears_with_the_motor() -> None:
    door = DoorBench(replace(FAULTLESS, battery_drop_uv=1_500))
    door.lock.set_battery(6_000)

    levels = [door.send(door.command()).battery_mv for _ in range(4)]

    assert [6_000 - level for level in levels] == [2, 3, 5, 6]


def test_a_limited_grant_opens_as_often_as_it_says_also_over_a_start() -> None:
    door = DoorBench()
    grant = door.grant(max_uses=2)
    first = door.send(door.command(grant))
    door.take(door.lock.power_on())

    results = [first.result, *(door.send(door.command(grant)).result for _ in range(2))]

    assert results == [LockResult.OPENED, LockResult.OPENED, LockResult.DENIED]


def test_counters_of_grants_long_over_make_room() -> None:
    door = DoorBench()
    door.send(door.command(door.grant(max_uses=1, number=1)))
    door.pass_world(hours=4)
    later = door.world.now()
    grant = door.grant(number=2, max_uses=1, nbf_at=later, exp_at=later + timedelta(minutes=60))

    door.send(door.command(grant))

    assert list(door.lock.access.uses) == [(2).to_bytes(16, "big")]


def test_a_door_for_two_opens_on_the_second_holder_and_answers_both() -> None:
    door = DoorBench()
    mettes = door.grant(door.mette, 1, dual=True)
    alis = door.grant(door.ali, 2, dual=True)
    first_command = door.command(mettes)
    first = door.send(first_command)
    door.link.advance(60.0)

    out = door.lock.on_message("open", door.command(alis, door.ali).encode())

    answers = [read_answer(each.payload, door.trust) for each in out if each.name == "answer"]
    assert (first.result, first.bolt) == (LockResult.PENDING, Bolt.LOCKED)
    assert {answer.result for answer in answers} == {LockResult.OPENED}
    assert {answer.cti for answer in answers} == {mettes.cti, alis.cti}
    assert first_command.request in {answer.request for answer in answers}


@pytest.mark.parametrize("second", ["same key", "same grant", "too late", "revoked meanwhile", "after a start"])
def test_a_door_for_two_stays_shut_for_anything_less_than_two(second: str) -> None:
    door = DoorBench()
    door.send(door.command(door.grant(door.mette, 1, dual=True)))
    holder, number = door.ali, 2
    match second:
        case "same key":
            holder = door.mette
        case "same grant":
            number = 1
        case "too late":
            door.link.advance(60.001)
        case "revoked meanwhile":
            door.take(
                door.lock.on_message("crl", sign_crl(Crl(LOCK_ID, 1, 0, (), (door.mette.thumbprint,)), door.service))
            )
        case _:
            door.take(door.lock.power_on())

    answer = door.send(door.command(door.grant(holder, number, dual=True), holder))

    assert (answer.result, door.lock.bolt) == (LockResult.PENDING, Bolt.LOCKED)


def test_asked_again_the_lock_repeats_its_answer_or_says_it_knows_of_none() -> None:
    door = DoorBench()
    command = door.command()
    said = door.lock.on_message("open", command.encode())[0].payload

    (again,) = door.lock.on_message("ask", Ask(command.request).encode())
    (unknown,) = door.lock.on_message("ask", Ask(b"\x99" * 16).encode())

    assert again.payload == said
    answer = read_answer(unknown.payload, door.trust)
    assert (answer.result, answer.bolt) == (LockResult.NONE, Bolt.UNLOCKED)


def test_asked_with_nothing_the_lock_gives_its_birth() -> None:
    door = DoorBench()

    assert _birth(door.lock.on_message("ask", Ask().encode())).boot == 1


def test_only_the_last_64_answers_are_remembered() -> None:
    door = DoorBench()
    oldest = door.command()
    door.send(oldest)
    for _ in range(64):
        door.send(door.command())

    assert door.send(oldest).code == "stale_challenge"


def test_a_start_may_cost_the_clock_and_then_the_lock_asks_for_the_time() -> None:
    door = DoorBench(replace(FAULTLESS, clock_lost_ratio=1.0))

    out = door.lock.power_on()

    assert _birth(out).clock is ClockState.LOST
    assert [each.name for each in out] == ["birth", "time", "evt"]


def test_the_log_is_handed_out_to_who_may_read_it() -> None:
    door = DoorBench()
    door.send(door.command())

    out = door.lock.on_message("open", door.command(op=Operation.READ_LOG).encode())

    assert [each.name for each in out] == ["answer", "evt"]
    report = _read_from_start(door, out)
    assert [signed.event.type for signed in report] == ["boot", "opened", "read"]


def test_the_log_is_not_handed_out_to_who_may_only_open() -> None:
    door = DoorBench()
    grant = door.grant(scope=frozenset({Operation.OPEN, Operation.LOCK}))

    out = door.lock.on_message("open", door.command(grant, op=Operation.READ_LOG).encode())

    assert read_answer(out[0].payload, door.trust).code == "not_in_scope"
    assert [signed.event.type for signed in door.take(out)] == ["denied"]


@pytest.mark.parametrize("emergency", [True, False])
def test_an_emergency_opens_like_any_other_and_stands_in_the_signed_log_as_one(emergency: bool) -> None:
    door = DoorBench()

    out = door.lock.on_message("open", door.command(door.grant(emergency=emergency)).encode())

    assert read_answer(out[0].payload, door.trust).result is LockResult.OPENED
    batch = decode_message(UP, "evt", out[1].payload)
    assert isinstance(batch, EventBatch)
    (logged,) = batch.events
    assert logged.salt is not None
    assert logged.payload is not None
    assert cbor2.loads(logged.payload)["emergency"] is emergency
    (signed,) = door.take(out)
    assert signed.event.commitment == commit(logged.salt, logged.payload)


def _read_from_start(door: DoorBench, out: list[Outgoing]) -> list[SignedEvent]:
    state, events = ChainState.start(LOCK_ID), list[SignedEvent]()
    for each in out:
        if each.name == "evt":
            batch = decode_message(UP, "evt", each.payload)
            assert isinstance(batch, EventBatch)
            report = verify_links(state, [logged.raw for logged in batch.events], door.trust)
            assert report.verdict is Verdict.OK
            state = report.state
            events.extend(report.fresh)
    return events


def test_new_settings_are_taken_over_reported_and_recorded_once() -> None:
    door = DoorBench()
    raw = sign_cfg(Cfg(LOCK_ID, 3, {"ajar_s": 90}), door.service)

    out = door.lock.on_message("cfg", raw)

    report = decode_message(UP, out[0].name, out[0].payload)
    assert isinstance(report, CfgReport)
    assert (report.cfg_version, report.settings) == (3, {"ajar_s": 90})
    assert [signed.event.type for signed in door.take(out)] == ["cfg"]
    assert door.lock.on_message("cfg", raw) == []


def test_the_same_seed_lives_the_same_day_byte_for_byte_and_another_seed_another() -> None:
    def day(seed: int) -> list[bytes]:
        door = DoorBench(LockBehaviour(clock_lost_ratio=0), seed)
        sent: list[bytes] = []
        for _ in range(5):
            sent += [each.payload for each in door.lock.on_message("open", door.command().encode())]
            door.pass_world(minutes=3)
        return sent

    assert day(1) == day(1)
    assert day(1) != day(2)


def test_a_holder_key_is_the_same_for_the_same_seed_only() -> None:
    assert HolderKey.seeded("a").thumbprint == HolderKey.seeded("a").thumbprint
    assert len({HolderKey.seeded("a").thumbprint, HolderKey.seeded("b").thumbprint}) == 2
    assert HolderKey.generate().thumbprint != HolderKey.generate().thumbprint


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(("open", "lose", "restart", "connect", "ack", "wait")), max_size=14))
def test_whatever_gets_lost_on_the_way_the_server_ends_with_every_event_once(steps: list[str]) -> None:
    door = DoorBench()
    read = [1]  # the bench has read the first start
    for step in steps:
        match step:
            case "open":
                door.link.advance(1)
                out = door.lock.on_message("open", door.command().encode())
                read += _after_gap(door, out)
            case "lose":
                door.lock.on_message("open", door.command().encode())
            case "restart":
                read += _after_gap(door, door.lock.power_on())
            case "connect":
                read += _after_gap(door, door.lock.connected())
            case "ack":
                door.acknowledge()
            case _:
                door.pass_world(minutes=1)
    read += _after_gap(door, door.lock.connected())

    assert read == list(range(1, door.lock.log.next_seq))


def _after_gap(door: DoorBench, out: list[Outgoing]) -> list[int]:
    """Read as the server does: what is missing is asked for."""
    batches = [decode_message(UP, "evt", each.payload) for each in out if each.name == "evt"]
    raws = [logged.raw for batch in batches if isinstance(batch, EventBatch) for logged in batch.events]
    if verify_links(door.state, raws, door.trust).verdict is Verdict.GAP:
        out = door.lock.on_message("ask", Ask(from_seq=door.state.seq + 1).encode())
    return [signed.event.seq for signed in door.take(out)]

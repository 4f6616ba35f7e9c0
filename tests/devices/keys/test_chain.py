"""The lock's log: whole, forked, cut or forged, and what a reader concludes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.chain import (
    GAP,
    ChainEvent,
    ChainState,
    SignedEvent,
    Verdict,
    commit,
    extend_chain,
    genesis,
    read_event,
    sign_event,
    verify_links,
)
from devices.keys.control import ack_of
from devices.keys.cose import MessageKind, SigningKey, lock_trust, sign
from devices.keys.errors import MessageError

LOCK = "lock-1"
KEY = SigningKey(bytes(range(32)))
TRUST = lock_trust(KEY.verifying_key)
START = ChainState.start(LOCK)
DRAFT = ChainEvent(
    lock=LOCK,
    boot=1,
    seq=0,
    ts_at=datetime(2026, 11, 25, 9, 0, tzinfo=UTC),
    uptime_ms=120_000,
    type="opened",
    cti=bytes(16),
    result=None,
    battery_mv=5_900,
    prev=b"",
    commitment=commit(bytes(16), b"payload"),
)


def _chain(length: int, key: SigningKey = KEY, start: ChainState = START) -> list[SignedEvent]:
    events: list[SignedEvent] = []
    state = start
    for number in range(length):
        signed, state = extend_chain(state, replace(DRAFT, lock=start.lock, uptime_ms=number), key)
        events.append(signed)
    return events


def _raw(events: list[SignedEvent]) -> list[bytes]:
    return [signed.raw for signed in events]


EVENTS = _chain(8)
KNOWN = {signed.event.seq: signed.head for signed in EVENTS}
AFTER = [ChainState(LOCK, 1, seq, KNOWN[seq]) if seq else START for seq in range(9)]


@given(st.lists(st.integers(0, 8), max_size=4).map(sorted))
def test_a_chain_read_in_any_pieces_ends_in_the_same_state(cuts: list[int]) -> None:
    state, fresh = START, 0
    for begin, end in zip([0, *cuts], [*cuts, 8], strict=True):
        report = verify_links(state, _raw(EVENTS[begin:end]), TRUST)
        assert report.verdict is Verdict.OK
        state, fresh = report.state, fresh + len(report.fresh)

    assert (state, fresh) == (AFTER[8], 8)


def test_numbers_and_links_are_the_chains_to_say() -> None:
    assert [signed.event.seq for signed in EVENTS] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert EVENTS[0].event.prev == genesis(LOCK)
    assert [signed.event.prev for signed in EVENTS[1:]] == [signed.head for signed in EVENTS[:-1]]


def test_an_event_read_back_is_the_event_that_was_signed() -> None:
    assert read_event(EVENTS[3].raw, TRUST) == EVENTS[3]


def test_fields_nobody_knows_are_kept_and_stay_under_the_signature() -> None:
    signed = sign_event(replace(EVENTS[0].event, extra={"temp_mC": 21_500}), KEY)

    assert read_event(signed.raw, TRUST).event.extra == {"temp_mC": 21_500}
    assert signed.head != EVENTS[0].head


def test_a_batch_delivered_again_is_a_duplicate_and_changes_nothing() -> None:
    report = verify_links(AFTER[8], _raw(EVENTS[2:8]), TRUST, KNOWN)

    assert (report.verdict, report.duplicates, report.fresh) == (Verdict.DUPLICATE, 6, ())
    assert report.state == AFTER[8]


def test_a_batch_half_known_brings_its_new_half() -> None:
    report = verify_links(AFTER[4], _raw(EVENTS[2:8]), TRUST, KNOWN)

    assert (report.verdict, report.duplicates) == (Verdict.OK, 2)
    assert [signed.event.seq for signed in report.fresh] == [5, 6, 7, 8]


OTHER = SigningKey(b"\x05" * 32)
FORKED = _chain(1, start=AFTER[3])[0]  # another event 4 after the same event 3
REBOOTED = replace(AFTER[3], boot=2)


@pytest.mark.parametrize(
    ("state", "batch", "verdict", "at"),
    [
        pytest.param(AFTER[2], [EVENTS[3]], Verdict.GAP, 0, id="one missing"),
        pytest.param(AFTER[2], [EVENTS[2], EVENTS[4]], Verdict.GAP, 1, id="cut in the middle"),
        pytest.param(AFTER[2], [EVENTS[3], EVENTS[2]], Verdict.GAP, 0, id="swapped"),
        pytest.param(AFTER[4], [FORKED], Verdict.FORK, 0, id="another event of the same number"),
        pytest.param(AFTER[8], [FORKED], Verdict.FORK, 0, id="another event of an old number"),
        pytest.param(replace(AFTER[3], head=bytes(32)), [EVENTS[3]], Verdict.FORK, 0, id="other history"),
        pytest.param(REBOOTED, [EVENTS[3]], Verdict.FORK, 0, id="an earlier start"),
        pytest.param(AFTER[0], _chain(1, OTHER), Verdict.BAD_SIGNATURE, 0, id="another lock's key"),
        pytest.param(
            AFTER[0],
            _chain(1, KEY, ChainState.start("lock-2")),
            Verdict.BAD_SIGNATURE,
            0,
            id="another lock's event",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_stops_the_batch(
    state: ChainState, batch: list[SignedEvent], verdict: Verdict, at: int
) -> None:
    report = verify_links(state, _raw(batch), TRUST, {seq: KNOWN[seq] for seq in range(1, state.seq)})

    assert (report.verdict, report.at, len(report.fresh)) == (verdict, at, at)
    assert report.detail


def test_a_signed_map_that_is_no_event_is_not_this_locks_word() -> None:
    report = verify_links(START, [sign(MessageKind.EVENT, b"\xa1\x61v\x01", KEY)], TRUST)

    assert report.verdict is Verdict.BAD_SIGNATURE


def test_an_event_numbered_zero_is_a_fork() -> None:
    report = verify_links(START, [sign_event(replace(DRAFT, seq=0, prev=bytes(32)), KEY).raw], TRUST)

    assert report.verdict is Verdict.FORK


def _gap(first: int, last: int) -> SignedEvent:
    before = genesis(LOCK) if first == 1 else KNOWN[first - 1]
    gap = replace(DRAFT, type=GAP, seq=last, from_seq=first, prev=before, head=KNOWN[last], commitment=None)
    return sign_event(gap, KEY)


def test_a_signed_gap_carries_the_chain_across_what_was_dropped() -> None:
    report = verify_links(AFTER[2], _raw([_gap(3, 5), *EVENTS[5:]]), TRUST)

    assert (report.verdict, report.state) == (Verdict.OK, AFTER[8])
    assert [signed.event.seq for signed in report.fresh] == [5, 6, 7, 8]
    assert report.fresh[0].event.from_seq == 3


def test_a_gap_that_grew_over_events_already_received_goes_on_from_there() -> None:
    report = verify_links(AFTER[4], _raw([_gap(3, 6), *EVENTS[6:]]), TRUST, KNOWN)

    assert (report.verdict, report.state) == (Verdict.OK, AFTER[8])


def test_a_gap_does_not_fit_another_history() -> None:
    report = verify_links(replace(AFTER[2], head=bytes(32)), _raw([_gap(3, 5)]), TRUST)

    assert report.verdict is Verdict.FORK


def test_a_gap_delivered_again_is_a_duplicate() -> None:
    report = verify_links(AFTER[8], _raw([_gap(3, 5)]), TRUST, {5: KNOWN[5], 8: KNOWN[8]})

    assert report.verdict is Verdict.DUPLICATE


def test_events_from_inside_a_gap_that_come_home_by_another_way_are_recovered() -> None:
    known = {seq: KNOWN[seq] for seq in (1, 2, 5, 6, 7, 8)}

    report = verify_links(AFTER[8], _raw(EVENTS[2:4]), TRUST, known)

    assert (report.verdict, report.state) == (Verdict.OK, AFTER[8])
    assert [signed.event.seq for signed in report.recovered] == [3, 4]


def test_a_forged_event_cannot_hide_inside_a_gap() -> None:
    forged = sign_event(replace(DRAFT, seq=3, prev=bytes(32)), KEY)

    report = verify_links(AFTER[8], [forged.raw], TRUST, {seq: KNOWN[seq] for seq in (1, 2, 5)})

    assert report.verdict is Verdict.FORK


def test_a_gap_cannot_begin_after_it_ends() -> None:
    backwards = sign_event(replace(_gap(3, 5).event, from_seq=6), KEY)

    with pytest.raises(MessageError):
        read_event(backwards.raw, TRUST)


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(replace(DRAFT, lock="lock-2"), id="another lock"),
        pytest.param(replace(DRAFT, type=GAP), id="a gap"),
        pytest.param(replace(DRAFT, boot=0), id="an earlier start"),
    ],
)
def test_a_chain_is_only_extended_by_its_own_next_event(draft: ChainEvent) -> None:
    with pytest.raises(ValueError, match="Expected an event"):
        extend_chain(AFTER[1], draft, KEY)


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=40), st.binary(max_size=40))
def test_a_commitment_opens_to_one_payload_only(salt: bytes, payload: bytes, other: bytes) -> None:
    assert (commit(salt, payload) == commit(salt, other)) == (payload == other)


def test_a_commitment_needs_its_whole_salt() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        commit(b"", b"payload")


def test_the_acknowledgement_of_a_state_names_its_boot_number_and_hash() -> None:
    ack = ack_of(AFTER[5])

    assert (ack.lock, ack.boot, ack.upto, ack.head) == (LOCK, 1, 5, KNOWN[5])

"""Messages in fragments of at most 244 bytes: whole again on the other side, or thrown away and counted."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.keys.cbor import MAX_BYTES
from devices.keys.fragments import MAX_BODY_BYTES, MAX_FRAGMENT_BYTES, FragmentFault, Joiner, NearMessage, Splitter

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True)
LONG = NearMessage("evt", bytes(range(256)) * 4)


@given(st.lists(st.builds(NearMessage, NAMES, st.binary(max_size=2_000)), max_size=6))
@example([NearMessage("crl", b"")])
@example([NearMessage("a" * 32, bytes(MAX_BYTES))])
def test_every_message_comes_out_as_it_went_in_and_no_fragment_is_too_long(messages: list[NearMessage]) -> None:
    splitter, joiner, came = Splitter(), Joiner(), []
    for message in messages:
        for fragment in splitter.split(message):
            assert len(fragment) <= MAX_FRAGMENT_BYTES
            came.append(joiner.take(fragment))

    assert [message for message in came if message is not None] == messages
    assert not joiner.dropped


@given(st.lists(st.binary(max_size=260), max_size=40))
def test_any_bytes_are_taken_without_harm_and_the_next_message_still_comes_through(noise: list[bytes]) -> None:
    joiner = Joiner()
    for fragment in noise:
        joiner.take(fragment)

    came = [joiner.take(fragment) for fragment in Splitter().split(LONG)]

    assert came[-1] == LONG


@given(st.data())
def test_a_message_with_a_fragment_missing_twice_or_out_of_place_never_comes_out_different(data: st.DataObject) -> None:
    fragments = Splitter().split(LONG)
    order = data.draw(st.lists(st.sampled_from(range(len(fragments))), max_size=12))
    joiner = Joiner()

    came = [joiner.take(fragments[index]) for index in order]

    assert set(came) <= {None, LONG}


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        pytest.param(lambda f: [f[0], f[2]], FragmentFault.ORDER, id="one missing"),
        pytest.param(lambda f: [f[0], f[0], f[1]], FragmentFault.CUT, id="begun anew"),
        pytest.param(lambda f: [f[0], b"\x10\x00\x09" + f[1][3:]], FragmentFault.ORDER, id="of another message"),
        pytest.param(lambda f: [f[1]], FragmentFault.ORDER, id="without a beginning"),
        pytest.param(lambda f: [f[0], f[1] + b"x"], FragmentFault.FORM, id="245 bytes"),
        pytest.param(lambda f: [f[0], b"\x12" + f[1][1:]], FragmentFault.FORM, id="another first byte"),
        pytest.param(lambda f: [f[0][:5]], FragmentFault.FORM, id="empty"),
        pytest.param(lambda _: [b"\x11\x00\x00\x00\x00\x04\xff\xff\xff\xff"], FragmentFault.BODY, id="no name"),
    ],
)
def test_what_does_not_continue_the_message_is_thrown_away_and_says_why(spoil, fault) -> None:  # type: ignore[no-untyped-def]
    joiner = Joiner()

    came = [joiner.take(fragment) for fragment in spoil(Splitter().split(LONG))]

    assert came == [None] * len(came)
    assert joiner.dropped[fault] == 1
    assert [joiner.take(fragment) for fragment in Splitter().split(LONG)][-1] == LONG


def test_a_message_that_does_not_end_takes_no_more_room_than_the_longest_may() -> None:
    joiner = Joiner()
    for index in range(MAX_BODY_BYTES // 239 + 1):
        joiner.take(b"\x10\x00\x00" + index.to_bytes(2, "big") + bytes(239))

    assert joiner.dropped[FragmentFault.SIZE] == 1


@pytest.mark.parametrize("message", [NearMessage("", b""), NearMessage("Evt", b""), NearMessage("evt", bytes(65_537))])
def test_what_is_no_message_is_not_split(message: NearMessage) -> None:
    with pytest.raises(ValueError, match="Expected a name"):
        Splitter().split(message)


def test_the_numbers_of_messages_begin_again_after_65535() -> None:
    splitter, joiner = Splitter(), Joiner()
    for number in range(65_538):
        (fragment,) = splitter.split(NearMessage("ask", b"x"))
        assert fragment[1:3] == (number % 65_536).to_bytes(2, "big")

    assert joiner.take(fragment) == NearMessage("ask", b"x")

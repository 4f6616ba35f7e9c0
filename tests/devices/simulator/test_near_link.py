"""A lock met over its near link, with no broker, no gateway and no network: WebSocket frames on loopback."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from devices.keys.answer import Answer, read_answer
from devices.keys.chain import Verdict, verify_links
from devices.keys.cose import SigningKey
from devices.keys.errors import MessageError
from devices.keys.grant import mint_grant
from devices.keys.log_box import is_sealed, open_log, seal_log
from devices.keys.messages import (
    Ask,
    Birth,
    Challenge,
    ChallengeRequest,
    EventBatch,
    OpenCommand,
    TimeRequest,
    decode_message,
)
from devices.keys.model import Bolt, LockResult
from devices.keys.topics import Direction
from devices.simulator.near_client import NearClient
from devices.simulator.near_link import NearLink
from tests.devices.simulator.door_bench import LOCK_ID, DoorBench

UP = Direction.UP
REQUEST = b"\x01" * 16


@pytest.fixture
def door() -> DoorBench:
    return DoorBench()


@pytest.fixture
def link(door: DoorBench) -> Iterator[NearLink]:
    near = NearLink({LOCK_ID: door.lock})
    near.start()
    yield near
    near.stop()


def challenged(tablet: NearClient, request: bytes = REQUEST) -> Challenge:
    """A challenge over this connection."""
    tablet.send("challenge", ChallengeRequest(request).encode())
    message = decode_message(UP, "challenge", tablet.next("challenge"))
    assert isinstance(message, Challenge)
    return message


def command(door: DoorBench, challenge: Challenge) -> OpenCommand:
    """Mette's command for this challenge."""
    grant = door.grant()
    return door.mette.command(challenge, mint_grant(grant, door.issuer), grant.cti)


def opened(tablet: NearClient, door: DoorBench) -> Answer:
    """The whole way of an opening."""
    tablet.send("open", command(door, challenged(tablet)).encode())
    return read_answer(tablet.next("answer"), door.trust)


def test_a_tablet_opens_its_door_with_everything_else_dead(door: DoorBench, link: NearLink) -> None:
    with NearClient(link.url, LOCK_ID) as tablet:
        answer = opened(tablet, door)

    assert (answer.result, answer.bolt) == (LockResult.OPENED, Bolt.UNLOCKED)


def test_whoever_comes_near_hears_the_birth_and_of_a_lost_clock_the_question_for_the_time(
    door: DoorBench, link: NearLink
) -> None:
    door.take(door.lock.change_battery())

    with NearClient(link.url, LOCK_ID) as tablet:
        birth = decode_message(UP, "birth", tablet.next("birth"))
        asked = decode_message(UP, "time", tablet.next("time"))

    assert isinstance(birth, Birth)
    assert birth.lock == LOCK_ID
    assert isinstance(asked, TimeRequest)


def test_a_challenge_is_good_over_the_connection_it_was_given_to_and_no_other(door: DoorBench, link: NearLink) -> None:
    with NearClient(link.url, LOCK_ID) as first, NearClient(link.url, LOCK_ID) as second:
        stolen = command(door, challenged(first))
        second.send("open", stolen.encode())
        answer = read_answer(second.next("answer"), door.trust)

    assert (answer.code, door.lock.bolt) == ("stale_challenge", Bolt.LOCKED)


def test_a_connection_that_tries_badly_slows_itself_and_not_the_carer_beside_it(
    door: DoorBench, link: NearLink
) -> None:
    with NearClient(link.url, LOCK_ID) as thief, NearClient(link.url, LOCK_ID) as tablet:
        for number in range(6):
            challenge = challenged(thief, bytes([number]) * 16)
            grant = door.grant()
            forged = door.mette.command(challenge, mint_grant(grant, door.stranger), grant.cti)
            thief.send("open", forged.encode())
        assert opened(tablet, door).result is LockResult.OPENED


def test_the_log_leaves_the_lock_sealed_for_the_server_alone_and_still_verifies(
    door: DoorBench, link: NearLink
) -> None:
    with NearClient(link.url, LOCK_ID) as tablet:
        opened(tablet, door)
        tablet.next("evt")
        tablet.send("ask", Ask(from_seq=1).encode())
        sealed = tablet.next("evt")

    assert is_sealed(sealed)
    with pytest.raises(MessageError):
        decode_message(UP, "evt", sealed)
    for stranger in (door.stranger, door.issuer):
        with pytest.raises(MessageError):
            open_log(LOCK_ID, sealed, [stranger])
    batch = decode_message(UP, "evt", open_log(LOCK_ID, sealed, [SigningKey.generate(), door.service]))
    assert isinstance(batch, EventBatch)
    report = verify_links(door.state, [logged.raw for logged in batch.events], door.trust)
    assert report.verdict is Verdict.OK
    assert [signed.event.type for signed in report.fresh] == ["opened"]


def test_the_whole_log_comes_in_batches_with_a_birth_at_its_end_even_where_there_is_nothing(
    door: DoorBench, link: NearLink
) -> None:
    with NearClient(link.url, LOCK_ID) as tablet:
        *log, birth = tablet.fetch_log()
        assert ([message.name for message in log], birth.name) == (["evt"], "birth")
    for _ in range(70):
        door.take(door.lock.observe("tamper"))
    with NearClient(link.url, LOCK_ID) as tablet:
        *log, _ = tablet.fetch_log()
    batches = [decode_message(UP, "evt", open_log(LOCK_ID, message.payload, [door.service])) for message in log]
    assert [len(batch.events) for batch in batches if isinstance(batch, EventBatch)] == [64, 7]

    door.acknowledge()
    with NearClient(link.url, LOCK_ID) as tablet:
        assert [message.name for message in tablet.fetch_log()] == ["birth"]


def test_a_sealed_log_opens_for_its_lock_only_and_not_when_a_byte_is_changed(door: DoorBench) -> None:
    sealed = seal_log(LOCK_ID, b"a batch", door.service.verifying_key)

    assert open_log(LOCK_ID, sealed, [door.service]) == b"a batch"
    for other, payload in (("other", sealed), (LOCK_ID, sealed[:-1] + bytes([sealed[-1] ^ 1])), (LOCK_ID, b"\xa0")):
        with pytest.raises(MessageError):
            open_log(other, payload, [door.service])


def test_a_lock_whose_radio_is_off_cannot_be_reached_and_hangs_up_on_who_is_there(
    door: DoorBench, link: NearLink
) -> None:
    with NearClient(link.url, LOCK_ID) as tablet:
        tablet.next("birth")
        door.lock.switch_radio(on=False)
        tablet.send("challenge", ChallengeRequest(REQUEST).encode())
        with pytest.raises(ConnectionClosed):
            tablet.next("challenge")

    with pytest.raises(InvalidStatus):
        NearClient(link.url, LOCK_ID)


@pytest.mark.parametrize("lock_id", ["other", "", "a/b", "..%2f", "x" * 65])
def test_nobody_answers_for_a_lock_that_is_not_there(link: NearLink, lock_id: str) -> None:
    with pytest.raises(InvalidStatus):
        NearClient(link.url, lock_id)


def test_broken_fragments_cost_the_message_and_not_the_connection(door: DoorBench, link: NearLink) -> None:
    with NearClient(link.url, LOCK_ID) as tablet:
        for fragment in (b"", b"\x10", b"\xff" * 244, b"\x11\x00\x00\x00\x07rubbish", b"\x10" * 245):
            tablet.send_fragment(fragment)
        tablet.send("nothing-we-know", b"\x00")
        assert opened(tablet, door).result is LockResult.OPENED
    assert door.lock.ignored["message_unknown"] == 1

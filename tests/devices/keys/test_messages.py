"""Payloads: lossless both ways, unknown fields kept, and every error says what was expected."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys import cbor
from devices.keys.answer import Answer, read_answer, sign_answer
from devices.keys.control import (
    Ack,
    Cfg,
    Crl,
    SignedTime,
    read_ack,
    read_cfg,
    read_crl,
    read_time,
    sign_ack,
    sign_cfg,
    sign_crl,
    sign_time,
)
from devices.keys.cose import MessageKind, SigningKey, Trust
from devices.keys.envelope import from_ms, to_ms
from devices.keys.errors import MessageError, SignatureError
from devices.keys.messages import (
    MAX_BATCH_EVENTS,
    SPECS,
    Ask,
    Birth,
    CfgReport,
    Challenge,
    ChallengeRequest,
    Death,
    EventBatch,
    LoggedEvent,
    Message,
    OpenCommand,
    Sealed,
    TimeRequest,
    decode_message,
    spec_of,
)
from devices.keys.model import Bolt, ClockState, LockResult, Operation
from devices.keys.topics import Direction

KEY = SigningKey(bytes(range(32)))
TRUST = Trust.of({kind: [KEY.verifying_key] for kind in MessageKind})
NOW_AT = datetime(2026, 11, 25, 9, 0, 0, 250_000, tzinfo=UTC)
B16, B32 = bytes(range(16)), bytes(range(32))
UP, DOWN = Direction.UP, Direction.DOWN

PLAIN: list[tuple[Direction, str, Message]] = [
    (UP, "birth", Birth("lock-1", 3, "1.4", 18, 17, 2, 1, 7, ClockState.OK, NOW_AT, 5_900, ("crl", "dual"))),
    (UP, "birth", Birth("lock-1", 3, "1.4", 18, 17, 2, 1, 7, ClockState.LOST, None, 5_900)),
    (UP, "death", Death("lock-1", 3)),
    (DOWN, "challenge", ChallengeRequest(B16)),
    (UP, "challenge", Challenge("lock-1", B16, B16, 10_000, 3, 7, 2, ClockState.UNSURE, 5_900)),
    (DOWN, "open", OpenCommand(B16, Operation.OPEN, b"grant", b"\x04" * 65, B16, b"p" * 64)),
    (DOWN, "ask", Ask(B16)),
    (DOWN, "ask", Ask(from_seq=12)),
    (DOWN, "ask", Ask()),
    (UP, "evt", EventBatch((LoggedEvent(b"event"), LoggedEvent(b"event", B16, b"payload")))),
    (UP, "time", TimeRequest("lock-1", B16, 3)),
    (UP, "cfg", CfgReport("lock-1", 3, 1, 2, 7, {"ajar_s": 90})),
]
IDS = [f"{direction.value}/{name}" for direction, name, _ in PLAIN]


@pytest.mark.parametrize(("direction", "name", "message"), PLAIN, ids=IDS)
def test_a_message_is_read_back_whole(direction: Direction, name: str, message: Message) -> None:
    assert decode_message(direction, name, message.encode()) == message


@pytest.mark.parametrize(("direction", "name", "message"), PLAIN, ids=IDS)
def test_a_field_nobody_knows_is_kept_and_goes_out_again(direction: Direction, name: str, message: Message) -> None:
    body = cast("dict[str, cbor.Cbor]", cbor.decode(message.encode()))
    newer = cbor.encode({**body, "later": [1, {"deep": B16}]})

    read = decode_message(direction, name, newer)

    assert not isinstance(read, Sealed)
    assert read.extra == {"later": [1, {"deep": B16}]}
    assert read.encode() == newer


@pytest.mark.parametrize(("direction", "name", "message"), PLAIN, ids=IDS)
def test_a_version_nobody_knows_is_told_apart_from_a_broken_message(
    direction: Direction, name: str, message: Message
) -> None:
    body = cast("dict[str, cbor.Cbor]", cbor.decode(message.encode()))

    with pytest.raises(MessageError) as caught:
        decode_message(direction, name, cbor.encode({**body, "v": 2}))

    assert caught.value.code == "message_version_unknown"
    assert (caught.value.facts["expected"], caught.value.facts["found"]) == (1, 2)


@pytest.mark.parametrize(("direction", "name", "message"), PLAIN, ids=IDS)
def test_every_field_of_the_wrong_type_is_named(direction: Direction, name: str, message: Message) -> None:
    body = cast("dict[str, cbor.Cbor]", cbor.decode(message.encode()))
    for field in body:
        with pytest.raises(MessageError) as caught:
            decode_message(direction, name, cbor.encode({**body, field: -1}))
        assert caught.value.code == "message_malformed"
        assert caught.value.facts["field"] == field
        assert caught.value.facts["name"] == f"{direction.value}/{name}"


@given(st.binary(max_size=80), st.sampled_from(sorted(SPECS)))
def test_noise_on_any_topic_is_refused_with_a_code(noise: bytes, topic: tuple[Direction, str]) -> None:
    with pytest.raises((MessageError, SignatureError)) as caught:
        decode_message(*topic, noise)

    assert caught.value.code.startswith(("message_", "signature_"))


@pytest.mark.parametrize(
    ("direction", "name", "body", "field", "expected"),
    [
        pytest.param(UP, "death", {"v": 1, "lock": "a"}, "boot", "a value", id="a field is missing"),
        pytest.param(UP, "death", {"lock": "a"}, "v", "a value", id="no version"),
        pytest.param(UP, "death", {"v": True, "lock": "a"}, "v", "an integer", id="version is a boolean"),
        pytest.param(UP, "death", {"v": 1, "lock": "", "boot": 1}, "lock", "text of 1", id="empty id"),
        pytest.param(UP, "death", {"v": 1, "lock": "a" * 65, "boot": 1}, "lock", "text of 1", id="long id"),
        pytest.param(DOWN, "challenge", {"v": 1, "request": b"x"}, "request", "16 bytes", id="short request"),
        pytest.param(UP, "evt", {"v": 1, "events": []}, "events", "1 to 64", id="an empty batch"),
        pytest.param(UP, "evt", {"v": 1, "events": [[B16, None, None]] * 65}, "events", "1 to 64", id="65"),
        pytest.param(UP, "evt", {"v": 1, "events": [B16]}, "events[0]", "an array", id="a bare event"),
        pytest.param(UP, "evt", {"v": 1, "events": [[1, None, None]]}, "events[0][0]", "a signed", id="no bytes"),
        pytest.param(UP, "evt", {"v": 1, "events": [[B16, B16, None]]}, "events[0]", "a salt", id="salt alone"),
        pytest.param(UP, "evt", {"v": 1, "events": [[B16, b"", b"p"]]}, "events[0]", "a salt", id="short salt"),
    ],
)
def test_a_broken_payload_names_field_expected_and_found(
    direction: Direction, name: str, body: dict[str, cbor.Cbor], field: str, expected: str
) -> None:
    with pytest.raises(MessageError) as caught:
        decode_message(direction, name, cbor.encode(body))

    assert caught.value.facts["field"] == field
    assert str(caught.value.facts["expected"]).startswith(expected)
    assert caught.value.facts["found"]


def test_an_array_where_a_map_belongs_is_refused() -> None:
    with pytest.raises(MessageError) as caught:
        decode_message(UP, "death", cbor.encode([1]))

    assert caught.value.facts["expected"] == "a map with text keys"


def test_capabilities_must_be_words() -> None:
    birth = cast("dict[str, cbor.Cbor]", cbor.decode(cast(Birth, PLAIN[0][2]).encode()))

    with pytest.raises(MessageError) as caught:
        decode_message(UP, "birth", cbor.encode({**birth, "caps": ["crl", 5]}))

    assert caught.value.facts["field"] == "caps[1]"


def test_bytes_never_appear_in_an_error() -> None:
    secret = b"secret-nonce"

    with pytest.raises(MessageError) as caught:
        decode_message(DOWN, "challenge", cbor.encode({"v": 1, "request": secret}))

    assert caught.value.facts["found"] == "12 bytes"
    assert "secret" not in str(caught.value)


def test_a_message_nobody_knows_is_named_with_those_that_exist() -> None:
    with pytest.raises(MessageError) as caught:
        spec_of(DOWN, "selfdestruct")

    assert caught.value.code == "message_unknown"
    assert "challenge" in str(caught.value.facts["expected"])


def test_what_may_open_a_door_is_never_retained_and_dies_within_ten_seconds() -> None:
    command = spec_of(DOWN, "open")

    assert (command.qos, command.retain, command.expiry_s) == (1, False, 10)
    assert {spec.qos for spec in SPECS.values()} == {1}
    retained = {(d.value, n) for (d, n), spec in SPECS.items() if spec.retain}
    assert retained == {("up", "birth"), ("up", "death"), ("up", "cfg"), ("dn", "crl"), ("dn", "cfg"), ("dn", "trust")}


def test_a_batch_of_the_largest_size_fits_a_message() -> None:
    batch = EventBatch((LoggedEvent(b"e" * 400, B16, b"p" * 300),) * MAX_BATCH_EVENTS)

    assert decode_message(UP, "evt", batch.encode()) == batch


ANSWER = Answer(
    "lock-1", B16, LockResult.DENIED, "grant_expired", B16, 3, 17, NOW_AT, 5_900, 0, Bolt.LOCKED, {"later": 1}
)


@pytest.mark.parametrize(
    ("kind", "raw", "read", "expected"),
    [
        pytest.param("answer", sign_answer(ANSWER, KEY), read_answer, ANSWER, id="answer"),
        pytest.param(
            "answer",
            sign_answer(replace(ANSWER, code=None, cti=None, seq=None, ts_at=None), KEY),
            read_answer,
            replace(ANSWER, code=None, cti=None, seq=None, ts_at=None),
            id="answer without a clock",
        ),
        pytest.param(
            "ack",
            sign_ack(Ack("l", 3, 17, B32, {"x": 1}), KEY),
            read_ack,
            Ack("l", 3, 17, B32, {"x": 1}),
            id="ack",
        ),
        pytest.param(
            "crl",
            sign_crl(Crl("l", 2, 7, (B16,), (B32,), {"x": 1}), KEY),
            read_crl,
            Crl("l", 2, 7, (B16,), (B32,), {"x": 1}),
            id="crl",
        ),
        pytest.param(
            "cfg",
            sign_cfg(Cfg("l", 2, {"ajar_s": 90}, {"x": 1}), KEY),
            read_cfg,
            Cfg("l", 2, {"ajar_s": 90}, {"x": 1}),
            id="cfg",
        ),
        pytest.param(
            "time",
            sign_time(SignedTime("l", B16, NOW_AT, {"x": 1}), KEY),
            read_time,
            SignedTime("l", B16, NOW_AT, {"x": 1}),
            id="time",
        ),
    ],
)
def test_a_signed_message_travels_sealed_and_is_read_back_whole(
    kind: str, raw: bytes, read: object, expected: object
) -> None:
    direction = UP if kind == "answer" else DOWN

    sealed = decode_message(direction, kind, raw)

    assert sealed == Sealed(MessageKind(kind), raw, KEY.kid)
    assert read(sealed.encode(), TRUST) == expected  # type: ignore[operator]


def test_a_revoked_thing_of_the_wrong_size_is_named_by_its_place() -> None:
    raw = sign_crl(Crl("l", 2, 7, (B16, b"short")), KEY)

    with pytest.raises(MessageError) as caught:
        read_crl(raw, TRUST)

    assert caught.value.facts["field"] == "ctis[1]"


@given(st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31)))  # noqa: DTZ001 - made aware below
def test_instants_travel_as_whole_milliseconds_rounded_down(naive: datetime) -> None:
    instant_at = naive.replace(tzinfo=UTC)

    back_at = from_ms(to_ms(instant_at))

    assert 0 <= (instant_at - back_at).total_seconds() < 0.001


@pytest.mark.parametrize(
    "instant_at",
    [datetime(2026, 11, 25), datetime(1969, 12, 31, tzinfo=UTC)],  # noqa: DTZ001 - naive is the point
    ids=["naive", "before 1970"],
)
def test_an_instant_that_cannot_travel_is_a_wrong_argument(instant_at: datetime) -> None:
    with pytest.raises(ValueError, match="Expected an"):
        to_ms(instant_at)

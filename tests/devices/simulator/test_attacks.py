"""Everything a thief, a broker or a stolen tablet may try. Every row ends at a shut door or a kept log."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.keys.answer import read_answer, sign_answer
from devices.keys.chain import SignedEvent, Verdict, verify_links
from devices.keys.control import Ack, Cfg, Crl, ack_of, sign_ack, sign_cfg, sign_crl
from devices.keys.cose import MessageKind
from devices.keys.errors import SignatureError
from devices.keys.grant import mint_grant
from devices.keys.messages import Ask, EventBatch, LoggedEvent, OpenCommand, decode_message
from devices.keys.model import Bolt, LockResult, Operation
from devices.keys.topics import Direction
from devices.simulator.holder import HolderKey
from tests.devices.simulator.door_bench import LOCK_ID, NOW_AT, DoorBench

MINUTE = timedelta(minutes=1)


def _other_nonce(door: DoorBench) -> OpenCommand:
    return replace(door.command(), nonce=bytes(16))


def _late_nonce(door: DoorBench) -> OpenCommand:
    command = door.command()
    door.link.advance(10.001)
    return command


def _nonce_of_another_request(door: DoorBench) -> OpenCommand:
    return replace(door.command(), request=b"\xee" * 16)


def _replayed_in_a_new_request(door: DoorBench) -> OpenCommand:
    used = door.command()
    assert door.send(used).result is LockResult.OPENED
    assert door.send(door.command(op=Operation.LOCK)).result is LockResult.LOCKED
    return replace(used, request=door.challenge().request)


def _after_a_restart(door: DoorBench) -> OpenCommand:
    command = door.command()
    door.take(door.lock.power_on())
    return command


def _forged_issuer(door: DoorBench) -> OpenCommand:
    return replace(door.command(), grant=mint_grant(door.grant(), door.stranger))


def _service_key_as_issuer(door: DoorBench) -> OpenCommand:
    return replace(door.command(), grant=mint_grant(door.grant(), door.service))


def _alg_confusion(door: DoorBench) -> OpenCommand:
    command = door.command()
    _, _, payload, _ = cbor2.loads(command.grant).value
    header = cbor2.dumps({1: -7, 4: door.issuer.kid})
    to_sign = cbor2.dumps(["Signature1", header, MessageKind.GRANT.context, payload])
    signature = Ed25519PrivateKey.from_private_bytes(door.issuer.private_bytes()).sign(to_sign)
    return replace(command, grant=cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, signature])))


def _an_answer_as_grant(door: DoorBench) -> OpenCommand:
    answer = door.send(door.command(door.grant(scope=frozenset({Operation.LOCK}))))
    return replace(door.command(), grant=sign_answer(answer, door.issuer)[:350])


def _wrong_holder(door: DoorBench) -> OpenCommand:
    return door.command(door.grant(door.mette), door.ali)


def _stolen_proof(door: DoorBench) -> OpenCommand:
    return replace(door.command(), holder_key=door.ali.public_key)


def _proof_for_another_operation(door: DoorBench) -> OpenCommand:
    return replace(door.command(op=Operation.LOCK), op=Operation.OPEN)


def _proof_for_another_lock(door: DoorBench) -> OpenCommand:
    challenge = replace(door.challenge(), lock="another-lock")
    return door.command(door.grant(aud=(LOCK_ID, "another-lock")), challenge=challenge)


ATTACKS: list[tuple[str, Callable[[DoorBench], OpenCommand], str]] = [
    ("a nonce the lock never gave", _other_nonce, "stale_challenge"),
    ("a nonce of 10.001 seconds", _late_nonce, "stale_challenge"),
    ("the nonce of another request", _nonce_of_another_request, "stale_challenge"),
    ("a used command under a new request", _replayed_in_a_new_request, "stale_challenge"),
    ("a command held back over a restart", _after_a_restart, "stale_challenge"),
    ("a grant of a forged issuer", _forged_issuer, "bad_grant"),
    ("a grant signed by the gateway's own key", _service_key_as_issuer, "bad_grant"),
    ("a grant that names another algorithm", _alg_confusion, "bad_grant"),
    ("an answer passed off as a grant", _an_answer_as_grant, "bad_grant"),
    ("a grant for another lock", lambda d: d.command(d.grant(aud=("another-lock",))), "wrong_lock"),
    ("a grant of another holder", _wrong_holder, "wrong_holder"),
    ("a proof under another key", _stolen_proof, "wrong_holder"),
    ("a proof for locking used to open", _proof_for_another_operation, "wrong_holder"),
    ("a proof for another lock", _proof_for_another_lock, "wrong_holder"),
    (
        "a grant that is over",
        lambda d: d.command(d.grant(nbf_at=NOW_AT - 90 * MINUTE, exp_at=NOW_AT - MINUTE - timedelta(seconds=1))),
        "grant_expired",
    ),
    (
        "a grant whose window has not begun",
        lambda d: d.command(d.grant(nbf_at=NOW_AT + MINUTE + timedelta(seconds=1))),
        "outside_visit_window",
    ),
    (
        "a grant that may not open",
        lambda d: d.command(d.grant(scope=frozenset({Operation.LOCK}))),
        "not_in_scope",
    ),
]


@pytest.mark.parametrize(("attack", "code"), [row[1:] for row in ATTACKS], ids=[row[0] for row in ATTACKS])
def test_the_attempt_is_denied_with_its_code_and_the_bolt_does_not_move(
    attack: Callable[[DoorBench], OpenCommand], code: str
) -> None:
    door = DoorBench()
    command = attack(door)
    bolt = door.lock.bolt

    answer = door.send(command)

    assert (answer.result, answer.code) == (LockResult.DENIED, code)
    assert door.lock.bolt is bolt is Bolt.LOCKED


def test_the_same_door_opens_for_the_holder_of_a_good_grant() -> None:
    door = DoorBench()

    answer = door.send(door.command())

    assert (answer.result, answer.code, answer.bolt) == (LockResult.OPENED, None, Bolt.UNLOCKED)


@pytest.mark.parametrize(
    ("nbf_at", "exp_at"),
    [
        pytest.param(NOW_AT + MINUTE, NOW_AT + 9 * MINUTE, id="nbf - 60 s"),
        pytest.param(NOW_AT - 9 * MINUTE, NOW_AT - MINUTE, id="exp + 60 s"),
    ],
)
def test_the_window_has_sixty_seconds_of_leeway_and_a_challenge_exactly_ten(nbf_at: datetime, exp_at: datetime) -> None:
    door = DoorBench()
    command = door.command(door.grant(nbf_at=nbf_at, exp_at=exp_at))
    door.link.advance(10.0)

    assert door.send(command).result is LockResult.OPENED


def _revoked(door: DoorBench, *, epoch: int = 0, cti: bytes | None = None, cnf: bytes | None = None) -> None:
    ctis, cnfs = ((cti,) if cti else ()), ((cnf,) if cnf else ())
    door.take(door.lock.on_message("crl", sign_crl(Crl(LOCK_ID, 1, epoch, ctis, cnfs), door.service)))


@pytest.mark.parametrize(
    "revoke",
    [
        pytest.param(lambda d: _revoked(d, epoch=1), id="an epoch too old"),
        pytest.param(lambda d: _revoked(d, cti=d.grant().cti), id="the grant revoked"),
        pytest.param(lambda d: _revoked(d, cnf=d.mette.thumbprint), id="the holder's key revoked"),
    ],
)
def test_what_is_revoked_does_not_open_any_more_not_even_after_a_restart(
    revoke: Callable[[DoorBench], None],
) -> None:
    door = DoorBench()
    revoke(door)

    before = door.send(door.command())
    door.take(door.lock.power_on())
    after = door.send(door.command())

    assert (before.code, after.code) == ("epoch_revoked", "epoch_revoked")


def test_an_older_revocation_list_delivered_again_gives_nothing_back() -> None:
    door = DoorBench()
    first = sign_crl(Crl(LOCK_ID, 1, 0), door.service)
    door.take(door.lock.on_message("crl", first))
    door.take(door.lock.on_message("crl", sign_crl(Crl(LOCK_ID, 2, 5), door.service)))

    assert door.lock.on_message("crl", first) == []
    assert (door.lock.access.crl_version, door.lock.access.epoch) == (2, 5)
    assert door.lock.ignored["crl_not_heeded"] == 1


def test_a_newer_list_never_lowers_the_epoch() -> None:
    door = DoorBench()
    door.take(door.lock.on_message("crl", sign_crl(Crl(LOCK_ID, 1, 5), door.service)))
    door.take(door.lock.on_message("crl", sign_crl(Crl(LOCK_ID, 2, 3), door.service)))

    assert door.lock.access.epoch == 5


@pytest.mark.parametrize(
    ("name", "make", "ignored"),
    [
        pytest.param(
            "crl", lambda d: sign_crl(Crl(LOCK_ID, 9, 9), d.issuer), "signature_key_unknown", id="crl by the issuer"
        ),
        pytest.param(
            "crl", lambda d: sign_crl(Crl(LOCK_ID, 9, 9), d.stranger), "signature_key_unknown", id="crl by a stranger"
        ),
        pytest.param("cfg", lambda d: sign_cfg(Cfg(LOCK_ID, 9, {}), d.stranger), "signature_key_unknown", id="cfg"),
        pytest.param("crl", lambda d: sign_crl(Crl("other", 9, 9), d.service), "crl_not_heeded", id="crl of another"),
        pytest.param("cfg", lambda d: sign_cfg(Cfg("other", 9, {}), d.service), "cfg_not_heeded", id="cfg of another"),
    ],
)
def test_revocations_and_settings_from_the_wrong_hand_or_for_another_lock_change_nothing(
    name: str, make: Callable[[DoorBench], bytes], ignored: str
) -> None:
    door = DoorBench()

    assert door.lock.on_message(name, make(door)) == []
    assert (door.lock.access.epoch, door.lock.cfg_version) == (0, 0)
    assert door.lock.ignored == {ignored: 1}


def test_a_command_delivered_twice_moves_the_bolt_once_and_gets_the_same_signed_answer() -> None:
    door = DoorBench()
    command = door.command()
    first = door.lock.on_message("open", command.encode())

    again = door.lock.on_message("open", command.encode())

    assert [out.name for out in first] == ["answer", "evt"]
    assert [(out.name, out.payload) for out in again] == [("answer", first[0].payload)]


FORGED_ACKS: list[tuple[str, Callable[[DoorBench, Ack], bytes], str]] = [
    ("signed by the issuer", lambda d, ack: sign_ack(ack, d.issuer), "signature_key_unknown"),
    ("signed by a stranger", lambda d, ack: sign_ack(ack, d.stranger), "signature_key_unknown"),
    ("for another lock", lambda d, ack: sign_ack(replace(ack, lock="other"), d.service), "ack_not_heeded"),
    ("beyond the last event", lambda d, ack: sign_ack(replace(ack, upto=99), d.service), "ack_not_heeded"),
    ("with another hash", lambda d, ack: sign_ack(replace(ack, head=bytes(32)), d.service), "ack_not_heeded"),
    ("of another start", lambda d, ack: sign_ack(replace(ack, boot=9), d.service), "ack_not_heeded"),
    ("with a broken signature", lambda d, ack: sign_ack(ack, d.service)[:-1] + b"\x00", "signature_invalid"),
    ("cut short", lambda d, ack: sign_ack(ack, d.service)[:-1], "signature_malformed"),
]


@pytest.mark.parametrize(("forge", "ignored"), [row[1:] for row in FORGED_ACKS], ids=[row[0] for row in FORGED_ACKS])
def test_a_forged_acknowledgement_deletes_nothing(forge: Callable[[DoorBench, Ack], bytes], ignored: str) -> None:
    door = DoorBench()
    door.send(door.command())
    held = door.lock.log.held

    door.lock.on_message("ack", forge(door, ack_of(door.state)))

    assert (door.lock.log.held, door.lock.log.last_ack) == (held, 0)
    assert door.lock.ignored == {ignored: 1}


def _log(door: DoorBench) -> list[LoggedEvent]:
    for _ in range(4):
        door.send(door.command())
    (out,) = door.lock.on_message("ask", Ask(from_seq=0).encode())
    batch = decode_message(Direction.UP, "evt", out.payload)
    assert isinstance(batch, EventBatch)
    return list(batch.events)


@pytest.mark.parametrize(
    ("tamper", "verdict"),
    [
        pytest.param(lambda log: [log[0], log[2], log[1], *log[3:]], Verdict.GAP, id="two swapped"),
        pytest.param(lambda log: [*log[:2], *log[3:]], Verdict.GAP, id="one cut out"),
        pytest.param(lambda log: log[1:], Verdict.GAP, id="the beginning cut off"),
        pytest.param(
            lambda log: [LoggedEvent(log[0].raw[:-1] + bytes([log[0].raw[-1] ^ 1])), *log[1:]],
            Verdict.BAD_SIGNATURE,
            id="one bit changed",
        ),
    ],
)
def test_a_log_tampered_with_on_its_way_home_is_noticed(
    tamper: Callable[[list[LoggedEvent]], list[LoggedEvent]], verdict: Verdict
) -> None:
    door = DoorBench()
    start = type(door.state).start(LOCK_ID)
    log = _log(door)

    report = verify_links(start, [logged.raw for logged in tamper(log)], door.trust)

    assert report.verdict is verdict
    assert verify_links(start, [logged.raw for logged in log], door.trust).verdict is Verdict.OK


def test_an_answer_of_another_lock_is_not_believed() -> None:
    door, other = DoorBench(seed=1), DoorBench(seed=2)
    out = other.lock.on_message("open", other.command().encode())

    with pytest.raises(SignatureError) as caught:
        read_answer(out[0].payload, door.trust)

    assert caught.value.code == "signature_key_unknown"


def test_bad_attempts_slow_down_their_source_and_never_a_valid_grant() -> None:
    door = DoorBench()
    thief = HolderKey.seeded("thief")
    delays_s = [
        door.lock.on_message("open", door.command(holder=thief, grant=door.grant()).encode())[0].delay_s
        for _ in range(12)
    ]
    near = door.challenge("near-1")
    good = door.command(challenge=near)

    carers = door.lock.on_message("open", good.encode(), "near-1")
    through_the_broker = door.lock.on_message("open", door.command().encode())

    assert delays_s == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert read_answer(carers[0].payload, door.trust).result is LockResult.OPENED
    assert (carers[0].delay_s, through_the_broker[0].delay_s) == (0, 0)


def test_a_stranger_cannot_push_the_log_over_its_edge() -> None:
    door = DoorBench()
    held = door.lock.log.held

    for _ in range(300):
        door.lock.on_message("open", _other_nonce(door).encode())

    assert door.lock.log.held - held == 4


def test_asking_for_too_many_challenges_pushes_out_only_ones_own() -> None:
    door = DoorBench()
    carers = door.challenge("near-1")
    for _ in range(50):
        door.challenge("broker")

    answer = door.send(door.command(challenge=carers), "near-1")

    assert answer.result is LockResult.OPENED


def test_a_challenge_given_to_one_carrier_is_worth_nothing_through_another() -> None:
    door = DoorBench()

    assert door.send(door.command(), "near-1").code == "stale_challenge"


@pytest.mark.parametrize("payload", [b"", b"\xa0", b"\xff" * 20, b"\xa1\x61v\x02"], ids=repr)
@pytest.mark.parametrize("name", ["challenge", "open", "ask", "ack", "crl", "cfg", "time", "nothing"])
def test_noise_is_counted_and_changes_nothing(name: str, payload: bytes) -> None:
    door = DoorBench()

    assert door.lock.on_message(name, payload) == []
    assert door.lock.ignored.total() == 1
    assert door.send(door.command()).result is LockResult.OPENED


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_single_changed_byte_of_a_good_command_opens_the_door_or_breaks_the_lock(
    data: st.DataObject,
) -> None:
    door = DoorBench()
    raw = bytearray(door.command().encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))

    door.lock.on_message("open", bytes(raw))

    assert door.lock.bolt is Bolt.LOCKED


def test_a_grant_for_the_end_of_time_is_read_like_any_other() -> None:
    door = DoorBench()

    answer = door.send(door.command(door.grant(exp_at=datetime(8999, 12, 31, 23, 59, 59, tzinfo=UTC))))

    assert answer.result is LockResult.OPENED


def test_a_signed_event_is_a_record_and_nothing_the_lock_obeys() -> None:
    door = DoorBench()
    events: list[SignedEvent] = door.take(door.lock.observe("door_ajar"))

    door.lock.on_message("ack", events[0].raw)

    assert door.lock.log.last_ack == 0

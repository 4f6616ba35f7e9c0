"""One algorithm, known keys, and a signature for one kind of message only."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from devices.keys.cose import (
    MessageKind,
    SigningKey,
    Trust,
    VerifyingKey,
    key_id,
    lock_trust,
    server_trust,
    sign,
    signer_of,
    verify,
)
from devices.keys.errors import SignatureError

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))
TRUST = lock_trust(KEY.verifying_key)
PAYLOAD = b"\xa1\x61v\x01"


def _code(kind: MessageKind, message: bytes, trust: Trust = TRUST) -> str:
    with pytest.raises(SignatureError) as caught:
        verify(kind, message, trust)
    return caught.value.code


def _rebuilt(protected: object, unprotected: object = None, tag: int = 18) -> bytes:
    """A message with another header, signed by the right key over that header."""
    header = protected if isinstance(protected, bytes) else cbor2.dumps(protected)
    to_sign = cbor2.dumps(["Signature1", header, MessageKind.ANSWER.context, PAYLOAD])
    signature = Ed25519PrivateKey.from_private_bytes(KEY.private_bytes()).sign(to_sign)
    return cbor2.dumps(cbor2.CBORTag(tag, [header, unprotected or {}, PAYLOAD, signature]))


@pytest.mark.parametrize("kind", list(MessageKind))
def test_a_signed_message_is_believed_for_its_own_kind_and_refused_for_every_other(kind: MessageKind) -> None:
    everything = Trust.of({some: [KEY.verifying_key] for some in MessageKind})
    message = sign(kind, PAYLOAD, KEY)

    believed = [some for some in MessageKind if _believes(some, message, everything)]

    assert believed == [kind]


def _believes(kind: MessageKind, message: bytes, trust: Trust) -> bool:
    try:
        return verify(kind, message, trust) == PAYLOAD
    except SignatureError:
        return False


def test_the_bytes_verify_with_plain_cbor_and_ed25519_as_the_standard_says() -> None:
    message = sign(MessageKind.ANSWER, PAYLOAD, KEY)

    protected, unprotected, payload, signature = cbor2.loads(message).value
    to_verify = cbor2.dumps(["Signature1", protected, b"omsorgstid/v1/answer", payload])

    Ed25519PublicKey.from_public_bytes(KEY.public_bytes).verify(signature, to_verify)
    assert cbor2.loads(protected) == {1: -8, 4: key_id(KEY.public_bytes)}
    assert (unprotected, payload) == ({}, PAYLOAD)


def test_the_same_key_and_payload_give_the_same_bytes() -> None:
    assert sign(MessageKind.ACK, PAYLOAD, KEY) == sign(MessageKind.ACK, PAYLOAD, KEY)


def test_a_key_that_is_not_trusted_for_the_kind_is_unknown() -> None:
    assert _code(MessageKind.ANSWER, sign(MessageKind.ANSWER, PAYLOAD, OTHER)) == "signature_key_unknown"
    assert _code(MessageKind.ACK, sign(MessageKind.ACK, PAYLOAD, KEY)) == "signature_key_unknown"


def test_a_trusted_key_id_over_another_keys_signature_is_invalid() -> None:
    protected, unprotected, payload, _ = cbor2.loads(sign(MessageKind.ANSWER, PAYLOAD, KEY)).value
    signature = cbor2.loads(sign(MessageKind.ANSWER, PAYLOAD, OTHER)).value[3]
    forged = cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, payload, signature]))

    assert _code(MessageKind.ANSWER, forged) == "signature_invalid"


def test_one_changed_bit_of_payload_or_signature_is_invalid() -> None:
    message = sign(MessageKind.ANSWER, PAYLOAD, KEY)
    payload_at = message.index(PAYLOAD) + len(PAYLOAD) - 1

    for position in (payload_at, len(message) - 1):
        changed = bytearray(message)
        changed[position] ^= 1
        assert _code(MessageKind.ANSWER, bytes(changed)) == "signature_invalid"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(_rebuilt({1: -7, 4: KEY.kid}), "signature_algorithm", id="ES256 named"),
        pytest.param(_rebuilt({1: 5, 4: KEY.kid}), "signature_algorithm", id="HMAC named"),
        pytest.param(_rebuilt({1: 0, 4: KEY.kid}), "signature_algorithm", id="nothing named"),
        pytest.param(_rebuilt({4: KEY.kid}), "signature_algorithm", id="no algorithm"),
        pytest.param(_rebuilt({4: KEY.kid}, {1: -8}), "signature_malformed", id="algorithm unprotected"),
        pytest.param(_rebuilt({1: -8}), "signature_malformed", id="no key id"),
        pytest.param(_rebuilt({1: -8}, {4: KEY.kid}), "signature_malformed", id="key id unprotected"),
        pytest.param(_rebuilt({1: -8, 4: b"short"}), "signature_malformed", id="short key id"),
        pytest.param(_rebuilt({1: -8, 2: [99], 4: KEY.kid}), "signature_malformed", id="critical header"),
        pytest.param(_rebuilt({4: KEY.kid, 1: -8}), "signature_malformed", id="header out of order"),
        pytest.param(_rebuilt([1, -8]), "signature_malformed", id="header is no map"),
        pytest.param(_rebuilt(b"\xff"), "signature_malformed", id="header is no CBOR"),
        pytest.param(_rebuilt({1: -8, 4: KEY.kid}, tag=17), "signature_malformed", id="MAC0 tag"),
        pytest.param(_rebuilt({1: -8, 4: KEY.kid}, tag=98), "signature_malformed", id="Sign tag"),
        pytest.param(b"", "signature_malformed", id="nothing"),
        pytest.param(b"\xa0", "signature_malformed", id="no tag"),
        pytest.param(b"\xd2\x80", "signature_malformed", id="empty array"),
        pytest.param(b"\xd2\x84\x00\xa0\x40\x40", "signature_malformed", id="header is a number"),
        pytest.param(b"\xd2\x84\x40\xa0\x40\x40", "signature_malformed", id="no signature"),
        pytest.param(sign(MessageKind.ANSWER, PAYLOAD, KEY) + b"\x00", "signature_malformed", id="tail"),
        pytest.param(b"\xd2" * 70_000, "signature_malformed", id="far too long"),
    ],
)
def test_only_our_one_form_is_ever_checked(message: bytes, code: str) -> None:
    assert _code(MessageKind.ANSWER, message) == code


def test_a_message_names_the_key_it_claims() -> None:
    assert signer_of(MessageKind.ANSWER, sign(MessageKind.ANSWER, PAYLOAD, KEY)) == KEY.kid


def test_a_key_never_shows_its_private_half() -> None:
    assert KEY.private_bytes().hex() not in repr(KEY)
    assert repr(KEY) == f"SigningKey(kid={KEY.kid.hex()})"
    assert repr(KEY.verifying_key) == f"VerifyingKey(kid={KEY.kid.hex()})"


def test_generated_keys_differ_and_equal_keys_are_equal() -> None:
    assert SigningKey.generate().public_bytes != SigningKey.generate().public_bytes
    assert len({VerifyingKey(KEY.public_bytes), KEY.verifying_key}) == 1


@pytest.mark.parametrize("make", [VerifyingKey, SigningKey])
def test_a_key_of_the_wrong_size_is_a_wrong_argument(make: type[VerifyingKey] | type[SigningKey]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        make(b"short")


def test_the_service_key_of_the_gateway_signs_everything_but_grants() -> None:
    trust = server_trust([KEY.verifying_key], [OTHER.verifying_key])

    by_service = {kind for kind in MessageKind if trust.key(kind, OTHER.kid) is not None}

    assert by_service == {MessageKind.ACK, MessageKind.CRL, MessageKind.CFG, MessageKind.TIME}
    assert trust.key(MessageKind.GRANT, KEY.kid) == KEY.verifying_key

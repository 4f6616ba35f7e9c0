"""The test vectors and tables of docs/protocol.md are recomputed: the page cannot drift from the code."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from pathlib import Path
from typing import cast

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from devices.keys import cbor
from devices.keys.answer import Answer, sign_answer
from devices.keys.chain import (
    GAP,
    ChainEvent,
    ChainState,
    SignedEvent,
    commit,
    extend_chain,
    genesis,
    sign_event,
)
from devices.keys.control import Cfg, Crl, SignedTime, ack_of, sign_ack, sign_cfg, sign_crl, sign_time
from devices.keys.cose import MessageKind, SigningKey, sign
from devices.keys.errors import MessageError
from devices.keys.fragments import Joiner, NearMessage, Splitter
from devices.keys.grant import Grant, mint_grant
from devices.keys.log_box import exchange_key, open_log
from devices.keys.messages import (
    SPECS,
    Ask,
    Birth,
    CfgReport,
    Challenge,
    ChallengeRequest,
    Death,
    EventBatch,
    LoggedEvent,
    OpenCommand,
    TimeRequest,
)
from devices.keys.model import Bolt, ClockState, DenialCode, LockResult, Operation
from devices.keys.proof import holder_thumbprint, proof_input, public_point, sign_proof
from devices.keys.trust_list import TrustedIssuer, TrustList, sign_trust
from devices.registry.model import DeviceKind
from devices.registry.order_messages import SignedOrder, prove_key, sign_order

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"

ISSUER = SigningKey(bytes(range(0x20)))
SERVICE = SigningKey(bytes(range(0x20, 0x40)))
LOCK_KEY = SigningKey(bytes(range(0x40, 0x60)))
ROOT = SigningKey(bytes(range(0x80, 0xA0)))
OTHER_ISSUER = SigningKey(bytes(range(0xA0, 0xC0)))
HOLDER = ec.derive_private_key(int.from_bytes(bytes(range(0x60, 0x80)), "big"), ec.SECP256R1())
LOCK, OP = "5f0c9a7be1d24c3f8a6b7c8d9e0f1a2b", Operation.OPEN
REQUEST, CTI, NONCE, SALT = (bytes([number] * 16) for number in (0xA1, 0xA2, 0xA3, 0xA4))
NOW_AT = datetime(2026, 11, 25, 9, 45, tzinfo=UTC)
PUBLIC = public_point(HOLDER)
PAYLOAD = cbor.encode({"op": "open", "motor_ms": 1700})


def _vectors() -> dict[str, bytes]:
    grant = Grant(
        iss="omsorgstid",
        aud=(LOCK,),
        nbf_at=NOW_AT - timedelta(minutes=30),
        exp_at=NOW_AT + timedelta(minutes=85),
        cti=CTI,
        cnf=holder_thumbprint(PUBLIC),
        scope=frozenset({Operation.OPEN, Operation.LOCK}),
        epoch=7,
    )
    token = mint_grant(grant, ISSUER)
    proof = sign_proof(HOLDER, LOCK, OP, CTI, NONCE)
    draft = ChainEvent(LOCK, 3, 0, NOW_AT, 86_400_000, "opened", CTI, None, 5_900, b"", commit(SALT, PAYLOAD))
    first, state = extend_chain(ChainState.start(LOCK), draft, LOCK_KEY)
    second, state = extend_chain(state, replace(draft, type="locked", commitment=None), LOCK_KEY)
    answer = Answer(LOCK, REQUEST, LockResult.OPENED, None, CTI, 3, 1, NOW_AT, 5_900, 1700, Bolt.UNLOCKED)
    return {
        "issuer-public-key": ISSUER.public_bytes,
        "issuer-kid": ISSUER.kid,
        "service-public-key": SERVICE.public_bytes,
        "lock-public-key": LOCK_KEY.public_bytes,
        "holder-public-key": PUBLIC,
        "holder-thumbprint": holder_thumbprint(PUBLIC),
        "grant": token,
        "grant-claims": cast(bytes, cbor2.loads(token).value[2]),
        "grant-full": mint_grant(
            replace(
                grant,
                aud=(LOCK, "00" * 16),
                scope=frozenset(Operation),
                dual=True,
                emergency=True,
                max_uses=3,
            ),
            ISSUER,
        ),
        "challenge-request": ChallengeRequest(REQUEST).encode(),
        "proof-input": proof_input(LOCK, OP, CTI, NONCE),
        "proof": proof,
        "open": OpenCommand(REQUEST, OP, token, PUBLIC, NONCE, proof).encode(),
        "answer": sign_answer(answer, LOCK_KEY),
        "genesis": genesis(LOCK),
        "commitment": commit(SALT, PAYLOAD),
        "event-1": first.raw,
        "event-1-head": first.head,
        "event-2": second.raw,
        "ack": sign_ack(ack_of(state), SERVICE),
        "crl": sign_crl(Crl(LOCK, 4, 8, (CTI,)), SERVICE),
        "time": sign_time(SignedTime(LOCK, NONCE, NOW_AT), SERVICE),
        "death": Death(LOCK, 3).encode(),
    } | _more_vectors(first, second, token, proof)


def _more_vectors(first: SignedEvent, second: SignedEvent, token: bytes, proof: bytes) -> dict[str, bytes]:
    batch = EventBatch((LoggedEvent(first.raw, SALT, PAYLOAD), LoggedEvent(second.raw))).encode()
    gap = replace(first.event, type=GAP, cti=None, result="overflow", commitment=None, from_seq=1, head=first.head)
    settings = {"ajar_s": 90}
    trust = TrustList(
        LOCK,
        2,
        "omsorgstid",
        (TrustedIssuer("omsorgstid", (ISSUER.public_bytes,)), TrustedIssuer("nabo", (OTHER_ISSUER.public_bytes,))),
    )
    opening = NearMessage("open", OpenCommand(REQUEST, OP, token, PUBLIC, NONCE, proof).encode())
    until_at = NOW_AT + timedelta(hours=8)
    order = SignedOrder("o1", "demo", "mount", DeviceKind.LOCK, "u1", "c1", NONCE, NOW_AT, until_at)
    return {
        "root-public-key": ROOT.public_bytes,
        "service-exchange-key": exchange_key(SERVICE.public_bytes),
        "challenge": Challenge(LOCK, REQUEST, NONCE, 10_000, 3, 7, 4, ClockState.OK, 5_900).encode(),
        "birth": Birth(LOCK, 3, "sim-1", 3, 0, 4, 1, 8, ClockState.OK, NOW_AT, 5_900, ("offline",), 2).encode(),
        "evt": batch,
        "event-gap": sign_event(gap, LOCK_KEY).raw,
        "ask": Ask(from_seq=1).encode(),
        "time-request": TimeRequest(LOCK, NONCE, 3).encode(),
        "cfg": sign_cfg(Cfg(LOCK, 1, settings), SERVICE),
        "cfg-report": CfgReport(LOCK, 3, 1, 4, 8, settings, 2).encode(),
        "crl-two-issuers": sign_crl(Crl(LOCK, 5, 8, epochs={"nabo": 3}), SERVICE),
        "trust": sign_trust(trust, ROOT),
        "near-evt": SEALED_LOG,
        **{f"fragment-{at}": piece for at, piece in enumerate(Splitter().split(opening), 1)},
        "order": sign_order(order, SERVICE),
        "enrol": prove_key(order, LOCK_KEY),
    }


#: sealed once with a random key, as every box is: the page's box must open to the page's ``evt``
SEALED_LOG = bytes.fromhex(
    "a361760162746f4824f6ed6acbfe100963626f785902a89249d171e2d8736f9c01f39f8343609a8a3faee217b963a8b2f7ea212e5eea01ef"
    "206af6341df8598c287a42c89b73a3cf0d00111b0a99633833b6fb97eea30c5a806c171190949fe7c3d9d5888287cba39d6c3b2849e604cc"
    "2cbc277eda3afe47d6d47a892317fca0e71bcfaef4bb3a0111b896bd26abf661bf37af5850799653628ec63e136016037e163d4633fb9c58"
    "b35dec2a32917258ef1ed4812020a4abc4354f1c77c61683e1fb95ec19580f351667cf8ca685f2b7cb9781d34c69b52f701f91e1cab3a742"
    "8f5fcffc57cc25e1e36c76a0f17bec9c6a02b07a250857712c5434b3b8c782e69c363396b332bf2d188235ab8953f68c280859590e730f91"
    "9b95b8b7a06030338a290a2159ba135dcf9ab7514067c666e93de67c2646c47f165b8cc73f2bd120e772fb6d7f285a84b32f5a32876b2721"
    "a440a701717227c29d2d64f8616528379ac7d975e3de3760f81558890bc8651bcd1d299e989a3523063a87f64a6ffc3eeeffbbd9c732fb35"
    "a29c556ff3b054528fac7096c7c4e612cc012aa7f255d95b84950c69899eecbb33017147e7e926b8c22bc02c34c004260cc1dd91954b3d87"
    "50c352dec2a7e4d35d82db471ac0637935c433e91619a77696fb99f373933d0388dc25c13b0ed28b0edc6d7a7f5664b1fdf6b0ecb098ed4b"
    "fe8e61a98d921e39e24ae1f31788da70054f522a7883f2c6e7229ceccd15672fcd65f895b96109a1fea1a9b63c8679f9c17e3a7855dcf2fd"
    "d6dcc9b6bfe66d2683fed2befd7e8101fd2a0442d9725fa59d2a4b5653be0d8393a1b0ae544c81e978a72d9f78e2976d2afae2b0369050f2"
    "6496b7cc609f97644d1a48390ff97720363b5480d275950a687f11dabef70c73405225e033a942dc427a9d4fc56cf33b6aaf9450a065c3f8"
    "50c42ac4a82fc6c8094cd38c61ff9079e9e272c30a813172a6e14765166e3a"
)
VECTORS = _vectors()
KEY_MATERIAL = {
    name
    for name in VECTORS
    if name.endswith(("-key", "-kid", "-thumbprint", "-head", "proof", "genesis")) or name.startswith("fragment")
} | {"commitment"}


def diagnostic(value: object) -> str:
    """RFC 8949 diagnostic notation of what these vectors hold."""
    if isinstance(value, cbor2.CBORTag):
        protected, unprotected, payload, signature = value.value
        inner = f"<< {diagnostic(cbor2.loads(protected))} >>, {diagnostic(unprotected)}, "
        return f"{value.tag}([{inner}<< {diagnostic(cbor2.loads(payload))} >>, {diagnostic(signature)}])"
    if isinstance(value, dict):
        inside = ", ".join(f"{diagnostic(key)}: {diagnostic(item)}" for key, item in value.items())
        return "{" + inside + "}"
    if isinstance(value, list):
        return "[" + ", ".join(diagnostic(item) for item in value) + "]"
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, str):
        return f'"{value}"'
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def section(name: str) -> str:
    """A vector as it stands in the page."""
    data = VECTORS[name]
    lines = [f"**{name}** ({len(data)} bytes)", "", "```", *re.findall(".{1,96}", data.hex()), "```"]
    if name not in KEY_MATERIAL:
        lines += ["", "```", *re.findall(".{1,96}", diagnostic(cbor2.loads(data))), "```"]
    return "\n".join(lines)


@pytest.mark.parametrize("name", VECTORS)
def test_the_page_shows_the_vector_the_code_computes(name: str) -> None:
    assert section(name) in PAGE.read_text()


def test_the_page_shows_no_vector_that_nobody_computes() -> None:
    shown = re.findall(r"^\*\*([a-z0-9-]+)\*\* \(\d+ bytes\)$", PAGE.read_text(), re.MULTILINE)

    assert sorted(shown) == sorted(VECTORS)


def test_the_page_names_every_message_with_its_quality_retention_and_expiry() -> None:
    page = PAGE.read_text()
    for (direction, name), spec in SPECS.items():
        expiry = "none" if spec.expiry_s is None else f"{spec.expiry_s} s"
        retain = "yes" if spec.retain else "no"
        assert f"| `{direction.value}/{name}` | {spec.qos} | {retain} | {expiry} |" in page


@pytest.mark.parametrize("word", [*DenialCode, *LockResult, *MessageKind], ids=str)
def test_the_page_names_every_word_a_lock_may_say(word: str) -> None:
    assert f"`{word}`" in PAGE.read_text()


def test_the_thumbprint_and_the_kid_can_be_computed_without_any_of_our_code() -> None:
    cose_key = b"\xa4\x01\x02\x20\x01\x21\x58\x20" + PUBLIC[1:33] + b"\x22\x58\x20" + PUBLIC[33:]

    assert sha256(cose_key).digest() == VECTORS["holder-thumbprint"]
    assert sha256(ISSUER.public_bytes).digest()[:8] == VECTORS["issuer-kid"]


def test_the_sealed_log_of_the_page_opens_to_the_batch_of_the_page_for_the_service_alone() -> None:
    assert open_log(LOCK, VECTORS["near-evt"], [SERVICE]) == VECTORS["evt"]
    with pytest.raises(MessageError):
        open_log(LOCK, VECTORS["near-evt"], [ISSUER])


def test_a_lock_maker_s_own_hpke_opens_the_sealed_log() -> None:
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    box = cbor2.loads(VECTORS["near-evt"])["box"]
    scalar = sha512(bytes(range(0x20, 0x40))).digest()[:32]
    key = suite.kem.deserialize_private_key(scalar)

    reader = suite.create_recipient_context(box[:32], key, info=b"omsorgstid/v1/log/" + LOCK.encode())

    assert reader.open(box[32:]) == VECTORS["evt"]
    public = X25519PrivateKey.from_private_bytes(scalar).public_key().public_bytes_raw()
    assert public == VECTORS["service-exchange-key"]


def test_the_fragments_of_the_page_join_to_the_command_of_the_page() -> None:
    joiner = Joiner()
    came = [joiner.take(VECTORS[name]) for name in sorted(VECTORS) if name.startswith("fragment")]

    assert came[-1] == NearMessage("open", VECTORS["open"])


def test_a_vector_of_a_signed_message_is_what_signing_its_payload_again_gives() -> None:
    payload = cast(bytes, cbor2.loads(VECTORS["ack"]).value[2])

    assert sign(MessageKind.ACK, payload, SERVICE) == VECTORS["ack"]

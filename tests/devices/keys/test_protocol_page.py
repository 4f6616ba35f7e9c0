"""The test vectors and tables of docs/protocol.md are recomputed: the page cannot drift from the code."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from devices.keys import cbor
from devices.keys.answer import Answer, sign_answer
from devices.keys.chain import ChainEvent, ChainState, commit, extend_chain, genesis
from devices.keys.control import Crl, SignedTime, ack_of, sign_ack, sign_crl, sign_time
from devices.keys.cose import MessageKind, SigningKey, sign
from devices.keys.grant import Grant, mint_grant
from devices.keys.messages import SPECS, ChallengeRequest, Death, OpenCommand
from devices.keys.model import Bolt, DenialCode, LockResult, Operation
from devices.keys.proof import holder_thumbprint, proof_input, public_point, sign_proof

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"

ISSUER = SigningKey(bytes(range(0x20)))
SERVICE = SigningKey(bytes(range(0x20, 0x40)))
LOCK_KEY = SigningKey(bytes(range(0x40, 0x60)))
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
    }


VECTORS = _vectors()
KEY_MATERIAL = {
    name for name in VECTORS if name.endswith(("-key", "-kid", "-thumbprint", "-head", "proof", "genesis"))
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


def test_a_vector_of_a_signed_message_is_what_signing_its_payload_again_gives() -> None:
    payload = cast(bytes, cbor2.loads(VECTORS["ack"]).value[2])

    assert sign(MessageKind.ACK, payload, SERVICE) == VECTORS["ack"]

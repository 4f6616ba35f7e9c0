"""The holder's proof: bytes a browser can build, a key it can show."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.errors import ProofError
from devices.keys.model import Operation
from devices.keys.proof import holder_thumbprint, proof_input, public_point, sign_proof, verify_proof

HOLDER = ec.derive_private_key(4711, ec.SECP256R1())
PUBLIC = public_point(HOLDER)
CNF = holder_thumbprint(PUBLIC)
CTI, NONCE = bytes(range(16)), bytes(range(16, 32))
SIGNED = proof_input("lock-1", Operation.OPEN, CTI, NONCE)
PROOF = sign_proof(HOLDER, "lock-1", Operation.OPEN, CTI, NONCE)


@given(
    st.text("0123456789abcdef-_", min_size=1, max_size=64),
    st.sampled_from(Operation),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
)
def test_the_signed_bytes_are_the_layout_a_page_can_build(
    lock_id: str, op: Operation, cti: bytes, nonce: bytes
) -> None:
    def text(value: str) -> bytes:
        raw = value.encode()
        return (bytes([0x60 + len(raw)]) if len(raw) < 24 else bytes([0x78, len(raw)])) + raw

    layout = b"\x85" + text("omsorgstid-open-v1") + text(lock_id) + text(op.value)

    assert proof_input(lock_id, op, cti, nonce) == layout + b"\x50" + cti + b"\x50" + nonce


def test_the_thumbprint_is_of_the_cose_key_with_only_its_required_parts() -> None:
    cose_key = bytes.fromhex("a40102200121 5820") + PUBLIC[1:33] + bytes.fromhex("225820") + PUBLIC[33:]

    assert sha256(cose_key).digest() == CNF


def test_a_proof_is_64_bytes_and_believed_for_exactly_what_was_signed() -> None:
    verify_proof(PUBLIC, CNF, PROOF, SIGNED)

    assert len(PROOF) == 64


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(proof_input("lock-2", Operation.OPEN, CTI, NONCE), id="another lock"),
        pytest.param(proof_input("lock-1", Operation.LOCK, CTI, NONCE), id="another operation"),
        pytest.param(proof_input("lock-1", Operation.OPEN, NONCE, NONCE), id="another grant"),
        pytest.param(proof_input("lock-1", Operation.OPEN, CTI, CTI), id="another challenge"),
    ],
)
def test_a_proof_is_worth_nothing_for_anything_else(signed: bytes) -> None:
    with pytest.raises(ProofError) as caught:
        verify_proof(PUBLIC, CNF, PROOF, signed)

    assert caught.value.code == "proof_invalid"


def test_another_holders_key_is_not_the_grants_even_with_a_good_signature() -> None:
    thief = ec.derive_private_key(4712, ec.SECP256R1())
    proof = sign_proof(thief, "lock-1", Operation.OPEN, CTI, NONCE)

    with pytest.raises(ProofError) as caught:
        verify_proof(public_point(thief), CNF, proof, SIGNED)

    assert caught.value.code == "proof_other_key"


@pytest.mark.parametrize(
    ("public", "proof", "code"),
    [
        pytest.param(PUBLIC, PROOF[:-1], "proof_malformed", id="short proof"),
        pytest.param(PUBLIC[:-1], PROOF, "proof_malformed", id="short key"),
        pytest.param(b"\x02" + PUBLIC[1:], PROOF, "proof_malformed", id="compressed form"),
        pytest.param(b"\x04" + b"\x01" * 64, PROOF, "proof_malformed", id="not on the curve"),
        pytest.param(PUBLIC, b"\x00" * 64, "proof_invalid", id="the zero signature"),
        pytest.param(PUBLIC, b"\xff" * 64, "proof_invalid", id="numbers beyond the group"),
    ],
)
def test_keys_and_proofs_of_the_wrong_form_are_refused(public: bytes, proof: bytes, code: str) -> None:
    with pytest.raises(ProofError) as caught:
        verify_proof(public, CNF, proof, SIGNED)

    assert caught.value.code == code


@pytest.mark.parametrize(("lock_id", "cti", "nonce"), [("", CTI, NONCE), ("a", b"", NONCE), ("a", CTI, b"")])
def test_nothing_is_signed_over_missing_parts(lock_id: str, cti: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match="Expected a lock id"):
        proof_input(lock_id, Operation.OPEN, cti, nonce)

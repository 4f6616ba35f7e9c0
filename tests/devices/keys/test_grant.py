"""Grants: what goes in comes out, nothing else is read, and nothing is too large."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys import cbor
from devices.keys.cose import MessageKind, SigningKey, server_trust, sign
from devices.keys.errors import GrantError, SignatureError
from devices.keys.grant import MAX_GRANT_BYTES, Grant, mint_grant, read_grant
from devices.keys.model import Operation

ISSUER = SigningKey(bytes(range(32)))
TRUST = server_trust([ISSUER.verifying_key], [])
START_AT = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
BARE = Grant(
    iss="omsorgstid",
    aud=("5f0c9a7be1d24c3f8a6b7c8d9e0f1a2b",),
    nbf_at=START_AT,
    exp_at=START_AT + timedelta(hours=2),
    cti=bytes(range(16)),
    cnf=bytes(range(32)),
    scope=frozenset({Operation.OPEN, Operation.LOCK}),
    epoch=7,
)
FULL = replace(
    BARE,
    aud=(*BARE.aud, "00112233445566778899aabbccddeeff"),
    scope=frozenset(Operation),
    dual=True,
    emergency=True,
    max_uses=3,
)

GRANTS = st.builds(
    Grant,
    iss=st.text("abcdef", min_size=1, max_size=12),
    aud=st.lists(st.text("0123456789abcdef", min_size=1, max_size=32), min_size=1, max_size=2, unique=True).map(tuple),
    nbf_at=st.just(START_AT),
    exp_at=st.integers(1, 10**6).map(lambda seconds: START_AT + timedelta(seconds=seconds)),
    cti=st.binary(min_size=16, max_size=16),
    cnf=st.binary(min_size=32, max_size=32),
    scope=st.frozensets(st.sampled_from(Operation), min_size=1),
    epoch=st.integers(0, 10**6),
    dual=st.booleans(),
    emergency=st.booleans(),
    max_uses=st.none() | st.integers(1, 100),
    extra=st.dictionaries(st.text("xyz", min_size=1, max_size=3), st.integers(0, 9), max_size=2),
)


@given(GRANTS)
def test_a_minted_grant_is_read_back_whole_and_fits(grant: Grant) -> None:
    token = mint_grant(grant, ISSUER)

    assert read_grant(token, TRUST) == grant
    assert len(token) <= MAX_GRANT_BYTES


def test_sizes_stay_what_the_near_link_is_sized_for() -> None:
    assert len(mint_grant(BARE, ISSUER)) == 218
    assert len(mint_grant(FULL, ISSUER)) == 279


def test_three_locks_with_every_flag_stay_within_the_limit() -> None:
    three = replace(FULL, aud=(*FULL.aud, "ffeeddccbbaa99887766554433221100"))

    assert len(mint_grant(three, ISSUER)) == 313 <= MAX_GRANT_BYTES


def test_a_grant_that_would_be_too_large_is_not_minted() -> None:
    long = replace(BARE, aud=tuple(f"{number}" * 64 for number in range(3)))

    with pytest.raises(GrantError) as caught:
        mint_grant(long, ISSUER)

    assert caught.value.code == "grant_too_large"
    assert caught.value.facts["expected"] == MAX_GRANT_BYTES


def test_a_token_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(GrantError) as caught:
        read_grant(b"\xd2" * (MAX_GRANT_BYTES + 1), TRUST)

    assert caught.value.code == "grant_too_large"


def test_a_grant_of_an_unknown_issuer_is_refused() -> None:
    with pytest.raises(SignatureError) as caught:
        read_grant(mint_grant(BARE, SigningKey(b"\x09" * 32)), TRUST)

    assert caught.value.code == "signature_key_unknown"


def _claims(**changes: Any) -> dict[Any, Any]:
    token = mint_grant(BARE, ISSUER)
    claims: dict[Any, Any] = cbor2.loads(cbor2.loads(token).value[2])
    for number, value in changes.items():
        claims[int(number.removeprefix("c"))] = value
    return claims


@pytest.mark.parametrize(
    ("claims", "claim"),
    [
        pytest.param(_claims(c1=5), "iss", id="issuer is a number"),
        pytest.param(_claims(c3="lock"), "aud", id="audience is no array"),
        pytest.param(_claims(c3=[1]), "aud", id="audience of numbers"),
        pytest.param(_claims(c3=[]), "claims", id="nobody is addressed"),
        pytest.param(_claims(c3=["a", "a"]), "claims", id="the same lock twice"),
        pytest.param(_claims(c4="late"), "exp", id="end is text"),
        pytest.param(_claims(c4=-1), "exp", id="end before 1970"),
        pytest.param(_claims(c4=True), "exp", id="end is a boolean"),
        pytest.param(_claims(c4=10), "claims", id="ends before it begins"),
        pytest.param(_claims(c7=b"short"), "cti", id="short identifier"),
        pytest.param(_claims(c8={1: {}}), "cnf", id="another confirmation method"),
        pytest.param(_claims(c8={5: b"short"}), "cnf", id="short thumbprint"),
        pytest.param(_claims(c8=b"x" * 32), "cnf", id="confirmation is no map"),
        pytest.param(_claims(c9="open open"), "scope", id="a word twice"),
        pytest.param(_claims(c9="open lock"), "scope", id="words out of order"),
        pytest.param(_claims(c9="fly"), "scope", id="an unknown word"),
        pytest.param(_claims(c9=""), "scope", id="no word"),
        pytest.param({**_claims(), -65537: None}, "epoch", id="no epoch"),
        pytest.param({**_claims(), -65538: 1}, "dual", id="dual is a number"),
        pytest.param({**_claims(), -65540: 0}, "claims", id="no use at all"),
    ],
)
def test_claims_that_are_none_of_a_grant_are_named(claims: dict[Any, Any], claim: str) -> None:
    token = sign(MessageKind.GRANT, cbor.encode(claims), ISSUER)

    with pytest.raises(GrantError) as caught:
        read_grant(token, TRUST)

    assert (caught.value.code, caught.value.facts["claim"]) == ("grant_malformed", claim)


@pytest.mark.parametrize("payload", [b"\xff", cbor.encode([1])], ids=["no CBOR", "no map"])
def test_a_signed_payload_that_is_no_claims_map_is_refused(payload: bytes) -> None:
    with pytest.raises(GrantError) as caught:
        read_grant(sign(MessageKind.GRANT, payload, ISSUER), TRUST)

    assert caught.value.code == "grant_malformed"


def test_a_numbered_claim_nobody_knows_refuses_the_grant_because_it_could_restrict() -> None:
    token = sign(MessageKind.GRANT, cbor.encode({**_claims(), -65541: True}), ISSUER)

    with pytest.raises(GrantError) as caught:
        read_grant(token, TRUST)

    assert caught.value.code == "grant_claim_unknown"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": ""}, id="no issuer"),
        pytest.param({"aud": ()}, id="no lock"),
        pytest.param({"aud": ("",)}, id="empty lock id"),
        pytest.param({"aud": ("a", "b", "c", "d")}, id="four locks"),
        pytest.param({"exp_at": START_AT}, id="no time"),
        pytest.param({"nbf_at": START_AT.replace(tzinfo=None)}, id="naive"),
        pytest.param({"exp_at": START_AT + timedelta(seconds=1, microseconds=1)}, id="not whole seconds"),
        pytest.param({"cti": b""}, id="no identifier"),
        pytest.param({"cnf": b""}, id="no holder"),
        pytest.param({"scope": frozenset()}, id="no operation"),
        pytest.param({"epoch": -1}, id="negative epoch"),
        pytest.param({"max_uses": 0}, id="no use"),
    ],
)
def test_a_grant_that_makes_no_sense_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        replace(BARE, **changes)

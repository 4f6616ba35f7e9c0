"""G12: what the COSE library costs over bare CBOR and Ed25519, and how large a grant is.

Both sides make and check the same 218-byte grant, in turns within one run, so that the ratio survives a change of
machine. The bare side does what a lock maker would write: no kinds, no key sets, no form checks.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter_ns

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cwt import COSE

from devices.keys import cose
from devices.keys.cose import MessageKind, SigningKey, VerifyingKey
from devices.keys.grant import MAX_GRANT_BYTES, Grant, mint_grant, read_grant
from devices.keys.model import Operation

ROUNDS = 40
PER_ROUND = 50
GOAL_RATIO = 1.2
_NOW_AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
_LIBRARY = COSE.new(verify_kid=True, deterministic_header=True)


@dataclass(frozen=True, slots=True)
class CryptoFigures:
    """Microseconds are medians over rounds; ratios are medians of the ratios within a round."""

    sign_bare_us: float
    sign_library_us: float
    check_bare_us: float
    check_library_us: float
    check_ours_us: float
    #: make and check, library over bare
    ratio: float
    #: read a grant by all our rules, over bare
    read_ratio: float
    grant_bytes: int
    largest_grant_bytes: int

    @property
    def holds(self) -> bool:
        """Whether G12 of the goals holds."""
        return self.ratio <= GOAL_RATIO and self.largest_grant_bytes <= MAX_GRANT_BYTES


def measure() -> dict[str, float | int | bool]:
    """The figures of G12 by name, with ``holds``."""
    key = SigningKey.generate()
    private = Ed25519PrivateKey.from_private_bytes(key.private_bytes())
    verifying, public = key.verifying_key, private.public_key()
    trust = cose.server_trust([verifying], [])
    grant = _grant()
    token = mint_grant(grant, key)
    payload: bytes = cbor2.loads(token).value[2]
    acts: dict[str, Callable[[], object]] = {
        "sign_bare": lambda: _sign_bare(payload, private, key.kid),
        "sign_library": lambda: _sign_library(payload, key),
        "check_bare": lambda: _check_bare(token, public),
        "check_library": lambda: _check_library(token, verifying),
        "check_ours": lambda: read_grant(token, trust),
    }
    if not (_sign_bare(payload, private, key.kid) == _sign_library(payload, key) == token):
        raise AssertionError("Expected both sides to make the same bytes, got different ones.")
    spent: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS):
        for name, act in acts.items():
            spent[name].append(_round_us(act))
    whole = [
        (sign + check) / (bare_sign + bare_check)
        for sign, check, bare_sign, bare_check in zip(
            spent["sign_library"], spent["check_library"], spent["sign_bare"], spent["check_bare"], strict=True
        )
    ]
    reading = [ours / bare for ours, bare in zip(spent["check_ours"], spent["check_bare"], strict=True)]
    figures = CryptoFigures(
        **{f"{name}_us": round(median(times), 1) for name, times in spent.items()},
        ratio=round(median(whole), 3),
        read_ratio=round(median(reading), 3),
        grant_bytes=len(token),
        largest_grant_bytes=max(len(mint_grant(each, key)) for each in _largest()),
    )
    return {name: getattr(figures, name) for name in CryptoFigures.__slots__} | {"holds": figures.holds}


def _grant() -> Grant:
    return Grant(
        iss="omsorgstid",
        aud=("0" * 32,),
        nbf_at=_NOW_AT,
        exp_at=_NOW_AT + timedelta(minutes=90),
        cti=os.urandom(16),
        cnf=os.urandom(32),
        scope=frozenset({Operation.OPEN, Operation.LOCK}),
        epoch=7,
    )


def _largest() -> list[Grant]:
    """Every flag, and as many locks as a stairwell and a flat take."""
    full = replace(_grant(), dual=True, emergency=True, max_uses=3, epoch=2**31 - 1, scope=frozenset(Operation))
    return [full, replace(full, aud=("0" * 32, "1" * 32)), replace(full, aud=("0" * 32, "1" * 32, "2" * 32))]


def _round_us(act: Callable[[], object]) -> float:
    began_ns = perf_counter_ns()
    for _ in range(PER_ROUND):
        act()
    return (perf_counter_ns() - began_ns) / PER_ROUND / 1000


def _sign_bare(payload: bytes, key: Ed25519PrivateKey, kid: bytes) -> bytes:
    protected = cbor2.dumps({1: -8, 4: kid})
    signature = key.sign(_to_be_signed(protected, payload))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def _check_bare(token: bytes, key: Ed25519PublicKey) -> bytes:
    protected, _, payload, signature = cbor2.loads(token).value
    key.verify(signature, _to_be_signed(protected, payload))
    return bytes(payload)


def _sign_library(payload: bytes, key: SigningKey) -> bytes:
    return cose.sign(MessageKind.GRANT, payload, key)


def _check_library(token: bytes, key: VerifyingKey) -> bytes:
    return bytes(_LIBRARY.decode(token, key.cose_key, external_aad=MessageKind.GRANT.context))


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", protected, MessageKind.GRANT.context, payload])

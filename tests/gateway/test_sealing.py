"""The chain of envelopes a tablet opens one by one."""

import json

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.sealing import NONCE_BYTES, SealedVisit, seal_chain
from gateway.wire import from_b64u


def _open(one: SealedVisit, key: str) -> dict[str, object]:
    nonce, box = one.envelope[:NONCE_BYTES], one.envelope[NONCE_BYTES:]
    found: dict[str, object] = json.loads(AESGCM(from_b64u(key)).decrypt(nonce, box, one.visit_id.encode()))
    return found


def test_each_envelope_holds_one_grant_and_the_key_of_the_next() -> None:
    key, sealed = seal_chain([("v1", {"cti": "a"}), ("v2", None), ("v3", {"cti": "c"})])

    contents = []
    for one in sealed:
        assert key is not None
        content = _open(one, key)
        contents.append((one.visit_id, content["grant"]))
        key = content["next_key"]  # type: ignore[assignment]

    assert contents == [("v1", {"cti": "a"}), ("v2", None), ("v3", {"cti": "c"})]
    assert key is None


def test_a_key_opens_its_own_envelope_and_no_other_and_keys_are_new_each_time() -> None:
    key, sealed = seal_chain([("v1", 1), ("v2", 2)])
    again, _ = seal_chain([("v1", 1), ("v2", 2)])

    assert key is not None
    assert key != again
    with pytest.raises(InvalidTag):
        _open(sealed[1], key)
    with pytest.raises(InvalidTag):
        _open(SealedVisit("v2", sealed[0].envelope), key)


def test_without_later_visits_there_is_no_key() -> None:
    assert seal_chain([]) == (None, [])

"""One value has one encoding, and only that one is read."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.cbor import MAX_BYTES, Cbor, decode, encode
from devices.keys.errors import MessageError

SCALARS = st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=20)
KEYS = st.text(max_size=8) | st.integers(-300, 300)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner))


VALUES: st.SearchStrategy[Any] = st.recursive(SCALARS, _containers, max_leaves=12)


@given(VALUES)
def test_what_is_encoded_is_read_back_and_encodes_to_the_same_bytes(value: Cbor) -> None:
    data = encode(value)

    assert decode(data) == value
    assert encode(decode(data)) == data


@given(st.dictionaries(st.text(max_size=30) | st.integers(-70_000, 70_000), st.integers(0, 9)))
def test_map_keys_stand_in_bytewise_order_of_their_encodings(value: dict[int | str, int]) -> None:
    keys = [cbor2.dumps(key) for key in cbor2.loads(encode(value))]  # type: ignore[arg-type]

    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "hexadecimal",
    [
        pytest.param("1801", id="a number longer than it need be"),
        pytest.param("a2010101 02", id="a key twice"),
        pytest.param("bf0101ff", id="a map of indefinite length"),
        pytest.param("5f4101ff", id="bytes of indefinite length"),
        pytest.param("a202010102", id="keys in the wrong order"),
        pytest.param("0100", id="bytes after the end"),
        pytest.param("81", id="an end too early"),
        pytest.param("fb3ff0000000000000", id="a float"),
        pytest.param("c1fb41d452d9e20000 00", id="a date"),
        pytest.param("d81c80", id="a shared value"),
        pytest.param("c249010000000000000000", id="a big number"),
        pytest.param("f7", id="undefined"),
        pytest.param("e0", id="a simple value"),
        pytest.param("61ff", id="text that is no UTF-8"),
        pytest.param("a1f501", id="a boolean as key"),
        pytest.param("81" * 500 + "00", id="five hundred levels"),
    ],
)
def test_every_other_form_is_refused_as_malformed(hexadecimal: str) -> None:
    with pytest.raises(MessageError) as caught:
        decode(bytes.fromhex(hexadecimal))

    assert caught.value.code == "message_malformed"


@given(st.binary(max_size=60))
def test_noise_is_read_or_refused_but_never_breaks_the_reader(noise: bytes) -> None:
    try:
        value = decode(noise)
    except MessageError:
        return
    assert encode(value) == noise


def test_a_message_longer_than_anybody_must_read_is_refused_unread() -> None:
    with pytest.raises(MessageError) as caught:
        decode(b"\x00" * (MAX_BYTES + 1), "up/evt")

    assert caught.value.facts["name"] == "up/evt"
    assert caught.value.facts["found"] == f"{MAX_BYTES + 1} bytes"


@pytest.mark.parametrize("value", [1.5, 2**64, {1.5: 1}, {True: 1}, pytest.param(object(), id="an object")], ids=repr)
def test_what_has_no_deterministic_form_here_is_a_wrong_argument(value: object) -> None:
    with pytest.raises(ValueError, match="Expected"):
        encode(value)  # type: ignore[arg-type]

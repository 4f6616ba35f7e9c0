"""What goes over the wire with a vendor: signatures that hold, and anything else refused with what was expected."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.vendors.cloud_wire import TOLERANCE_S, entries_of, entry_json, sign_webhook, verify_webhook
from devices.keys.vendors.errors import VendorError
from devices.keys.vendors.model import LogEntry

SECRET = b"between the vendor and us"
ENTRY = LogEntry(7, "V-1", "opened", datetime(2026, 11, 25, 7, 0, tzinfo=UTC), "a" * 32, "b" * 32, None)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(entry_json(ENTRY))), inner),
    max_leaves=10,
)


def test_an_entry_comes_back_as_it_was() -> None:
    assert entries_of(json.dumps({"entries": [entry_json(ENTRY)]}).encode()) == (ENTRY,)


@given(body=st.one_of(st.binary(max_size=200), ANY_JSON.map(lambda each: json.dumps({"entries": [each]}).encode())))
def test_whatever_comes_is_read_or_refused_with_its_place(body: bytes) -> None:
    refused: VendorError | None = None
    try:
        entries_of(body)
    except VendorError as err:
        refused = err

    assert refused is None or refused.code == "vendor_unclear"
    assert refused is None or {"path", "expected", "found"} <= refused.facts.keys()


@pytest.mark.parametrize(
    ("field", "value"),
    [("number", 0), ("number", True), ("lock", ""), ("lock", "x" * 65), ("at", "2026-11-25T07:00:00"), ("request", 7)],
)
def test_a_wrong_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(VendorError) as refused:
        entries_of(json.dumps({"entries": [entry_json(ENTRY) | {field: value}]}).encode())

    assert refused.value.facts["path"] == f"body.entries[0].{field}"


def _verify(**changed: Any) -> None:
    parts = {"secret": SECRET, "timestamp": "1000", "delivery": "d1", "body": b"{}", "wall_s": 1000.0} | changed
    signature = changed.pop("signature", sign_webhook(SECRET, 1000, "d1", b"{}"))
    verify_webhook(parts["secret"], parts["timestamp"], parts["delivery"], signature, parts["body"], parts["wall_s"])


def test_only_the_whole_message_as_it_was_signed_is_believed() -> None:
    _verify()
    for changed in (
        {"secret": b"another"},
        {"timestamp": "1001"},
        {"timestamp": "-1"},
        {"timestamp": "٣"},
        {"delivery": "d2"},
        {"body": b"{ }"},
        {"signature": ""},
        {"signature": "ø"},
    ):
        with pytest.raises(VendorError) as refused:
            _verify(**changed)
        assert refused.value.code == "webhook_forged", changed


def test_a_message_from_another_time_is_refused() -> None:
    for wall_s in (1000.0 + TOLERANCE_S + 1, 1000.0 - TOLERANCE_S - 1):
        with pytest.raises(VendorError) as refused:
            _verify(wall_s=wall_s)
        assert refused.value.code == "webhook_old"

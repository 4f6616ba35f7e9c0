"""What trackers say, read field by field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.driving.messages import MAX_FIXES, Ack, FixBatch, kept_report, read_ack, read_fixes
from devices.driving.model import Fix, Mode, Position
from devices.keys.envelope import from_ms
from devices.keys.errors import MessageError

FIX = {"seq": 1, "ts": 1_764_057_600_000, "lat": 55.7, "lon": 12.5, "odometer_m": 48_211_400, "ignition": True}


def batch(*fixes: Any, **also: Any) -> bytes:
    return json.dumps({"v": 1, "device": "car", "boot": 3, "fixes": list(fixes), **also}).encode()


@given(
    st.lists(
        st.builds(
            Fix,
            boot=st.just(3),
            seq=st.integers(0, 2**60),
            ts_at=st.integers(0, 4_000_000_000_000).map(from_ms),
            position=st.builds(Position, st.floats(-90, 90), st.floats(-180, 180)),
            odometer_m=st.integers(0, 10**9),
            ignition=st.booleans(),
            speed_kmh=st.none() | st.floats(0, 300),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_reads_back_the_same(fixes: list[Fix]) -> None:
    written = FixBatch("car", 3, tuple(fixes), oldest_seq=0)

    read = read_fixes(written.encode())

    assert (read.device, read.boot, read.fixes, read.oldest_seq) == ("car", 3, tuple(fixes), 0)


def test_fields_nobody_knows_are_kept() -> None:
    read = read_fixes(batch(FIX | {"hdop": 0.8}, site="north"))

    again = json.loads(read.encode())

    assert again["site"] == "north"
    assert again["fixes"][0]["hdop"] == 0.8
    assert json.loads(kept_report(read, 0))["hdop"] == 0.8


def test_a_private_fix_loses_its_position_before_anything_is_kept() -> None:
    read = read_fixes(batch(FIX | {"mode": "private"}))

    kept = json.loads(kept_report(read, 0))

    assert read.fixes[0].position is None
    assert read.fixes[0].mode is Mode.PRIVATE
    assert "lat" not in kept
    assert "lon" not in kept
    assert kept["odometer_m"] == 48_211_400


def test_a_private_fix_needs_no_position() -> None:
    fix = {k: v for k, v in FIX.items() if k not in ("lat", "lon")}

    assert read_fixes(batch(fix | {"mode": "private"})).fixes[0].position is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param({"lat": 91.0}, "fixes[1].lat", id="latitude"),
        pytest.param({"lon": "east"}, "fixes[1].lon", id="longitude"),
        pytest.param({"odometer_m": -1}, "fixes[1].odometer_m", id="odometer"),
        pytest.param({"odometer_m": True}, "fixes[1].odometer_m", id="odometer is a boolean"),
        pytest.param({"ignition": 1}, "fixes[1].ignition", id="ignition"),
        pytest.param({"ts": "now"}, "fixes[1].ts", id="time"),
        pytest.param({"seq": -4}, "fixes[1].seq", id="number"),
        pytest.param({"mode": "leased"}, "fixes[1].mode", id="mode"),
        pytest.param({"speed_kmh": 900}, "fixes[1].speed_kmh", id="speed"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_place(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(MessageError) as caught:
        read_fixes(batch(FIX, FIX | wrong))

    assert caught.value.code == "message_malformed"
    assert caught.value.facts["field"] == field


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(batch(), id="empty"),
        pytest.param(batch(*[FIX] * (MAX_FIXES + 1)), id="too many"),
        pytest.param(batch(7), id="not an object"),
        pytest.param(batch({k: v for k, v in FIX.items() if k != "lat"}), id="no position"),
        pytest.param(b'{"v":1,"device":"car","boot":1,"fixes":[{"odometer_m":NaN}]}', id="not a number"),
        pytest.param(b"\xff", id="not JSON"),
    ],
)
def test_a_batch_that_cannot_be_read_is_an_error_of_the_protocol(payload: bytes) -> None:
    with pytest.raises(MessageError):
        read_fixes(payload)


def test_a_version_nobody_knows_yet_is_said_so() -> None:
    with pytest.raises(MessageError) as caught:
        read_fixes(batch(FIX, v=2))

    assert caught.value.code == "message_version_unknown"


def test_a_watermark_reads_back_the_same() -> None:
    assert read_ack(Ack(3, 41).encode()) == Ack(3, 41)

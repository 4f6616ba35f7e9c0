"""Cycles on the wire: read after write is the same, and wrong input names cycle, field, expected and found."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.errors import MessageError
from devices.transfers.messages import (
    MAX_CYCLES,
    BadgeSeen,
    Cycle,
    CycleAck,
    CycleBatch,
    read_ack,
    read_cycles,
)
from devices.transfers.service import transfer_handlers

PAGE = (Path(__file__).parents[3] / "docs" / "mqtt.md").read_text(encoding="utf-8")
NINE_MS = 1_795_597_200_000
GOOD: dict[str, Any] = {
    "v": 1,
    "device": "lift-1",
    "boot": 3,
    "cycles": [
        {
            "seq": 7,
            "started_ts": NINE_MS,
            "ended_ts": NINE_MS + 240_000,
            "load_kg": 81.5,
            "setup_s": 90,
            "badges": [{"badge": "b-1", "from_ts": NINE_MS - 90_000, "to_ts": NINE_MS + 240_000}],
            "strap": "green",
        }
    ],
}


def changed(**cycle: Any) -> bytes:
    """The good message with fields of its cycle replaced, or left out where ``None``."""
    replaced = {k: v for k, v in {**GOOD["cycles"][0], **cycle}.items() if v is not None}
    return json.dumps({**GOOD, "cycles": [replaced]}).encode()


def test_a_batch_is_read_with_everything_it_says_and_what_is_not_known_is_kept() -> None:
    batch = read_cycles(json.dumps(GOOD).encode())

    (cycle,) = batch.cycles
    assert (batch.device_id, batch.boot, cycle.seq) == ("lift-1", 3, 7)
    assert cycle.ended_at - cycle.started_at == timedelta(minutes=4)
    assert (cycle.load_kg, cycle.setup_s, cycle.fault) == (81.5, 90, None)
    assert cycle.badges[0].badge == "b-1"
    assert json.loads(batch.encode()) == GOOD


@pytest.mark.parametrize(
    ("payload", "field", "expected"),
    [
        pytest.param(changed(load_kg=401), "cycles[0].load_kg", "0 to 400", id="too heavy"),
        pytest.param(changed(load_kg=-1), "cycles[0].load_kg", "0 to 400", id="negative load"),
        pytest.param(changed(load_kg=True), "cycles[0].load_kg", "0 to 400", id="a load that is no number"),
        pytest.param(changed(ended_ts=NINE_MS - 1), "cycles[0].ended_ts", "after the start", id="ended before"),
        pytest.param(changed(ended_ts=NINE_MS + 3 * 3_600_000), "cycles[0].ended_ts", "120 min", id="hours long"),
        pytest.param(changed(badges=[{"badge": "b"}]), "from_ts", "a value", id="a badge without time"),
        pytest.param(
            changed(badges=[{"badge": "b", "from_ts": 2, "to_ts": 1}]),
            "cycles[0].badges[0].to_ts",
            "not before",
            id="badge back",
        ),
        pytest.param(changed(badges={}), "cycles[0].badges", "badges", id="badges that are no list"),
        pytest.param(changed(seq=None), "seq", "a value", id="no number"),
        pytest.param(json.dumps({**GOOD, "cycles": []}).encode(), "cycles", f"1 to {MAX_CYCLES}", id="no cycle"),
        pytest.param(json.dumps({**GOOD, "cycles": [3]}).encode(), "cycles[0]", "an object", id="no object"),
        pytest.param(json.dumps({**GOOD, "cycles": GOOD["cycles"] * 2}).encode(), "cycles", "once", id="twice"),
    ],
)
def test_what_cannot_be_is_refused_naming_field_expected_and_found(payload: bytes, field: str, expected: str) -> None:
    with pytest.raises(MessageError) as refused:
        read_cycles(payload)

    assert refused.value.code == "message_malformed"
    assert refused.value.facts["field"] == field
    assert expected in str(refused.value.facts["expected"])
    assert refused.value.facts["found"]


def test_another_version_is_told_apart_from_a_broken_message() -> None:
    with pytest.raises(MessageError) as refused:
        read_cycles(json.dumps({**GOOD, "v": 2}).encode())

    assert refused.value.code == "message_version_unknown"


@given(
    st.lists(st.tuples(st.integers(0, 7_200), st.integers(0, 400), st.booleans()), min_size=1, max_size=20),
    st.integers(0, 2**31),
)
def test_reading_what_was_written_gives_the_same(drawn: list[tuple[int, int, bool]], boot: int) -> None:
    at = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    cycles = [
        Cycle(
            seq,
            at,
            at + timedelta(seconds=lasts_s),
            float(load_kg),
            lasts_s // 2,
            (BadgeSeen("b", at, at),) if badge else (),
            None if badge else "overload",
        )
        for seq, (lasts_s, load_kg, badge) in enumerate(drawn)
    ]
    batch = CycleBatch("lift-1", boot, tuple(cycles))

    assert read_cycles(batch.encode()) == batch
    ack = CycleAck("lift-1", boot, len(cycles), (40, 41))
    assert read_ack(ack.encode()) == ack


def test_both_messages_are_on_the_page_of_topics() -> None:
    section = PAGE.split("## Cycles of lifts and turning systems")[1].split("\n## ")[0]

    assert re.findall(r"^\| `((?:up|dn)/[a-z]+)`", section, re.MULTILINE) == ["up/cycle", "dn/ack"]
    assert {name for _, name in transfer_handlers()} == {"cycle"}

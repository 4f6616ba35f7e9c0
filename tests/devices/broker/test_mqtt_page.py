import re
from pathlib import Path

import pytest

from devices.inbox.model import Reason
from devices.keys.messages import SPECS, MessageSpec
from devices.registry.model import SPEAKING
from devices.registry.service import presence_handlers

PAGE = (Path(__file__).parents[3] / "docs" / "mqtt.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(up|dn)/([a-z]+)` \| (\d) \| (yes|no) \| ([^|]+) \|", re.MULTILINE)


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}")[1].split("\n## ")[0]


def rows(text: str) -> dict[tuple[str, str], tuple[int, bool, str]]:
    return {
        (direction, name): (int(qos), kept == "yes", expiry.strip())
        for direction, name, qos, kept, expiry in _ROW.findall(text)
    }


def test_every_topic_of_a_lock_is_on_the_page_and_no_other() -> None:
    assert set(rows(section("Locks"))) == {(direction.value, name) for direction, name in SPECS}


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: f"{spec.direction.value}/{spec.name}")
def test_the_page_says_how_each_message_travels(spec: MessageSpec) -> None:
    travels = rows(section("Locks"))[spec.direction.value, spec.name]
    expiry = "–" if spec.expiry_s is None else f"{spec.expiry_s} s"
    assert travels[:1] + travels[2:] == (spec.qos, expiry)
    assert travels[1] == spec.retain


def test_every_message_of_the_other_kinds_is_on_the_page() -> None:
    others = {name for kind, name in presence_handlers() if kind != "lock"}
    assert {name for direction, name in rows(section("Vehicles")) if direction == "up"} == others
    assert all(f"`{kind.value}`" in PAGE for kind in SPEAKING)


def test_every_reason_to_set_a_message_aside_is_explained() -> None:
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", section("The way in"), re.MULTILINE))
    assert explained == {reason.value for reason in Reason}

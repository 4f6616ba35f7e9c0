"""The pages say what the code does."""

import re
from pathlib import Path

from devices.driving import stream
from devices.driving.intake import vehicle_handlers
from devices.driving.messages import MAX_FIXES
from devices.driving.model import Doubt

DOCS = Path(__file__).parents[3] / "docs"
LOG = (DOCS / "driving-log.md").read_text(encoding="utf-8")
MQTT = (DOCS / "mqtt.md").read_text(encoding="utf-8").split("## Cars")[1].split("\n## ")[0]


def test_every_message_of_a_car_is_on_the_page() -> None:
    handled = {name for _, name in vehicle_handlers(lambda *_: {})}

    assert set(re.findall(r"^\| `up/([a-z]+)`", MQTT, re.MULTILINE)) == handled
    assert f"1 to {MAX_FIXES} fixes" in MQTT


def test_the_rules_of_segmentation_are_on_the_page_with_their_values() -> None:
    stop, hop, silence = stream.STOP_S, stream.SHORTEST_TRIP_M, stream.GAP.total_seconds() / 60

    assert f"{stop:.0f} s within {stream.STOP_RADIUS_M:.0f} m" in LOG
    assert f"at least {hop:.0f} m" in LOG
    assert f"{silence:.0f} min without a fix" in LOG
    assert f"faster than {stream.TOP_SPEED_KMH:.0f} km/h over more than {stream.NOISE_M:.0f} m" in LOG
    assert all(f"`{doubt.value}`" in LOG for doubt in Doubt)

"""The same platform on either embedded broker: doors open, bad messages are set aside, whatever carries them.

What iotcore has not (an access file, ``set_tcp_nodelay``, sessions over a restart) is said in docs/mqtt.md.
"""

from collections.abc import Iterator

import pytest

from devices.broker import Publication
from devices.broker_process import BrokerKind, iotcore_is_installed, mosquitto_path
from devices.connections import BrokerConnection
from tests.conftest import missing
from tests.gateway.platform import Platform, eventually, running_platform


@pytest.fixture(scope="module", params=["mosquitto", "iotcore"])
def carried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform on a broker of each make."""
    if request.param == "mosquitto" and mosquitto_path() is None:
        missing("mosquitto")
    if request.param == "iotcore" and not iotcore_is_installed():
        missing("iotcore (Linux x86_64)")
    kind: BrokerKind = request.param
    yield from running_platform(tmp_path_factory.mktemp(kind), broker=kind)


def test_a_door_opens_and_its_end_is_known(carried: Platform) -> None:
    assert carried.runtime.broker is not None
    carer_id = carried.fresh_carer()
    tablet = carried.tablet(carer_id)
    tablet.day()
    tablet.start_shift("base")
    visit_id = carried.first_stops[carer_id]
    door_id = str(carried.day.visit_by_id[visit_id].door_id)

    opening = tablet.open_door(door_id, visit_id)

    assert carried.settled(tablet, opening["id"])["state"] == "unlocked"


def test_a_message_nobody_understands_is_set_aside_and_every_lock_is_relieved_of_its_events(carried: Platform) -> None:
    sender = BrokerConnection(carried.runtime.address, "anybody", [], lambda _delivery: None, session_expiry_s=0)
    sender.start()
    assert sender.wait_up(10)
    sender.publish(Publication("omsorgstid/v1/demo/lock/nobody/up/evt", b"\xff")).result(10)
    drift = carried.signed_in("operations")

    def waiting() -> int:
        return int(drift.get("/api/v1/operations/quarantine").json["open"]["count"])

    assert eventually(waiting) == 1
    assert carried.fleets[0].wait_idle(20.0)

    def wrong() -> dict[str, str]:
        told = drift.get("/api/v1/operations/parts").json["parts"]
        return {part["name"]: part["detail"] for part in told if part["name"] in ("broker", "inbox") and part["detail"]}

    # a machine that does other things as well may let a lease lapse for a moment; it is taken again
    assert eventually(lambda: not wrong()), wrong()
    sender.stop()

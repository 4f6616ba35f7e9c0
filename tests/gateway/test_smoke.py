"""The platform starts on embedded parts and a carer gets her day."""

from devices.simulator.holder import HolderKey
from gateway.demo.tablets import Tablet
from tests.conftest import LiveServer


def test_a_carer_signs_in_starts_and_opens_her_first_door(live_server: LiveServer) -> None:
    tablet = Tablet("127.0.0.1", live_server.port, live_server.carer_with_door_first(), HolderKey.generate())
    tablet.sign_in()
    first = tablet.day()["route"]["stops"][0]

    tablet.start_shift("citizen")
    opening = tablet.open_door(first["door"]["id"], first["visit_id"])

    assert opening["state"] == "sent"
    assert live_server.settled(tablet, opening["id"])["state"] == "unlocked"
    assert tablet.day()["route"]["stops"][0]["source"] == "device"
    tablet.close()

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from devices.inbox.model import Incoming, Reason, Refused
from devices.keys.errors import MessageError
from devices.keys.messages import Birth, Death
from devices.keys.model import ClockState
from devices.registry import store
from devices.registry.model import DeviceKind, DeviceState, read_birth, unpack_json
from devices.registry.service import (
    Enrolment,
    RegistryError,
    enrol,
    presence_handlers,
    retire,
    take_birth,
    take_death,
    touch,
)
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.errors import KernelError
from kernel.tables import EventRow
from kernel.work import UnitsOfWork

TENANT = "nord"
START_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


def birth(boot: int, device_id: str = "lock-a", retained: bool = False, at: datetime = START_AT) -> Incoming:
    payload = Birth(device_id, boot, "fw-2", 1, 0, 0, 0, 0, ClockState.OK, at, 5900).encode()
    return Incoming(TENANT, "lock", device_id, "birth", payload, START_AT, retained)


def death(boot: int, device_id: str = "lock-a") -> Incoming:
    return Incoming(TENANT, "lock", device_id, "death", Death(device_id, boot).encode(), START_AT)


def lift(name: str, **body: object) -> Incoming:
    payload = json.dumps({"v": 1, "device": "lift-a", "boot": 1, "firmware": "fw", **body}).encode()
    return Incoming(TENANT, "lift", "lift-a", name, payload, START_AT)


@pytest.fixture
def enrolled(units: UnitsOfWork) -> UnitsOfWork:
    with units.begin() as work:
        enrol(
            work,
            TENANT,
            [
                Enrolment(DeviceKind.LOCK, "unit-1", "L1", "door-1", "lock-a"),
                Enrolment(DeviceKind.LIFT, "unit-2", device_id="lift-a"),
            ],
        )
    return units


def take(units: UnitsOfWork, *messages: Incoming) -> None:
    handlers = presence_handlers()
    for message in messages:
        with units.begin() as work:
            handlers[message.kind, message.name](work, message)


def seen_events(database: Database) -> list[tuple[bool, int]]:
    with database.reading() as session:
        rows = session.exec(select(EventRow).where(EventRow.event_type == "device.seen").order_by("id"))
        return [(row.data["online"], row.data["boot"]) for row in rows]


def is_online(database: Database, device_id: str = "lock-a") -> bool:
    with database.reading() as session:
        device = store.find_device(session, device_id)
    assert device is not None
    return device.online


def test_enrolling_gives_random_ids_and_tells_the_log(units: UnitsOfWork, database: Database) -> None:
    with units.begin() as work:
        ids = enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit-1", "L1", "door-1")] * 2)
    assert len(set(ids)) == 2
    assert all(len(device_id) == 32 for device_id in ids)
    with database.reading() as session:
        device = store.find_device(session, ids[0])
        events = session.exec(select(EventRow).where(EventRow.event_type == "device.enrolled")).all()
    assert device is not None
    assert (device.kind, device.state, device.online, device.boot) == (
        DeviceKind.LOCK,
        DeviceState.ENROLLED,
        False,
        -1,
    )
    assert {event.data["door_id"] for event in events} == {"door-1"}
    assert {event.unit_id for event in events} == {"unit-1"}


def test_an_id_is_given_once(enrolled: UnitsOfWork) -> None:
    with pytest.raises(RegistryError) as error, enrolled.begin() as work:
        enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit-1", device_id="lock-a")])
    assert error.value.code == "device_exists"


def test_a_birth_and_a_death_are_told_once_each(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, birth(1), birth(1), death(1), death(1))
    assert seen_events(database) == [(True, 1), (False, 1)]
    assert not is_online(database)


def test_a_death_of_an_older_start_is_ignored(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, birth(1), birth(2), death(1))
    assert is_online(database)
    assert seen_events(database) == [(True, 1), (True, 2)]


def test_a_birth_of_an_older_start_is_ignored(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, birth(3), death(3), birth(2))
    assert not is_online(database)


def test_what_the_broker_had_kept_does_not_bring_a_lost_device_back(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, birth(3), death(3), birth(3, retained=True))
    assert not is_online(database)
    take(enrolled, birth(3))
    assert is_online(database)


def test_whichever_kept_message_comes_first_a_newcomer_knows_who_is_gone(
    enrolled: UnitsOfWork, database: Database
) -> None:
    take(enrolled, death(3), birth(3, retained=True))
    assert not is_online(database)


def test_an_empty_death_only_clears_what_the_broker_had_kept(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, birth(1), Incoming(TENANT, "lock", "lock-a", "death", b"", START_AT))
    assert is_online(database)


def test_a_birth_tells_firmware_and_battery(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, birth(1))
    with database.reading() as session:
        device = store.find_device(session, "lock-a")
    assert device is not None
    assert (device.firmware, device.battery_mv) == ("fw-2", 5900)


def test_kinds_that_speak_json_are_born_and_lost_the_same_way(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, lift("birth", battery_mv=24_000, later_field={"kept": True}))
    assert is_online(database, "lift-a")
    take(enrolled, lift("death"))
    assert not is_online(database, "lift-a")


@pytest.mark.parametrize(
    ("payload", "code", "expected"),
    [
        pytest.param(b"\xff", "message_malformed", "JSON in UTF-8", id="not text"),
        pytest.param(b'{"v": NaN}', "message_malformed", "JSON in UTF-8", id="not a number"),
        pytest.param(b"[1]", "message_malformed", "an object", id="not an object"),
        pytest.param(b"[" * 100_000, "message_malformed", "at most 65536 bytes", id="too long"),
        pytest.param(b'{"v": 2}', "message_version_unknown", 1, id="later version"),
        pytest.param(b'{"boot": 1}', "message_malformed", "a value", id="no version"),
        pytest.param(b'{"v": 1, "device": 7}', "message_malformed", "text of 1 to 64 characters", id="number"),
    ],
)
def test_a_birth_that_cannot_be_read_says_what_was_expected(payload: bytes, code: str, expected: object) -> None:
    with pytest.raises(MessageError) as error:
        read_birth("vehicle", payload)
    assert error.value.code == code
    assert error.value.facts["expected"] == expected


def test_unknown_fields_are_kept() -> None:
    fields = unpack_json("up/birth", b'{"v": 1, "device": "d", "colour": "red"}')
    assert fields.text("device") == "d"
    assert fields.rest() == {"colour": "red"}


def test_nobody_is_born_in_the_future_or_in_anothers_name(enrolled: UnitsOfWork) -> None:
    ahead = birth(1, at=START_AT + timedelta(minutes=3))
    with pytest.raises(Refused) as future, enrolled.begin() as work:
        take_birth(work, ahead)
    assert future.value.reason is Reason.FUTURE_TIMESTAMP
    anothers = Incoming(TENANT, "lock", "lock-a", "death", Death("lock-b", 1).encode(), START_AT)
    with pytest.raises(Refused) as other, enrolled.begin() as work:
        take_death(work, anothers)
    assert other.value.reason is Reason.BROKEN_PAYLOAD


def test_retiring_is_for_good_and_takes_the_device_offline(enrolled: UnitsOfWork, database: Database) -> None:
    take(enrolled, birth(1))
    with enrolled.begin() as work:
        assert retire(work, "lock-a").state is DeviceState.RETIRED
    assert seen_events(database) == [(True, 1), (False, 1)]
    with database.reading() as session:
        assert store.known_devices(session, {"lock-a"})["lock-a"].retired
    for device_id, expected in (("lock-a", RegistryError), ("nobody", KernelError)):
        with pytest.raises(expected), enrolled.begin() as work:
            retire(work, device_id)


def test_pages_hold_every_device_once_and_can_be_narrowed(units: UnitsOfWork, database: Database) -> None:
    with units.begin() as work:
        locks = enrol(work, TENANT, [Enrolment(DeviceKind.LOCK, "unit-1")] * 23)
        lifts = enrol(work, TENANT, [Enrolment(DeviceKind.LIFT, "unit-2")] * 4)
        retire(work, locks[0])
    found: list[str] = []
    cursor: str | None = None
    with database.reading() as session:
        while True:
            page = store.devices(session, limit=10, cursor=cursor)
            found += [device.device_id for device in page.devices]
            cursor = page.next_cursor
            if cursor is None:
                break
        of_unit = store.devices(session, unit_ids={"unit-2"}).devices
        of_kind = store.devices(session, limit=100, kind=DeviceKind.LOCK, state=None).devices
        online = store.devices(session, online=True).devices
        counts = store.device_counts(session)
    assert found == sorted([*locks[1:], *lifts])
    assert [device.device_id for device in of_unit] == sorted(lifts)
    assert len(of_kind) == 23
    assert online == ()
    assert counts == {(DeviceKind.LOCK, False): 22, (DeviceKind.LIFT, False): 4}


def test_when_a_device_last_spoke_is_noted_for_many_at_once(
    enrolled: UnitsOfWork, database: Database, world: SimulatedWorldClock
) -> None:
    later = START_AT + timedelta(minutes=5)
    with enrolled.begin() as work:
        touch(work, {"lock-a": START_AT, "lift-a": later, "nobody": later})
    with database.reading() as session:
        seen = {device.device_id: device.last_seen_at for device in store.devices(session).devices}
    assert seen == {"lock-a": START_AT, "lift-a": later}
    assert world.now() == START_AT

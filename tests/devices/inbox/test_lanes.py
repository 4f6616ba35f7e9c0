"""What the committer takes next: what is said now before what was kept, and every device's own in its order."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.broker import Delivery
from devices.inbox.lanes import BATCH, HEAVY_BYTES, LONG_BYTES, Lanes, Waiting
from devices.inbox.model import Incoming

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def message(number: int, device_id: str, size_bytes: int = 100, name: str = "evt") -> Waiting:
    """A message that came as the so-manieth."""
    delivery = Delivery(f"omsorgstid/v1/t/lock/{device_id}/up/{name}", bytes(size_bytes), False, 1, number)
    return Waiting(delivery, Incoming("t", "lock", device_id, name, delivery.payload, NOW), float(number))


def numbers(batch: object) -> list[int]:
    """In which order they came."""
    return [waiting.delivery.mid for waiting in batch]  # type: ignore[attr-defined]


def test_what_is_said_now_is_taken_before_a_log_that_came_home_earlier() -> None:
    lanes = Lanes()
    for number in range(40):
        lanes.put(message(number, f"full-{number}", 20_000))
    lanes.put(message(40, "fresh"))
    batch = lanes.take()
    assert numbers(batch)[0] == 40
    assert sum(waiting.size_bytes for waiting in batch[1:]) <= HEAVY_BYTES + 20_000


def test_a_log_moves_on_however_much_is_said_meanwhile() -> None:
    lanes = Lanes()
    lanes.put(message(0, "full", 20_000))
    for number in range(1, 2 * BATCH):
        lanes.put(message(number, f"fresh-{number}"))
    assert 0 in numbers(lanes.take())


def test_the_broker_is_told_in_the_order_of_arrival() -> None:
    lanes = Lanes()
    for number in range(10):
        lanes.put(message(number, f"full-{number}", 40_000))
    lanes.put(message(10, "fresh"))
    first = lanes.take()
    assert numbers(first)[0] == 10
    told = numbers(lanes.settle(first))
    assert told == [number for number in numbers(first) if number != 10]
    while len(lanes):
        told += numbers(lanes.settle(lanes.take()))
    assert told == list(range(11))


def again(waiting: Waiting, connection: int, number: int) -> Waiting:
    """The same message as a later connection brings it."""
    delivery = replace(waiting.delivery, connection=connection, mid=number)
    return Waiting(delivery, waiting.incoming, waiting.since_s + 60)


def test_what_a_new_connection_brings_again_keeps_its_place_and_is_acknowledged_there() -> None:
    lanes = Lanes()
    waiting = [message(number, f"full-{number}", 40_000) for number in range(5)]
    for one in waiting:
        lanes.put(one)
    under_way = lanes.take()
    assert numbers(under_way) == [0, 1]

    for one in waiting:
        lanes.put(again(one, 2, 100 + one.delivery.mid))

    assert len(lanes) == 3, "nothing waits twice"
    assert lanes.size_bytes == 3 * 40_000
    told = [*lanes.settle(under_way)]
    while len(lanes):
        told += lanes.settle(lanes.take())
    assert numbers(told) == [100, 101, 102, 103, 104]
    assert {one.delivery.connection for one in told} == {2}


def test_what_was_settled_unheard_comes_as_new_and_the_order_of_acknowledgement_is_the_new_connections() -> None:
    lanes = Lanes()
    waiting = [message(number, f"full-{number}", 40_000) for number in range(4)]
    for one in waiting:
        lanes.put(one)
    lanes.settle(lanes.take())

    for one in waiting:
        lanes.put(again(one, 2, 100 + one.delivery.mid))

    assert len(lanes) == 4
    told = []
    while len(lanes):
        told += lanes.settle(lanes.take())
    assert numbers(told) == [100, 101, 102, 103]


def test_what_no_later_connection_brings_is_taken_in_all_the_same_and_nobody_told() -> None:
    lanes = Lanes()
    lanes.put(message(0, "gone"))
    lanes.put(again(message(1, "here"), 2, 1))
    oldest = lanes.oldest
    assert oldest is not None
    assert oldest.device_id == "gone"
    batch = lanes.take()
    assert sorted(one.device_id for one in batch) == ["gone", "here"]
    assert [one.device_id for one in lanes.settle(batch)] == ["here"]
    assert lanes.oldest is None


def test_a_challenge_waits_for_company_and_an_answer_does_not() -> None:
    lanes = Lanes()
    lanes.put(message(0, "door", name="challenge"))
    assert lanes.is_patient
    lanes.put(message(1, "door", name="answer"))
    assert not lanes.is_patient
    assert numbers(lanes.take()) == [0, 1]
    assert lanes.is_patient


def test_who_stands_at_a_door_waits_for_nothing_else_while_little_else_waits() -> None:
    lanes = Lanes()
    for number, name in enumerate(("challenge", "answer", "evt")):
        lanes.put(message(number, "door", name=name))
    assert lanes.is_urgent
    assert numbers(lanes.take()) == [0, 1]
    assert not lanes.is_urgent
    assert numbers(lanes.take()) == [2]
    for number in range(3, 12):
        lanes.put(message(number, f"door-{number}", name="answer" if number % 2 else "evt"))
    assert len(lanes.take()) == 9, "where much waits, a batch for all of them is sooner over"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([50, LONG_BYTES, 30_000])), max_size=120), st.data())
def test_no_message_overtakes_an_earlier_one_of_its_device(
    arrivals: list[tuple[int, int]], data: st.DataObject
) -> None:
    lanes, taken, told = Lanes(), list[Waiting](), list[int]()
    for number, (device, size_bytes) in enumerate(arrivals):
        lanes.put(message(number, f"device-{device}", size_bytes))
        if data.draw(st.booleans()):
            batch = lanes.take()
            taken += batch
            told += numbers(lanes.settle(batch))
    while len(lanes):
        batch = lanes.take()
        assert batch
        taken += batch
        told += numbers(lanes.settle(batch))
    for device in range(5):
        own = [waiting.delivery.mid for waiting in taken if waiting.device_id == f"device-{device}"]
        assert own == sorted(own)
    assert told == sorted(told)
    assert len(told) == len(arrivals)
    assert lanes.size_bytes == 0

"""A simulated lift keeps its cycles until they are named, and draws the same ones from the same seed."""

from datetime import UTC, datetime, timedelta

import pytest

from devices.registry.model import read_birth, read_death
from devices.simulator.lift import SimulatedTransferDevice, TransferBehaviour
from devices.transfers.messages import CycleAck, read_cycles
from kernel.clock import SimulatedWorldClock

NINE = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def a_lift(
    seed: int = 1, device_id: str = "lift-1", behaviour: TransferBehaviour | None = None
) -> SimulatedTransferDevice:
    made = SimulatedTransferDevice(device_id, "lift", world=SimulatedWorldClock(NINE), seed=seed, behaviour=behaviour)
    made.power_on()
    return made


def test_the_same_seed_lives_the_same_day_and_another_lift_another_one() -> None:
    days = [[lift.draw(NINE + timedelta(hours=n), ["b"]) for n in range(9)] for lift in (a_lift(), a_lift())]

    assert days[0] == days[1]
    assert days[0] != [a_lift(2).draw(NINE + timedelta(hours=n), ["b"]) for n in range(9)]
    assert days[0][0] != a_lift(device_id="lift-2").draw(NINE, ["b"])


def test_what_is_drawn_can_be_read_by_the_server() -> None:
    lift = a_lift(behaviour=TransferBehaviour(fault_ratio=0.5))
    cycles = [lift.draw(NINE + timedelta(minutes=20 * n), ["b-1", "b-2"]) for n in range(250)]

    read = [read_cycles(batch.encode()) for batch in lift.batches()]
    assert [c for batch in read for c in batch.cycles] == cycles
    assert [len(batch.cycles) for batch in read] == [100, 100, 50]
    assert 60 < sum(c.fault is not None for c in cycles) < 190
    assert all(
        60 <= c.setup_s <= 180 and c.badges[0].from_at == c.started_at - timedelta(seconds=c.setup_s) for c in cycles
    )


def test_only_what_a_watermark_names_is_forgotten_also_over_a_new_start() -> None:
    lift = a_lift()
    for n in range(4):
        lift.draw(NINE + timedelta(hours=n))
    lift.power_on()
    lift.draw(NINE + timedelta(hours=5))
    assert [(b.boot, [c.seq for c in b.cycles]) for b in lift.batches()] == [(1, [1, 2, 3, 4]), (2, [1])]

    lift.acknowledge(CycleAck("lift-2", 1, 4).encode())
    lift.acknowledge(CycleAck("lift-1", 7, 4).encode())
    assert lift.held == 5
    lift.acknowledge(CycleAck("lift-1", 1, 1, (3,)).encode())
    assert [[c.seq for c in b.cycles] for b in lift.batches()] == [[2, 4], [1]]
    lift.acknowledge(CycleAck("lift-1", 1, 4).encode())
    lift.acknowledge(CycleAck("lift-1", 2, 1).encode())
    assert lift.held == 0


def test_birth_and_last_will_are_those_of_its_start() -> None:
    lift = a_lift()
    lift.power_on()

    born, lost = read_birth("lift", lift.birth()), read_death("lift", lift.last_will())
    assert (born.device_id, born.boot, born.ts_at) == ("lift-1", 2, NINE)
    assert (lost.device_id, lost.boot) == ("lift-1", 2)


@pytest.mark.parametrize("wrong", [{"fault_ratio": 1.5}, {"setup_s": (90, 30)}])
def test_behaviour_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        TransferBehaviour(**wrong)  # type: ignore[arg-type]

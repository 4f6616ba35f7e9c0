"""Cycles through the inbox: once each, in any order, wrong ones kept aside, the watermark only for what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from devices.events import TransferAnswered, TransferRecorded
from devices.inbox import quarantine_store
from devices.inbox.model import Accepted, Incoming
from devices.inbox.service import Inbox
from devices.registry.store import known_devices
from devices.transfers import presence, questions, service, store
from devices.transfers.messages import BadgeSeen, Cycle, CycleBatch, read_ack
from devices.transfers.model import transfer_id_of
from devices.transfers.presence import AtDevice
from devices.transfers.service import BadgeHolder, Mounting
from devices.transfers.tables import TransferRow
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.events import read_event
from kernel.tables import EventRow
from kernel.work import UnitsOfWork

NINE = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LIFT, TURNING = "lift-1", "turning-1"


@dataclass
class House:
    """A residence's devices on an inbox, at ten in the morning."""

    units: UnitsOfWork
    clock: SimulatedWorldClock
    inbox: Inbox

    def send(self, *cycles: Cycle, device_id: str = LIFT, boot: int = 1, payload: bytes = b"") -> Accepted:
        kind = device_id.split("-", maxsplit=1)[0]
        content = payload or CycleBatch(device_id, boot, cycles).encode()
        return self.inbox.accept([Incoming("t", kind, device_id, "cycle", content, self.clock.now())])

    def acked(self, accepted: Accepted) -> tuple[int, int, tuple[int, ...]]:
        (outgoing,) = accepted.outgoing
        ack = read_ack(outgoing.payload)
        assert outgoing.name == "ack"
        return ack.boot, ack.upto, ack.also

    def told(self, kind: type[TransferRecorded] | type[TransferAnswered]) -> list[Any]:
        with self.units.database.reading() as session:
            rows = session.exec(select(EventRow).where(EventRow.event_type == kind.event_type).order_by("id")).all()
            return [read_event(r.event_type, r.version, r.data) for r in rows]

    def transfer(self, seq: int, device_id: str = LIFT, boot: int = 1) -> TransferRow | None:
        with self.units.database.reading() as session:
            return session.get(TransferRow, transfer_id_of(device_id, boot, seq))

    def aside(self) -> list[tuple[str, str, str]]:
        with self.units.database.reading() as session:
            rows = quarantine_store.quarantined(session).rows
            return [(row.reason, row.expected, row.found) for row in rows]

    def at_lift(self, carer_id: str, at: datetime, device_id: str = LIFT) -> None:
        with self.units.begin() as work:
            presence.register(work, AtDevice(carer_id, device_id, at))


@pytest.fixture
def house(database: Database) -> House:
    """Two devices, mounted yesterday; badges of two carers."""
    clock = SimulatedWorldClock(NINE + timedelta(hours=1))
    units = UnitsOfWork(database, clock)
    with units.begin() as work:
        mounted_on = NINE.date() - timedelta(days=1)
        service.mount_devices(
            work,
            "t",
            [
                Mounting("lift", "house", "resident", True, mounted_on, device_id=LIFT),
                Mounting("turning", "house", "resident", True, mounted_on, device_id=TURNING),
            ],
        )
        service.give_badges(work, [BadgeHolder(f"badge-{c}", c, NINE - timedelta(days=9)) for c in ("a", "b")])
    return House(units, clock, Inbox(units, service.transfer_handlers(), "t", known_devices))


def cycle(seq: int, minute: float = 0, *, badges: Sequence[BadgeSeen] = (), **facts: Any) -> Cycle:
    """Four minutes of lifting after two of set-up."""
    at = NINE + timedelta(minutes=minute)
    facts.setdefault("setup_s", 120)
    return Cycle(seq, at, at + timedelta(minutes=4), badges=tuple(badges), **facts)


def badge(carer: str, from_min: float = -2, to_min: float = 4) -> BadgeSeen:
    return BadgeSeen(f"badge-{carer}", NINE + timedelta(minutes=from_min), NINE + timedelta(minutes=to_min))


def test_a_cycle_with_two_badges_is_a_transfer_by_two_carers(house: House) -> None:
    accepted = house.send(cycle(1, badges=[badge("a"), badge("b", 3, 9)], load_kg=80.0))

    (told,) = house.told(TransferRecorded)
    assert (told.carers, told.second_carer_s, told.evidence) == (2, 60, "badge")
    assert (told.device_kind, told.citizen_id, told.unit_id, told.in_residence) == (
        "lift",
        "resident",
        "house",
        True,
    )
    assert (told.duration_s, told.setup_s, told.day, told.at) == (240, 120, "2026-11-25", told.ended_at)
    assert told.carer_id is None
    assert house.acked(accepted) == (1, 1, ())


def test_a_batch_that_comes_twice_counts_once_and_gets_its_watermark_again(house: House) -> None:
    first = house.send(cycle(1), cycle(2, 10))
    again = house.send(cycle(1), cycle(2, 10))

    assert len(house.told(TransferRecorded)) == 2
    assert house.acked(first) == house.acked(again) == (1, 2, ())
    assert again.duplicates == 1


def test_of_a_batch_that_is_partly_known_only_the_rest_is_taken_in(house: House) -> None:
    house.send(cycle(1), cycle(2, 10))
    house.send(cycle(2, 10), cycle(3, 20))

    assert [e.transfer_id for e in house.told(TransferRecorded)] == [transfer_id_of(LIFT, 1, n) for n in (1, 2, 3)]


def test_cycles_out_of_order_are_all_taken_and_the_watermark_waits_for_the_gap(house: House) -> None:
    assert house.acked(house.send(cycle(3, 20))) == (1, 0, (3,))
    assert house.acked(house.send(cycle(1))) == (1, 1, ())
    assert house.acked(house.send(cycle(2, 10), cycle(5, 40))) == (1, 3, (5,))
    assert house.acked(house.send(cycle(4, 30))) == (1, 5, ())
    assert len(house.told(TransferRecorded)) == 5


def test_what_an_earlier_start_held_comes_in_after_the_next_one_began(house: House) -> None:
    assert house.acked(house.send(cycle(1, 20), boot=2)) == (2, 1, ())
    assert house.acked(house.send(cycle(1), cycle(2, 10), boot=1)) == (1, 2, ())
    assert house.acked(house.send(cycle(2, 30), boot=2)) == (2, 2, ())
    assert len(house.told(TransferRecorded)) == 4


@pytest.mark.parametrize(
    ("wrong", "reason", "expected"),
    [
        pytest.param(cycle(2, load_kg=512.0), "broken_payload", "cycles[1].load_kg", id="heavier than a lift lifts"),
        pytest.param(cycle(2, minute=70), "future_timestamp", "no later than", id="from the future"),
        pytest.param(cycle(2, minute=-3 * 24 * 60), "broken_payload", "since it was mounted", id="before mounting"),
        pytest.param(
            Cycle(2, NINE, NINE - timedelta(minutes=1)), "broken_payload", "cycles[1].ended_ts", id="ended before"
        ),
    ],
)
def test_what_cannot_be_is_kept_aside_with_its_reason_and_nothing_of_its_batch_goes_in(
    house: House, wrong: Cycle, reason: str, expected: str
) -> None:
    accepted = house.send(cycle(1), wrong)

    ((found_reason, found_expected, found),) = house.aside()
    assert found_reason == reason
    assert expected in found_expected
    assert found
    assert accepted.outgoing == ()
    assert house.told(TransferRecorded) == []
    assert house.transfer(1) is None
    house.send(cycle(1))
    assert len(house.told(TransferRecorded)) == 1


def test_another_devices_cycles_and_an_unmounted_device_are_kept_aside(house: House) -> None:
    house.send(payload=CycleBatch(TURNING, 1, (cycle(1),)).encode())
    house.inbox.accept([Incoming("t", "lift", "lift-9", "cycle", b"{}", house.clock.now())])

    assert sorted(reason for reason, _, _ in house.aside()) == ["broken_payload", "unknown_device"]


def test_a_cycle_that_ended_in_a_fault_is_stored_and_is_no_transfer(house: House) -> None:
    accepted = house.send(cycle(1, fault="overload", badges=[badge("a")]))

    row = house.transfer(1)
    assert row is not None
    assert (row.fault, row.carers) == ("overload", None)
    assert house.told(TransferRecorded) == []
    assert house.acked(accepted) == (1, 1, ())


def test_a_badge_counts_for_whoever_had_it_then(house: House) -> None:
    with house.units.begin() as work:
        service.give_badges(work, [BadgeHolder("badge-b", "a", NINE - timedelta(hours=1))])
    house.send(cycle(1, badges=[badge("a"), badge("b")]))

    (told,) = house.told(TransferRecorded)
    assert (told.carers, told.evidence) == (1, "badge")


def test_a_badge_nobody_gave_out_tells_nothing(house: House) -> None:
    house.send(cycle(1, badges=[badge("a"), badge("stranger")]))

    (told,) = house.told(TransferRecorded)
    assert (told.carers, told.second_carer_s, told.evidence) == (None, None, None)


def test_a_tablet_at_the_lift_tells_and_one_that_tells_late_corrects(house: House) -> None:
    house.at_lift("a", NINE - timedelta(minutes=3))
    house.at_lift("a", NINE)  # again, while it holds: nothing new
    house.send(cycle(1))
    (recorded,) = house.told(TransferRecorded)
    assert (recorded.carers, recorded.second_carer_s, recorded.evidence) == (1, 0, "tablet")

    house.at_lift("b", NINE + timedelta(minutes=3))

    (corrected,) = house.told(TransferAnswered)
    assert (corrected.transfer_id, corrected.carers, corrected.second_carer_s) == (recorded.transfer_id, 2, 60)
    assert corrected.evidence == "tablet"


def test_a_tablet_is_at_one_device_at_a_time(house: House) -> None:
    house.at_lift("a", NINE - timedelta(minutes=10))
    house.at_lift("a", NINE - timedelta(minutes=5), TURNING)
    house.send(cycle(1))
    house.send(cycle(1), device_id=TURNING)

    events = {e.device_kind: e.carers for e in house.told(TransferRecorded)}
    assert events == {"lift": None, "turning": 1}


def test_what_a_person_or_a_badge_has_said_is_not_overruled_by_a_late_tablet(house: House) -> None:
    house.send(cycle(1), cycle(2, 20, badges=[badge("a", 18, 24)]))
    asked = transfer_id_of(LIFT, 1, 1)
    with house.units.begin() as work:
        questions.ask(work, {asked: ["a"]}, {asked: (LIFT, "house")})
    with house.units.begin() as work:
        questions.answer(work, asked, "a", 2, NINE + timedelta(minutes=30))

    for minute in (0, 19):
        house.at_lift("c", NINE + timedelta(minutes=minute))

    first, second = house.transfer(1), house.transfer(2)
    assert first is not None
    assert second is not None
    assert (first.carers, first.second_carer_s, first.evidence) == (2, 360, "asked")
    assert (second.carers, second.evidence) == (1, "badge")


def test_a_years_worth_of_cycles_comes_in_by_hundreds_a_message(house: House) -> None:
    batches = [
        CycleBatch(
            LIFT,
            1,
            tuple(
                Cycle(n, NINE - timedelta(minutes=10), NINE - timedelta(minutes=6), setup_s=60)
                for n in range(first, first + 300)
            ),
        )
        for first in range(1, 1_501, 300)
    ]
    statements: list[str] = []
    event.listen(house.units.database.engine, "before_cursor_execute", lambda *found: statements.append(found[2]))
    accepted = house.inbox.accept(
        [Incoming("t", "lift", LIFT, "cycle", batch.encode(), house.clock.now()) for batch in batches]
    )

    assert accepted.accepted == 5
    assert house.acked(Accepted(accepted.outgoing[-1:])) == (1, 1_500, ())
    # A handful of statements for each message of 300 cycles, not some for each cycle.
    assert len(statements) < 5 * 40


def test_a_set_up_that_reaches_into_the_cycle_before_it_is_not_counted_twice(house: House) -> None:
    both = [badge("a", -9, 20), badge("b", -9, 20)]
    house.send(cycle(1, badges=both))
    house.send(cycle(2, 6, badges=both, setup_s=1_200), cycle(3, 12, badges=both, setup_s=600))

    told = house.told(TransferRecorded)
    # Six minutes with the first set-up, then two of set-up and four of lifting, twice.
    assert [e.second_carer_s for e in told] == [360, 360, 360]
    assert [e.setup_s for e in told] == [120, 120, 120]
    row = house.transfer(2)
    assert row is not None
    assert (row.begun_at, row.setup_s) == (NINE + timedelta(minutes=4), 120)


def test_a_tablet_that_registers_while_the_cycle_is_being_committed_is_heard(house: House) -> None:
    """Two processes: the inbox has not committed yet when the tap arrives."""
    tap = Thread(target=house.at_lift, args=("a", NINE))
    payload = CycleBatch(LIFT, 1, (cycle(1),)).encode()
    with house.units.begin() as work:
        service.take_cycles(work, Incoming("t", "lift", LIFT, "cycle", payload, work.now))
        work.session.flush()
        tap.start()
        tap.join(0.3)
    tap.join(20)

    row = house.transfer(1)
    assert row is not None
    assert (row.carers, row.evidence) == (1, "tablet")


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        pytest.param(b'"fault":"a\\u0000b"', "fault", id="no database can store it"),
        pytest.param(b'"fault":"\\ud800"', "fault", id="half a character"),
        pytest.param(b'"badges":[{"badge":"\\u0000","from_ts":1,"to_ts":2}]', "badge", id="a badge without a name"),
        pytest.param(b'"room":1e999', "up/cycle", id="an infinite field nobody knows"),
    ],
)
def test_odd_text_and_numbers_are_kept_aside_as_broken(house: House, odd: bytes, field: str) -> None:
    payload = CycleBatch(LIFT, 1, (cycle(1),)).encode().replace(b'"setup_s":120', odd)

    accepted = house.send(payload=payload)

    ((reason, expected, _),) = house.aside()
    assert (reason, accepted.outgoing) == ("broken_payload", ())
    assert field in expected or field == "up/cycle"


def test_the_planner_reads_the_cycles_of_a_day_in_order(house: House) -> None:
    house.send(cycle(2, 30), cycle(1))

    with house.units.database.reading() as session:
        rows = store.transfers_on(session, "house", NINE.date())
    assert [r.seq for r in rows] == [1, 2]

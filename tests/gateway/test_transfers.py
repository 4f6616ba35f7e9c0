"""From a lift's cycle to the tablet's question and its answer, over a real broker and real HTTP."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from devices.simulator.lift import RESEND_S, SimulatedTransferDevice, TransferBehaviour, TransferFleet
from devices.transfers.model import transfer_id_of
from devices.transfers.service import BadgeHolder, give_badges
from gateway.demo.tablets import Tablet, TabletError
from kernel.clock import ManualLinkClock
from kernel.localtime import clock_text
from tests.gateway.platform import Platform, eventually
from tests.gateway.residence_town import UNIT, ResidenceTown, add_person, build_residence
from tests.gateway.transfer_steps import cycle, mount, report, seen

NO_FAULTS = TransferBehaviour(fault_ratio=0.0)


@pytest.fixture(scope="module")
def house(office: Platform) -> ResidenceTown:
    """The residence."""
    return build_residence(office.runtime)


@pytest.fixture(scope="module")
def tablets(office: Platform, house: ResidenceTown) -> dict[str, Tablet]:
    """Anna and Bo are on duty; Cecilie is on the rota and has not begun."""
    found = {name[6:]: office.tablet(name) for name in house.carers}
    for name in ("anna", "bo"):
        found[name].start_shift("base")
    return found


@pytest.fixture
def now(office: Platform) -> datetime:
    """World time, half an hour after the test before: what one test reports does not touch another's."""
    office.clock.advance_to(office.clock.now() + timedelta(minutes=30))
    return office.clock.now()


def residence(tablet: Tablet) -> Any:
    return tablet.call("GET", "/api/v1/me/residence")


def asked(tablet: Tablet) -> list[str]:
    return [q["transfer_id"] for q in residence(tablet)["questions"]]


def answer(tablet: Tablet, transfer_id: str, carers: int) -> Any:
    return tablet.call("POST", f"/api/v1/me/transfers/{transfer_id}/carers", {"carers": carers})


def stand_at(tablet: Tablet, device_id: str, at: datetime) -> Any:
    body = {"device_id": device_id, "at": at.isoformat()}
    return tablet.call("POST", "/api/v1/me/transfers/presence", body)


def counts(office: Platform, identity: str, unit: str = UNIT) -> Any:
    return office.signed_in(identity).get(f"/api/v1/transfers?unit={unit}").json["units"][0]


@pytest.fixture
def lift(office: Platform, house: ResidenceTown) -> Iterator[TransferFleet]:
    """A lift that comes to the broker."""
    mount(office.runtime, "wired-lift", UNIT, "resident-2")
    device = SimulatedTransferDevice("wired-lift", "lift", world=office.clock, seed=3, behaviour=NO_FAULTS)
    fleet = TransferFleet(office.runtime.address, office.runtime.settings.mqtt.tenant, [device], office.runtime.link)
    fleet.start()
    assert fleet.wait_up(20.0)
    yield fleet
    fleet.stop()


def test_a_cycle_over_the_broker_becomes_a_question_on_the_tablets_and_an_answer_over_http(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], lift: TransferFleet, now: datetime
) -> None:
    lift.act("wired-lift", lambda device: device.draw(now - timedelta(minutes=12)))
    transfer_id = transfer_id_of("wired-lift", 1, 1)

    assert eventually(lambda: transfer_id in asked(tablets["anna"]))
    assert lift.wait_idle(20.0)
    assert lift.devices["wired-lift"].held == 0
    (question,) = [q for q in residence(tablets["bo"])["questions"] if q["transfer_id"] == transfer_id]
    assert (question["kind"], question["citizen_name"], question["room"]) == ("lift", "Bent Lyng", "Lejlighed 2")
    assert answer(tablets["anna"], transfer_id, 2) == {
        "transfer": {"transfer_id": transfer_id, "carers": 2, "evidence": "asked"}
    }
    assert transfer_id not in asked(tablets["anna"]) + asked(tablets["bo"]) + asked(tablets["cecilie"])
    # The network goes, the lift works on, and what it held comes home.
    lift.lose("wired-lift")
    assert eventually(lambda: lift.idle)
    for minutes in (9, 5):
        lift.act("wired-lift", lambda device, m=minutes: device.record(now - timedelta(minutes=m), now))
    assert asked(tablets["anna"]) == []
    lift.restore("wired-lift")
    assert eventually(lambda: len(asked(tablets["anna"])) == 2)
    assert eventually(lambda: lift.devices["wired-lift"].held == 0)


def test_a_cycle_that_cannot_be_is_kept_aside_and_does_not_hold_back_the_others(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    mount(office.runtime, "odd-lift", UNIT, "resident-2")
    link = ManualLinkClock()
    device = SimulatedTransferDevice("odd-lift", "lift", world=office.clock, seed=3, behaviour=NO_FAULTS)
    fleet = TransferFleet(office.runtime.address, office.runtime.settings.mqtt.tenant, [device], link)
    fleet.start()
    assert fleet.wait_up(20.0)

    def three(lift: SimulatedTransferDevice) -> None:
        for load_kg in (70.0, 999.0, 71.0):
            lift.record(now - timedelta(minutes=9), now - timedelta(minutes=5), load_kg=load_kg)

    def repeated() -> bool:
        link.advance(RESEND_S + 0.1)
        return device.held == 1

    fleet.act("odd-lift", three)
    assert eventually(repeated, 20.0)
    fleet.stop()
    moved = {t["transfer_id"] for t in residence(tablets["anna"])["transfers"]}
    assert {n for n in (1, 2, 3) if transfer_id_of("odd-lift", 1, n) in moved} == {1, 3}
    rows = office.signed_in("operations").get("/api/v1/operations/quarantine").json["items"]
    # Once as one of three and once alone; what the device says again is the same row.
    assert [r["reason"] for r in rows if "load_kg" in r["expected"]] == ["broken_payload"] * 2


def test_a_second_answer_is_refused_with_when_it_was_answered_and_no_name(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    report(office.runtime, house.lift, [cycle(11, now - timedelta(minutes=6))])
    transfer_id = transfer_id_of(house.lift, 1, 11)
    answer(tablets["bo"], transfer_id, 1)

    with pytest.raises(TabletError) as colleague:
        answer(tablets["anna"], transfer_id, 2)
    with pytest.raises(TabletError) as own:
        answer(tablets["bo"], transfer_id, 2)

    assert (colleague.value.status, colleague.value.code) == (409, "transfer_answered")
    assert f"En kollega på vagten har allerede svaret kl. {clock_text(now)} (medarbejdere: 1)." in str(colleague.value)
    assert "Lundby" not in str(colleague.value)
    assert (own.value.status, own.value.code) == (409, "transfer_answered_by_you")


def test_badges_at_the_lift_spare_everybody_the_question(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    since_at = now - timedelta(hours=1)
    with office.runtime.units.begin() as work:
        give_badges(work, [BadgeHolder(f"b-{n}", c, since_at) for n, c in enumerate(house.carers)])
    begun_at = now - timedelta(minutes=10)
    badges = (seen("b-0", begun_at, 10), seen("b-1", begun_at, 2))
    report(office.runtime, house.turning, [cycle(1, begun_at, badges=badges)], kind="turning")

    assert transfer_id_of(house.turning, 1, 1) not in asked(tablets["anna"]) + asked(tablets["bo"])
    (moved,) = [t for t in residence(tablets["anna"])["transfers"] if t["device_id"] == house.turning]
    assert (moved["carers"], moved["evidence"]) == (2, "badge")
    assert "Lundby" not in str(residence(tablets["anna"]))


def test_a_tablet_registered_at_the_lift_tells_and_registering_again_changes_nothing(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    first = stand_at(tablets["anna"], house.lift, now - timedelta(minutes=8))
    again = stand_at(tablets["anna"], house.lift, now - timedelta(minutes=7))
    report(office.runtime, house.lift, [cycle(21, now - timedelta(minutes=6))])

    assert first == again
    assert residence(tablets["anna"])["present"]["device_id"] == house.lift
    assert transfer_id_of(house.lift, 1, 21) not in asked(tablets["anna"]) + asked(tablets["bo"])
    found = {t["transfer_id"]: t["evidence"] for t in residence(tablets["bo"])["transfers"]}
    assert found[transfer_id_of(house.lift, 1, 21)] == "tablet"


def test_a_tablet_that_was_near_is_asked_before_the_rest_of_the_rota(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    stand_at(tablets["bo"], house.lift, now - timedelta(minutes=29))
    report(office.runtime, house.lift, [cycle(31, now - timedelta(minutes=8))])

    assert transfer_id_of(house.lift, 1, 31) in asked(tablets["bo"])
    assert transfer_id_of(house.lift, 1, 31) not in asked(tablets["anna"])
    with pytest.raises(TabletError) as refused:
        answer(tablets["anna"], transfer_id_of(house.lift, 1, 31), 1)
    assert (refused.value.status, refused.value.code) == (403, "transfer_not_asked")


def test_a_lift_nobody_stood_at_stays_open_is_counted_and_asked_of_nobody(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    before = counts(office, house.planner)
    report(office.runtime, house.lift, [cycle(41, now.replace(hour=2, minute=0))])  # nobody is on the rota at night
    transfer_id = transfer_id_of(house.lift, 1, 41)

    after = counts(office, house.planner)
    assert after["nobody_count"] == before["nobody_count"] + 1
    assert after["residence"]["lift"]["unknown_count"] == before["residence"]["lift"]["unknown_count"] + 1
    assert [o["asked"] for o in after["open"] if o["transfer_id"] == transfer_id] == [False]
    assert all(transfer_id not in asked(t) for t in tablets.values())


def test_what_was_longer_ago_than_a_day_is_asked_of_nobody(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    report(office.runtime, house.lift, [cycle(51, now - timedelta(hours=25))])

    assert transfer_id_of(house.lift, 1, 51) not in asked(tablets["anna"]) + asked(tablets["bo"])


def test_the_residents_are_shown_with_their_devices_and_what_the_carer_may_do_alone(
    tablets: dict[str, Tablet], house: ResidenceTown
) -> None:
    anna, cecilie = residence(tablets["anna"]), residence(tablets["cecilie"])

    assert anna["unit"] == {"id": UNIT, "name": "Botilbud Prøvehaven"}
    assert [(r["name"], r["room"]) for r in anna["residents"]] == [
        ("Asta Lyng", "Lejlighed 1"),
        ("Bent Lyng", "Lejlighed 2"),
    ]
    alone = [{d["kind"]: d["alone"] for d in who["residents"][0]["devices"]} for who in (anna, cecilie)]
    assert alone == [{"lift": True, "turning": False}, {"lift": False, "turning": False}]


def test_a_home_care_carer_is_asked_about_the_lift_of_the_citizen_she_is_with_and_nobody_else_is(
    office: Platform, tablets: dict[str, Tablet], now: datetime
) -> None:
    carer_id = office.fresh_carer()
    tablet = office.tablet(carer_id)
    tablet.start_shift("base")
    stop = tablet.day()["route"]["stops"][0]
    visit = next(v for v in office.day.visits if v.id == stop["visit_id"])
    mount(office.runtime, "home-lift", visit.unit_id, visit.citizen_id, in_residence=False)
    with pytest.raises(TabletError) as too_early:
        stand_at(tablet, "home-lift", now)
    tablet.begin_visit(stop["visit_id"])
    office.clock.advance_to(now + timedelta(minutes=9))

    report(office.runtime, "home-lift", [cycle(1, now + timedelta(minutes=2))])

    transfer_id = transfer_id_of("home-lift", 1, 1)
    assert too_early.value.code == "presence_not_here"
    assert asked(tablet) == [transfer_id]
    assert residence(tablet)["unit"] is None
    assert transfer_id not in asked(tablets["anna"])
    answer(tablet, transfer_id, 1)
    add_person(office.runtime, "home-planner", "planner", visit.unit_id)
    unit = counts(office, "home-planner", visit.unit_id)
    assert unit["home_care"]["lift"] == {
        "device_count": 1,
        "transfer_count": 1,
        "one_carer_count": 1,
        "two_carers_count": 0,
        "unknown_count": 0,
        "fault_count": 0,
    }
    assert unit["residence"]["lift"]["transfer_count"] == 0


def test_another_unit_sees_nothing_of_it(office: Platform, house: ResidenceTown, now: datetime) -> None:
    carer_id = office.fresh_carer()
    tablet = office.tablet(carer_id)
    tablet.start_shift("base")
    report(office.runtime, house.lift, [cycle(61, now - timedelta(minutes=6))])

    seen_by_her = residence(tablet)
    assert (seen_by_her["unit"], seen_by_her["residents"], seen_by_her["questions"]) == (None, [], [])
    with pytest.raises(TabletError) as presence:
        stand_at(tablet, house.lift, now)
    with pytest.raises(TabletError) as unknown:
        stand_at(tablet, "no-such-lift", now)
    assert [(e.value.status, e.value.code) for e in (presence, unknown)] == [
        (403, "presence_not_here"),
        (404, "not_found"),
    ]
    foreign = office.signed_in(house.manager).get(f"/api/v1/transfers?unit={office.day.units[0].id}")
    assert (foreign.status, foreign.code) == (403, "other_unit")
    assert [u["unit"]["id"] for u in office.signed_in(house.manager).get("/api/v1/transfers").json["units"]] == [UNIT]


def test_a_time_that_cannot_be_is_refused_and_says_what_was_expected(
    tablets: dict[str, Tablet], house: ResidenceTown, now: datetime
) -> None:
    for at in (now + timedelta(hours=1), now - timedelta(hours=30)):
        with pytest.raises(TabletError) as refused:
            stand_at(tablets["anna"], house.lift, at)
        assert (refused.value.status, refused.value.code) == (422, "presence_time")
    with pytest.raises(TabletError) as three:
        answer(tablets["anna"], "whatever", 3)
    assert three.value.status == 422


def test_the_planner_gets_counts_by_device_and_no_carer(
    office: Platform, house: ResidenceTown, tablets: dict[str, Tablet], now: datetime
) -> None:
    before = counts(office, house.planner)["residence"]["lift"]
    cycles = [cycle(70 + n, now - timedelta(minutes=8)) for n in range(3)]
    cycles.append(cycle(73, now - timedelta(minutes=8), fault="overload"))
    report(office.runtime, house.lift, cycles)
    answer(tablets["anna"], transfer_id_of(house.lift, 1, 70), 1)
    answer(tablets["bo"], transfer_id_of(house.lift, 1, 71), 2)

    unit = counts(office, house.planner)
    grown = {name: unit["residence"]["lift"][name] - before[name] for name in before}
    assert grown == {
        "device_count": 0,
        "transfer_count": 3,
        "one_carer_count": 1,
        "two_carers_count": 1,
        "unknown_count": 1,
        "fault_count": 1,
    }
    assert unit["unanswered_count"] >= 1
    assert not [c for c in house.carers if c in str(unit)]

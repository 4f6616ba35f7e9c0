"""One fix that cannot be takes no other with it, is kept, and can be corrected. On both databases."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from devices.driving.messages import FixBatch, read_ack
from devices.driving.model import Mode
from devices.driving.tables import VehicleFixRow
from devices.inbox.model import Accepted, Incoming
from devices.inbox.tables import QuarantineRow, ReportRow
from kernel.database import Database
from tests.devices.driving.garage import CAR, Garage
from tests.devices.driving.roads import SEVEN, driven, legs

YEAR_MS = 365 * 24 * 3_600_000


@pytest.fixture
def garage(database: Database) -> Garage:
    return Garage(database)


def hear(garage: Garage, body: dict[str, Any]) -> Accepted:
    payload = json.dumps(body).encode()
    return garage.inbox.accept([Incoming("demo", "vehicle", CAR, "fix", payload, garage.clock.now())])


def told(count: int = 30) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FixBatch(CAR, 1, tuple(driven(legs([3_000], drive_min=12.0))[:count])).encode())
    return found


def kept_numbers(garage: Garage) -> set[int]:
    with garage.database.reading() as session:
        return set(session.exec(select(VehicleFixRow.seq)).all())


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        pytest.param({"lat": 91.0}, "broken_payload", "fixes[7].lat", id="no such latitude"),
        pytest.param({"ts": 1_764_050_400_000 + 3 * YEAR_MS}, "future_timestamp", "", id="in three years"),
        pytest.param({"ts": 1_764_050_400_000 - 3 * YEAR_MS}, "broken_payload", "", id="three years ago"),
        pytest.param({"ignition": "on"}, "broken_payload", "fixes[7].ignition", id="a word for a truth"),
    ],
)
def test_the_bad_fix_is_set_aside_alone_and_the_others_are_driven(
    garage: Garage, wrong: dict[str, Any], reason: str, field: str
) -> None:
    body = told()
    body["fixes"][7] |= wrong

    accepted = hear(garage, body)

    (setback,) = accepted.quarantined
    assert setback.reason.value == reason
    assert json.loads(setback.incoming.payload)["fixes"] == [body["fixes"][7]]
    assert kept_numbers(garage) == {f["seq"] for f in body["fixes"]} - {8}
    assert len(garage.trips()) == 1
    with garage.database.reading() as session:
        (row,) = session.exec(select(QuarantineRow)).all()
        assert field in row.found or field in row.expected


def test_the_tracker_is_not_asked_for_ever_for_a_fix_that_was_set_aside(garage: Garage) -> None:
    body = told()
    body["fixes"][7]["lat"] = 91.0

    (answer,) = hear(garage, body).outgoing

    assert read_ack(answer.payload).upto_seq == 30


def test_two_reasons_are_two_messages_and_the_same_reason_is_one(garage: Garage) -> None:
    body = told()
    body["fixes"][3]["lat"] = 91.0
    body["fixes"][4]["lat"] = 92.0
    body["fixes"][5]["ts"] += YEAR_MS

    accepted = hear(garage, body)

    assert sorted((q.reason.value, len(json.loads(q.incoming.payload)["fixes"])) for q in accepted.quarantined) == [
        ("broken_payload", 2),
        ("future_timestamp", 1),
    ]


def test_a_fix_that_is_told_anew_and_right_takes_its_place(garage: Garage) -> None:
    body = told()
    right = dict(body["fixes"][7])
    body["fixes"][7]["lat"] = 91.0
    hear(garage, body)

    accepted = hear(garage, body | {"fixes": [right]})

    assert (accepted.accepted, len(accepted.quarantined)) == (1, 0)
    assert kept_numbers(garage) == set(range(1, 31))
    with garage.database.reading() as session:
        reports = session.exec(select(ReportRow).order_by(col(ReportRow.seq))).all()
    assert {row.name for row in reports} == {"fix"}
    assert json.loads(bytes(reports[7].payload))["lat"] == right["lat"]


def test_a_message_in_which_nothing_can_be_is_kept_as_it_came_and_not_answered(garage: Garage) -> None:
    body = told(3)
    for fix in body["fixes"]:
        fix["lat"] = 91.0

    accepted = hear(garage, body)

    (setback,) = accepted.quarantined
    assert setback.incoming.payload == json.dumps(body).encode()
    assert list(accepted.outgoing) == []
    assert kept_numbers(garage) == set()


def test_a_bad_fix_of_private_driving_loses_its_place_where_it_is_set_aside(garage: Garage) -> None:
    body = told()
    body["fixes"][7] |= {"mode": Mode.PRIVATE.value, "lat": 55.71234, "ignition": "on"}

    hear(garage, body)

    with garage.database.reading() as session:
        (row,) = session.exec(select(QuarantineRow)).all()
        assert b"55.71234" not in bytes(row.payload)
        assert not [r for r in session.exec(select(ReportRow.payload)) if b"55.71234" in bytes(r)]


def test_fixes_late_by_a_day_with_a_bad_one_among_them_still_find_their_trip(garage: Garage) -> None:
    body = told(60)
    hear(garage, body | {"fixes": body["fixes"][40:]})
    garage.clock.advance_to(SEVEN + timedelta(hours=20))
    body["fixes"][2]["odometer_m"] = -4

    hear(garage, body | {"fixes": body["fixes"][:40]})

    (trip,) = garage.trips()
    assert trip.started_at == SEVEN

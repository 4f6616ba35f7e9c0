"""Events keep their meaning: old versions are lifted, newer ones refused, unknown fields ignored."""

from typing import Any, ClassVar

import pytest

from kernel.database import Database
from kernel.events import Event, StoredEvent, UnknownEventError, read_event, registered_events
from kernel.log import read_after
from kernel.sequencer import Sequencer
from kernel.tables import EventRow
from tests.kernel.facts import AT, units_on


class Weighed(Event):
    """Third version: v1 said kilograms, v2 grams, v3 says who weighed."""

    event_type: ClassVar[str] = "test.weighed"
    event_version: ClassVar[int] = 3
    upcasters: ClassVar[Any] = {
        1: lambda data: {k: v for k, v in data.items() if k != "kg"} | {"weight_g": round(data["kg"] * 1000)},
        2: lambda data: data | {"by": "unknown"},
    }

    weight_g: int
    by: str


@pytest.mark.parametrize(
    ("version", "data", "weight_g", "by"),
    [
        (1, {"at": AT, "kg": 71.5}, 71_500, "unknown"),
        (2, {"at": AT, "weight_g": 4}, 4, "unknown"),
        (3, {"at": AT, "weight_g": 4, "by": "Mette"}, 4, "Mette"),
    ],
)
def test_every_old_version_reads_as_todays_event(version: int, data: dict[str, Any], weight_g: int, by: str) -> None:
    event = read_event("test.weighed", version, data)

    assert isinstance(event, Weighed)
    assert (event.weight_g, event.by) == (weight_g, by)
    assert data.keys() == {"at", "kg"} if version == 1 else True, "the stored data are not touched"


def test_an_old_row_of_the_log_is_lifted_when_it_is_read(database: Database) -> None:
    with units_on(database).begin() as work:
        old = {"at": AT.isoformat(), "kg": 2.0}
        work.session.add(EventRow(event_type="test.weighed", version=1, at=AT, data=old))
        work.record(Weighed(at=AT, weight_g=3, by="Ali"))
    Sequencer(database).run_until_empty()

    with database.reading() as session:
        found = [e.event() for e in read_after(session, 0, 10)]
    assert [(e.weight_g, e.by) for e in found if isinstance(e, Weighed)] == [(2_000, "unknown"), (3, "Ali")]


def test_an_event_from_a_newer_program_says_upgrade_instead_of_guessing() -> None:
    with pytest.raises(UnknownEventError, match="upgrade this program"):
        read_event("test.weighed", 4, {"at": AT})
    with pytest.raises(UnknownEventError, match=r"'test\.nobody'"):
        StoredEvent(
            position=1, event_type="test.nobody", version=1, at=AT, unit_id=None, carer_id=None, data={}
        ).event()


def test_fields_nobody_knows_are_left_alone() -> None:
    event = read_event("test.weighed", 3, {"at": AT, "weight_g": 1, "by": "x", "colour": "blue"})

    assert isinstance(event, Weighed)
    assert not hasattr(event, "colour")


def test_a_version_without_its_upcaster_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match=r"upcasters for versions \[1\]"):

        class Lost(Event):
            event_type: ClassVar[str] = "test.lost"
            event_version: ClassVar[int] = 2

    assert "test.lost" not in registered_events()


def test_two_classes_cannot_share_a_type() -> None:
    with pytest.raises(ValueError, match="one class per event type"):

        class Weight(Event):
            event_type: ClassVar[str] = "test.weighed"

    assert registered_events()["test.weighed"] is Weighed


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(ValueError, match="timezone"):
        Weighed(at=AT.replace(tzinfo=None), weight_g=1, by="x")

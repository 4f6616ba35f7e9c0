"""A benefit owner's comment: the newest is shown, and it is about figures."""

from datetime import UTC, datetime

import pytest

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from metrics.errors import BenefitError
from metrics.reports.comments import comments_of, write_comment

MONTH = "2026-10"


@pytest.fixture
def units(database: Database) -> UnitsOfWork:
    return UnitsOfWork(database, SimulatedWorldClock(datetime(2026, 11, 3, 9, tzinfo=UTC)))


def test_the_newest_comment_of_a_technology_and_unit_is_shown(units: UnitsOfWork) -> None:
    for technology, unit, text in (
        ("keys", "", "Først"),
        ("keys", "", "Rutebilen  kørte\nikke"),
        ("keys", "nord", "Nord"),
    ):
        with units.begin() as work:
            write_comment(work, technology, unit, MONTH, text, "manager")
    with units.begin() as work:
        found = comments_of(work.session, MONTH)
        assert {key: row.text for key, row in found.items()} == {
            ("keys", ""): "Rutebilen kørte ikke",
            ("keys", "nord"): "Nord",
        }
        assert comments_of(work.session, "2026-09") == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ja", "comment_length"),
        ("x" * 1001, "comment_length"),
        ("Fru 010203-1234 var syg", "comment_names_somebody"),
        ("0102031234 er væk", "comment_names_somebody"),
    ],
)
def test_what_is_no_comment_is_refused_and_nothing_is_written(units: UnitsOfWork, text: str, code: str) -> None:
    with pytest.raises(BenefitError) as refused, units.begin() as work:
        write_comment(work, "keys", "", MONTH, text, "manager")
    assert refused.value.code == code
    with units.begin() as work:
        assert comments_of(work.session, MONTH) == {}
        with pytest.raises(ValueError, match="month"):
            write_comment(work, "keys", "", "oktober", "For sent", "manager")

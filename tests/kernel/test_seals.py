"""What was sealed cannot be changed unseen, and what is erased leaves everything else verifiable."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.receipts import latest_receipts
from kernel.seals import erase_events, latest_seal, seal_next
from kernel.seals_check import Checked, check_outside, check_receipts, check_seals, erased_positions
from kernel.sequencer import Sequencer
from kernel.work import UnitsOfWork
from tests.kernel.facts import AT, noted, units_on

YEAR = timedelta(days=365)
RULE = "event_days = 1826"
LATER = AT + timedelta(days=1)


def write(units: UnitsOfWork, *texts: str) -> None:
    """Facts with these texts, each with its position."""
    with units.begin() as work:
        work.record(*[noted(t) for t in texts])
    Sequencer(units.database).run_until_empty()


def sealed(database: Database) -> UnitsOfWork:
    """Ten facts of seven o'clock in three seals, two days later."""
    units = UnitsOfWork(database, SimulatedWorldClock(AT + timedelta(days=2)))
    write(units, *"abcdefghij")
    while seal_next(units, at_most=4):
        pass
    return units


def faults(session: Session) -> set[tuple[str, str]]:
    """Codes and places of everything that does not agree."""
    found = list(check_seals(session, Checked(), erased_positions(session)))
    return {(f.code, f.where) for f in [*found, *check_outside(session), *check_receipts(session, timedelta(0))]}


def codes(database: Database) -> set[tuple[str, str]]:
    """The same, by a session of its own."""
    with database.reading() as session:
        return faults(session)


def after(database: Database, attack: list[str]) -> set[tuple[str, str]]:
    """What is found after an attack, which is undone."""
    with Session(database.engine) as session:
        for statement in attack:
            session.execute(text(statement))
        found = faults(session)
        session.rollback()
    return found


def tamper(database: Database, *statements: str) -> None:
    """What somebody with the database's password can do."""
    with database.writing() as session:
        for statement in statements:
            session.execute(text(statement))


def test_events_are_sealed_in_order_without_a_gap_and_everything_agrees(database: Database) -> None:
    units = sealed(database)

    with database.reading() as session:
        checked = Checked()
        assert list(check_seals(session, checked, {})) == []
        newest = latest_seal(session)
    assert newest is not None
    assert (newest.number, newest.from_position, newest.to_position) == (3, 9, 10)
    assert (checked.seals, checked.events, checked.to_position) == (3, 10, 10)
    assert seal_next(units) == 0


def test_less_than_asked_for_waits_for_more(database: Database) -> None:
    units = units_on(database)
    write(units, *"abc")

    assert seal_next(units, at_least=4) == 0
    write(units, "d")
    assert seal_next(units, at_least=4) == 4


def test_what_has_no_position_yet_is_not_sealed(database: Database) -> None:
    units = units_on(database)
    with units.begin() as work:
        work.record(noted("early"))

    assert seal_next(units) == 0


def move(from_position: int, to_position: int) -> str:
    """A statement that gives a row another place."""
    return f"UPDATE event SET position = {to_position} WHERE position = {from_position}"


ATTACKS: list[tuple[list[str], set[tuple[str, str]]]] = [
    (['UPDATE event SET data = \'{"text": "z"}\' WHERE position = 5'], {("row_changed", "position 5")}),
    (["UPDATE event SET at = '2026-11-24 06:00:00+00:00' WHERE position = 5"], {("row_changed", "position 5")}),
    (["UPDATE event SET carer_id = 'somebody' WHERE position = 5"], {("row_changed", "position 5")}),
    (["DELETE FROM event WHERE position = 5"], {("row_missing", "position 5")}),
    (
        [move(5, 1000), move(6, 5), move(1000, 6)],
        {("row_changed", "position 5"), ("row_changed", "position 6")},
    ),
    (
        ["UPDATE event SET position = 0 WHERE position = 10"],
        {("row_missing", "position 10"), ("row_outside", "positions below 1")},
    ),
    (["DELETE FROM seal WHERE number = 2"], {("seal_missing", "seal 2"), ("seal_range", "seal 3")}),
    (["UPDATE seal SET to_position = 12 WHERE number = 3"], {("seal_changed", "seal 3")}),
    (
        ["UPDATE seal SET root = prev WHERE number = 2"],
        {("seal_changed", "seal 2"), ("root_wrong", "seal 2")},
    ),
    (
        ["UPDATE seal SET leaves = (SELECT leaves FROM seal WHERE number = 1) WHERE number = 2"],
        {("root_wrong", "seal 2"), *((("row_changed", f"position {p}")) for p in range(5, 9))},
    ),
]


def test_every_change_behind_the_programs_back_is_named_with_its_place(database: Database) -> None:
    sealed(database)
    assert codes(database) == set()

    for attack, named in ATTACKS:
        assert (attack, after(database, attack)) == (attack, named)
    assert codes(database) == set()


def test_a_row_put_in_between_moves_the_others_and_is_named(database: Database) -> None:
    sealed(database)
    shift = [move(p, p + 1) for p in range(10, 4, -1)]
    copy = (
        "INSERT INTO event (position, event_type, version, at, data) "
        "SELECT 5, event_type, version, at, data FROM event WHERE position = 1"
    )

    assert after(database, [*shift, copy]) == {("row_changed", f"position {p}") for p in range(5, 11)}


def test_a_seal_made_anew_over_a_changed_row_does_not_fit_the_next_one(database: Database) -> None:
    units = sealed(database)
    with database.reading() as session:
        third = session.execute(text("SELECT * FROM seal WHERE number = 3")).mappings().one()
    tamper(database, "UPDATE event SET carer_id = 'x' WHERE position = 5", "DELETE FROM seal WHERE number > 1")
    assert seal_next(units, at_most=4) == 4
    with database.writing() as session:
        columns = ", ".join(third)
        values = ", ".join(f":{name}" for name in third)
        session.execute(text(f"INSERT INTO seal ({columns}) VALUES ({values})"), dict(third))

    assert codes(database) == {("seal_unlinked", "seal 3")}


def test_a_row_taken_before_it_was_sealed_leaves_a_named_hole_and_sealing_goes_on(database: Database) -> None:
    units = units_on(database)
    write(units, *"abc")
    tamper(database, "DELETE FROM event WHERE position = 2")

    assert seal_next(units) == 3
    assert codes(database) == {("row_missing", "position 2")}


def test_an_erased_event_is_gone_with_its_salt_and_the_rest_still_agrees(database: Database) -> None:
    units = sealed(database)
    with units.begin() as work:
        number = erase_events(work, [2, 3, 7], RULE, LATER)
    Sequencer(database).run_until_empty()
    seal_next(units)

    assert codes(database) == set()
    with database.reading() as session:
        left = session.execute(text("SELECT position FROM event WHERE position < 11 ORDER BY position")).scalars().all()
        receipt = latest_receipts(session, 1)[0]
        salts = bytes(session.execute(text("SELECT salts FROM seal WHERE number = 1")).scalar_one())
    assert list(left) == [1, 4, 5, 6, 8, 9, 10]
    assert (receipt.number, receipt.data_type, receipt.count, receipt.rule) == (number, "events", 3, RULE)
    assert salts[16:48] == bytes(32)
    assert bytes(16) not in (salts[:16], salts[48:64])


ATTACKS_ON_RECEIPTS: list[tuple[list[str], set[tuple[str, str]]]] = [
    (["DELETE FROM event WHERE position = 5"], {("row_missing", "position 5")}),
    (["DELETE FROM receipt"], {("receipt_missing", "receipt 1"), ("row_missing", "position 2")}),
    (
        ["UPDATE receipt SET spans = '[[2, 2], [5, 5]]'", "DELETE FROM event WHERE position = 5"],
        {("receipt_changed", "receipt 1"), ("salt_left", "position 5")},
    ),
    (["UPDATE receipt SET rule = 'another'"], {("receipt_changed", "receipt 1")}),
    (
        ["DELETE FROM event WHERE event_type = 'data.erased'"],
        {("receipt_without_event", "receipt 1"), ("row_missing", "position 11")},
    ),
    ([move(10, 2)], {("row_returned", "position 2"), ("row_missing", "position 10")}),
    (["UPDATE receipt SET to_at = '2026-11-01 00:00:00+00:00'"], {("erased_too_early", "position 2")}),
]


def test_only_a_true_receipt_accounts_for_what_is_gone(database: Database) -> None:
    units = sealed(database)
    with units.begin() as work:
        erase_events(work, [2], RULE, LATER)
    Sequencer(database).run_until_empty()
    seal_next(units)
    assert codes(database) == set()

    for attack, named in ATTACKS_ON_RECEIPTS:
        assert (attack, after(database, attack)) == (attack, named)


def test_events_younger_than_any_setting_allows_are_a_fault_even_with_a_receipt(database: Database) -> None:
    units = sealed(database)
    with units.begin() as work:
        erase_events(work, [2], RULE, LATER)
    Sequencer(database).run_until_empty()

    with database.reading() as session:
        found = [(f.code, f.where) for f in check_receipts(session, YEAR)]
    assert found == [("erased_too_early", "receipt 1")]


def test_the_newest_and_the_unsealed_cannot_be_erased(database: Database) -> None:
    units = sealed(database)
    write(units, "k", "l")

    for wrong in ([], [12], [11], [2, 2000]):
        with pytest.raises(ValueError, match="Expected"), units.begin() as work:
            erase_events(work, wrong, RULE, LATER)
    assert codes(database) == set()


def test_an_event_is_erased_once(database: Database) -> None:
    units = sealed(database)
    with units.begin() as work:
        erase_events(work, [2], RULE, LATER)

    with pytest.raises(ValueError, match="not erased"), units.begin() as work:
        erase_events(work, [2], RULE, LATER)


def test_of_two_who_seal_at_once_one_makes_the_seal(database: Database) -> None:
    first, second = units_on(database), units_on(Database(database.url.render_as_string(hide_password=False)))
    write(first, *"abcd")
    entered = _interrupted(first, lambda: seal_next(second))

    assert seal_next(entered) == 0
    assert codes(database) == set()
    with database.reading() as session:
        newest = latest_seal(session)
    assert newest is not None
    assert (newest.number, newest.to_position) == (1, 4)
    second.database.dispose()


class _Between(UnitsOfWork):
    """Lets something else happen after the reading and before the writing."""

    def __init__(self, units: UnitsOfWork, meanwhile: Callable[[], object]) -> None:
        super().__init__(units.database, units.clock)
        self._meanwhile = meanwhile

    def begin(self):  # type: ignore[no-untyped-def]
        self._meanwhile()
        return super().begin()


def _interrupted(units: UnitsOfWork, meanwhile: Callable[[], object]) -> UnitsOfWork:
    return _Between(units, meanwhile)

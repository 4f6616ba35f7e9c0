"""The chains of locks are verified as they came home: word for word, link for link, to their acknowledged end."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import text
from sqlmodel import Session

from devices.keys.chain import ChainEvent, ChainState, commit, extend_chain
from devices.keys.cose import SigningKey
from devices.keys.messages import EventBatch, LoggedEvent
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.simulator.lock import SimulatedLock
from gateway.usecases.retention import erase_due
from gateway.usecases.retention_rules import RULES
from gateway.verify_locks import LocksChecked, check_locks
from tests.devices.keys_store.town import UNIT, Town, towns

LOCK = "lock-1"
KEY = SigningKey(bytes([7]) * 32)
SALT = bytes(range(16))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    """A town whose one lock has told six events, the first of them with a payload."""
    for town in towns(request, tmp_path):
        with town.units.begin() as work:
            mount_locks(work, [LockEnrolment(LOCK, "door-1", UNIT, KEY.public_bytes)])
        town.locks[LOCK] = cast(SimulatedLock, None)  # only its id is looked at
        state, told = ChainState.start(LOCK), []
        for number in range(6):
            secret = (SALT, b"kept apart") if number == 0 else (None, None)
            commitment = commit(SALT, b"kept apart") if number == 0 else None
            at = town.clock.now()
            draft = ChainEvent(LOCK, 1, 0, at, 0, "tamper", None, None, 5_900, b"", commitment)
            signed, state = extend_chain(state, draft, KEY)
            told.append(LoggedEvent(signed.raw, *secret))
        town.inbox.accept([town.incoming(LOCK, "evt", EventBatch(tuple(told)).encode())])
        yield town


def faults(session: Session) -> list[tuple[str, str]]:
    """Codes and places."""
    return [(fault.code, fault.where) for fault in check_locks(session, LocksChecked())]


ATTACKS: list[tuple[str, list[tuple[str, str]]]] = [
    ("DELETE FROM device_report WHERE seq = 3", [("lock_chain", f"lock {LOCK} event 4")]),
    ("DELETE FROM device_report WHERE seq = 6", [("lock_chain_end", f"lock {LOCK}")]),
    ("UPDATE lock_device SET chain_seq = 5", [("lock_chain_end", f"lock {LOCK}")]),
    (
        "UPDATE device_report SET payload = (SELECT payload FROM device_report WHERE seq = 2) WHERE seq = 3",
        [("lock_signature", f"lock {LOCK} event 3"), ("lock_chain", f"lock {LOCK} event 4")],
    ),
    ("UPDATE lock_payload SET salt = payload", [("lock_payload", f"lock {LOCK} event 1")]),
    (
        "UPDATE lock_device SET public_key = chain_head",
        [*(("lock_signature", f"lock {LOCK} event {n}") for n in range(1, 7))],
    ),
]


def test_what_came_home_agrees_and_what_was_changed_is_named(town: Town) -> None:
    checked = LocksChecked()
    with town.database.reading() as session:
        assert list(check_locks(session, checked)) == []
    assert (checked.locks >= 1, checked.events, checked.emptied) == (True, 6, 0)

    for attack, named in ATTACKS:
        with Session(town.database.engine) as session:
            session.execute(text(attack))
            assert (attack, faults(session)) == (attack, named)
            session.rollback()


def test_a_report_emptied_in_time_has_a_receipt_and_one_emptied_by_hand_has_none(town: Town) -> None:
    rule = next(rule for rule in RULES if rule.data_type == "lock_reports")
    assert erase_due(town.units, rule, -1, 0.0, at_most=2) == 2
    with town.database.writing() as session:
        assert faults(session) == []
        session.execute(text("UPDATE device_report SET payload = :nothing WHERE seq = 5"), {"nothing": b""})
        assert faults(session) == [("report_missing", "reports of locks")]
